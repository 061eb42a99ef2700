"""The executor under the real smolagents, with a model that says what it was told to say.

Run it with `$(scripts/peers-venv.sh)/bin/python -m unittest discover -s sdk/python/tests`; without smolagents it is skipped.

* a task solved in two steps with a tool; `final_answer` ends it, wherever it stands
* an exception, a failing tool, a missing module and a wrong exit are read by the agent, with what was printed before
* a step stopped by its time or its memory is undone, and the agent goes on; so is one that was cancelled
* tools: by position and by name, optional ones, pictures both ways, managed agents, functions, what is no JSON
* variables: JSON, bytes, pictures, across runs of one agent; the rest is refused
* the server may die; `cleanup` leaves nothing; a sandbox that was lent stays open
"""

import os
import pathlib
import signal
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("SPORT_BINARY", str(HERE.parents[2] / "target" / "release" / "sport"))

try:
    from smolagents import ActionStep, ChatMessage, CodeAgent, FinalAnswerTool, LogLevel, MessageRole, Model, Tool, tool
    from smolagents.local_python_executor import InterpreterError
    import PIL.Image
except ModuleNotFoundError as error:
    raise unittest.SkipTest(f"no smolagents here ({error}); run with $(scripts/peers-venv.sh)/bin/python") from None

from sport_client import Sandbox, SportError
from sport_smolagents import SportExecutor

SECONDS = 60


class Scripted(Model):
    """Says one piece of code after the other."""

    def __init__(self, *codes):
        super().__init__(model_id="scripted")
        self.codes = list(codes)
        self.read = []

    def generate(self, messages, stop_sequences=None, response_format=None, tools_to_call_from=None, **options):
        self.read.append("\n".join(str(message.content) for message in messages))
        return ChatMessage(role=MessageRole.ASSISTANT, content=f"Thought: on.\n<code>\n{self.codes.pop(0)}\n</code>")


@tool
def population(city: str, year: int = 2020) -> int:
    """How many people live in a city.

    Args:
        city: Its name.
        year: When.
    """
    if city not in ("Bern", "Basel"):
        raise ValueError(f"no city {city}")
    return {"Bern": 134_000, "Basel": 178_000}[city] + (year - 2020) * 1000


class WithAgents(unittest.TestCase):
    def agent(self, *codes, tools=(population,), executor=None, managed_agents=(), **options):
        executor = executor or SportExecutor(**options)
        self.addCleanup(executor.cleanup)
        return CodeAgent(tools=list(tools), model=Scripted(*codes), executor=executor, managed_agents=list(managed_agents),
                         verbosity_level=LogLevel.OFF, max_steps=len(codes))

    def steps(self, agent):
        return [step for step in agent.memory.steps if isinstance(step, ActionStep)]


class Steps(WithAgents):
    def test_two_steps_and_a_tool(self):
        agent = self.agent("bern = population('Bern')\nprint('it is', bern)\nbern",
                           "final_answer({'sum': bern + population(city='Basel')})")
        self.assertEqual(agent.run("How many in both?"), {"sum": 312_000})
        first, second = self.steps(agent)
        self.assertIn("Execution logs:\nit is 134000\n", first.observations)
        self.assertIn("Last output from code snippet:\n134000", first.observations)
        self.assertEqual((first.error, second.error), (None, None))
        self.assertFalse(first.is_final_answer)
        self.assertTrue(second.is_final_answer)
        # What the model read before its second step.
        self.assertIn("it is 134000", agent.model.read[1])

    def test_errors_are_read_and_recovered_from(self):
        agent = self.agent("x = 1\nprint('so far')\nx / 0", "population('Chur')", "import numpy", "exit(3)", "y = (",
                           "final_answer(x)")
        self.assertEqual(agent.run("Try."), 1)
        errors = [step.error and step.error.message for step in self.steps(agent)]
        for error, words in zip(errors, ("ZeroDivisionError: division by zero", "ToolError: population: no city Chur",
                                         "No module named 'numpy'", "exit(3)", "SyntaxError")):
            self.assertIn(words, error)
        self.assertIsNone(errors[-1])
        self.assertIn("line 3", errors[0])
        self.assertNotIn("sport_smolagents", errors[1])
        self.assertIn("so far", self.steps(agent)[0].observations)
        self.assertIn("ZeroDivisionError", agent.model.read[1])

    def test_the_answer_ends_it(self):
        agent = self.agent("try:\n    final_answer((1, 2))\nexcept Exception:\n    pass\nprint('no')")
        self.assertEqual(agent.run("Answer."), [1, 2])
        self.assertNotIn("no\n", self.steps(agent)[0].observations)

    def test_an_answer_that_is_no_json(self):
        agent = self.agent("final_answer(open)", "final_answer(None)")
        self.assertIsNone(agent.run("Answer."))
        self.assertIn("not JSON", self.steps(agent)[0].error.message)

    def test_an_answer_tool_of_ones_own(self):
        class Louder(FinalAnswerTool):
            def forward(self, answer):
                return answer.upper()

        self.assertEqual(self.agent("final_answer('yes')", tools=[Louder()]).run("Answer."), "YES")

    def test_long_logs_are_cut(self):
        executor = SportExecutor(max_print_outputs_length=100)
        self.addCleanup(executor.cleanup)
        self.assertLess(len(executor("print('a' * 5000)").logs), 1000)


