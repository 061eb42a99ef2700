"""Requests to hosts that the operator granted. Redirects come back as they are.

    response = fetch.get("https://api.example.com/now")
    if response.status != 200:
        raise Failure(f"the service answered {response.status}", kind="unavailable")
"""

import dataclasses
import json

from . import host
from .failure import Failure

_wit = host.imported("fetch")
# From the contract's code to kind of failure; the failure's code is `fetch-` and the contract's.
_KINDS = {"invalid": "invalid-input", "denied": "denied", "deadline": "deadline", "too-large": "exhausted"}


@dataclasses.dataclass
class Response:
    """What came back: status, headers (names in lower case), body, and whether there was more than was taken."""

    status: int
    headers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    body: bytes = b""
    truncated: bool = False

    def header(self, name):
        """The first header of this name, or None."""
        return next((value for own, value in self.headers if own == name.lower()), None)

    def text(self):
        """The body as text."""
        return self.body.decode(errors="replace")

    def json(self):
        """The body as JSON."""
        return json.loads(self.body)


def request(method, url, headers=None, body=None, timeout=None, max_body=None):
    """Makes a request; a header's value is a text, or a prefix and a `Secret`. Raises `Failure` where nothing came back."""
    if _wit is None:
        return host.native().answer(method, url, headers or {}, body)
    from componentize_py_types import Err

    lines = []
    for name, value in (headers or {}).items():
        if isinstance(value, tuple):
            lines.append((name, _wit.HeaderValue_Secret((value[0], value[1].handle))))
        else:
            lines.append((name, _wit.HeaderValue_Plain(value)))
    milliseconds = None if timeout is None else int(timeout * 1000)
    try:
        answer = _wit.fetch(_wit.Request(method, url, lines, body, milliseconds, max_body))
    except Err as error:
        code = error.value.code.name.lower().replace("_", "-")
        raise failure(code, error.value.message) from None
    return Response(answer.status, answer.headers, answer.body, answer.truncated)


def get(url, **options):
    """A GET."""
    return request("GET", url, **options)


def post(url, body, **options):
    """A POST of these bytes."""
    return request("POST", url, body=body, **options)


def failure(code, message):
    """The failure of a request that got no answer."""
    return Failure(message, kind=_KINDS.get(code, "unavailable"), code=f"fetch-{code}")
