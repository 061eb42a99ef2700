"""Tools and verifiers for Sport, written as ordinary Python functions.

    from sport_sdk import tool

    @tool(read_only=True)
    def hello(name: str) -> str:
        "Greets someone by name."
        return f"hello, {name}"

The docstring is what a model reads, the type hints are the JSON Schema of the arguments and of the result. What a plugin may ask
of the host are modules of their own: `artifacts`, `chat`, `kv`, `fetch`, `secrets`, `tools`, and `log` and `context`, which need no grant.
A component imports what its code names and nothing else: that list is its request for capabilities.

`sport_sdk.testing` runs a plugin natively, on a host in memory.
"""

from .content import Audio, Content, Image, Other, Outcome, Text
from .failure import Failure
from .plugin import tool, verifier
from .schema import Between
from .verify import Candidate, Dependence, Execution, Judgement, PastStep, Step, ToolUse

__all__ = [
    "Artifact",
    "Audio",
    "Between",
    "Candidate",
    "Content",
    "Dependence",
    "Execution",
    "Failure",
    "Image",
    "Judgement",
    "Other",
    "Outcome",
    "PastStep",
    "Step",
    "Text",
    "ToolUse",
    "tool",
    "verifier",
]


def __getattr__(name):
    # Naming it is asking for it: a plugin without files has no import of artifacts.
    if name == "Artifact":
        from .artifacts import Artifact

        return Artifact
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
