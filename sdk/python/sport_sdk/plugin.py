"""The decorators, and what they know of a plugin."""

import inspect
import json
import typing

from . import schema
from .content import Outcome, Text
from .failure import Failure, invalid
from .verify import Step, step_from_json

HINTS = ("read_only", "destructive", "idempotent", "open_world", "deterministic")
TRAITS = ("deterministic", "uses_model", "uses_network", "runs_code")

# What the plugin's module declared, in its order.
TOOLS = {}
VERIFIERS = []


class Parameter(typing.NamedTuple):
    """One parameter of a tool."""

    hint: object
    required: bool


class Tool:
    """One tool: a function with what its signature says."""

    def __init__(self, function, name, title, hints):
        self.function = function
        self.name = name or function.__name__
        self.title = title
        self.hints = hints
        self.description = _description(function, "tool", "it is what a model reads")
        annotations = typing.get_type_hints(function, include_extras=True)
        if "return" not in annotations:
            raise TypeError(f"tool {self.name} has no type hint for its result; write `-> str`, or `-> None` if there is none")
        self.result = annotations["return"]
        self.parameters = {}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise TypeError(f"tool {self.name} takes *{parameter.name}; a tool's parameters are plain names")
            if parameter.name not in annotations:
                raise TypeError(f"parameter {parameter.name} of tool {self.name} has no type hint; write `{parameter.name}: str`")
            hint = annotations[parameter.name]
            required = parameter.default is parameter.empty and not _takes_none(hint)
            self.parameters[parameter.name] = Parameter(hint, required)
        # What has no schema should say so where the function is written, not where it is called.
        self.input_schema = {
            "type": "object",
            "properties": {name: schema.schema_of(one.hint) for name, one in self.parameters.items()},
            "required": [name for name, one in self.parameters.items() if one.required],
            "additionalProperties": False,
        }
        self.output_schema = schema.schema_of(self.result) if schema.has_output(self.result) else None

    def call(self, arguments):
        """Runs it with arguments from JSON and gives its outcome."""
        arguments = {} if arguments is None else arguments
        if not isinstance(arguments, dict):
            raise invalid(f"the arguments of {self.name} must be an object")
        for name in arguments:
            if name not in self.parameters:
                raise invalid(f"{self.name} has no argument `{name}`; {self.usage()}", "unknown-argument")
        values = {}
        for name, parameter in self.parameters.items():
            if name in arguments:
                values[name] = schema.decode(arguments[name], parameter.hint, name)
            elif parameter.required:
                raise invalid(f"{self.name} needs the argument `{name}`; {self.usage()}", "missing-argument")
            elif inspect.signature(self.function).parameters[name].default is inspect.Parameter.empty:
                values[name] = None
        try:
            result = self.function(**values)
        except Failure:
            raise
        except Exception as error:
            raise Failure.of(error) from error
        return self.outcome(result)

    def outcome(self, result):
        """The outcome of a result: text is text, content is content, everything else is structured."""
        if isinstance(result, Outcome):
            return result
        if not schema.has_output(self.result):
            if result is None:
                return Outcome()
            pieces = result if isinstance(result, list) else [result]
            return Outcome([Text(piece) if isinstance(piece, str) else piece for piece in pieces])
        structured = schema.encode(result)
        if getattr(result, "SPORT_ARTIFACT", False):
            return Outcome([result], structured)
        return Outcome([Text(json.dumps(structured, ensure_ascii=False, separators=(",", ":")))], structured)

    def usage(self):
        """What it takes, for messages."""
        if not self.parameters:
            return "it takes no arguments"
        words = [
            f"`{name}` ({schema.expectation(schema.schema_of(one.hint))}{'' if one.required else ', optional'})"
            for name, one in self.parameters.items()
        ]
        return "it takes " + ", ".join(words)


class Verifier:
    """One verifier: a function that judges a step."""

    def __init__(self, function, name, traits):
        self.function = function
        self.given_name = name
        self.name = name or function.__name__
        self.traits = traits
        self.description = _description(function, "verifier", "it says what it judges by")
        parameters = list(inspect.signature(function).parameters)
        if len(parameters) not in (1, 2):
            raise TypeError(f"verifier {self.name} takes `step: Step` and, if it has one, `config: Config`")
        annotations = typing.get_type_hints(function, include_extras=True)
        self.config = annotations.get(parameters[1]) if len(parameters) == 2 else None
        if len(parameters) == 2 and self.config is None:
            raise TypeError(f"parameter {parameters[1]} of verifier {self.name} has no type hint; make it a dataclass")
        self.config_schema = schema.schema_of(self.config) if self.config else None

    def judge(self, step, config=None):
        """Judges a step with a config from JSON."""
        arguments = [step]
        if self.config is not None:
            arguments.append(schema.decode({} if config is None else config, self.config, "config"))
        try:
            return list(self.function(*arguments))
        except Failure:
            raise
        except Exception as error:
            raise Failure.of(error) from error


def tool(function=None, /, *, name=None, title=None, **hints):
    """Makes a tool of a function. `read_only`, `destructive`, `idempotent`, `open_world`, `deterministic` are the author's claims.

        @tool(read_only=True)
        def double(number: float) -> float:
            "Doubles a number."
            return number * 2
    """
    _check("tool", hints, HINTS)

    def declare(function):
        made = Tool(function, name, title, hints)
        known = TOOLS.get(made.name)
        if known is not None and known.function.__qualname__ != function.__qualname__:
            raise TypeError(f"two tools are called {made.name}")
        TOOLS[made.name] = made
        return function

    return declare if function is None else declare(function)


def verifier(function=None, /, *, name=None, **traits):
    """Makes a verifier of a function that takes a `Step` and gives one `Judgement` per candidate, in their order.

    A second parameter is the config, a dataclass. `deterministic`, `uses_model`, `uses_network`, `runs_code` are the author's
    claims.
    """
    _check("verifier", traits, TRAITS)

    def declare(function):
        made = Verifier(function, name, traits)
        VERIFIERS[:] = [one for one in VERIFIERS if one.function.__qualname__ != function.__qualname__]
        VERIFIERS.append(made)
        if len(VERIFIERS) > 1:
            raise TypeError(f"a plugin is one verifier; this one declares {VERIFIERS[0].name} and {made.name}")
        return function

    return declare if function is None else declare(function)


def call(name, arguments=None):
    """Calls a tool the way the host does: arguments from JSON, messages and all. Gives its `Outcome`, or raises `Failure`."""
    tool = TOOLS.get(name)
    if tool is None:
        there = ", ".join(TOOLS) or "none"
        raise Failure(f"there is no tool {name} here; there is {there}", kind="not-found", code="unknown-tool")
    return tool.call(arguments)


def judge(step, config=None):
    """Judges a step: a `Step`, or one in the form that the host keeps. Gives a list of `Judgement`."""
    if not VERIFIERS:
        raise Failure("no verifier is declared here; import the plugin's module first", kind="not-found", code="no-verifier")
    return VERIFIERS[0].judge(step if isinstance(step, Step) else step_from_json(step), config)


def _check(what, given, known):
    for name in given:
        if name not in known:
            raise TypeError(f"@{what} has no option {name!r}; there is {', '.join(known)}")


def _description(function, what, why):
    text = inspect.getdoc(function)
    if not text:
        raise TypeError(f"{what} {function.__name__} needs a docstring: {why}")
    return text


def _takes_none(hint):
    if typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    return type(None) in typing.get_args(hint)
