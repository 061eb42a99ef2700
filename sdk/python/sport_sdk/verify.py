"""What a verifier is given and what it gives back: the records of `sport:verifier`, with JSON parsed."""

import dataclasses
import typing


@dataclasses.dataclass
class ToolUse:
    """One tool call of a candidate: `result` where it has one, else `failure` (kind, code, message)."""

    name: str
    arguments: dict
    result: typing.Any = None
    failure: dict | None = None


@dataclasses.dataclass
class Dependence:
    """Counterfactual fact: the code was run again with one value of a tool's result changed."""

    tool: int
    pointer: str
    effect: str
    changed_to: typing.Any = None
    answer_under: typing.Any = None


@dataclasses.dataclass
class Execution:
    """What the host saw; a candidate cannot forge it. `ending` is a word of the contract, for example `answered`."""

    ending: str = "unparsed"
    error: str | None = None
    tools: list[ToolUse] = dataclasses.field(default_factory=list)
    dependences: list[Dependence] = dataclasses.field(default_factory=list)
    wall_ms: int = 0


@dataclasses.dataclass
class Candidate:
    """One of the actions that a verifier compares; `observation` is a list of content."""

    code: str
    thought: str = ""
    observation: list = dataclasses.field(default_factory=list)
    execution: Execution = dataclasses.field(default_factory=Execution)
    answer: typing.Any = None


@dataclasses.dataclass
class PastStep:
    """An earlier step: only the winner is kept."""

    code: str
    thought: str = ""
    observation: list = dataclasses.field(default_factory=list)
    execution: Execution = dataclasses.field(default_factory=Execution)


@dataclasses.dataclass
class Step:
    """One step of a task with its candidates, in the order in which they are to be judged."""

    query: str = ""
    candidates: list[Candidate] = dataclasses.field(default_factory=list)
    files: list = dataclasses.field(default_factory=list)
    captions: list[str] = dataclasses.field(default_factory=list)
    tools: list[dict] = dataclasses.field(default_factory=list)
    history: list[PastStep] = dataclasses.field(default_factory=list)
    depth: int = 0
    max_depth: int = 0


@dataclasses.dataclass
class Judgement:
    """A verifier's word on one candidate: `pass`, `fail` or `abstain`, a score from 0 to 1 or none, and why.

    `evidence` are quotes that occur in the candidate; the host checks.
    """

    verdict: str
    score: float | None = None
    rationale: str = ""
    evidence: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def passed(cls, score, rationale):
        """Good, with a score."""
        return cls("pass", score, rationale)

    @classmethod
    def failed(cls, score, rationale):
        """Bad, with a score."""
        return cls("fail", score, rationale)

    @classmethod
    def abstain(cls, rationale):
        """Cannot say."""
        return cls("abstain", None, rationale)


def _execution(value):
    tools = []
    for call in value.get("tools", []):
        outcome = call.get("outcome", {})
        result = outcome.get("Ok")
        # The host's own record has content beside the structured result.
        if isinstance(result, dict) and result.keys() == {"content", "structured"}:
            result = result["structured"]
        tools.append(ToolUse(call["name"], call["arguments"], result, outcome.get("Err")))
    dependences = [Dependence(**one) for one in value.get("dependences", [])]
    error, wall = value.get("error"), value.get("wall_ms", 0)
    return Execution(value.get("ending", "unparsed"), error, tools, dependences, wall)


def step_from_json(value):
    """A step in the form that the host keeps and that `cases.json` has."""

    def action(kind, one, **more):
        return kind(
            code=one["code"],
            thought=one.get("thought", ""),
            observation=one.get("observation", []),
            execution=_execution(one.get("execution", {})),
            **more,
        )

    return Step(
        query=value.get("query", ""),
        candidates=[action(Candidate, one, answer=one.get("answer")) for one in value.get("candidates", [])],
        files=value.get("files", []),
        captions=value.get("captions", []),
        tools=value.get("tools", []),
        history=[action(PastStep, one) for one in value.get("history", [])],
        depth=value.get("depth", 0),
        max_depth=value.get("max_depth", 0),
    )
