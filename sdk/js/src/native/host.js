/** The host of a native test: everything in memory, in the form of the contract. */

import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";

/** Throws what an import of a component throws for an error of the contract. @returns {never} */
export function refuse(payload) {
  throw Object.assign(new Error(payload.message ?? payload), { payload });
}

/** Throws a failure of the contract. @returns {never} */
export function fail(kind, message, code = kind) {
  return refuse({ kind, code, message, retryable: false });
}

/** What `testing.Host` keeps. */
export class State {
  constructor({ answers = {}, tools = {}, models = {}, secrets = [], runId = "native" } = {}) {
    this.answers = answers;
    this.tools = tools;
    this.models = models;
    this.secrets = secrets;
    this.runId = runId;
    this.remaining = { wallMsLeft: 2n ** 53n, callsLeft: 2 ** 31, tokensLeft: undefined };
    this.log = [];
    this.progress = [];
    this.requests = [];
    this.questions = [];
    this.keys = new Map();
    this.lastRevision = 0n;
    this.artifacts = new Map();
  }

  /** Keeps a file and gives its reference. */
  store(bytes, mediaType, name) {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    this.artifacts.set(digest, bytes);
    return { digest, mediaType, size: BigInt(bytes.length), name };
  }
}

/** The host of the test that runs. @type {AsyncLocalStorage<State>} */
export const running = new AsyncLocalStorage();
const nothing = new State();

/** The host of the test that runs, or one with nothing in it. */
export function current() {
  return running.getStore() ?? nothing;
}