class Stopped(WithAgents):
    def test_its_time_was_up(self):
        agent = self.agent("x = population('Bern')", "x = 0\nwhile True: pass", "final_answer(x)", cpu=0.3)
        self.assertEqual(agent.run("Go on."), 134_000)
        error = self.steps(agent)[1].error.message
        self.assertEqual(agent.python_executor.session.made, {"by": "memory"})
        self.assertIn("cpu time", error)
        self.assertIn("as before it", error)

    def test_with_a_file_open(self):
        agent = self.agent("import os\nx = os.open('/scratch/a', os.O_CREAT | os.O_RDWR)\nos.write(x, b'a')", "os.write(x, b'b')",
                           "while True: pass", "final_answer(open('/scratch/a').read())", cpu=0.3)
        self.assertEqual(agent.run("Go on."), "ab")

    def test_its_memory_was_up(self):
        agent = self.agent("x = 1", "x = 2\nall = []\nwhile True: all.append(bytes(1 << 20))", "final_answer(x)", memory=128)
        answer = agent.run("Go on.")
        error = self.steps(agent)[1].error.message
        # The interpreter may notice it first, and then the code is only told.
        self.assertIn((answer, "MemoryError" in error), ((1, False), (2, True)))

    def test_cancelled(self):
        executor = SportExecutor()
        begun = threading.Event()

        @tool
        def begin() -> str:
            """Begins."""
            begun.set()
            return "on"

        agent = self.agent("x = 1", "x = 2\nbegin()\nwhile True: pass", "final_answer(x)", tools=[begin], executor=executor)
        thread = threading.Thread(target=lambda: begun.wait(SECONDS) and executor.cancel())
        thread.start()
        self.assertEqual(agent.run("Go on."), 1)
        thread.join(SECONDS)
        self.assertIn("stopped", self.steps(agent)[1].error.message)

    def test_a_slow_tool(self):
        ends = threading.Event()
        self.addCleanup(ends.set)

        @tool
        def wait() -> str:
            """Waits."""
            ends.wait(SECONDS)
            return "late"

        agent = self.agent("x = 1", "x = wait()", "final_answer(x)", tools=[wait], wall=0.5)
        self.assertEqual(agent.run("Go on."), 1)
        self.assertIn("wall time", self.steps(agent)[1].error.message)


