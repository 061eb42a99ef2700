/**
 * Log records; never fails and never blocks. In a component, `console.log` is a record of level info.
 *
 *     log.warn("the file has no header", { file: "a.csv" });
 */

import { log } from "#host/log";

/**
 * Writes a record with fields.
 *
 * @param {"trace" | "debug" | "info" | "warn" | "error"} level
 * @param {unknown} message
 * @param {Record<string, unknown>} [fields]
 */
export function record(level, message, fields = {}) {
  log(level, String(message), Object.entries(fields).map(([name, value]) => [name, String(value)]));
}

/** Writes a record of level debug. @param {unknown} message @param {Record<string, unknown>} [fields] */
export function debug(message, fields) {
  record("debug", message, fields);
}

/** Writes a record of level info. @param {unknown} message @param {Record<string, unknown>} [fields] */
export function info(message, fields) {
  record("info", message, fields);
}

/** Writes a record of level warn. @param {unknown} message @param {Record<string, unknown>} [fields] */
export function warn(message, fields) {
  record("warn", message, fields);
}

/** Writes a record of level error. @param {unknown} message @param {Record<string, unknown>} [fields] */
export function error(message, fields) {
  record("error", message, fields);
}
