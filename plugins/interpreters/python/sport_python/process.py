"""What agent code may have bent for the whole interpreter, put back.

The namespace is the session's memory and is left alone. Built-in functions, the working directory, the search path
and the like belong to the interpreter: a step that overwrites `len` or changes directory does so for itself only.
"""

import builtins
import os
import random
import sys

from . import event_loop, files, stdlib

RECURSION_LIMIT = 1000
# Calls cost memory only, but unwinding them after an error takes stack: deeper than this would end the session.
MAX_RECURSION_LIMIT = 20_000

# Names of its own for what is needed while a built-in may be gone.
_tuple, _zip, _Anything = tuple, zip, BaseException
_names = ()
_objects = ()
_finders = []
_fresh = True


def _exit(code=None):
    """End the run with an exit code."""
    raise SystemExit(code)


_exit.__name__ = _exit.__qualname__ = "exit"
_exit.__module__ = "builtins"


def _set_recursion_limit(limit, /):
    """Set the recursion limit, up to what this interpreter can unwind."""
    _system_limit(min(limit, MAX_RECURSION_LIMIT))


_system_limit = sys.setrecursionlimit


def install():
    """When the component is built: the built-ins as they are to be."""
    global _names, _objects
    # `os._exit` would take the session with it.
    builtins.exit = builtins.quit = os._exit = _exit
    sys.setrecursionlimit = _set_recursion_limit
    event_loop.install()
    sys.dont_write_bytecode = True
    # The folders of the build are gone at run time; agent code may write modules of its own.
    sys.path[:] = [files.SCRATCH]
    sys.path_importer_cache.clear()
    os.environ.clear()
    stdlib.keep()
    _finders[:] = sys.meta_path
    _names = tuple(vars(builtins))
    _objects = tuple(vars(builtins).values())


def restore_builtins():
    """Built-ins as they were at the start. Works with any of them overwritten or deleted."""
    current = builtins.__dict__
    try:
        # Equal objects are the same objects, unless the code made one that equals everything: its own loss.
        intact = _tuple(current.values()) == _objects
    except _Anything:
        intact = False
    if not intact:
        current.clear()
        current.update(_zip(_names, _objects))


def prepare():
    """Before a run."""
    global _fresh
    restore_builtins()
    if _fresh:
        # The generator was seeded when the component was built; a session draws its own seed from the host.
        random.seed(int.from_bytes(os.urandom(32), "little"))
        _fresh = False
    if sys.getrecursionlimit() != RECURSION_LIMIT:
        _system_limit(RECURSION_LIMIT)
    if sys.gettrace() or sys.getprofile():
        sys.settrace(None)
        sys.setprofile(None)
    stdlib.restore()
    if sys.meta_path != _finders:
        sys.meta_path[:] = _finders
    if sys.path != [files.SCRATCH]:
        sys.path[:] = [files.SCRATCH]
    if sys.path_importer_cache:
        # A module that an earlier step looked for in vain may have been written since.
        sys.path_importer_cache.clear()
    if os.environ:
        os.environ.clear()
    if os.getcwd() != files.SCRATCH:
        try:
            os.chdir(files.SCRATCH)
        except OSError:
            # The host gave this session no files: names then resolve to nothing, and `open` says so.
            pass