class Tools(WithAgents):
    def test_ways_to_call(self):
        agent = self.agent("final_answer([population('Bern'), population('Bern', 2021), population(year=2022, city='Bern')])")
        self.assertEqual(agent.run("Count."), [134_000, 135_000, 136_000])

    def test_wrong_arguments(self):
        agent = self.agent("population(3)", "population(town='Bern')", "final_answer(1)")
        agent.run("Count.")
        errors = [step.error.message for step in self.steps(agent)[:2]]
        self.assertIn("is not of type", errors[0])
        self.assertIn("population(city, year=None)", errors[1])

    def test_pictures(self):
        class Half(Tool):
            name = "half"
            description = "Makes a picture half as large."
            inputs = {"picture": {"type": "image", "description": "The picture."}}
            output_type = "image"

            def forward(self, picture):
                return picture.resize((picture.width // 2, picture.height // 2))

        agent = self.agent("open('/scratch/text.png', 'w').write('none')\nhalf('text.png')",
                           "final_answer(half(half(photo)))", tools=[Half()])
        answer = agent.run("Make it small.", additional_args={"photo": PIL.Image.new("CMYK", (40, 20))})
        self.assertEqual(answer.to_raw().size, (10, 5))
        self.assertIn("no picture", self.steps(agent)[0].error.message)

    def test_types_of_all_kinds(self):
        @tool
        def many(numbers: list[int], table: dict[str, float], anything: object | None = None, flag: bool | None = None) -> str:
            """Takes much.

            Args:
                numbers: Numbers.
                table: A table.
                anything: Anything.
                flag: A flag.
            """
            return repr((numbers, table, anything, flag))

        class Any(Tool):
            name = "any_of"
            description = "Takes anything."
            inputs = {"value": {"type": "any", "description": "Anything."},
                      "kind": {"type": "string", "description": "Which.", "enum": ["a", "b"], "nullable": True}}
            output_type = "any"

            def forward(self, value, kind=None):
                return {1} if kind == "b" else value

        agent = self.agent("any_of(1, 'c')", "any_of(1, 'b')",
                           "final_answer([many([1], {'a': 1.5}, None, True), any_of([1, {'a': None}], 'a')])",
                           tools=[many, Any()])
        self.assertEqual(agent.run("Try."), ["([1], {'a': 1.5}, None, True)", [1, {"a": None}]])
        errors = [step.error.message for step in self.steps(agent)[:2]]
        self.assertIn("kind", errors[0])
        self.assertIn("cannot be sent as JSON", errors[1])

    def test_managed_agents(self):
        inner = self.agent("y = population('Basel')\nfinal_answer(y)")
        inner.name, inner.description = "counter", "Counts people."
        agent = self.agent("told = counter('How many live in Basel?')\nprint(told)", "final_answer('178000' in told)",
                           tools=[], managed_agents=[inner])
        self.assertIs(agent.run("Ask."), True)

    def test_functions(self):
        def double(number: int) -> int:
            return 2 * number

        agent = self.agent("final_answer(twice(4))", additional_functions={"twice": double})
        self.assertEqual(agent.run("Count."), 8)

    def test_plugins_beside_them(self):
        if not (HERE.parents[2] / "target" / "components" / "calculator.wasm").exists():
            self.skipTest("no calculator; run `make components`")
        executor = SportExecutor(tools=["calculator"])
        plugin = executor.session.sandbox.hello()["tools"][0]["name"]
        self.assertIn(plugin, executor(f"{plugin}.__name__").output)
        self.addCleanup(executor.cleanup)

        @tool
        def other() -> str:
            """Something else."""
            return ""

        other.name = plugin
        with self.assertRaisesRegex(InterpreterError, "both have a tool"):
            executor.send_tools({plugin: other})


class Variables(WithAgents):
    def test_kinds_and_runs(self):
        agent = self.agent("x = [n, blob.decode(), table['a'], open(photo, 'rb').read(4)[1:].decode()]\nfinal_answer(x)",
                           "final_answer([x[0], n, blob])")
        picture = PIL.Image.new("RGB", (2, 2))
        self.assertEqual(agent.run("Look.", additional_args={"n": 3, "blob": b"ab", "table": {"a": [1]}, "photo": picture}),
                         [3, "ab", [1], "PNG"])
        # Another run of the same agent: its variables are there, and those that came are new.
        self.assertEqual(agent.run("Again.", reset=False, additional_args={"n": 4, "blob": "text"}), [3, 4, "text"])

    def test_what_is_refused(self):
        for value in ({1, 2}, object(), float("nan"), [print]):
            agent = self.agent("final_answer(1)")
            with self.assertRaisesRegex(InterpreterError, "the variable 'x' cannot go into the sandbox"):
                agent.run("Look.", additional_args={"x": value})

    def test_other_tools_start_again(self):
        executor = SportExecutor()
        self.addCleanup(executor.cleanup)
        executor.send_variables({"n": 3})
        executor.send_tools({"population": population})
        executor("x = 1")
        executor.send_tools({"population": population})
        self.assertEqual(executor("x").output, 1)
        with self.assertWarnsRegex(UserWarning, "without its variables"):
            executor.send_tools({})
        with self.assertRaisesRegex(InterpreterError, "name 'x' is not defined"):
            executor("x")
        self.assertEqual(executor("n").output, 3)

    def test_imports_are_checked(self):
        executor = SportExecutor(["json", "os.path", "*"])
        executor.cleanup()
        with self.assertRaisesRegex(InterpreterError, "Non-installed authorized modules: numpy, pandas"):
            SportExecutor(["numpy", "json", "pandas.core"])


class TheEnd(WithAgents):
    def test_the_server_dies(self):
        executor = SportExecutor()
        agent = self.agent("x = 1\nkill()", "x", "final_answer(n)", executor=executor)

        @tool
        def kill() -> str:
            """Kills."""
            os.kill(executor.session.sandbox._process.pid, signal.SIGKILL)
            return ""

        agent.tools["kill"] = kill
        self.assertEqual(agent.run("Go on.", additional_args={"n": 3}), 3)
        errors = [step.error.message for step in self.steps(agent)[:2]]
        self.assertIn("killed by signal 9", errors[0])
        self.assertIn("new sandbox", errors[0])
        self.assertIn("name 'x' is not defined", errors[1])

    def test_with_an_agent(self):
        executor = SportExecutor()
        process = executor.session.sandbox._process
        with self.agent("final_answer(1)", executor=executor) as agent:
            agent.run("Answer.")
        self.assertEqual(process.returncode, 0)
        with self.assertRaises(SportError) as caught:
            executor("1")
        self.assertEqual(caught.exception.code, "closed")

    def test_lent(self):
        with Sandbox() as sandbox:
            executors = [SportExecutor(sandbox=sandbox) for _ in range(2)]
            for number, executor in enumerate(executors):
                executor(f"x = {number}")
            self.assertEqual([executor("x").output for executor in executors], [0, 1])
            executors[0].cleanup()
            self.assertEqual(executors[1]("x").output, 1)
            executors[1].cleanup()
            self.assertEqual(sandbox.sessions(), [])


if __name__ == "__main__":
    unittest.main()
