"""Files by name.

* relative names are in /scratch
* a bare name that is not there is read from /task; never written there
* a name with a folder, a mode that writes, and a descriptor are left alone
* what is open at the end of a run is written out and closed
"""

import os

from support import SessionTest
from sport_python import files


class Files(SessionTest):
    def setUp(self):
        super().setUp()
        (self.task / "photo.jpg").write_bytes(b"photo")

    def test_relative_names_are_in_scratch(self):
        self.run_code("with open('a.txt', 'w') as f:\n    f.write('x')")
        self.assertEqual((self.scratch / "a.txt").read_text(), "x")
        self.assertValue("open('a.txt').read()", "x")

    def test_a_bare_name_is_read_from_the_task(self):
        self.assertValue("open('photo.jpg').read()", "photo")
        self.assertValue("import pathlib\nopen(pathlib.Path('photo.jpg'), 'rb').read().decode()", "photo")

    def test_scratch_comes_first(self):
        (self.scratch / "photo.jpg").write_text("mine")
        self.assertValue("open('photo.jpg').read()", "mine")

    def test_writing_makes_a_file_in_scratch(self):
        self.run_code("open('photo.jpg', 'w').write('new')")
        self.assertEqual((self.task / "photo.jpg").read_bytes(), b"photo")
        self.assertEqual((self.scratch / "photo.jpg").read_text(), "new")

    def test_other_names_and_modes_are_left_alone(self):
        self.assertRaised("open('inner/photo.jpg')", "FileNotFoundError", "inner/photo.jpg")
        self.assertRaised("open('photo.jpg', 'r+')", "FileNotFoundError", "photo.jpg")
        self.assertRaised("open('nothing.txt')", "FileNotFoundError", "'nothing.txt'")

    def test_open_files_are_written_and_closed(self):
        self.run_code("f = open('a.txt', 'w')\nf.write('kept')")
        self.assertEqual((self.scratch / "a.txt").read_text(), "kept")
        self.assertValue("f.closed", True)
        self.assertEqual(files._open_files, [])

    def test_open_files_are_closed_after_an_error_too(self):
        self.assertRaised("f = open('a.txt', 'w')\nf.write('kept')\n1/0", "ZeroDivisionError")
        self.assertEqual((self.scratch / "a.txt").read_text(), "kept")

    def test_a_file_that_cannot_be_written_out_is_named(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        self.assertEqual(self.run_code("f = open('/dev/full', 'w')\nn = f.write('x')"), ("value", None, None))
        self.assertIn("/dev/full", self.stderr())
