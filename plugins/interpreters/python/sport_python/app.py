"""What the component exports: `sport:interpreter/interpreter`.

This module is imported while the component is built, and the state it leaves behind is what every instance starts
from. So everything slow happens here, once: the imports, the namespace, the first use of the compiler.
"""

import gc
import platform
import sys

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import interpreter
from wit_world.imports import types

from . import files, process, stdlib

# Before the library is imported: some of its modules keep the `open` that they found.
files.install()
stdlib.load()

from . import errors, runner  # noqa: E402 - see above
from .session import Session  # noqa: E402
from .values import clean, short_repr, to_json  # noqa: E402

process.install()
_session = Session()
# No packages: there is the standard library, and nothing else.
_info = interpreter.Info("python", platform.python_version(), [])


class Interpreter(exports.Interpreter):
    """One instance, one session."""

    def describe(self):
        """The language, its version, and the packages besides the language's own.

        The host asks every instance this before it runs any agent code. So the handles of the file system are taken
        here, the same in every instance: a session that holds no others is forked by its memory alone.
        """
        files.touch()
        return _info

    def run(self, request):
        """Run one piece of agent code."""
        try:
            return _ending(*_session.run(request.code, request.stdin, request.arguments))
        except BaseException as error:
            # Not the agent's exception, which is an ending: this interpreter failed, or was bent beyond repair.
            message = clean(f"the interpreter itself failed: {type(error).__name__}: {error}")
            raise Err(types.Failure(types.FailureKind.INTERNAL, "interpreter-failed", message, False, None)) from None


def _ending(kind, *facts):
    if kind == "value":
        json, text = facts
        return interpreter.Ending_Value(None if text is None else interpreter.Value(json, text))
    if kind == "answered":
        return interpreter.Ending_Answered(*facts)
    if kind == "exited":
        return interpreter.Ending_Exited(*facts)
    return interpreter.Ending_Raised(interpreter.Raised(*facts))


def _warm_up():
    """Do once what every run does, so that caches and tables are part of the image."""
    for code in ("x = [1, 2]\nfor i in x:\n    x[0] += i\n(x, {'a': 1.5})", "def f():\n    return y\nf()"):
        try:
            value = runner.execute(code, errors.remember_source(0, code), {})
            to_json(value, "the value")
            short_repr(value)
        except NameError as error:
            errors.describe(error)
    errors.forget_source(0)


_warm_up()
sys.path_importer_cache.clear()
gc.collect()
# What exists now lives for ever: collections in a session need not look at it, nor write to its pages.
gc.freeze()
