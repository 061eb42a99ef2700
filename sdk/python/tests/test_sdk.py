"""The SDK for plugins in Python, natively.

* type hints become schemas: plain types, options, lists, tuples, records, choices, bounds, artifacts
* arguments are taken by name, and wrong ones are explained
* results: text, nothing, content, structured, artifacts, failures, other exceptions
* what cannot be a plugin is refused where it is written
* a verifier judges steps in the host's form, with a config
* the host in memory: keys, artifacts, log, budget, requests, secrets, other tools
* cases: those that hold and those that do not
* the build sees what a plugin asks for
"""

import dataclasses
import enum
import json
import pathlib
import sys
import tempfile
import typing
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import componentize  # noqa: E402
from sport_sdk import (  # noqa: E402
    Artifact,
    Between,
    Failure,
    Image,
    Judgement,
    Outcome,
    Step,
    Text,
    chat,
    fetch,
    kv,
    log,
    plugin,
    secrets,
    testing,
    tool,
    tools,
    verifier,
)
from sport_sdk.context import Budget, remaining  # noqa: E402


class Unit(enum.Enum):
    METRE = "metre"
    MILE = "mile"


@dataclasses.dataclass
class Length:
    value: float
    unit: Unit = Unit.METRE


class Case(unittest.TestCase):
    def setUp(self):
        plugin.TOOLS.clear()
        plugin.VERIFIERS.clear()

    def fails(self, kind, code, name, arguments):
        with self.assertRaises(Failure) as raised:
            testing.call(name, arguments)
        self.assertEqual((raised.exception.kind, raised.exception.code), (kind, code))
        return raised.exception.message


