"""A component of this SDK has no machine below it: no clock, no files, no streams, no random numbers from outside.

Where Python would ask for one, the component would trap and the author would read `unreachable`. So those functions are replaced, while
the component is built, by ones that say what to do instead; `print` goes to the log.
"""

import builtins
import io
import os
import random
import sys
import time


def prepare():
    """Makes `datetime` ask `time` for the time, and not the machine by itself. Done before the plugin's module is imported.

    Its form in C would trap; the one in Python, slower, reads `time.time` when it is called.
    """
    sys.modules["_datetime"] = None
    sys.modules.pop("datetime", None)


def install():
    """Replaces them. Done at the end of the build, when nothing of the machine is needed any more."""
    for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"):
        setattr(time, name, _absent(f"time.{name}", "a plugin has no clock; take the time as an argument"))
    time.sleep = _absent("time.sleep", "a plugin cannot wait")
    files = "a plugin has no files; take an Artifact as an argument"
    for module in (builtins, io):
        module.open = _absent("open", files)
    for name in ("open", "listdir", "stat", "scandir", "mkdir", "remove", "rename", "getcwd"):
        setattr(os, name, _absent(f"os.{name}", files))
    os.urandom = _absent("os.urandom", "a plugin has no random numbers from outside; take a seed as an argument")
    # what `secrets` and `SystemRandom` kept of it
    random._urandom = os.urandom
    random.seed(0)
    builtins.input = _absent("input", "nobody types into a plugin; take an argument")
    sys.stdout, sys.stderr = _Lines("info"), _Lines("warn")


def flush():
    """Writes what was printed without an end of line. Done at the end of every call: the instance does not outlive it."""
    sys.stdout.flush()
    sys.stderr.flush()


def _absent(name, remedy):
    def absent(*_, **__):
        raise OSError(f"{name} is not there: {remedy}")

    return absent


class _Lines(io.TextIOBase):
    """A stream whose lines are log records."""

    def __init__(self, level):
        self._level = level
        self._rest = ""

    def writable(self):
        return True

    def write(self, text):
        from . import log

        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            log.record(self._level, line)
        return len(text)

    def flush(self):
        from . import log

        if self._rest:
            log.record(self._level, self._rest)
            self._rest = ""
