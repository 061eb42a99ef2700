"""Files in the host's content-addressed store; must be granted.

A parameter of type `Artifact` is a file name to whoever calls the tool; the host resolves it and hands a reference over.

    @tool
    def shout(file: Artifact) -> Artifact:
        "Writes a text in capitals."
        return Artifact.create(file.text().upper().encode(), "text/plain", "loud.txt")
"""

import dataclasses

from . import host
from .failure import Failure, invalid

_wit = host.imported("artifacts")
# The most that moves in one crossing.
_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class Artifact:
    """A file in the host's store: its digest, media type, size and, where it has one, name."""

    SPORT_ARTIFACT = True

    digest: str
    media_type: str
    size: int
    name: str | None = None

    @classmethod
    def create(cls, data, media_type, name=None):
        """Puts bytes into the store."""
        if _wit is None:
            return host.native().add_artifact(bytes(data), media_type, name)
        with host.failures():
            writer = _wit.Writer.create(media_type, name)
            for start in range(0, len(data), _CHUNK):
                writer.append(bytes(data[start : start + _CHUNK]))
            made = _wit.Writer.finish(writer)
        return cls(made.digest, made.media_type, made.size, made.name)

    def bytes(self):
        """All of its bytes."""
        pieces, done = [], 0
        while done < self.size:
            piece = self.read(done, min(_CHUNK, self.size - done))
            if not piece:
                raise Failure(f"{self.label} ends early, at byte {done}")
            pieces.append(piece)
            done += len(piece)
        return b"".join(pieces)

    def read(self, offset, length):
        """At most so many bytes from an offset, and at most 1 MiB."""
        if _wit is None:
            return host.native().artifact_bytes(self)[offset : offset + length]
        from wit_world.imports import types

        with host.failures():
            return _wit.read(types.ArtifactRef(self.digest, self.media_type, self.size, self.name), offset, length)

    def text(self):
        """Its bytes as text."""
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise invalid(f"{self.label} is not UTF-8 text") from None

    @property
    def label(self):
        """What to call it in a message."""
        return self.name or self.digest

    @classmethod
    def from_json(cls, value):
        """The reference that the host hands over."""
        media_type = value.get("media_type") or value.get("media-type", "application/octet-stream")
        return cls(value["digest"], media_type, int(value.get("size", 0)), value.get("name"))

    def to_json(self):
        """The reference as the host reads it."""
        return {"digest": self.digest, "media-type": self.media_type, "size": self.size, "name": self.name}
