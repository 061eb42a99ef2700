"""Between the generated bindings and the plugin's functions, in the component only."""

import json

from wit_world.imports import types

from . import log
from .content import Audio, Image, Other, Text
from .failure import KINDS, Failure

_KINDS = dict(zip(KINDS, types.FailureKind, strict=True))


def lower_failure(failure):
    """A failure as the contract's record."""
    details = None if failure.details is None else json.dumps(failure.details)
    return types.Failure(_KINDS[failure.kind], failure.code, failure.message, failure.retryable, details)


def internal(error):
    """A failure of an exception that nobody meant to raise, with its place in the log."""
    cause = error.__cause__ or error
    trace = cause.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None and not isinstance(cause, Failure):
        code = trace.tb_frame.f_code
        log.error(f"{type(cause).__name__}: {cause}", at=f"{code.co_filename}:{trace.tb_lineno}", function=code.co_name)
    return lower_failure(Failure.of(error))


def lower_content(piece):
    """One piece of content."""
    match piece:
        case Text():
            return types.Content_Text(piece.text)
        case Image():
            return types.Content_Image(types.Blob(piece.media_type, piece.bytes))
        case Audio():
            return types.Content_Audio(types.Blob(piece.media_type, piece.bytes))
        case Other():
            return types.Content_Other(types.Extension(piece.kind, json.dumps(piece.value)))
        case _ if getattr(piece, "SPORT_ARTIFACT", False):
            return types.Content_Artifact(types.ArtifactRef(piece.digest, piece.media_type, piece.size, piece.name))
    raise TypeError(f"a {type(piece).__name__} is no content; there is Text, Image, Audio, Other and Artifact")


def lift_content(piece):
    """The same the other way round; artifacts stay references in JSON."""
    match piece:
        case types.Content_Text():
            return Text(piece.value)
        case types.Content_Image():
            return Image(piece.value.media_type, piece.value.bytes)
        case types.Content_Audio():
            return Audio(piece.value.media_type, piece.value.bytes)
        case types.Content_Other():
            return Other(piece.value.kind, json.loads(piece.value.value))
    one = piece.value
    return Other("artifact", {"digest": one.digest, "media-type": one.media_type, "size": one.size, "name": one.name})


def json_or_none(text):
    """A JSON text that may not be there."""
    return None if text is None else json.loads(text)
