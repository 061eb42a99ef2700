/** `sport:host/artifacts` of a native test. */

import { current, fail } from "./host.js";

/** The most that moves in one crossing, as in the sandbox. */
const CHUNK = 1 << 20;

export function read({ digest }, offset, length) {
  const bytes = current().artifacts.get(digest) ?? fail("not-found", `there is no artifact ${digest}`);
  return bytes.subarray(Number(offset), Number(offset) + Math.min(length, CHUNK));
}

export class Writer {
  static create(mediaType, name) {
    return Object.assign(new Writer(), { mediaType, name, pieces: [] });
  }

  append(bytes) {
    this.pieces.push(Uint8Array.from(bytes));
  }

  static finish({ mediaType, name, pieces }) {
    return current().store(new Uint8Array(Buffer.concat(pieces)), mediaType, name);
  }
}
