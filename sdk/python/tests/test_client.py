"""The client against the real binary and the real interpreter.

* state: lives on across runs, is copied by a fork, is nobody else's
* reports: value, answer, exception, exit, what is not JSON, standard input and arguments
* output as it is made; a callback that raises cancels
* tools: schemas from type hints, defaults, explicit ones; failing, slow, cancelled, answering what is no JSON; after a fork
* files: to `/task`, to a tool, from a tool, in parts, artifacts by digest
* stopped: a deadline, a budget, a cancel from another thread; healed by a fork
* the end: a killed server ends every wait, so does `close`, also of one that hangs; nothing is left behind
* wrong use: parameters, names, binaries, plugins, budgets
"""

import contextlib
import io
import os
import pathlib
import signal
import sys
import tempfile
import textwrap
import threading
import time
import unittest
from typing import Annotated, Any, Dict, List, Literal, Optional, Union

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("SPORT_BINARY", str(HERE.parents[2] / "target" / "release" / "sport"))

import sport_client
from sport_client import File, Sandbox, SportError, Tool, call_cancelled

# Of waits that end at once when all is well.
SECONDS = 60


def lookup(word: str) -> dict:
    """Looks a word up."""
    return {"word": word, "length": len(word)}


class WithSandbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox(wall=30, isolation=os.environ.get("SPORT_TEST_ISOLATION"))
        cls.addClassCleanup(cls.sandbox.close)

    def open(self, **options):
        session = self.sandbox.open(**options)
        self.addCleanup(session.close)
        return session

    def answer(self, session, code, **options):
        report = session.run(code, **options)
        self.assertEqual(report.ending, "answered", f"{report}\n{report.raised and report.raised.traceback}")
        return report.answer


