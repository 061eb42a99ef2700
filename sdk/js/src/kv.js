/**
 * Small state that outlives a call, the plugin's own; must be granted.
 *
 *     const count = Number(kv.get("count")?.text ?? 0) + 1;
 *     kv.set("count", String(count));
 */

import * as host from "#host/kv";
import { asked } from "./failure.js";

const PAGE = 256;

/** A value with its revision, which grows with every write of the key. */
export class Entry {
  /** @param {Uint8Array} value @param {number} revision */
  constructor(value, revision) {
    this.value = value;
    this.revision = revision;
  }

  /** The value as text. */
  get text() {
    return new TextDecoder().decode(this.value);
  }
}

/** The entry of a key, if there is one. @param {string} key @returns {Entry | undefined} */
export function get(key) {
  const entry = asked(() => host.get(key));
  return entry == null ? undefined : new Entry(entry.value, Number(entry.revision));
}

/**
 * Writes a key and gives its new revision.
 *
 * @param {string} key
 * @param {Uint8Array | string} value
 * @param {number} [expected] only over this revision (0: only if there is none), else a failure of kind `conflict`
 */
export function set(key, value, expected) {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return Number(asked(() => host.set(key, bytes, revision(expected))));
}

/** Removes a key; whether there was one. @param {string} key @param {number} [expected] */
export function remove(key, expected) {
  // the contract's name, which JavaScript keeps for itself
  return asked(() => host["delete"](key, revision(expected)));
}

/** All keys with a prefix, in order. @param {string} [prefix] @returns {string[]} */
export function keys(prefix = "") {
  const found = [];
  let cursor;
  do {
    const page = asked(() => host.listKeys(prefix, cursor, PAGE));
    found.push(...page.keys);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

function revision(expected) {
  return expected === undefined ? undefined : BigInt(expected);
}
