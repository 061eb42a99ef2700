/** Between the contract's records and the plugin's functions. */

import { Failure } from "../failure.js";
import { error as logError } from "../log.js";

/**
 * What is thrown at the host for something that was thrown in the plugin. The place of what nobody meant to throw goes to the log.
 *
 * @param {unknown} thrown
 */
export function lowered(thrown) {
  const failure = Failure.of(thrown);
  const cause = failure.cause ?? (thrown instanceof Failure ? undefined : thrown);
  if (cause instanceof Error) {
    logError(`${cause.name}: ${cause.message}`, { at: placeOf(cause.stack ?? "") });
  }
  const details = failure.details === undefined ? undefined : JSON.stringify(failure.details);
  // a plain record: the engine takes an `Error` for a fault of its own and traps
  return { kind: failure.kind, code: failure.code, message: failure.message, retryable: failure.retryable, details };
}

/** File and line of the author's that a stack begins in. */
function placeOf(stack) {
  // [line of the bundle, file, line of the file], each for the lines from there to the next; the build writes it
  const map = globalThis.SPORT_LINES ?? [];
  for (const frame of stack.split("\n")) {
    const line = Number(/:(\d+):\d+$/.exec(frame)?.[1]);
    const piece = map.findLast(([from]) => from <= line);
    if (piece !== undefined && piece[1] !== "") {
      return `${piece[1]}:${piece[2] + line - piece[0]}`;
    }
  }
  return "plugin.js";
}
