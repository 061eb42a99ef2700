"""The types of `sport:base/types`."""

from dataclasses import dataclass
from enum import Enum


@dataclass
class ArtifactRef:
    digest: str
    media_type: str
    size: int
    name: str | None


@dataclass
class Blob:
    media_type: str
    bytes: bytes


@dataclass
class Extension:
    kind: str
    value: str


@dataclass
class Content_Text:
    value: str


@dataclass
class Content_Image:
    value: Blob


@dataclass
class Content_Audio:
    value: Blob


@dataclass
class Content_Artifact:
    value: ArtifactRef


@dataclass
class Content_Other:
    value: Extension


class FailureKind(Enum):
    INVALID_INPUT = 0
    NOT_FOUND = 1
    INTERNAL = 9


@dataclass
class Failure:
    kind: FailureKind
    code: str
    message: str
    retryable: bool = False
    details: str | None = None
