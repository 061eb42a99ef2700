"""Tools as functions.

* keyword arguments; positional ones in the order required, optional; None for an optional argument leaves it out
* unknown, missing, double and too many arguments: a `TypeError` that shows how to call it; the host is not asked
* tuples, sets and paths as arguments; others are refused by name
* the result: structured, else text, else the names of files, else None
* a failure: `ToolError` with code, kind, message, details; the traceback shows only the agent's line
* schemas without properties or with additional ones take any argument
* help(), repr() and inspect.signature() show the parameters
* names that Python cannot write
"""

from support import SessionTest, failure, tool
from wit_world.imports import tools as host
from wit_world.imports import types

SCHEMA = {
    "type": "object",
    "properties": {
        "box": {"type": ["array", "null"]},
        "scale": {"type": "number", "default": 1},
        "image": {"type": "string"},
    },
    "required": ["image"],
    "additionalProperties": False,
}


class Tools(SessionTest):
    def setUp(self):
        super().setUp()
        tool("mean_color", SCHEMA, lambda arguments: {"red": 1}, "Mean colour of a box.")

    def called_with(self, call):
        host.calls.clear()
        kind, *facts = self.run_code(call)
        self.assertEqual(kind, "value", facts)
        return host.calls[0][1]

    def test_keyword_arguments(self):
        self.assertEqual(self.called_with("mean_color(image='a.png', scale=2)"), {"image": "a.png", "scale": 2})

    def test_positional_arguments_required_ones_first(self):
        self.assertEqual(self.called_with("mean_color('a.png', [1, 2])"), {"image": "a.png", "box": [1, 2]})

    def test_none_leaves_an_optional_argument_out_unless_null_is_a_value(self):
        self.assertEqual(self.called_with("mean_color('a', box=None, scale=None)"), {"image": "a", "box": None})

    def test_none_for_a_required_argument_is_passed_on(self):
        self.assertEqual(self.called_with("mean_color(None)"), {"image": None})

    def test_values_that_have_a_json_form(self):
        code = "import pathlib\nmean_color(pathlib.Path('a.png'), box=(1, 2))"
        self.assertEqual(self.called_with(code), {"image": "a.png", "box": [1, 2]})

    def test_wrong_arguments_show_how_to_call(self):
        usage = "call it as mean_color(image, box=None, scale=1)"
        for call, text in (
            ("mean_color()", "is missing the argument 'image'"),
            ("mean_color(img='a')", "has no argument 'img'"),
            ("mean_color('a', image='a')", "got the argument 'image' twice"),
            ("mean_color(1, 2, 3, 4)", "takes 3 arguments, but 4 were given"),
        ):
            with self.subTest(call):
                self.assertRaised(call, "TypeError", text, usage)
        self.assertEqual(host.calls, [])

    def test_values_without_a_json_form(self):
        self.assertRaised("mean_color(image=b'x')", "TypeError", "the argument 'image' of mean_color()", "bytes")

    def test_structured_results_are_python_values(self):
        self.assertValue("mean_color('a')['red'] + 1", 2)

    def test_other_results(self):
        text = types.Content_Text
        file = types.Content_Artifact(types.ArtifactRef("sha256:0", "image/png", 1, "/scratch/artifacts/a.png"))
        for content, expected in (
            ([text("one"), text("two")], "one\ntwo"),
            ([file], "/scratch/artifacts/a.png"),
            ([file, file], ["/scratch/artifacts/a.png"] * 2),
        ):
            host.listed.clear()
            tool("make", {"properties": {}}, lambda arguments, content=content: host.Outcome(content, None))
            self.assertValue("make()", expected)
        host.listed.clear()
        tool("make", {"properties": {}}, lambda arguments: host.Outcome([], None))
        self.assertEqual(self.run_code("make()"), ("value", None, None))

    def failing(self, *facts, **more):
        def fail(arguments):
            raise failure(*facts, **more)

        tool("fail", {"properties": {"x": {}}, "additionalProperties": False}, fail)

    def test_a_failure_is_a_tool_error(self):
        self.failing(types.FailureKind.NOT_FOUND, "no-such-file", "there is no file x.png")
        shown = self.assertRaised("1\nfail()", "ToolError", "fail: there is no file x.png (no-such-file)")
        self.assertEqual(shown.count("File "), 1)
        self.assertIn('File "<step 1>", line 2', shown)
        self.assertNotIn("During handling", shown)

    def test_a_tool_error_can_be_read_by_code(self):
        self.failing(types.FailureKind.NOT_FOUND, "no-such-file", "no", retryable=True, details='{"near": 1}')
        facts = "[e.code, e.kind, e.message, e.tool, e.retryable, e.details]"
        code = f"try:\n    fail()\nexcept ToolError as e:\n    r = {facts}\nr"
        self.assertValue(code, ["no-such-file", "not-found", "no", "fail", True, {"near": 1}])

    def test_invalid_input_shows_how_to_call(self):
        self.failing(types.FailureKind.INVALID_INPUT, "bad", "the box is empty.")
        self.assertRaised("fail()", "ToolError", "the box is empty; call it as fail(x=None) (bad)")

    def test_open_schemas_take_any_argument(self):
        host.listed.clear()
        tool("any_tool", {"type": "object"}, lambda arguments: arguments)
        more = {"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}
        tool("more", more, lambda arguments: arguments)
        self.assertValue("any_tool(x=1)", {"x": 1})
        self.assertValue("more(1, b=2)", {"a": 1, "b": 2})

    def test_help(self):
        self.assertValue("import inspect\n[repr(mean_color), str(inspect.signature(mean_color)), mean_color.__doc__]", [
            "<tool mean_color(image, box=None, scale=1)>", "(image, box=None, scale=1)", "Mean colour of a box.",
        ])  # fmt: skip

    def test_names_that_python_cannot_write(self):
        tool("to-gray", {"properties": {}}, lambda arguments: 1)
        tool("import", {"properties": {"class": {}}, "required": ["class"]}, lambda arguments: arguments)
        self.assertValue("to_gray()", 1)
        self.assertValue("import_(**{'class': 2})", {"class": 2})
        self.assertValue("repr(import_)", "<tool import(class)>")

    def test_the_host_is_asked_by_the_tools_own_name(self):
        tool("to-gray", {"properties": {}}, lambda arguments: 1)
        self.run_code("to_gray()")
        self.assertEqual(host.calls[-1][0], "to-gray")
