/** `sport:host/log` of a native test. */

import { current } from "./host.js";

export function log(level, message, fields) {
  current().log.push({ level, message, fields: Object.fromEntries(fields) });
}