class States(WithSandbox):
    def test_lives_on(self):
        session = self.open()
        session.run("x = 20")
        self.assertEqual(session.run("x + 1").value, 21)
        self.assertEqual(session.steps, 2)

    def test_a_fork_is_a_branch(self):
        session = self.open()
        session.run("x = [1]\nopen('/scratch/a.txt', 'w').write('a')")
        with session.fork() as fork:
            self.assertEqual((fork.steps, fork.made, session.made), (1, {"by": "memory"}, {"by": "open"}))
            fork.run("x.append(2)\nopen('/scratch/a.txt', 'w').write('b')")
            session.run("x.append(3)")
            self.assertEqual(fork.run("x").value, [1, 2])
            self.assertEqual(fork.read("/scratch/a.txt"), b"b")
        self.assertEqual(session.run("x").value, [1, 3])
        self.assertEqual(session.read("/scratch/a.txt"), b"a")

    def test_side_by_side(self):
        both = threading.Barrier(2, timeout=SECONDS)

        def meet(number: int) -> int:
            both.wait()
            return number

        answers = {}

        def work(number):
            with self.sandbox.open(tools=[meet]) as session:
                session.run(f"x = {number}")
                # Neither call returns before the other was made: the runs overlap or this never ends.
                answers[number] = session.run(f"x + meet({number})").value

        threads = [threading.Thread(target=work, args=(number,)) for number in (10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        self.assertEqual(answers, {10: 20, 20: 40})

    def test_a_seed_decides(self):
        code = "import random\nrandom.random()"
        first, second, other = (self.open(seed=seed).run(code).value for seed in (1, 1, 2))
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)


class Reports(WithSandbox):
    def test_endings(self):
        session = self.open()
        report = session.run("final_answer({'a': (1, None)})")
        self.assertEqual((report.ending, report.answer, report.ok), ("answered", {"a": [1, None]}, True))
        report = session.run("print('before')\n1 / 0")
        self.assertEqual((report.ending, report.stdout, report.ok), ("raised", "before\n", False))
        self.assertEqual((report.raised.type, report.raised.message), ("ZeroDivisionError", "division by zero"))
        self.assertIn("line 2", report.raised.traceback)
        report = session.run("exit(3)")
        self.assertEqual((report.ending, report.exit_code, report.ok), ("exited", 3, False))
        self.assertTrue(session.run("exit()").ok)
        self.assertTrue(session.healthy)

    def test_a_value_that_is_no_json(self):
        report = self.open().run("open")
        self.assertIsNone(report.value)
        self.assertIn("<function open", report.shown)

    def test_input_and_arguments(self):
        report = self.open().run("import sys\n[input(), sys.argv[1:]]", stdin="Zoë\n", arguments=["--a", "b c"])
        self.assertEqual(report.value, ["Zoë", ["--a", "b c"]])

    def test_reads_well(self):
        session = self.open()
        self.assertEqual(str(session.run("x = 1")), "value")
        self.assertEqual(str(session.run("'a'")), "value: 'a'")
        self.assertEqual(str(session.run("1 / 0")), "raised: ZeroDivisionError: division by zero")

    def test_the_documented_examples(self):
        lines = sport_client.__doc__.splitlines()
        code = textwrap.dedent("\n".join(line for line in lines if line.startswith("    ")))
        readme = (HERE.parent / "README.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
        printed = "7\nanswered: 4\ndeadline: the wall time of 500 ms is up\n7\n"
        for code, expected in (code, "[21, 'a fruit']\n"), (readme, printed):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(code, "example", "exec"), {"__name__": "example"})
            self.assertEqual(out.getvalue(), expected)

    def test_what_is_there(self):
        hello = self.sandbox.hello()
        self.assertEqual((hello["protocol"], hello["budget"]["wall_ms"]), (1, 30_000))
        session = self.open()
        self.assertIn(session.name, self.sandbox.sessions())
        session.close()
        self.assertNotIn(session.name, self.sandbox.sessions())


class Output(WithSandbox):
    def test_comes_while_it_runs(self):
        seen, printed = [], threading.Event()

        def wait() -> bool:
            return printed.wait(SECONDS)

        def take(channel, text):
            seen.append((channel, text))
            printed.set()

        code = "import sys\nprint('ä')\nheard = wait()\nprint('b', file=sys.stderr)\nfinal_answer(heard)"
        session = self.open(tools=[wait])
        self.assertTrue(self.answer(session, code, on_output=take))
        self.assertEqual("".join(text for channel, text in seen if channel == "stdout"), "ä\n")
        self.assertEqual("".join(text for channel, text in seen if channel == "stderr"), "b\n")

    def test_a_callback_that_raises_cancels(self):
        def take(channel, text):
            raise LookupError("enough")

        session = self.open()
        session.run("x = 1")
        with self.assertRaisesRegex(LookupError, "enough"):
            session.run("x = 2\nprint('a')\nwhile True: pass", on_output=take)
        self.assertFalse(session.healthy)
        with session.fork() as healed:
            self.assertEqual(healed.run("x").value, 1)


class Tools(WithSandbox):
    def test_schemas(self):
        def many(a: str, b: Annotated[int, "how many"], c: List[float], d: Dict[str, bool], e: Any, f: Optional[str],
                 g: Literal["x", "y"] = "x", h: Optional[List[int]] = None, i: Union[int, str] = 3, j: bytes = b"", k=None):
            """Does much.

            And more."""

        tool = Tool.of(many)
        self.assertEqual((tool.name, tool.description), ("many", "Does much.\n\nAnd more."))
        self.assertEqual(tool.input_schema["required"], list("abcdef"))
        self.assertIs(tool.input_schema["additionalProperties"], False)
        self.assertEqual(tool.input_schema["properties"], {
            "a": {"type": "string"},
            "b": {"type": "integer", "description": "how many"},
            "c": {"type": "array", "items": {"type": "number"}},
            "d": {"type": "object", "additionalProperties": {"type": "boolean"}},
            "e": {},
            "f": {"type": ["string", "null"]},
            "g": {"enum": ["x", "y"], "default": "x"},
            "h": {"type": ["array", "null"], "items": {"type": "integer"}, "default": None},
            "i": {"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 3},
            "j": {"type": "string", "format": "sport-artifact"},
            "k": {"default": None},
        })

    def test_called_as_functions(self):
        def join(first: str, second: str = "b", times: int = 1) -> str:
            return (first + second) * times

        explicit = Tool("add-all", "Adds.", {"type": "object", "properties": {"numbers": {"type": "array"}},
                                             "required": ["numbers"]}, lambda numbers: sum(numbers))
        session = self.open(tools=[join, explicit, lookup])
        self.assertEqual(session.run("join('a'), join('a', 'c', times=2), join(second='x', first='y')").value,
                         ["ab", "acac", "yx"])
        report = session.run("add_all([1, 2.5]), lookup('abc')")
        self.assertEqual(report.value, [3.5, {"word": "abc", "length": 3}])
        self.assertEqual([call["name"] for call in report.tool_calls], ["add-all", "lookup"])
        self.assertIn("Looks a word up.", session.run("help(lookup)").stdout)

    def test_a_fork_has_them(self):
        with self.open(tools=[lookup]).fork() as fork, fork.fork() as second:
            self.assertEqual(second.run("lookup('ab')['length']").value, 2)

    def test_failing(self):
        def fail(how: int):
            if how == 0:
                raise ValueError("no such thing")
            if how == 1:
                raise SportError("no-word", "not in the book")
            if how == 2:
                sys.exit(3)
            if how == 3:
                return {1, 2}
            if how == 4:
                return float("nan")
            if how == 5:
                return "\ud800"
            if how == 6:
                return [1 << 64]
            nested = []
            for _ in range(500):
                nested = [nested]
            return nested

        code = textwrap.dedent("""
            def told(how):
                try:
                    return fail(how)
                except ToolError as error:
                    return [error.code, error.message]
            final_answer([told(how) for how in range(8)])""")
        told = self.answer(self.open(tools=[fail]), code)
        self.assertEqual(told[:3], [["value-error", "no such thing"], ["no-word", "not in the book"], ["system-exit", "3"]])
        for code, message in told[3:]:
            self.assertEqual(code, "bad-params")
            self.assertIn("what fail returned cannot be sent as JSON", message)

    def test_nothing_of_this_program_leaks(self):
        def fail():
            raise ValueError("no such thing")

        report = self.open(tools=[fail]).run("fail()")
        self.assertEqual(report.raised.type, "ToolError")
        self.assertNotIn(__file__, report.raised.traceback)
        self.assertNotIn("test_client", str(report))

    def test_wrong_arguments_do_not_reach_it(self):
        called = []

        def take(number: int):
            called.append(number)

        session = self.open(tools=[take])
        for call in ("take('a')", "take()", "take(1, 2)", "take(other=1)"):
            self.assertIn(session.run(call).raised.type, ("ToolError", "TypeError"), call)
        self.assertEqual(called, [])

    def test_slow_ones_stop_nobody_and_learn_of_the_end(self):
        begun, goes_on, saw = threading.Event(), threading.Event(), []

        def slow() -> str:
            begun.set()
            while not call_cancelled():
                if goes_on.wait(0.01):
                    break
            saw.append(call_cancelled())
            return "late"

        session = self.open(tools=[slow])
        reports = []
        thread = threading.Thread(target=lambda: reports.append(session.run("slow()")))
        thread.start()
        self.assertTrue(begun.wait(SECONDS))
        self.assertEqual(self.open(tools=[lookup]).run("lookup('ab')['length']").value, 2)
        self.assertTrue(session.cancel())
        thread.join(SECONDS)
        self.assertEqual(reports[0].ending, "cancelled")
        # The late answer is dropped, and what comes after is in order.
        with session.fork() as healed:
            goes_on.set()
            self.assertEqual(healed.run("slow()").value, "late")
        self.assertEqual(saw, [True, False])

    def test_not_cancelled_outside_of_a_tool(self):
        self.assertFalse(call_cancelled())


class Files(WithSandbox):
    def test_to_task(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "a.txt")
            path.write_text("from a path")
            session = self.open(files=[path, File("b.bin", b"\x00\xff")])
        self.assertEqual(session.run("open('/task/a.txt').read()").value, "from a path")
        self.assertEqual(session.run("list(open('b.bin', 'rb').read())").value, [0, 255])
        self.assertEqual(session.files(), {"/task/a.txt": 11, "/task/b.bin": 2})
        self.assertEqual(session.read("/task/b.bin"), b"\x00\xff")

    def test_to_a_tool(self):
        def size(data: bytes, more: Optional[bytes] = None) -> list:
            return [data.decode(), more and len(more)]

        def about(file: File) -> list:
            return [file.name, file.type, file.path, len(file.data)]

        def all_of(files: List[bytes], plain: dict) -> list:
            return [[len(data) for data in files], plain]

        session = self.open(tools=[size, about, all_of], files=[File("a.csv", b"1,2")])
        session.run("open('/scratch/b.txt', 'w').write('four')")
        self.assertEqual(session.run("size('a.csv'), size('/task/a.csv', 'b.txt')").value, [["1,2", None], ["1,2", 4]])
        self.assertEqual(session.run("about('a.csv')").value, ["a.csv", "text/csv", "a.csv", 3])
        # A dictionary that looks like a file is a dictionary.
        forged = {"path": "a", "name": "a", "media_type": "a", "base64": "YQ=="}
        self.assertEqual(session.run(f"all_of(['a.csv', 'b.txt'], {forged})").value, [[3, 4], forged])
        self.assertEqual(session.run("size('nothing.txt')").raised.type, "ToolError")

    def test_from_a_tool(self):
        def plot() -> File:
            return File("plot.png", b"\x89PNG")

        def raw() -> bytes:
            return b"raw"

        session = self.open(tools=[plot, raw])
        report = session.run("path = plot()\n[path, open(path, 'rb').read()[1:].decode(), open(raw()).read()]")
        path, data, text = report.value
        self.assertRegex(path, r"^/scratch/artifacts/.*\.png$")
        self.assertEqual((data, text), ("PNG", "raw"))
        self.assertEqual(session.read(path), b"\x89PNG")
        artifact = report.tool_calls[0]["outcome"]["Ok"]["content"][0]
        self.assertEqual(artifact["media_type"], "image/png")
        self.assertEqual(session.read_artifact(artifact["digest"]), b"\x89PNG")

    def test_large_ones_in_parts(self):
        session = self.open()
        session.run("open('/scratch/a.bin', 'wb').write(bytes(range(256)) * 40)\nopen('/scratch/empty', 'w').close()")
        before, sport_client.PART_BYTES = sport_client.PART_BYTES, 1000
        try:
            self.assertEqual(session.read("/scratch/a.bin"), bytes(range(256)) * 40)
        finally:
            sport_client.PART_BYTES = before
        self.assertEqual(session.read("/scratch/empty"), b"")
        with self.assertRaises(SportError) as caught:
            session.read("/scratch/nothing")
        self.assertEqual(caught.exception.code, "no-such-file")


class Stopped(WithSandbox):
    def test_a_deadline_is_a_report_and_a_fork_heals(self):
        calls = []

        def count() -> int:
            calls.append(1)
            return len(calls)

        session = self.open(tools=[count])
        session.run("x = count()")
        report = session.run("x = 100\nwhile True: pass", budget={"wall": 0.2})
        self.assertEqual((report.ending, report.ok), ("deadline", False))
        self.assertIn("wall time", report.reason)
        self.assertFalse(session.healthy)
        with session.fork() as healed:
            self.assertTrue(healed.healthy)
            self.assertEqual(healed.run("x").value, 1)
            self.assertEqual(healed.made["by"], "replay")
        # What was called before is remembered, not called again.
        self.assertEqual(calls, [1])

    def test_what_is_kept_is_forked_from_memory(self):
        session = self.open()
        session.run("x = 1")
        session.run("x = 2\nwhile True: pass", budget={"wall": 0.2}, keep=True)
        with session.fork() as healed:
            self.assertEqual((healed.made, healed.run("x").value), ({"by": "memory"}, 1))

    def test_other_budgets(self):
        session = self.open(tools=[lookup])
        report = session.run("while True: lookup('a')", budget={"tool_calls": 3})
        self.assertEqual((report.ending, report.usage["tool_calls"]), ("exhausted", 3))
        with session.fork() as fork:
            self.assertEqual(fork.run("while True: print('a' * 1000)", budget={"output": 10}).ending, "exhausted")

    def test_cancel_from_another_thread(self):
        session = self.open()
        self.assertFalse(session.cancel())
        done = []

        def take(channel, text):
            if not done:
                done.append(threading.Thread(target=lambda: done.append(session.cancel())))
                done[0].start()

        report = session.run("print('on')\nwhile True: pass", on_output=take)
        done[0].join(SECONDS)
        self.assertEqual((report.ending, done[1]), ("cancelled", True))

    def test_leaving_with_an_exception_ends_what_runs(self):
        running = threading.Event()
        reports = []
        with self.assertRaisesRegex(LookupError, "out"):
            with self.sandbox.open() as session:
                thread = threading.Thread(target=lambda: reports.append(session.run(
                    "print('on')\nwhile True: pass", on_output=lambda *_: running.set())))
                thread.start()
                self.assertTrue(running.wait(SECONDS))
                raise LookupError("out")
        thread.join(SECONDS)
        self.assertEqual(reports[0].ending, "cancelled")


class TheEnd(unittest.TestCase):
    def waiting(self, sandbox):
        """Two sessions of which one runs and one waits for a tool; the errors that they end with."""
        ready, errors, threads = threading.Barrier(3, timeout=SECONDS), [], []
        cancelled = threading.Event()

        def tool():
            ready.wait()
            while not call_cancelled():
                time.sleep(0.01)
            cancelled.set()

        def work(code, on_output):
            try:
                sandbox.open(tools=[tool]).run(code, on_output=on_output)
            except SportError as error:
                errors.append(error)

        for code, on_output in (("print('on', end='')\nwhile True: pass", lambda *_: ready.wait()), ("tool()", None)):
            threads.append(threading.Thread(target=work, args=(code, on_output)))
            threads[-1].start()
        ready.wait()
        return threads, errors, cancelled

    def test_a_killed_server_ends_every_wait(self):
        with Sandbox(wall=60) as sandbox:
            threads, errors, cancelled = self.waiting(sandbox)
            os.kill(sandbox._process.pid, signal.SIGKILL)
            for thread in threads:
                thread.join(SECONDS)
            self.assertEqual([error.code for error in errors], ["ended", "ended"])
            self.assertIn("was killed by signal 9", str(errors[0]))
            self.assertIn("open another Sandbox", str(errors[0]))
            self.assertTrue(cancelled.wait(SECONDS))
            with self.assertRaises(SportError) as caught:
                sandbox.open()
            self.assertEqual(caught.exception.code, "ended")

    def test_close_ends_every_wait_and_leaves_nothing(self):
        sandbox = Sandbox(wall=60)
        threads, errors, cancelled = self.waiting(sandbox)
        sandbox.close()
        for thread in [*threads, *sandbox._threads]:
            thread.join(SECONDS)
            self.assertFalse(thread.is_alive())
        self.assertEqual([error.code for error in errors], ["closed", "closed"])
        self.assertTrue(cancelled.wait(SECONDS))
        self.assertEqual(sandbox._process.returncode, 0)
        pipes = sandbox._process.stdin, sandbox._process.stdout, sandbox._process.stderr
        self.assertEqual([pipe.closed for pipe in pipes], [True, True, True])
        sandbox.close()

    def test_close_ends_one_that_hangs(self):
        before, sport_client.END_SECONDS = sport_client.END_SECONDS, 0.2
        try:
            sandbox = Sandbox()
            os.kill(sandbox._process.pid, signal.SIGSTOP)
            errors = []

            def work():
                try:
                    # More than a pipe holds: this waits within the write.
                    sandbox.open(files=[File("a", bytes(1 << 20))])
                except SportError as error:
                    errors.append(error.code)

            thread = threading.Thread(target=work)
            thread.start()
            sandbox.close()
            thread.join(SECONDS)
        finally:
            sport_client.END_SECONDS = before
        self.assertEqual(errors, ["closed"])
        self.assertEqual(sandbox._process.returncode, -signal.SIGKILL)

    def test_a_broken_message_ends_every_wait(self):
        with Sandbox(wall=60) as sandbox, sandbox.open() as session:
            with self.assertRaises(SportError) as caught:
                session.run("print('on')\nwhile True: pass", on_output=lambda *_: sandbox._write(b"{\n"))
            self.assertEqual(caught.exception.code, "ended")
            self.assertIn("could not read a message", str(caught.exception))

    def test_a_session_may_outlive_it(self):
        with Sandbox() as sandbox:
            session = sandbox.open()
        session.close()
        with self.assertRaises(SportError) as caught:
            session.run("1")
        self.assertEqual(caught.exception.code, "closed")

    def test_a_server_that_is_none(self):
        for binary, code, words in (("/nowhere/sport", "no-binary", "SPORT_BINARY"), ("/bin/false", "ended", "exit code 1"),
                                    ("/bin/echo", "ended", "did not understand")):
            with self.assertRaises(SportError, msg=binary) as caught:
                Sandbox(binary=binary)
            self.assertEqual(caught.exception.code, code)
            self.assertIn(words, str(caught.exception))

    def test_its_own_words_are_told(self):
        with self.assertRaises(SportError) as caught:
            Sandbox(tools=["no-such-plugin"])
        self.assertEqual(caught.exception.code, "ended")
        self.assertIn("no plugin `no-such-plugin`", str(caught.exception))


class WrongUse(WithSandbox):
    def refused(self, code, words, function, *arguments, **options):
        with self.assertRaises(SportError) as caught:
            function(*arguments, **options)
        self.assertEqual(caught.exception.code, code)
        self.assertIn(words, str(caught.exception))

    def test_in_python(self):
        for function, words in ((lambda: Sandbox(tools=[lookup]), "open(tools="), (lambda: Sandbox(tools="image"), "brackets"),
                                (lambda: self.sandbox.open(files="a.txt"), "brackets"),
                                (lambda: self.sandbox.open(tools=["image"]), "no function with a name")):
            with self.assertRaisesRegex(TypeError, words.replace("(", r"\(")):
                function()

    def test_functions_that_are_no_tools(self):
        def positions(*numbers: int):
            pass

        def strange(when: complex):
            pass

        for function, words in ((positions, "by position"), (strange, "the parameter 'when' of strange"), (3, "no function")):
            with self.assertRaisesRegex(TypeError, words):
                Tool.of(function)

    def test_at_the_server(self):
        self.refused("bad-params", "named", self.sandbox.open, tools=[Tool("a b", "", {"type": "object"}, print)])
        self.refused("bad-params", "two tools", self.sandbox.open, tools=[lookup, lookup])
        self.refused("bad-params", "input schema", self.sandbox.open, tools=[Tool("a", "", {"type": "string"}, print)])
        self.refused("io", "/nowhere", self.sandbox.open, files=["/nowhere"])
        session = self.open()
        self.refused("bad-params", "walls", session.run, "1", budget={"walls": 1})
        for most in (-1, "1", float("nan"), float("inf")):
            self.refused("bad-params", "a number from 0 on", session.run, "1", budget={"wall": most})
        self.refused("bad-params", "cannot be sent", session.run, "'\ud800'")
        self.refused("bad-params", "cannot be sent", session.run, b"1")
        self.refused("bad-params", "expected a string", session.run, 1)
        session.close()
        session.close()
        self.refused("no-such-session", session.name, session.run, "1")
        self.assertEqual(self.open().run("1").value, 1)


if __name__ == "__main__":
    unittest.main()
