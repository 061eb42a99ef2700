"""Python values as JSON, as valid text, and as short text.

Whatever crosses to the host goes through here, because the host refuses what is not valid: a lone surrogate
in a string, a NaN, a list that contains itself.
"""

import json
import math
import pathlib
import reprlib

# The host takes 64 levels; a tool's arguments are one level down.
MAX_DEPTH = 63
# The host takes this many bytes.
MAX_JSON = 1 << 20
# A value is shown to a model: a few thousand characters are plenty.
MAX_REPR = 4000
# Containers longer than this are not written out in full first, only to be cut.
LONG = 2000

# Whole numbers that every JSON reader takes without loss.
MIN_INT, MAX_INT = -(1 << 63), (1 << 64) - 1

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def to_json(value, name):
    """The JSON text of `value`; a `TypeError` in terms of `name` if it has none."""
    text = _encode(_plain(value, name, MAX_DEPTH))
    size = len(text) if text.isascii() else len(text.encode("utf-8"))
    if size > MAX_JSON:
        raise ValueError(f"{name} is {size:,} bytes of JSON; at most {MAX_JSON:,} are allowed")
    return text


def _plain(value, name, depth):
    """`value` made of nothing but dict, list, str, int, float, bool and None.

    Subclasses (enums, named tuples, …) are read through the methods of the type they are derived from, so that
    the result does not depend on what they override.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _plain_text(value, name)
    if isinstance(value, int):
        number = int.__int__(value)
        if not MIN_INT <= number <= MAX_INT:
            raise TypeError(f"{name} is a whole number too large for JSON; give it as text, with str()")
        return number
    if isinstance(value, float):
        number = float.__float__(value)
        if not math.isfinite(number):
            raise TypeError(f"{name} is {number}, which JSON cannot hold")
        return number
    if depth == 0:
        raise TypeError(f"{name} is nested too deeply for JSON (more than {MAX_DEPTH} levels), or contains itself")
    if isinstance(value, dict):
        plain = {}
        for key, item in dict.items(value):
            text = _key(key, name)
            plain[text] = _plain(item, f"{name}[{text!r}]", depth - 1)
        return plain
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{name}[{index}]", depth - 1) for index, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return [_plain(item, f"an element of {name}", depth - 1) for item in _in_order(value)]
    if isinstance(value, pathlib.PurePath):
        return _plain_text(str(value), name)
    raise TypeError(
        f"{name} is of type {type(value).__name__}, which is not JSON; use None, bool, int, float, str, list or "
        "dict (for example str(x), float(x), list(x))"
    )


def _plain_text(value, name):
    text = str.__str__(value)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise TypeError(f"{name} is text with a lone surrogate, which is not valid Unicode") from None
    return text


def _key(key, name):
    """A dictionary key as text, by the rules of Python's `json`."""
    if isinstance(key, str):
        return _plain_text(key, f"a key of {name}")
    if key is None or isinstance(key, (bool, int, float)):
        return _encode(_plain(key, f"a key of {name}", 1))
    raise TypeError(f"a key of {name} is of type {type(key).__name__}; JSON keys are text")


def _in_order(values):
    """A set's elements, sorted where they can be: the same set gives the same JSON."""
    try:
        return sorted(values)
    except TypeError:
        return list(values)


def short_repr(value):
    """`repr(value)`, cut at `MAX_REPR` characters, whatever the object's own `__repr__` does."""
    try:
        if isinstance(value, (str, bytes, bytearray)) and len(value) > MAX_REPR:
            rest = len(value) - MAX_REPR
            return clean(repr(value[:MAX_REPR])) + f"… ({rest:,} more)"
        if isinstance(value, (list, tuple, dict, set, frozenset)) and len(value) > LONG:
            return cut(clean(_long.repr(value)), MAX_REPR)
        return cut(clean(repr(value)), MAX_REPR)
    except Exception as error:
        return f"<{type(value).__name__} object, its repr raised {type(error).__name__}>"


_long = reprlib.Repr()
_long.maxlevel = 4
_long.maxlist = _long.maxtuple = _long.maxdict = _long.maxset = _long.maxfrozenset = LONG
_long.maxstring = _long.maxlong = _long.maxother = MAX_REPR


def clean(text):
    """`text` as an exact, valid `str`: lone surrogates become escapes."""
    text = str.__str__(text)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def cut(text, limit):
    """`text`, or its first `limit` characters and how many were left out."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more characters)"
