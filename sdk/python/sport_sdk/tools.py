"""Other tools, on the caller's own budget and grants; must be granted.

    total = tools.invoke("calculate", {"expression": "6*7"}).structured
"""

import dataclasses
import json

from . import host
from .content import Outcome
from .failure import Failure

_wit = host.imported("tools")


@dataclasses.dataclass
class ToolInfo:
    """A tool that may be called: its name, what it does, and the schema of its arguments."""

    name: str
    description: str
    input_schema: dict


def list_tools():
    """The tools that may be called."""
    if _wit is None:
        return [ToolInfo(name, "", {"type": "object"}) for name in sorted(host.native().tools)]
    return [ToolInfo(one.name, one.description, json.loads(one.input_schema)) for one in _wit.list_tools()]


def invoke(name, arguments):
    """Calls a tool and gives its `Outcome`."""
    if _wit is None:
        function = host.native().tools.get(name)
        if function is None:
            raise Failure(f"there is no tool {name}", kind="not-found", code="no-such-tool")
        result = function(arguments)
        return result if isinstance(result, Outcome) else Outcome([], result)
    from .wire import lift_content

    with host.failures():
        outcome = _wit.invoke(name, json.dumps(arguments))
    structured = None if outcome.structured is None else json.loads(outcome.structured)
    return Outcome([lift_content(one) for one in outcome.content], structured)
