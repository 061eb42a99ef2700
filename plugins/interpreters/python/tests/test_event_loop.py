"""`asyncio` without sockets and threads.

* run, tasks, timers, queues, gather, timeouts
* a wait for something that cannot happen is an error, not a hang
"""

import asyncio
import unittest

import support  # noqa: F401 - sets the path
from sport_python.event_loop import EventLoop


def run(main):
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(main)


class Loop(unittest.TestCase):
    def test_tasks_and_timers(self):
        async def one(n):
            await asyncio.sleep(0.001 * n)
            return n

        async def main():
            return await asyncio.gather(one(3), one(1), one(2))

        self.assertEqual(run(main()), [3, 1, 2])

    def test_queues(self):
        async def main():
            queue = asyncio.Queue()

            async def fill():
                for i in range(3):
                    await queue.put(i)

            task = asyncio.create_task(fill())
            got = [await queue.get() for _ in range(3)]
            await task
            return got

        self.assertEqual(run(main()), [0, 1, 2])

    def test_timeouts(self):
        async def main():
            async with asyncio.timeout(0.001):
                await asyncio.sleep(10)

        with self.assertRaises(TimeoutError):
            run(main())

    def test_a_deadlock_is_an_error(self):
        async def main():
            await asyncio.get_running_loop().create_future()

        with self.assertRaisesRegex(RuntimeError, "cannot happen"):
            run(main())
