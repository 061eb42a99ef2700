"""Secrets that the host keeps: a plugin holds a handle, never the value, and puts it into a header of a request."""

from . import host
from .failure import Failure

_wit = host.imported("secrets")


class Secret:
    """A handle of a secret: `fetch.get(url, headers={"authorization": ("Bearer ", Secret("weather"))})`."""

    def __init__(self, name):
        self.name = name
        if _wit is None:
            if name not in host.native().secrets:
                raise _missing(name)
            return
        from componentize_py_types import Err

        try:
            self.handle = _wit.lookup(name)
        except Err as error:
            if error.value == _wit.SecretError.DENIED:
                raise Failure(f"secret {name} is denied", kind="denied", code="secret-denied") from None
            raise _missing(name) from None


def _missing(name):
    return Failure(f"there is no secret {name}; the operator grants it", kind="not-found", code="secret-missing")
