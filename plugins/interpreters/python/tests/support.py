"""A session on this machine's own Python, with a stand-in for the host.

The modules under test are the real ones. They change what belongs to the whole process (streams, working directory,
built-ins), so each run here puts that back afterwards; the component has the process to itself.
"""

# In the component the whole library is loaded; here, what the agent code of the tests imports.
import __future__  # noqa: F401
import builtins
import dataclasses  # noqa: F401
import json
import os
import pathlib
import pickle  # noqa: F401
import random
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "fake"), str(HERE.parent)]

from wit_world.imports import output, tools as host_tools, types  # noqa: E402

from sport_python import files, process  # noqa: E402
from sport_python.session import Session  # noqa: E402


class Kept:
    """The state of the process, to be put back."""

    def __init__(self):
        self.streams = sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__
        self.argv, self.path, self.main = sys.argv, sys.path[:], sys.modules["__main__"]
        self.environment, self.folder, self.builtins = dict(os.environ), os.getcwd(), dict(vars(builtins))
        self.finders, self.modules = sys.meta_path[:], dict(sys.modules)
        self.limit, self.exit, self.bytecode = sys.setrecursionlimit, os._exit, sys.dont_write_bytecode

    def put_back(self):
        sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__ = self.streams
        sys.argv, sys.path[:], sys.modules["__main__"] = self.argv, self.path, self.main
        sys.meta_path[:] = self.finders
        sys.modules.update(self.modules)
        os.environ.update(self.environment)
        os.chdir(self.folder)
        names = builtins.__dict__
        names.update(self.builtins)
        for name in names.keys() - self.builtins.keys():
            del names[name]
        sys.setrecursionlimit, os._exit, sys.dont_write_bytecode = self.limit, self.exit, self.bytecode
        random.seed()


class SessionTest(unittest.TestCase):
    """Tests that run agent code: `run` gives the ending, `stdout()` and `stderr()` what the host got."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.task, self.scratch = pathlib.Path(folder.name, "task"), pathlib.Path(folder.name, "scratch")
        self.task.mkdir()
        self.scratch.mkdir()
        files.TASK, files.SCRATCH = str(self.task), str(self.scratch.resolve())
        host_tools.listed.clear()
        host_tools.calls.clear()
        output.displays.clear()
        output.limit = None
        kept = Kept()
        process.install()
        kept.put_back()
        self.session = Session()

    def run_code(self, code, stdin=None, arguments=()):
        """Run code; the ending as the session gives it, in a tuple."""
        output.writes.clear()
        kept = Kept()
        # What the component has from the start.
        sys.setrecursionlimit = process._set_recursion_limit
        builtins.exit = builtins.quit = process._exit
        builtins.open = files.open
        process._names, process._objects = tuple(vars(builtins)), tuple(vars(builtins).values())
        try:
            return self.session.run(code, stdin, arguments)
        finally:
            kept.put_back()

    def stdout(self):
        return self._written(output.Channel.STDOUT)

    def stderr(self):
        return self._written(output.Channel.STDERR)

    def _written(self, channel):
        return b"".join(data for to, data in output.writes if to is channel).decode()

    def assertValue(self, code, expected):
        """The code's value, by its JSON form."""
        kind, *facts = self.run_code(code)
        self.assertEqual(kind, "value", facts)
        self.assertIsNotNone(facts[0], facts)
        self.assertEqual(json.loads(facts[0]), expected)

    def assertRaised(self, code, kind, *texts):
        """The code raises an exception of that class, with these texts in its message; gives the traceback."""
        ending, *facts = self.run_code(code)
        self.assertEqual(ending, "raised", facts)
        self.assertEqual(facts[0], kind, facts)
        for text in texts:
            self.assertIn(text, facts[1])
        return facts[2]


def tool(name, schema, function, description="A tool."):
    """Put a tool in: `function` gets the arguments and gives the structured result."""
    info = host_tools.ToolInfo(name, description, json.dumps(schema))

    def call(arguments):
        result = function(arguments)
        return result if isinstance(result, host_tools.Outcome) else host_tools.Outcome([], json.dumps(result))

    host_tools.listed.append((info, call))


def failure(kind, code, message, **more):
    """What a tool raises when it fails."""
    from componentize_py_types import Err

    return Err(types.Failure(kind, code, message, **more))
