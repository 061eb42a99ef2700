"""`display`.

* the name of an image (also bare, also a path) shows the image; image bytes too
* another file is shown by name and size; other values as text; a text that names no file is a text
* a missing path is an error; over the limit the code goes on
"""

import json
import pathlib

from support import SessionTest
from wit_world.imports import output, types

PNG = b"\x89PNG\r\n\x1a\nrest"


class Display(SessionTest):
    def setUp(self):
        super().setUp()
        (self.task / "a.png").write_bytes(PNG)

    def shown(self, code):
        output.displays.clear()
        kind, *facts = self.run_code(code)
        self.assertEqual(kind, "value", facts)
        return output.displays

    def test_images_by_name(self):
        image = types.Content_Image(types.Blob("image/png", PNG))
        for name in ("'a.png'", repr(str(self.task / "a.png")), "__import__('pathlib').Path('a.png')"):
            self.assertEqual(self.shown(f"display({name})"), [image])

    def test_image_bytes(self):
        self.assertEqual(
            self.shown("display(open('a.png', 'rb').read())"), [types.Content_Image(types.Blob("image/png", PNG))]
        )

    def test_other_files(self):
        (self.scratch / "t.csv").write_text("1,2")
        (shown,) = self.shown("display('t.csv')")
        facts = json.loads(shown.value.value)
        self.assertEqual((shown.value.kind, facts["size"]), ("file", 3))
        self.assertEqual(pathlib.Path(facts["path"]).name, "t.csv")

    def test_values_and_texts(self):
        text = types.Content_Text
        self.assertEqual(self.shown("display({'a': 1})"), [text("{'a': 1}")])
        self.assertEqual(self.shown("display('no file')"), [text("no file")])
        self.assertEqual(self.shown("display(b'\\x00')"), [text("b'\\x00'")])
        self.assertLess(len(self.shown("display('x' * 10**6)")[0].value), 30_000)

    def test_a_missing_path(self):
        self.assertRaised("import pathlib\ndisplay(pathlib.Path('b.png'))", "FileNotFoundError", "b.png")

    def test_over_the_limit(self):
        output.limit = 1
        self.assertEqual(len(self.shown("display(1)\ndisplay(2)")), 1)
