/** Content between the form of the contract and that of this SDK. */

import { Artifact, Audio, Image, Other, Text } from "./content.js";

/** One piece of content as the contract has it. @param {import("./content.js").Content} piece */
export function lowerContent(piece) {
  if (piece instanceof Text) {
    return { tag: "text", val: piece.text };
  }
  if (piece instanceof Image || piece instanceof Audio) {
    const tag = piece instanceof Image ? "image" : "audio";
    return { tag, val: { mediaType: piece.mediaType, bytes: piece.bytes } };
  }
  if (piece instanceof Artifact) {
    const { digest, mediaType, size, name } = piece;
    return { tag: "artifact", val: { digest, mediaType, size: BigInt(size), name } };
  }
  if (piece instanceof Other) {
    return { tag: "other", val: { kind: piece.kind, value: JSON.stringify(piece.value) } };
  }
  throw new TypeError(`${piece} is no content; there is Text, Image, Audio, Artifact and Other`);
}

/** The same the other way round. @param {{ tag: string, val: any }} piece @returns {import("./content.js").Content} */
export function liftContent({ tag, val }) {
  switch (tag) {
    case "text":
      return new Text(val);
    case "image":
      return new Image(val.mediaType, val.bytes);
    case "audio":
      return new Audio(val.mediaType, val.bytes);
    case "artifact":
      return new Artifact(val.digest, val.mediaType, Number(val.size), val.name);
    default:
      return new Other(val.kind, JSON.parse(val.value));
  }
}
