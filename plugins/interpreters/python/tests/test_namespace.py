"""What lives on from step to step, and what is put back.

* variables, functions, classes and imports live on
* tools, `final_answer`, `display`, `ToolError` are back at the next step, whatever was bound to their names
* built-ins are back after they were overwritten, deleted or added to; `__builtins__` too
* working directory, environment, recursion limit, streams are back
* classes can be pickled and found by their module: the namespace is a module
"""

import os

from support import SessionTest, tool


class Namespace(SessionTest):
    def test_names_live_on(self):
        self.run_code("import math\nx = 2\ndef twice(n):\n    return n * x\nclass A:\n    y = 5")
        self.assertValue("x = 4\ntwice(math.floor(A.y + 0.5))", 20)

    def test_state_lives_on_after_an_error(self):
        self.assertRaised("x = 1\n1/0", "ZeroDivisionError")
        self.assertValue("x", 1)

    def test_given_names_are_back(self):
        tool("area", {"properties": {}}, lambda arguments: 6)
        self.run_code("area = final_answer = display = ToolError = 1")
        self.assertValue("area()", 6)
        self.assertEqual(self.run_code("final_answer(ToolError.__name__)"), ("answered", '"ToolError"'))

    def test_within_a_step_a_name_may_be_used_otherwise(self):
        tool("area", {"properties": {}}, lambda arguments: 6)
        self.assertValue("area = area() + 1\narea", 7)

    def test_a_tool_that_is_gone_is_taken_out(self):
        from wit_world.imports import tools

        tool("area", {"properties": {}}, lambda arguments: 6)
        self.run_code("area()")
        tools.listed.clear()
        self.assertRaised("area()", "NameError")

    def test_a_variable_with_the_name_of_a_tool_that_is_gone_stays(self):
        from wit_world.imports import tools

        tool("area", {"properties": {}}, lambda arguments: 6)
        self.run_code("area = 7")
        tools.listed.clear()
        self.assertValue("area", 7)

    def test_builtins_are_back(self):
        self.run_code("import builtins\nbuiltins.len = None\ndel builtins.print\nbuiltins.extra = 1")
        self.assertValue("print('x')\nlen([1])", 1)
        self.assertRaised("extra", "NameError")

    def test_all_builtins_at_once(self):
        code = "import builtins\nd = vars(builtins)\nfor n in list(d):\n    d.pop(n)\n1/0"
        self.assertRaised(code, "ZeroDivisionError")
        self.assertValue("sum([1, 2])", 3)

    def test_a_step_of_its_own_builtins(self):
        self.run_code("__builtins__ = {}")
        self.assertValue("len([1])", 1)

    def test_a_shadowed_builtin_stays_shadowed_as_any_variable(self):
        self.run_code("list = [1]")
        self.assertValue("list", [1])
        self.run_code("del list")
        self.assertValue("list((2,))", [2])

    def test_the_process_is_put_back(self):
        (self.scratch / "inner").mkdir()
        self.run_code("import os, sys\nos.chdir('inner')\nos.environ['A'] = 'b'\nsys.setrecursionlimit(400)")
        self.assertValue(
            "[os.getcwd(), dict(os.environ), sys.getrecursionlimit()]", [os.path.realpath(self.scratch), {}, 1000]
        )

    def test_the_recursion_limit_has_a_limit(self):
        self.assertValue("import sys\nsys.setrecursionlimit(10**9)\nsys.getrecursionlimit()", 20_000)

    def test_tracing_is_off(self):
        self.run_code("import sys\nsys.setprofile(lambda *facts: None)")
        self.assertValue("[sys.getprofile() is None, sys.gettrace() is None]", [True, True])

    def test_modules_are_back(self):
        self.run_code("import sys, json\nsys.modules.clear()\nsys.meta_path.clear()")
        self.assertValue("import json\njson.loads('[1]')", [1])

    def test_a_module_that_was_taken_out_can_be_imported_again_at_once(self):
        self.assertValue("import sys, json\nold = json\ndel sys.modules['json']\nimport json\njson is old", True)

    def test_streams_are_put_back(self):
        self.run_code("import io, sys\nsys.stdout = io.StringIO()\nprint('lost')")
        self.run_code("print('seen')")
        self.assertEqual(self.stdout(), "seen\n")

    def test_classes_can_be_found_by_module(self):
        self.run_code("import pickle, dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int")
        self.assertValue("pickle.loads(pickle.dumps(P(3))).x", 3)

    def test_each_session_has_its_own(self):
        from sport_python.session import Session

        self.run_code("x = 1")
        self.session = Session()
        self.assertRaised("x", "NameError")
