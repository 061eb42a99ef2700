"""`display`: show an image, a file or a text as part of the observation."""

import mimetypes
import os
import pathlib

from componentize_py_types import Err
from wit_world.imports import output, types

from . import files
from .values import clean, cut, to_json

# One call to the host carries at most this much, with room to spare; most photographs are smaller.
MAX_BYTES = 8 << 20
MAX_TEXT = 20_000

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


def display(value):
    """Show a value: image bytes, the name of an image or sound file, or anything else as text."""
    try:
        output.display(_content(value))
    except Err:
        # Over the limit: as with printed text, the rest is dropped and the program goes on.
        pass


display.__module__ = "builtins"


def _content(value):
    if isinstance(value, (bytes, bytearray)):
        for magic, media_type in _MAGIC:
            if value.startswith(magic):
                return types.Content_Image(types.Blob(media_type, bytes(value)))
    elif isinstance(value, pathlib.PurePath) or isinstance(value, str) and len(value) < 256 and "\n" not in value:
        path = files.find(value)
        if path is not None:
            return _file(path)
        if isinstance(value, pathlib.PurePath):
            raise FileNotFoundError(2, "No such file", str(value))
    text = value if isinstance(value, str) else repr(value)
    return types.Content_Text(cut(clean(text), MAX_TEXT))


def _file(path):
    """A file: images and sound as they are, others by name and size."""
    size = os.path.getsize(path)
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    case = {"image": types.Content_Image, "audio": types.Content_Audio}.get(media_type.split("/")[0])
    if case is None:
        facts = {"path": os.path.abspath(path), "media_type": media_type, "size": size}
        return types.Content_Other(types.Extension("file", to_json(facts, "the file")))
    if size > MAX_BYTES:
        raise ValueError(f"{path} is {size:,} bytes; at most {MAX_BYTES:,} can be displayed")
    with files.open(path, "rb") as file:
        return case(types.Blob(media_type, file.read()))
