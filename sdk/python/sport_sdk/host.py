"""The way to the host: the component's imports, or natively the host in memory that `testing` keeps."""

import contextlib
import importlib
import importlib.util
import json

from .failure import KINDS, Failure

# The modules that are a request for a capability when a plugin names them.
CAPABILITIES = ("artifacts", "chat", "context", "fetch", "kv", "secrets", "tools")

IN_COMPONENT = importlib.util.find_spec("wit_world") is not None


def imported(name):
    """The component's import of this interface; natively there is none."""
    if not IN_COMPONENT:
        return None
    try:
        return importlib.import_module(f"wit_world.imports.{name}")
    except ModuleNotFoundError:
        raise ImportError(f"the build did not see that sport_sdk.{name} is used: write `from sport_sdk import {name}`") from None


def native():
    """The host in memory of the test that runs."""
    from . import testing

    return testing.current()


@contextlib.contextmanager
def failures():
    """Makes a `Failure` of what the host answers with."""
    if not IN_COMPONENT:
        yield
        return
    from componentize_py_types import Err

    try:
        yield
    except Err as error:
        raise of_host(error.value) from None


def of_host(value):
    """The contract's record as a failure."""
    details = None if value.details is None else json.loads(value.details)
    return Failure(value.message, KINDS[value.kind.value], value.code, value.retryable, details)
