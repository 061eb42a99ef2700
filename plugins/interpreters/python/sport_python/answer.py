"""`final_answer`: how agent code says that it is done.

The answer is kept here, outside the reach of the code's own `try`: the exception only ends the run. It is
not an `Exception`, so `except Exception` lets it through; code that swallows it all the same
(`except BaseException`, a `finally` that returns) goes on, and the first answer still counts.
"""

from .values import to_json


class FinalAnswer(BaseException):
    """Ends the run. Raised by `final_answer` only."""

    __module__ = "builtins"


_first = None


def final_answer(answer):
    """Give the answer to the task, as any JSON value, and end. The first answer counts."""
    global _first
    if _first is None:
        _first = to_json(answer, "the answer")
    raise FinalAnswer("the answer was given; nothing after final_answer runs")


final_answer.__module__ = "builtins"


def forget():
    """Before a run: there is no answer yet."""
    global _first
    _first = None


def given():
    """The JSON text of the first answer, or None."""
    return _first
