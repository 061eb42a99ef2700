/**
 * Files in the host's content-addressed store; must be granted.
 *
 * A parameter `{ type: "string", format: "sport-artifact" }` is a file name to whoever calls the tool; the host resolves it, and the
 * tool gets an `Artifact`.
 *
 *     call: ({ file }) => artifacts.create(artifacts.text(file).toUpperCase(), "text/plain", "loud.txt")
 */

import * as host from "#host/artifacts";
import { Artifact } from "./content.js";
import { Failure, asked, invalid } from "./failure.js";

/** The most that moves in one crossing. */
const CHUNK = 1 << 20;

/**
 * Puts bytes, or a text, into the store.
 *
 * @param {Uint8Array | string} data
 * @param {string} mediaType
 * @param {string} [name]
 * @returns {Artifact}
 */
export function create(data, mediaType, name) {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return asked(() => {
    const writer = host.Writer.create(mediaType, name);
    for (let start = 0; start < bytes.length; start += CHUNK) {
      writer.append(bytes.subarray(start, start + CHUNK));
    }
    const made = host.Writer.finish(writer);
    return new Artifact(made.digest, made.mediaType, Number(made.size), made.name);
  });
}

/** At most so many bytes from an offset, and at most 1 MiB. @param {Artifact} artifact @param {number} offset @param {number} length */
export function read(artifact, offset, length) {
  const { digest, mediaType, size, name } = artifact;
  return asked(() => host.read({ digest, mediaType, size: BigInt(size), name }, BigInt(offset), length));
}

/** All bytes of a file. @param {Artifact} artifact @returns {Uint8Array} */
export function bytes(artifact) {
  const all = new Uint8Array(artifact.size);
  let done = 0;
  while (done < all.length) {
    const piece = read(artifact, done, Math.min(CHUNK, all.length - done));
    if (piece.length === 0) {
      throw new Failure(`${artifact.label} ends early, at byte ${done}`);
    }
    all.set(piece, done);
    done += piece.length;
  }
  return all;
}

/** All of a file as text. @param {Artifact} artifact @returns {string} */
export function text(artifact) {
  const all = bytes(artifact);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(all);
  } catch {
    throw invalid(`${artifact.label} is not UTF-8 text`);
  }
}
