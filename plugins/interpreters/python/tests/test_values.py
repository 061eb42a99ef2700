"""Values as JSON and as short text.

* tuples and sets become lists, sets in order; subclasses are read as what they are derived from
* no JSON form: NaN, infinity, other objects, numbers beyond 64 bits, lone surrogates, odd keys, too deep, cyclic, too
  large
* the message names the place
* short forms are cut, also of huge containers; lone surrogates are escaped
"""

import enum
import pathlib
import unittest
from collections import OrderedDict, namedtuple

import support  # noqa: F401 - sets the path
from sport_python import values


class Json(unittest.TestCase):
    def check(self, value, text):
        self.assertEqual(values.to_json(value, "it"), text)

    def refuse(self, value, *texts, kind=TypeError):
        with self.assertRaises(kind) as caught:
            values.to_json(value, "it")
        for text in texts:
            self.assertIn(text, str(caught.exception))

    def test_plain_values(self):
        self.check({"a": [1, -2.5, "é\n", True, False, None]}, '{"a":[1,-2.5,"é\\n",true,false,null]}')

    def test_tuples_and_sets_are_lists(self):
        self.check(((1, 2), {3, 1, 2}, frozenset("ba")), '[[1,2],[1,2,3],["a","b"]]')

    def test_subclasses_are_read_as_their_base(self):
        class Color(enum.IntEnum):
            RED = 1

        class Loud(str):
            def __str__(self):
                return "LOUD"

        point = namedtuple("Point", "x y")(1, 2)
        self.check([Color.RED, Loud("quiet"), point, OrderedDict(a=1)], '[1,"quiet",[1,2],{"a":1}]')

    def test_paths_are_text(self):
        self.check(pathlib.PurePosixPath("/scratch/a.png"), '"/scratch/a.png"')

    def test_keys_follow_the_json_module(self):
        self.check({1: 1, None: 2, True: 3, 2.5: 4}, '{"1":3,"null":2,"2.5":4}')
        self.refuse({(1, 2): 3}, "a key of it", "tuple")

    def test_numbers_that_json_cannot_hold(self):
        self.refuse(float("nan"), "it is nan")
        self.refuse([1, float("-inf")], "it[1] is -inf")
        self.check(2**64 - 1, "18446744073709551615")
        self.refuse(2**64, "too large")
        self.refuse({"n": -(2**63) - 1}, "it['n']", "too large")

    def test_other_objects_are_named(self):
        self.refuse({"a": [1, object()]}, "it['a'][1]", "object", "str(x)")
        self.refuse(b"bytes", "bytes")

    def test_lone_surrogates(self):
        self.refuse("\ud800", "surrogate")
        self.refuse({"\ud800": 1}, "surrogate")

    def test_depth_and_cycles(self):
        deep = []
        for _ in range(values.MAX_DEPTH - 1):
            deep = [deep]
        values.to_json(deep, "it")
        self.refuse([deep], "nested too deeply")
        cycle = []
        cycle.append(cycle)
        self.refuse(cycle, "contains itself")

    def test_size(self):
        self.refuse("x" * values.MAX_JSON, "at most", kind=ValueError)
        self.refuse("é" * (values.MAX_JSON // 2), "at most", kind=ValueError)


class ShortForm(unittest.TestCase):
    def test_short_values_are_whole(self):
        self.assertEqual(values.short_repr([1, "a"]), "[1, 'a']")

    def test_long_values_are_cut(self):
        for value in ("x" * 10**6, b"x" * 10**6, list(range(10**6)), {i: i for i in range(10**5)}, set(range(10**5))):
            with self.subTest(type(value)):
                text = values.short_repr(value)
                self.assertLess(len(text), values.MAX_REPR + 100)
                self.assertIn("more", text)

    def test_surrogates_are_escaped(self):
        self.assertEqual(values.clean("a\ud800"), "a\\ud800")
        self.assertEqual(values.short_repr("é"), "'é'")

    def test_a_cycle_is_no_problem(self):
        cycle = []
        cycle.append(cycle)
        self.assertEqual(values.short_repr(cycle), "[[...]]")
