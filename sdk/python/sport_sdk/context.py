"""The call that this plugin is part of.

    if context.remaining().wall_ms_left < 1000:
        raise Failure("too little time is left", kind="deadline")
"""

import dataclasses

from . import host

_wit = host.imported("context")


@dataclasses.dataclass
class Budget:
    """What is left of the caller's budget; tokens where a model may be asked."""

    wall_ms_left: int
    calls_left: int
    tokens_left: int | None = None


def run_id():
    """The run's id."""
    return host.native().run_id if _wit is None else _wit.run_id()


def remaining():
    """What is left of the caller's budget. Recorded, and replayed in forks."""
    if _wit is None:
        return host.native().budget
    left = _wit.remaining()
    return Budget(left.wall_ms_left, left.calls_left, left.tokens_left)


def progress(done, message=""):
    """Says how far the work is, from 0 to 1."""
    if _wit is None:
        host.native().progress.append((done, message))
    else:
        _wit.progress(done, message)
