"""An event loop for `asyncio` that needs no sockets.

Python's own loop wakes itself through a pair of sockets, which do not exist here. With no threads and no network the
only thing to wait for is time, so this one sleeps until the next timer.
"""

import asyncio
import time
from asyncio import base_events, unix_events


class _Timers:
    """Stands in for the selector: nothing but time happens."""

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("every task waits for something that cannot happen here (no threads, no network)")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self):
        pass


class EventLoop(base_events.BaseEventLoop):
    """Tasks, timers, queues, locks; no sockets, no threads, no processes, no signals."""

    def __init__(self):
        super().__init__()
        self._selector = _Timers()

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass


def install():
    """Make it what `asyncio` uses, whichever way somebody asks for a loop."""
    # The default policy asks this attribute, and code that sets a policy of its own usually derives it from that one.
    unix_events._UnixDefaultEventLoopPolicy._loop_factory = EventLoop
    for module in (asyncio, unix_events):
        module.SelectorEventLoop = module.EventLoop = EventLoop
