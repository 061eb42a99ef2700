/** `sport:host/context` of a native test. */

import { current } from "./host.js";

export function runId() {
  return current().runId;
}

export function remaining() {
  return current().remaining;
}

export function progress(done, message) {
  current().progress.push({ done, message });
}
