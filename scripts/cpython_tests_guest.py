"""Runs one of CPython's own test modules inside the sandbox; `scripts/cpython_tests.py` starts it.

Standard input is a JSON object: `module` (such as `test_json`), `archive` (the zip in /task), `unpack` (members that the
tests want as files), `leave_out` (names of tests that are not to run), `sockets` (whether to claim that there are sockets,
for tests of asyncio that need none). Standard output is one JSON object a line: a test that starts, what came of it, and at
last that the module came to its end. So whoever reads along knows what ran when the sandbox stopped it.
"""

import asyncio
import builtins
import configparser
import doctest
import importlib
import io
import json
import logging
import ntpath
import os
import pathlib
import platform
import posixpath
import sys
import traceback
import types
import unittest
import warnings
import zipfile

TESTS = "/scratch/tests"
WORK = "/scratch/work"
# Of a traceback, the end says most.
DETAIL = 1500

request = json.load(sys.stdin)
MODULE = "test." + request["module"]
report_to = sys.stdout


def say(**record):
    report_to.write(json.dumps(record) + "\n")
    report_to.flush()


class Nowhere(io.RawIOBase):
    """What the tests print."""

    def writable(self):
        return True

    def write(self, data):
        return len(data)

    def fileno(self):
        return 1


def quiet():
    return io.TextIOWrapper(io.BufferedWriter(Nowhere()), "utf-8", "backslashreplace", newline="\n")


class Report(unittest.TestResult):
    """Says what comes of each test; of one with subtests, once."""

    def startTest(self, test):
        super().startTest(test)
        self.outcome = self.reason = None
        say(start=label(test))

    def stopTest(self, test):
        say(test=label(test), outcome=self.outcome or "skipped", reason=self.reason)
        self.outcome = self.reason = None
        super().stopTest(test)

    def note(self, test, outcome, reason=None):
        """Not of a test proper: the set-up of a class or a module, for which nothing starts."""
        if not isinstance(test, unittest.TestCase):
            say(test=test.id().replace(MODULE + ".", ""), outcome=outcome, reason=reason)
        elif self.outcome in (None, "passed"):
            self.outcome, self.reason = outcome, reason

    def addSuccess(self, test):
        self.note(test, "passed")

    def addSkip(self, test, reason):
        if isinstance(test, unittest.case._SubTest):
            self.reason = self.reason or f"a part of it: {reason}"
        else:
            self.note(test, "skipped", str(reason))

    def addExpectedFailure(self, test, err):
        self.note(test, "expected")

    def addUnexpectedSuccess(self, test):
        self.note(test, "failed", "unexpected success")

    def addFailure(self, test, err):
        self.note(test, "failed", text(err))

    def addError(self, test, err):
        self.note(test, "error", text(err))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            kind = "failed" if issubclass(err[0], test.failureException) else "error"
            self.note(test, kind, f"{subtest._subDescription()}\n{text(err)}")


def text(err):
    try:
        shown = "".join(traceback.format_exception(*err, limit=-6))
    except Exception as second:
        shown = f"{err[0].__name__} (its text could not be made: {type(second).__name__})"
    return shown if len(shown) <= DETAIL else "…" + shown[-DETAIL:]


def label(test):
    return getattr(test, "sport_label", None) or test.id().removeprefix(MODULE + ".")


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def selected(suite):
    """The tests without those to leave out, each under a label of its own."""
    chosen = unittest.TestSuite()
    for test in flat(suite):
        name = test.id().removeprefix(MODULE + ".")
        seen[name] = seen.get(name, 0) + 1
        test.sport_label = name if seen[name] == 1 else f"{name}#{seen[name]}"
        if test.sport_label not in leave_out:
            chosen.addTest(test)
    return chosen


def unpack():
    with zipfile.ZipFile(request["archive"]) as archive:
        archive.extractall(TESTS, request["unpack"])


def prepare():
    """What `python -m test` does before it runs a module, and what 3.11's tests need on a newer Python."""
    import test
    from test import support

    # What was not unpacked is imported from the zip.
    test.__path__.append(request["archive"] + "/test")
    support.use_resources = []
    support.verbose = 0
    support._run_suite = run
    support.run_doctest = run_doctest
    if request["sockets"]:
        support.has_socket_support = True
    # It asks `_testinternalcapi`, which is not in this build.
    support.has_no_debug_ranges = lambda: False
    bring_back()
    # Modules that several tests import; since 3.14 there is no `__annotations__` while a module runs.
    builtins.__annotations__ = {}
    for name in ("ann_module", "ann_module2", "ann_module3"):
        importlib.import_module(f"test.{name}")
    del builtins.__annotations__


def bring_back():
    """What is gone since 3.11 and would take a whole module of tests with it."""
    unittest.makeSuite = make_suite
    unittest.findTestCases = unittest.TestLoader().loadTestsFromModule
    for old, new in ALIASES.items():
        setattr(unittest.TestCase, old, getattr(unittest.TestCase, new))
    logging._acquireLock, logging._releaseLock = logging._lock.acquire, logging._lock.release
    configparser.LegacyInterpolation = configparser.BasicInterpolation
    pathlib._posix_flavour, pathlib._windows_flavour = posixpath, ntpath
    pathlib.PurePath._flavour = property(lambda self: self.parser)
    with warnings.catch_warnings(action="ignore"):
        policy = asyncio.get_event_loop_policy()
    type(policy).get_child_watcher = no_child_watcher
    for name, classes in {"asyncore": [], "smtpd": ["SMTPServer", "SMTPChannel"]}.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(dict.fromkeys(classes, object))


ALIASES = {
    "assertEquals": "assertEqual", "assertNotEquals": "assertNotEqual", "assert_": "assertTrue",
    "assertRaisesRegexp": "assertRaisesRegex", "assertRegexpMatches": "assertRegex",
}  # fmt: skip


def no_child_watcher(self):
    raise NotImplementedError


def make_suite(case, prefix="test"):
    loader = unittest.TestLoader()
    loader.testMethodPrefix = prefix
    return loader.loadTestsFromTestCase(case)


def run(suite):
    selected(suite).run(Report())


def run_doctest(module, verbosity=None, optionflags=0):
    run(doctest.DocTestSuite(module, optionflags=optionflags))


def main():
    unpack()
    os.makedirs(WORK)
    os.chdir(WORK)
    sys.path[:0] = [TESTS]
    sys.stdout = sys.__stdout__ = quiet()
    sys.stderr = sys.__stderr__ = quiet()
    prepare()
    say(python=platform.python_version())
    try:
        module = importlib.import_module(MODULE)
        if hasattr(module, "test_main"):
            module.test_main()
        else:
            run(unittest.TestLoader().loadTestsFromModule(module))
    except unittest.SkipTest as skip:
        say(test="(the module)", outcome="skipped", reason=str(skip))
    except Exception:
        say(test="(the module)", outcome="error", reason=text(sys.exc_info()))


leave_out = set(request["leave_out"])
seen = {}
main()
say(end=True)
