"""`sport:host/output`: keeps what was written, call by call."""

from enum import Enum

from componentize_py_types import Err


class Channel(Enum):
    STDOUT = 0
    STDERR = 1


class WriteError(Enum):
    CLOSED = 0
    OVER_LIMIT = 1


writes = []
displays = []
# How many calls are taken before the rest is refused.
limit = None


def write(channel, data):
    assert type(data) is bytes
    if limit is not None and len(writes) >= limit:
        raise Err(WriteError.OVER_LIMIT)
    writes.append((channel, data))


def display(content):
    if limit is not None and len(displays) >= limit:
        raise Err(WriteError.OVER_LIMIT)
    displays.append(content)
