"""The value of a piece of code.

* the last statement's value if it is an expression, after everything before it ran
* none after another kind of statement, after an expression that is None, for code without statements
* JSON where there is a JSON form; the short form always
* several lines, functions that see each other, a docstring alone
* a syntax error anywhere means that nothing ran
"""

import json

from support import SessionTest


class LastExpression(SessionTest):
    def test_the_last_expression_is_the_value(self):
        self.assertEqual(self.run_code("x = 20\nx + 1"), ("value", "21", "21"))

    def test_statements_before_it_run_first(self):
        self.assertValue("def f(n):\n    return 1 if n < 2 else n * f(n - 1)\n\nf(5)", 120)

    def test_other_statements_have_no_value(self):
        for code in ("x = 1", "for i in [1]:\n    i", "import json", "", "# nothing", "pass"):
            with self.subTest(code):
                self.assertEqual(self.run_code(code), ("value", None, None))

    def test_none_is_no_value(self):
        self.assertEqual(self.run_code("print('shown')"), ("value", None, None))
        self.assertEqual(self.stdout(), "shown\n")

    def test_a_text_alone_is_a_value(self):
        self.assertValue("'''hello'''", "hello")

    def test_without_a_json_form_there_is_the_short_form(self):
        kind, form, text = self.run_code("1j")
        self.assertEqual((kind, form, text), ("value", None, "1j"))

    def test_containers_become_json(self):
        kind, form, text = self.run_code("{'a': (1, 2.5, None, True), 'b': {3}}")
        self.assertEqual(json.loads(form), {"a": [1, 2.5, None, True], "b": [3]})
        self.assertEqual(text, "{'a': (1, 2.5, None, True), 'b': {3}}")

    def test_nothing_runs_before_a_syntax_error(self):
        self.assertRaised("print('no')\nx = = 1", "SyntaxError")
        self.assertEqual(self.stdout(), "")

    def test_a_future_import_is_taken(self):
        self.run_code("from __future__ import annotations\nx = 1")
        self.assertValue("x", 1)

    def test_the_own_form_of_an_object_may_print_and_fail(self):
        code = "class A:\n    def __repr__(self):\n        print('asked')\n        raise ValueError('no')\nA()"
        kind, form, text = self.run_code(code)
        self.assertEqual((kind, form), ("value", None))
        self.assertIn("ValueError", text)
        self.assertEqual(self.stdout(), "asked\n")
