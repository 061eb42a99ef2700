"""Leaving with a code.

* exit(), quit(), sys.exit() and raise SystemExit; no code is 0
* a text goes to standard error and is 1; a number out of range is 1
* os._exit does not take the session with it
* inside `except Exception` and in a function
"""

from support import SessionTest


class Exit(SessionTest):
    def test_codes(self):
        for code, expected in (
            ("exit()", 0),
            ("exit(3)", 3),
            ("quit(4)", 4),
            ("import sys\nsys.exit(-1)", -1),
            ("raise SystemExit", 0),
            ("raise SystemExit(True)", 1),
            ("exit(2**40)", 1),
            ("try:\n    exit(5)\nexcept Exception:\n    pass", 5),
        ):
            with self.subTest(code):
                self.assertEqual(self.run_code(code), ("exited", expected))

    def test_a_text(self):
        self.assertEqual(self.run_code("exit('went wrong')"), ("exited", 1))
        self.assertEqual(self.stderr(), "went wrong\n")

    def test_another_object_and_a_closed_standard_error(self):
        self.assertEqual(self.run_code("import sys\nsys.stderr.close()\nexit([1, 'a'])"), ("exited", 1))
        self.assertEqual(self.stderr(), "[1, 'a']\n")

    def test_the_session_goes_on(self):
        self.run_code("x = 1\nexit()")
        self.assertValue("x", 1)

    def test_the_low_level_exit(self):
        import os

        from sport_python import process
        from support import Kept

        kept = Kept()
        try:
            process.install()
            with self.assertRaises(SystemExit):
                os._exit(3)
        finally:
            kept.put_back()
