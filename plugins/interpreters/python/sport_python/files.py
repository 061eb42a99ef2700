"""`open`, with two additions for agent code.

* A bare name that is not in the working directory (`/scratch`) is looked up among the task's files (`/task`), for
  reading: `open("photo.jpg")` means what the question means by `photo.jpg`.
* What is still open when the run ends is written out and closed. The host reads files by name, and a session is only
  forked from memory if no file is open.
"""

import builtins
import io
import os
import weakref

TASK = "/task"
SCRATCH = "/scratch"

_system_open = io.open
_open_files = []


def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    """Open a file. A bare name is looked up in the working directory, then (for reading) in /task."""
    try:
        handle = _system_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    except FileNotFoundError:
        other = _in_task(file, mode)
        if other is None:
            raise
        handle = _system_open(other, mode, buffering, encoding, errors, newline, closefd, opener)
    _open_files.append(weakref.ref(handle))
    return handle


open.__module__ = "builtins"


def _in_task(file, mode):
    """The task's file of that bare name, if there is one and it is to be read."""
    if isinstance(file, int) or any(letter in mode for letter in "wax+"):
        return None
    name = os.fsdecode(file)
    path = f"{TASK}/{name}"
    return path if "/" not in name and os.path.isfile(path) else None


def find(name):
    """Where the file of this name is, by the rules of `open`; None if there is none."""
    path = os.fsdecode(name)
    return path if os.path.isfile(path) else _in_task(path, "r")


def task_files():
    """The names in /task, for error messages."""
    try:
        return sorted(os.listdir(TASK))
    except OSError:
        return []


def touch():
    """Use the file system once: the C library opens what the host offers, and keeps it."""
    try:
        os.stat(SCRATCH)
    except OSError:
        # The host offers none.
        pass


def install():
    """Make this the `open` of the whole interpreter, `pathlib`, `zipfile` and the like included."""
    # Not bound when it is an attribute of a class, as the built-in one is not.
    builtins.open = io.open = staticmethod(open)


def close_all():
    """Close what is still open; the errors of those that could not be written out."""
    problems = []
    for reference in _open_files:
        handle = reference()
        try:
            if handle is not None and not handle.closed:
                handle.close()
        except (OSError, ValueError) as error:
            problems.append(f"{getattr(handle, 'name', 'a file')}: {error}")
    _open_files.clear()
    return problems
