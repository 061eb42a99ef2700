"""`final_answer`.

* any JSON value, also null; ends the run at once, whatever was printed before
* the first answer counts: `except Exception` does not catch it, `except BaseException`, `finally: return`, a second
  call and an exit after it change nothing
* not JSON: a readable `TypeError`, and no answer
* an answer is of its run only
* given inside a function, a comprehension, a `__repr__`
"""

from support import SessionTest


class Answer(SessionTest):
    def answer(self, code):
        kind, *facts = self.run_code(code)
        self.assertEqual(kind, "answered", facts)
        return facts[0]

    def test_any_json_value(self):
        for value in ("1", "'text'", "[1, 2]", "None", "True", "{'a': {'b': 0.5}}"):
            with self.subTest(value):
                self.assertEqual(self.answer(f"final_answer({value})"), repr_json(value))

    def test_by_name(self):
        self.assertEqual(self.answer("final_answer(answer=3)"), "3")

    def test_it_ends_the_run_and_keeps_the_output(self):
        self.assertEqual(self.answer("print('before')\nfinal_answer(1)\nprint('after')"), "1")
        self.assertEqual(self.stdout(), "before\n")

    def test_except_exception_does_not_catch_it(self):
        self.assertEqual(self.answer("try:\n    final_answer(1)\nexcept Exception:\n    print('caught')"), "1")
        self.assertEqual(self.stdout(), "")

    def test_the_first_one_counts(self):
        swallowed = "try:\n    final_answer(1)\nexcept BaseException:\n    pass\n"
        for rest in ("final_answer(2)", "print('on')", "1/0", "exit(3)", "5", "raise KeyboardInterrupt"):
            with self.subTest(rest):
                self.assertEqual(self.answer(swallowed + rest), "1")

    def test_a_finally_that_returns(self):
        code = "def f():\n    try:\n        final_answer(1)\n    finally:\n        return 2\nf()"
        self.assertEqual(self.answer(code), "1")

    def test_what_is_not_json_is_an_error_and_no_answer(self):
        self.assertRaised("final_answer(float('nan'))", "TypeError", "the answer is nan")
        self.assertRaised("final_answer({'a': object()})", "TypeError", "the answer['a']", "object")
        code = "try:\n    final_answer(1j)\nexcept TypeError:\n    final_answer('text')"
        self.assertEqual(self.answer(code), '"text"')

    def test_the_next_run_has_none(self):
        self.answer("final_answer(1)")
        self.assertValue("2", 2)

    def test_inside_other_code(self):
        self.assertEqual(self.answer("[final_answer(i) for i in range(3)]"), "0")
        code = "class A:\n    def __repr__(self):\n        final_answer('shown')\nA()"
        self.assertEqual(self.answer(code), '"shown"')
        code = "class A(Exception):\n    def __str__(self):\n        final_answer('told')\nraise A"
        self.assertEqual(self.answer(code), '"told"')


def repr_json(value):
    import json

    return json.dumps(eval(value), separators=(",", ":"))
