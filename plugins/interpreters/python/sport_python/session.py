"""One instance of the component is one session: a namespace that lives on from run to run."""

import sys
import types

from . import answer, errors, files, process, runner, streams, tools
from .display import display
from .values import short_repr, to_json

# Names that agent code finds besides the built-ins and the tools; like tools they are back at every step.
_GIVEN = {"final_answer": answer.final_answer, "display": display, "ToolError": tools.ToolError}

# Names of our own: the code may have deleted the built-in ones when these are needed.
_Exit, _Anything = SystemExit, BaseException


class Session:
    """The namespace, and how many steps it has seen."""

    def __init__(self):
        # A module, not a bare dictionary: dataclasses, pickle and typing look their names up in `sys.modules`.
        self._main = types.ModuleType("__main__")
        self._steps = 0

    def run(self, code, stdin, arguments):
        """Run a piece of code; how it ended, as one of the tuples of `_ended`."""
        self._steps += 1
        self._prepare(stdin, arguments)
        try:
            return self._ended(code)
        finally:
            self._clean_up()

    def _prepare(self, stdin, arguments):
        process.prepare()
        streams.begin(stdin, arguments)
        answer.forget()
        sys.modules["__main__"] = self._main
        namespace = self._main.__dict__
        namespace["__name__"] = "__main__"
        namespace["__builtins__"] = sys.modules["builtins"]
        tools.bind(namespace)
        namespace.update(_GIVEN)

    def _ended(self, code):
        """`("value", json, repr)`, `("answered", json)`, `("raised", class, message, traceback)` or
        `("exited", code)`; `("value", None, None)` if there is no value."""
        try:
            try:
                filename = errors.remember_source(self._steps, code)
                value = runner.execute(code, filename, self._main.__dict__)
            finally:
                process.restore_builtins()
            # Agent code too, where an object has a `__repr__` of its own.
            ended = _value(value)
        except _Exit as error:
            process.restore_builtins()
            ended = "exited", _exit_code(error.code)
        except _Anything as error:
            process.restore_builtins()
            ended = None if answer.given() is not None else ("raised", *errors.describe(error))
        given = answer.given()
        return ended if given is None else ("answered", given)

    def _clean_up(self):
        for problem in files.close_all():
            streams.complain(f"could not be written: {problem}")
        streams.end()


def _value(value):
    # As at Python's own prompt, `None` is no value: the result of a last `print(…)` is what it printed.
    if value is None:
        return "value", None, None
    try:
        json = to_json(value, "the value")
    except Exception:
        # Not JSON, or a comparison of the agent's own that fails.
        json = None
    return "value", json, short_repr(value)


def _exit_code(code):
    """As Python itself: no code is 0, anything but a number goes to standard error and is 1."""
    if code is None:
        return 0
    if isinstance(code, int):
        return int(code) if -(1 << 31) <= code < 1 << 31 else 1
    streams.complain(code if isinstance(code, str) else short_repr(code))
    return 1
