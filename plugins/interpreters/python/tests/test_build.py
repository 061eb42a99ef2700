"""The build script's own parts.

* numbers and custom sections as WebAssembly writes them
* the digest of the inputs covers sources, contracts, requirements and the script
"""

import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import build  # noqa: E402


class Sections(unittest.TestCase):
    def test_leb128(self):
        for number, encoded in ((0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")):
            self.assertEqual(build.leb128(number), encoded)

    def test_custom_section(self):
        self.assertEqual(build.custom_section("ab", b"xyz"), b"\0\x06\x02abxyz")


class Inputs(unittest.TestCase):
    def test_what_is_covered(self):
        names = {path.name for path in build.inputs()}
        wanted = {"build.py", "requirements.txt", "app.py", "base.wit", "host.wit", "interpreter.wit"}
        self.assertLessEqual(wanted, names)

    def test_a_digest_depends_on_the_content(self):
        import tempfile

        with tempfile.NamedTemporaryFile() as file:
            before = build.digest([pathlib.Path(file.name)])
            file.write(b"x")
            file.flush()
            self.assertNotEqual(build.digest([pathlib.Path(file.name)]), before)
