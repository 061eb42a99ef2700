"""What a tool gives back when it is more than one value."""

import dataclasses
import typing


@dataclasses.dataclass
class Text:
    """Plain text."""

    text: str


@dataclasses.dataclass
class Image:
    """A picture, inline: its media type and its bytes as encoded."""

    media_type: str
    bytes: bytes


@dataclasses.dataclass
class Audio:
    """Sound, inline."""

    media_type: str
    bytes: bytes


@dataclasses.dataclass
class Other:
    """A kind that has no class of its own yet, with its JSON value."""

    kind: str
    value: typing.Any


Content = Text | Image | Audio | Other
CONTENT = (Text, Image, Audio, Other)


@dataclasses.dataclass
class Outcome:
    """Content for people (artifacts too) and a value for programs, where a tool wants to say both itself."""

    content: list = dataclasses.field(default_factory=list)
    structured: typing.Any = None
