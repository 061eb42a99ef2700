"""Small state that outlives a call, the plugin's own; must be granted.

    seen = kv.get("count")
    kv.set("count", str(int(seen.value if seen else 0) + 1).encode())
"""

import dataclasses

from . import host
from .failure import Failure

_wit = host.imported("kv")
_PAGE = 256


@dataclasses.dataclass
class Entry:
    """A value (bytes) with its revision, which grows with every write of the key."""

    value: bytes
    revision: int


def get(key):
    """The entry of a key, or None."""
    if _wit is None:
        return host.native().keys.get(key)
    with host.failures():
        entry = _wit.get(key)
    return None if entry is None else Entry(entry.value, entry.revision)


def set(key, value, expected=None):  # noqa: A001 - the contract's name
    """Writes a key and gives its new revision. `expected`: only over this revision (0: only if there is none), else conflict."""
    if _wit is not None:
        with host.failures():
            return _wit.set(key, value, expected)
    keys = host.native().keys
    _check(keys.get(key), expected)
    host.native().last_revision += 1
    keys[key] = Entry(bytes(value), host.native().last_revision)
    return keys[key].revision


def delete(key, expected=None):
    """Removes a key; whether there was one."""
    if _wit is not None:
        with host.failures():
            return _wit.delete(key, expected)
    keys = host.native().keys
    _check(keys.get(key), expected)
    return keys.pop(key, None) is not None


def keys(prefix=""):
    """All keys with a prefix, in order."""
    if _wit is None:
        return sorted(key for key in host.native().keys if key.startswith(prefix))
    found, cursor = [], None
    while True:
        with host.failures():
            page = _wit.list_keys(prefix, cursor, _PAGE)
        found += page.keys
        cursor = page.cursor
        if cursor is None:
            return found


def _check(entry, expected):
    if expected is not None and expected != (entry.revision if entry else 0):
        raise Failure("the key has another revision", kind="conflict")
