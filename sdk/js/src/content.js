/** What a tool gives back when it is more than one value. */

/** Plain text. */
export class Text {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** A picture, inline: its media type and its bytes as encoded. */
export class Image {
  /** @param {string} mediaType @param {Uint8Array} bytes */
  constructor(mediaType, bytes) {
    this.mediaType = mediaType;
    this.bytes = bytes;
  }
}

/** Sound, inline. */
export class Audio {
  /** @param {string} mediaType @param {Uint8Array} bytes */
  constructor(mediaType, bytes) {
    this.mediaType = mediaType;
    this.bytes = bytes;
  }
}

/** A kind that has no class of its own yet, with its JSON value. */
export class Other {
  /** @param {string} kind @param {unknown} value */
  constructor(kind, value) {
    this.kind = kind;
    this.value = value;
  }
}

/**
 * A reference to a file in the host's store: its digest, media type, size and, where it has one, name. The module `artifacts`
 * reads and makes the files themselves.
 */
export class Artifact {
  /** @param {string} digest @param {string} mediaType @param {number} size @param {string} [name] */
  constructor(digest, mediaType, size, name) {
    this.digest = digest;
    this.mediaType = mediaType;
    this.size = size;
    this.name = name ?? undefined;
  }

  /** What to call it in a message. */
  get label() {
    return this.name ?? this.digest;
  }

  /** The reference that the host hands over. @param {Record<string, any>} value */
  static fromJSON(value) {
    const mediaType = value["media-type"] ?? value.media_type ?? "application/octet-stream";
    return new Artifact(value.digest, mediaType, Number(value.size ?? 0), value.name);
  }

  /** The reference as the host reads it. */
  toJSON() {
    return { digest: this.digest, "media-type": this.mediaType, size: this.size, name: this.name ?? null };
  }
}

/** @typedef {Text | Image | Audio | Artifact | Other} Content */

/** Whether something is a piece of content. @param {unknown} value */
export function isContent(value) {
  return [Text, Image, Audio, Artifact, Other].some((kind) => value instanceof kind);
}

/** Content for people (artifacts too) and a value for programs, where a tool wants to say both itself. */
export class Outcome {
  /** @param {Content[]} [content] @param {unknown} [structured] */
  constructor(content = [], structured = undefined) {
    this.content = content;
    this.structured = structured;
  }

  /** Its texts, one line behind the other. */
  get text() {
    return this.content.filter((piece) => piece instanceof Text).map((piece) => piece.text).join("\n");
  }
}
