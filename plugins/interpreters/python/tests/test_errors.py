"""Exceptions as a model reads them.

* class, message, and a traceback of the agent's own lines with their source, also of earlier steps
* frames of the library and of this interpreter are left out; modules in /scratch are the agent's own
* a syntax error shows line and caret
* deep recursion is cut, quickly; so are long chains and many notes
* missing modules and files come with a hint; out of memory is said in words
* exceptions whose own methods fail, lone surrogates, groups, causes
"""

from support import SessionTest


class Errors(SessionTest):
    def test_own_lines_with_source(self):
        shown = self.assertRaised("def f(n):\n    return 1 / n\n\nf(0)", "ZeroDivisionError", "division by zero")
        self.assertTrue(shown.startswith("Traceback (most recent call last):\n"))
        self.assertIn('File "<step 1>", line 4, in <module>\n    f(0)', shown)
        self.assertIn('File "<step 1>", line 2, in f\n    return 1 / n', shown)
        self.assertTrue(shown.endswith("ZeroDivisionError: division by zero"))

    def test_lines_of_earlier_steps(self):
        self.run_code("def f():\n    raise KeyError('x')")
        shown = self.assertRaised("f()", "KeyError", "'x'")
        self.assertIn('File "<step 1>", line 2, in f\n    raise KeyError', shown)
        self.assertIn('File "<step 2>", line 1, in <module>', shown)

    def test_library_frames_are_left_out(self):
        shown = self.assertRaised("import json\njson.loads('{')", "json.decoder.JSONDecodeError", "Expecting")
        self.assertEqual(shown.count("File "), 1)

    def test_own_modules_are_kept(self):
        (self.scratch / "mine.py").write_text("def g():\n    return [][0]\n")
        shown = self.assertRaised("import mine\nmine.g()", "IndexError")
        self.assertIn("mine.py", shown)
        self.assertIn("return [][0]", shown)

    def test_own_classes_have_a_plain_name(self):
        self.assertRaised("class Odd(Exception):\n    pass\nraise Odd('so')", "Odd", "so")

    def test_syntax_errors_show_line_and_caret(self):
        shown = self.assertRaised("x = 1\ny = x +* 2", "SyntaxError", "line 2")
        self.assertIn('File "<step 1>", line 2\n    y = x +* 2\n', shown)
        self.assertIn("^", shown)
        self.assertNotIn("Traceback", shown)

    def test_deep_recursion_is_cut(self):
        shown = self.assertRaised("def f(n):\n    return f(n + 1)\nf(0)", "RecursionError", "recursion")
        self.assertIn("more calls …", shown)
        self.assertLess(len(shown), 3000)

    def test_chains_show_cause_and_context(self):
        code = "try:\n    1/0\nexcept Exception as e:\n    raise ValueError('second') from e"
        shown = self.assertRaised(code, "ValueError", "second")
        self.assertIn("direct cause", shown)
        self.assertIn("ZeroDivisionError", shown)

    def test_suppressed_context_stays_hidden(self):
        shown = self.assertRaised("try:\n    1/0\nexcept Exception:\n    raise ValueError('x') from None", "ValueError")
        self.assertNotIn("ZeroDivisionError", shown)

    def test_long_chains_are_cut(self):
        code = (
            "def f(n):\n    try:\n        raise ValueError(n)\n    except ValueError:\n"
            "        if n: f(n - 1)\n        else: raise KeyError\nf(200)"
        )
        shown = self.assertRaised(code, "KeyError")
        self.assertLess(shown.count("Traceback"), 10)

    def test_many_notes_are_cut(self):
        code = "e = ValueError('x')\nfor i in range(100):\n    e.add_note(f'note {i}.')\nraise e"
        shown = self.assertRaised(code, "ValueError")
        self.assertIn("note 0.", shown)
        self.assertNotIn("note 9.", shown)

    def test_groups(self):
        shown = self.assertRaised("raise ExceptionGroup('g', [ValueError('a'), KeyError('b')])", "ExceptionGroup", "g")
        self.assertIn("ValueError: a", shown)

    def test_a_missing_module_comes_with_a_hint(self):
        self.assertIn("standard library", self.assertRaised("import numpy_x", "ModuleNotFoundError", "numpy_x"))

    def test_a_missing_file_comes_with_the_files_there_are(self):
        (self.task / "photo.jpg").write_bytes(b"")
        self.assertIn("photo.jpg", self.assertRaised("open('phto.jpg')", "FileNotFoundError"))

    def test_out_of_memory_in_words(self):
        self.assertRaised("raise MemoryError", "MemoryError", "out of memory")

    def test_exceptions_that_cannot_be_read(self):
        code = "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\nraise Odd"
        self.assertRaised(code, "Odd")

    def test_lone_surrogates_are_escaped(self):
        self.assertRaised("raise ValueError('\\udfff')", "ValueError", "\\udfff")

    def test_exceptions_outside_exception(self):
        self.assertRaised("raise KeyboardInterrupt", "KeyboardInterrupt")
        self.assertRaised("raise BaseException('b')", "BaseException", "b")
