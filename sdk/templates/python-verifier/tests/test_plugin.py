import pathlib
import unittest

import plugin
from sport_sdk import Candidate, testing


class Judge(unittest.TestCase):
    def test_an_answer_passes(self):
        self.assertEqual(plugin.judge_one(Candidate(code="", answer=42)).verdict, "pass")
        self.assertEqual(plugin.judge_one(Candidate(code="")).verdict, "fail")

    def test_cases(self):
        testing.cases(pathlib.Path(__file__).parent.parent / "cases.json")