class Schemas(Case):
    def schema(self, hint):
        def function(it):
            """Does."""

        function.__annotations__ = {"it": hint, "return": None}
        tool(name="one")(function)
        return plugin.TOOLS["one"].input_schema["properties"]["it"]

    def test_hints_become_schemas(self):
        for hint, schema in [
            (str, {"type": "string"}),
            (int, {"type": "integer"}),
            (float, {"type": "number"}),
            (bool, {"type": "boolean"}),
            (list[int], {"type": "array", "items": {"type": "integer"}}),
            (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
            (str | None, {"type": ["string", "null"]}),
            (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
            (typing.Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
            (Unit, {"type": "string", "enum": ["metre", "mile"]}),
            (typing.Annotated[int, Between(0, 9), "how many"], {"type": "integer", "minimum": 0, "maximum": 9, "description": "how many"}),
            (typing.Annotated[str, Between(1)], {"type": "string", "minLength": 1}),
            (Artifact, {"type": "string", "format": "sport-artifact"}),
            (typing.Any, {}),
        ]:
            with self.subTest(hint=hint):
                self.assertEqual(self.schema(hint), schema)
        pair = self.schema(tuple[int, str])
        self.assertEqual((pair["minItems"], pair["maxItems"], len(pair["prefixItems"])), (2, 2, 2))
        record = self.schema(Length)
        self.assertEqual((record["required"], record["additionalProperties"]), (["value"], False))

    def test_what_is_no_plugin_is_refused(self):
        def bare(name: str) -> str:
            return name

        def untyped(name) -> str:
            """Does."""

        def unending(name: str):
            """Does."""

        def odd(name: set) -> str:
            """Does."""

        def stars(*names: str) -> str:
            """Does."""

        for function, words in [
            (bare, "needs a docstring"),
            (untyped, "no type hint"),
            (unending, "no type hint for its result"),
            (odd, "has no JSON Schema"),
            (stars, "plain names"),
        ]:
            with self.subTest(words=words), self.assertRaisesRegex(TypeError, words):
                tool(function)
        with self.assertRaisesRegex(TypeError, "no option 'readonly'"):
            tool(readonly=True)


class Calls(Case):
    def test_arguments(self):
        @tool
        def measure(times: int, unit: Unit, box: list[int] | None, note: str = "-") -> dict[str, str]:
            """Measures."""
            return {"times": repr(times), "unit": unit.name, "box": repr(box), "note": note}

        self.assertEqual(plugin.TOOLS["measure"].input_schema["required"], ["times", "unit"])
        outcome = testing.call("measure", {"times": 3.0, "unit": "mile"})
        self.assertEqual(outcome.structured, {"times": "3", "unit": "MILE", "box": "None", "note": "-"})
        usage = "it takes `times` (a whole number)"
        self.assertIn(usage, self.fails("invalid-input", "missing-argument", "measure", {"unit": "mile"}))
        self.assertIn(usage, self.fails("invalid-input", "unknown-argument", "measure", {"count": 1}))
        wrong = self.fails("invalid-input", "invalid-argument", "measure", {"times": True, "unit": "mile"})
        self.assertEqual(wrong, "the argument `times` must be a whole number, not true")
        wrong = self.fails("invalid-input", "invalid-argument", "measure", {"times": 1, "unit": "foot"})
        self.assertEqual(wrong, 'the argument `unit` must be one of "metre", "mile", not "foot"')
        self.fails("invalid-input", "invalid-input", "measure", [1])
        self.fails("not-found", "unknown-tool", "other", {})

    def test_bounds(self):
        @tool
        def few(count: typing.Annotated[int, Between(1, 3)]) -> int:
            """Counts."""
            return count

        self.assertEqual(testing.call("few", {"count": 3}).structured, 3)
        wrong = self.fails("invalid-input", "invalid-argument", "few", {"count": 4})
        self.assertEqual(wrong, "the argument `count` must be a whole number from 1 to 3, not 4")

    def test_results(self):
        @tool
        def length() -> Length:
            """Measures."""
            return Length(2.5)

        @tool
        def nothing() -> None:
            """Does nothing."""

        @tool
        def picture() -> list[Image]:
            """Shows."""
            return [Image("image/png", b"1")]

        @tool
        def both() -> Outcome:
            """Says both."""
            return Outcome([Text("shown")], 7)

        @tool
        def breaks() -> int:
            """Breaks."""
            return [][1]

        self.assertEqual(testing.call("length").structured, {"value": 2.5, "unit": "metre"})
        self.assertEqual(testing.call("nothing"), Outcome())
        self.assertEqual(testing.call("picture").content, [Image("image/png", b"1")])
        self.assertEqual(testing.call("both").structured, 7)
        self.assertIn("IndexError", self.fails("internal", "internal", "breaks", {}))
        self.assertIsNone(plugin.TOOLS["both"].output_schema)

    def test_files(self):
        @tool
        def shout(file: Artifact) -> Artifact:
            """Shouts."""
            return Artifact.create(file.text().upper().encode(), "text/plain", "loud.txt")

        with testing.Host() as host:
            file = host.add_artifact(b"hi", "text/plain", "a.txt")
            outcome = testing.call("shout", {"file": file.to_json()})
            self.assertEqual(outcome.content[0].bytes(), b"HI")
            self.assertEqual(outcome.structured["name"], "loud.txt")
            self.fails("invalid-input", "invalid-argument", "shout", {"file": "a.txt"})


class Verifiers(Case):
    def test_judges(self):
        @dataclasses.dataclass
        class Config:
            shortest: int = 0

        @verifier(deterministic=True)
        def judge(step: Step, config: Config) -> list[Judgement]:
            """Passes what has code."""
            word = lambda one: Judgement.passed(1.0, "long") if len(one.code) > config.shortest else Judgement.failed(0.0, "short")  # noqa: E731
            return [word(one) for one in step.candidates]

        step = {"query": "?", "candidates": [{"code": "print(1)", "execution": {"ending": "value", "tools": [
            {"name": "t", "arguments": {}, "outcome": {"Ok": {"content": [], "structured": {"w": 1}}}},
        ]}}, {"code": ""}]}
        self.assertEqual([one.verdict for one in testing.judge(step)], ["pass", "fail"])
        self.assertEqual([one.verdict for one in testing.judge(step, {"shortest": 99})], ["fail", "fail"])
        with self.assertRaises(Failure) as raised:
            testing.judge(step, {"longest": 1})
        self.assertEqual(raised.exception.kind, "invalid-input")
        self.assertEqual(plugin.VERIFIERS[0].config_schema["properties"]["shortest"], {"type": "integer"})


class TheHost(Case):
    def test_keys(self):
        with testing.Host():
            first = kv.set("a", b"1")
            with self.assertRaises(Failure) as raised:
                kv.set("a", b"2", expected=first + 1)
            self.assertEqual(raised.exception.kind, "conflict")
            self.assertGreater(kv.set("a", b"2", expected=first), first)
            self.assertEqual((kv.get("a").value, kv.keys("a"), kv.delete("a"), kv.delete("a")), (b"2", ["a"], True, False))
        self.assertEqual(testing.Host().keys, {})

    def test_requests(self):
        answers = {"https://a.example/": fetch.Response(200, body=b'{"x": 1}'), "https://b.example/": lambda *asked: fetch.Response(404)}
        with testing.Host(answers=answers, secrets=["token"]) as host:
            header = {"authorization": ("Bearer ", secrets.Secret("token"))}
            self.assertEqual(fetch.get("https://a.example/", headers=header).json(), {"x": 1})
            self.assertEqual(fetch.get("https://b.example/").status, 404)
            with self.assertRaises(Failure) as raised:
                fetch.get("https://c.example/")
            self.assertEqual((raised.exception.kind, raised.exception.code), ("denied", "fetch-denied"))
            self.assertEqual([asked[1] for asked in host.requests][:2], ["https://a.example/", "https://b.example/"])
            with self.assertRaises(Failure):
                secrets.Secret("other")

    def test_models(self):
        def judge(question):
            return json.dumps({"right": question.messages[-1].text() == "6 * 7 = 42"})

        models = {"judge": judge, "vision": lambda asked: chat.Answer(f"{len(asked.messages[1].content)} pieces", "length", 9, 2, "m")}
        with testing.Host(models=models) as host:
            schema = {"type": "object", "required": ["right"]}
            self.assertEqual(chat.ask("judge", "6 * 7 = 42", schema=schema).json(), {"right": True})
            photo = host.add_artifact(b"...", "image/png", "cat.png")
            answer = chat.ask("vision", ["What is it?", photo], system="One word.", max_tokens=2)
            self.assertEqual((answer.text, answer.finish, answer.model), ("2 pieces", "length", "m"))
            self.assertEqual([asked.schema for asked in host.questions], [schema, None])
            self.assertEqual([one.role for one in host.questions[1].messages], ["system", "user"])
            before = [chat.Message("user", [Text("1")]), chat.Message("assistant", [Text("2")])]
            self.assertEqual(chat.ask("judge", "6 * 7 = 42", history=before).json(), {"right": True})
            self.assertEqual(len(host.questions[2].messages), 3)
            with self.assertRaises(Failure) as raised:
                chat.ask("other", "hello?")
            self.assertEqual((raised.exception.kind, raised.exception.code), ("not-found", "chat-unknown-model"))

    def test_the_rest(self):
        with testing.Host(tools={"double": lambda arguments: arguments["x"] * 2}) as host:
            self.assertEqual(tools.invoke("double", {"x": 4}).structured, 8)
            self.assertEqual([one.name for one in tools.list_tools()], ["double"])
            log.warn("odd", file="a")
            self.assertEqual(host.log, [("warn", "odd", {"file": "a"})])
            host.budget = Budget(5, 0)
            self.assertEqual(remaining().wall_ms_left, 5)


class Cases(Case):
    def test_cases(self):
        @tool
        def hello(name: str) -> str:
            """Greets."""
            return f"hello, {name}"

        right = [{"tool": "hello", "arguments": {"name": "Ada"}, "text": "hello, Ada"}, {"tool": "hello", "failure": "invalid-input"}]
        wrong = [{"tool": "hello", "arguments": {"name": "Ada"}, "text": "bye"}, {"tool": "hello"}, {"tool": "hello", "arguments": {"name": ""}, "failure": "denied"}]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "cases.json"
            path.write_text(json.dumps(right))
            testing.cases(path)
            path.write_text(json.dumps(wrong))
            with self.assertRaises(AssertionError) as raised:
                testing.cases(path)
            self.assertEqual(len(str(raised.exception).splitlines()), 3)
            path.write_text("[]")
            with self.assertRaises(AssertionError):
                testing.cases(path)


class TheBuild(unittest.TestCase):
    def asked(self, source):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "plugin.py").write_text(source)
            (pathlib.Path(folder) / "tests").mkdir()
            (pathlib.Path(folder) / "tests" / "test.py").write_text("from sport_sdk import kv")
            return componentize.asked_for(pathlib.Path(folder), ("artifacts", "chat", "context", "fetch", "kv", "secrets", "tools"))

    def test_what_is_named_is_asked_for(self):
        for source, asked in [
            ("from sport_sdk import tool", ["log"]),
            ("from sport_sdk import Artifact, tool", ["artifacts", "log"]),
            ("import sport_sdk\ndef f():\n    sport_sdk.kv.get('a')", ["kv", "log"]),
            ("def f():\n    from sport_sdk.context import remaining", ["context", "log"]),
            ("from sport_sdk import fetch", ["fetch", "log", "secrets"]),
            ("from sport_sdk import chat", ["chat", "log"]),
            ("kv = 1", ["log"]),
        ]:
            with self.subTest(source=source):
                self.assertEqual(self.asked(source), asked)
        with self.assertRaisesRegex(componentize.Wrong, "plugin.py:2"):
            self.asked("x = 1\ndef f(:")


if __name__ == "__main__":
    unittest.main()
