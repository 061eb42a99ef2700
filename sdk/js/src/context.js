/**
 * The call that this plugin is part of.
 *
 *     if (context.remaining().wallMsLeft < 1000) {
 *       throw new Failure("too little time is left", { kind: "deadline" });
 *     }
 */

import * as host from "#host/context";

/** The run's id. */
export function runId() {
  return host.runId();
}

/**
 * What is left of the caller's budget; tokens where a model may be asked. Recorded, and replayed in forks.
 *
 * @returns {{ wallMsLeft: number, callsLeft: number, tokensLeft?: number }}
 */
export function remaining() {
  const left = host.remaining();
  const tokensLeft = left.tokensLeft == null ? undefined : Number(left.tokensLeft);
  return { wallMsLeft: Number(left.wallMsLeft), callsLeft: left.callsLeft, tokensLeft };
}

/** Says how far the work is, from 0 to 1. @param {number} done @param {string} [message] */
export function progress(done, message = "") {
  host.progress(done, message);
}
