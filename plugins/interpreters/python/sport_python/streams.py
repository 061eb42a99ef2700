"""Standard input, output and error.

Output goes to the host as it is made, so that a run that is killed still shows what it printed. A call to the
host costs some microseconds and counts against the run's budget, so only the first writes of a run go out one
by one; a program that prints more than that is served in blocks.
"""

import io
import sys

from componentize_py_types import Err
from wit_world.imports import output

# Writes of a run that go out at once (`print` makes two: the text and the line's end).
DIRECT_WRITES = 256
# Size of a block after that: at most this much is lost when the run is killed.
BLOCK = 8 * 1024
# One call to the host carries at most this much, so that a large text is not copied whole.
CHUNK = 64 * 1024


class HostOutput(io.BufferedIOBase):
    """The bytes of one output channel."""

    def __init__(self, channel, before=None):
        self._channel = channel
        # The channel to empty first, so that the two keep their order.
        self._before = before
        self.begin()

    def begin(self):
        """Before a run: nothing is waiting, and the host takes output again."""
        self._waiting = bytearray()
        self._writes = 0
        self._refused = False

    def writable(self):
        return True

    def write(self, data):
        size = memoryview(data).nbytes
        if self._refused:
            return size
        self._waiting += data
        self._writes += 1
        if self._writes <= DIRECT_WRITES or len(self._waiting) >= BLOCK:
            self.flush()
        return size

    def flush(self):
        if self._before is not None:
            self._before.flush()
        waiting, self._waiting = self._waiting, bytearray()
        try:
            for start in range(0, len(waiting), CHUNK):
                output.write(self._channel, bytes(waiting[start : start + CHUNK]))
        except Err:
            # Over the limit, or nobody listens: the rest of the output is dropped, the program goes on.
            self._refused = True

    def close(self):
        """Standard streams stay open: code of a later step prints too."""
        self.flush()


_stdout = HostOutput(output.Channel.STDOUT)
_stderr = HostOutput(output.Channel.STDERR, before=_stdout)


def _output(channel):
    # `write_through` leaves the decision when to send to `HostOutput`.
    return io.TextIOWrapper(channel, "utf-8", "backslashreplace", newline="\n", write_through=True)


def _input(data):
    return io.TextIOWrapper(io.BytesIO(data), "utf-8", "replace")


# Made once; a run gets new ones only where earlier code closed or detached them.
_text_out = _output(_stdout)
_text_err = _output(_stderr)
_no_input = _input(b"")


def begin(stdin, arguments):
    """Before a run: the streams under their usual names, whatever earlier code did to them."""
    global _text_out, _text_err, _no_input
    _stdout.begin()
    _stderr.begin()
    if not _works(_text_out):
        _text_out = _output(_stdout)
    if not _works(_text_err):
        _text_err = _output(_stderr)
    if not _works(_no_input):
        _no_input = _input(b"")
    sys.stdout = sys.__stdout__ = _text_out
    sys.stderr = sys.__stderr__ = _text_err
    sys.stdin = sys.__stdin__ = _input(stdin) if stdin else _no_input
    sys.argv = ["agent.py", *arguments]


def _works(text):
    try:
        return not text.closed
    except ValueError:
        # Detached from its buffer.
        return False


def complain(text):
    """Write a line to standard error, whatever the code did to `sys.stderr`."""
    _stderr.write(f"{text}\n".encode("utf-8", "backslashreplace"))


def end():
    """After a run: what is still waiting goes out, also from a stream that the code put in the place of ours."""
    for stream in (sys.stdout, sys.stderr, _stdout, _stderr):
        try:
            stream.flush()
        except Exception:
            # Not one of ours, or closed.
            continue
