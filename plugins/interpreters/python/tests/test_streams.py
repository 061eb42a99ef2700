"""Standard streams.

* output goes out as it is made, to its channel, in order
* the first writes one by one, later ones in blocks; what is waiting goes out at the end and when flushed
* large texts go in chunks; over the limit the rest is dropped and the code goes on
* lone surrogates are escaped; bytes through `.buffer`
* `input()` and `sys.stdin` read the request's input, then find its end; nothing is left for the next run
* `sys.argv`; closed, detached and wrapped streams do no lasting harm
"""

from support import SessionTest
from sport_python import streams
from wit_world.imports import output


class Streams(SessionTest):
    def test_channels_and_order(self):
        self.run_code("import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')")
        order = [channel.name for channel, _ in output.writes]
        self.assertEqual(sorted(order, key=["STDOUT", "STDERR"].index), order[:2] + order[4:] + order[2:4])
        self.assertEqual((self.stdout(), self.stderr()), ("a\nc\n", "b\n"))

    def test_what_was_printed_is_out_before_the_code_goes_on(self):
        self.session._main.__dict__["seen"] = lambda: self.stdout()
        self.assertValue("print('x', end='')\nseen()", "x")

    def test_many_writes_go_in_blocks(self):
        self.run_code("for i in range(20000):\n    print(i)")
        self.assertLess(len(output.writes), streams.DIRECT_WRITES + 40)
        self.assertEqual(self.stdout(), "".join(f"{i}\n" for i in range(20000)))

    def test_a_flush_sends_what_waits(self):
        self.session._main.__dict__["seen"] = lambda: self.stdout()[-1]
        self.assertValue("for i in range(1000):\n    print(i, end=' ')\nprint('!', end='', flush=True)\nseen()", "!")

    def test_blocks_keep_the_order_of_the_channels(self):
        many = "import sys\nfor i in range(1000):\n    print(i, end=' ')\n"
        self.run_code(many + "print('err', file=sys.stderr)\nprint('z')")
        at = [channel.name for channel, _ in output.writes].index("STDERR")
        self.assertIn(b"999", b"".join(data for _, data in output.writes[:at]))

    def test_large_texts_go_in_chunks(self):
        self.run_code("print('x' * 300_000)")
        self.assertLessEqual(max(len(data) for _, data in output.writes), streams.CHUNK)
        self.assertEqual(len(self.stdout()), 300_001)

    def test_over_the_limit_the_code_goes_on(self):
        output.limit = 3
        self.assertValue("for i in range(100):\n    print(i)\n7", 7)
        self.assertEqual(len(output.writes), 3)

    def test_surrogates_and_bytes(self):
        self.run_code("import sys\nprint('a\\ud800')\nsys.stdout.buffer.write(b'raw\\n')")
        self.assertEqual(self.stdout(), "a\\ud800\nraw\n")

    def test_input(self):
        _, form, _ = self.run_code("[input('name? '), input()]", stdin=b"Ada\nB\n")
        self.assertEqual((form, self.stdout()), ('["Ada","B"]', "name? "))
        self.assertRaised("input()", "EOFError")

    def test_input_that_was_not_read_is_gone(self):
        self.run_code("1", stdin=b"left")
        self.assertValue("import sys\nsys.stdin.read()", "")

    def test_arguments(self):
        _, form, _ = self.run_code("import sys\nsys.argv[1:]", arguments=["a", "b c"])
        self.assertEqual(form, '["a","b c"]')

    def test_closed_and_detached_streams(self):
        self.run_code("import sys\nsys.stdout.close()\nsys.stdin.close()\nsys.stderr.detach()")
        self.run_code("import sys\nprint('on')\nprint('err', file=sys.stderr)\nsys.stdin.read()")
        self.assertEqual((self.stdout(), self.stderr()), ("on\n", "err\n"))

    def test_a_wrapped_stream_is_flushed(self):
        self.run_code("import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach())\nprint('wrapped')")
        self.assertEqual(self.stdout(), "wrapped\n")
        self.run_code("print('plain')")
        self.assertEqual(self.stdout(), "plain\n")
