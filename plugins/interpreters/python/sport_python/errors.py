"""Exceptions as a model should read them: its own lines, with their source, and what to do about it.

A runaway recursion leaves a traceback of thousands of frames. It is cut before it is formatted (which would take
seconds) and taken apart link by link (Python would free such a chain recursively, and exhaust the stack).
"""

import linecache
import sys
import traceback
import types

from . import files
from .values import clean, cut

MAX_MESSAGE = 2000
# A traceback of the frames below is far shorter, unless the source lines or the notes are long.
MAX_TRACEBACK = 8000
# Frames shown of a long traceback: the outermost and the innermost.
OUTER, INNER = 6, 10
# Exceptions shown of a chain ("during handling of the above …").
MAX_CHAIN = 6
MAX_NOTES = 4
# Names in the note of a missing file.
MAX_NAMES = 20

_PREFIX = "<step "


def remember_source(step, code):
    """Keep the source of a step for tracebacks; the file name that stands for it."""
    name = f"{_PREFIX}{step}>"
    # No modification time: `linecache` then never looks for a file of that name.
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    return name


def forget_source(step):
    """Drop a step's source."""
    linecache.cache.pop(f"{_PREFIX}{step}>", None)


def describe(error):
    """Class, message and traceback of an exception that nobody caught."""
    try:
        _add_note(error)
        left_out = {}
        for one in _chain(error):
            left_out[id(one)] = _trim(one)
        shown = traceback.TracebackException.from_exception(error, compact=True)
        _mark(shown, error, left_out)
        text = cut(clean("".join(shown.format()).rstrip("\n")), MAX_TRACEBACK)
        return _class_name(error), cut(clean(_message(error)), MAX_MESSAGE), text
    except BaseException as second:
        # The exception's own methods failed, or memory is gone: say what is certain.
        return type(error).__name__, f"(its message could not be read: {type(second).__name__})", None


def _class_name(error):
    kind = type(error)
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"


def _message(error):
    text = str(error)
    if isinstance(error, MemoryError) and not text:
        return "out of memory: the memory allowed to this code is used up"
    return text


def _add_note(error):
    """What a person would tell the author of this code."""
    if isinstance(error, ModuleNotFoundError):
        top = (error.name or "").partition(".")[0]
        if top in sys.stdlib_module_names:
            error.add_note(f"{top} is a part of Python that does not exist in this sandbox.")
        else:
            error.add_note("Only Python's standard library is installed here.")
    elif isinstance(error, FileNotFoundError):
        names = files.task_files()
        if names:
            more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
            error.add_note(f"Files of the task, in {files.TASK}: {', '.join(names[:MAX_NAMES])}{more}.")
    elif isinstance(error, MemoryError) and not str(error):
        error.add_note("The memory allowed to this code is used up.")


def _next(error):
    """The exception that Python shows before this one."""
    if error.__cause__ is not None:
        return error.__cause__
    return None if error.__suppress_context__ else error.__context__


def _chain(error):
    """The exceptions that will be shown; what is behind the last of them is cut off."""
    waiting, seen = [error], []
    while waiting:
        one = waiting.pop()
        if any(one is other for other in seen):
            continue
        seen.append(one)
        behind = _next(one)
        if behind is not None and len(seen) < MAX_CHAIN:
            waiting.append(behind)
        elif behind is not None:
            one.__cause__ = one.__context__ = None
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions[: MAX_CHAIN - len(seen)]
    return seen


def _trim(error):
    """Leave the agent's own frames in an exception's traceback, and not too many; how many were cut in the middle."""
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list) and len(notes) > MAX_NOTES:
        del notes[MAX_NOTES:]
    links, link = [], error.__traceback__
    while link is not None:
        links.append(link)
        link = link.tb_next
    own = [link for link in links if _is_own(link.tb_frame.f_code.co_filename)]
    left_out = max(0, len(own) - OUTER - INNER)
    if left_out:
        del own[OUTER:-INNER]
    chain = None
    for link in reversed(own):
        chain = types.TracebackType(chain, link.tb_frame, link.tb_lasti, link.tb_lineno)
    error.__traceback__ = chain
    own.clear()
    link = None
    # From the innermost on: a frame keeps the one that called it.
    while links:
        links.pop().tb_next = None
    return left_out


def _is_own(filename):
    return filename.startswith(_PREFIX) or filename.startswith(files.SCRATCH + "/")


class _CutStack(traceback.StackSummary):
    """A list of frames, some of which are missing in the middle."""

    left_out = 0

    def format(self, **options):
        """As Python writes it, with a line that says what is missing."""
        outer, inner = traceback.StackSummary(self[:OUTER]), traceback.StackSummary(self[OUTER:])
        middle = f"  … {self.left_out:,} more calls …\n"
        return [*outer.format(**options), middle, *inner.format(**options)]


def _mark(shown, error, left_out):
    """Say in each traceback how many frames it lacks."""
    while shown is not None and error is not None:
        if left_out.get(id(error)):
            stack = _CutStack(shown.stack)
            stack.left_out = left_out[id(error)]
            shown.stack = stack
        shown, error = shown.__cause__ or shown.__context__, _next(error)
