import pathlib
import unittest

import plugin
from sport_sdk import testing


class Hello(unittest.TestCase):
    def test_greets(self):
        self.assertEqual(plugin.hello("Ada"), "hello, Ada")

    def test_cases(self):
        testing.cases(pathlib.Path(__file__).parent.parent / "cases.json")
