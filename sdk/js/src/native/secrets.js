/** `sport:host/secrets` of a native test. */

import { current, refuse } from "./host.js";

export function lookup(name) {
  return current().secrets.includes(name) ? { name: () => name } : refuse("missing");
}
