/** `sport:host/kv` of a native test. */

import { current, fail } from "./host.js";

export function get(key) {
  return current().keys.get(key);
}

export function set(key, value, expected) {
  const host = current();
  check(host, key, expected);
  host.lastRevision += 1n;
  host.keys.set(key, { value: Uint8Array.from(value), revision: host.lastRevision });
  return host.lastRevision;
}

function remove(key, expected) {
  const host = current();
  check(host, key, expected);
  return host.keys.delete(key);
}
export { remove as delete };

export function listKeys(prefix) {
  return { keys: [...current().keys.keys()].filter((key) => key.startsWith(prefix)).sort(), cursor: undefined };
}

function check(host, key, expected) {
  if (expected !== undefined && expected !== (host.keys.get(key)?.revision ?? 0n)) {
    fail("conflict", "the key has another revision");
  }
}
