"""The host's tools as Python functions.

At the start of every run the tools that the host lists are put into the namespace under their names. Agent code may
use such a name for something of its own, but only until its end: the tool is back at the next step.
"""

import inspect
import json
import keyword
import re

from componentize_py_types import Err
from wit_world.imports import tools as host
from wit_world.imports import types

from .values import to_json

_decode = json.loads


class ToolError(Exception):
    """A tool could not do what it was asked. `code` and `kind` are stable names, `message` is a sentence."""

    __module__ = "builtins"

    def __init__(self, message, code="tool-error", kind="internal", tool=None, retryable=False, details=None):
        super().__init__(message)
        self.message = message
        self.code = code
        self.kind = kind
        self.tool = tool
        self.retryable = retryable
        self.details = details

    def __str__(self):
        return f"{self.tool}: {self.message} ({self.code})" if self.tool else str(self.message)


class Tool:
    """One tool, called like a function, with the arguments that its schema names."""

    __module__ = "builtins"

    def __init__(self, info):
        self.__name__ = self.__qualname__ = info.name
        self.__doc__ = info.description
        self._schema_text = info.input_schema
        self._signature = None

    def __call__(self, *args, **kwargs):
        # Nothing of the host's exceptions reaches agent code: `from None` keeps the traceback to its own lines.
        arguments = self._arguments(args, kwargs)
        try:
            outcome = host.invoke(self.__name__, arguments)
        except Err as error:
            raise self._error(error.value) from None
        return _result(outcome)

    def __repr__(self):
        return f"<tool {self._call_form()}>"

    @property
    def __signature__(self):
        if self._signature is None:
            self._signature = Signature(self._schema_text)
        return self._signature.python

    def _call_form(self):
        signature = self.__signature__
        return self.__name__ + self._signature.text if signature is not None else f"{self.__name__}(…)"

    def _arguments(self, args, kwargs):
        """The call's arguments as a JSON object."""
        if self._signature is None:
            self._signature = Signature(self._schema_text)
        try:
            given = self._signature.bind(args, kwargs)
        except TypeError as error:
            raise TypeError(f"{self.__name__}() {error}; call it as {self._call_form()}") from None
        return "{" + ",".join(
            f"{to_json(name, 'a name')}:{to_json(value, f'the argument {name!r} of {self.__name__}()')}"
            for name, value in given.items()
        ) + "}"

    def _error(self, failure):
        message = failure.message
        if failure.kind is types.FailureKind.INVALID_INPUT:
            message = f"{message.rstrip('.')}; call it as {self._call_form()}"
        return ToolError(
            message,
            code=failure.code,
            kind=failure.kind.name.lower().replace("_", "-"),
            tool=self.__name__,
            retryable=failure.retryable,
            details=None if failure.details is None else _decode(failure.details),
        )


class Signature:
    """A tool's parameters, read from its JSON Schema: the required ones first, each group in the schema's order."""

    def __init__(self, schema_text):
        schema = _decode(schema_text)
        self._properties = schema.get("properties") or {}
        required = set(schema.get("required") or ())
        self.names = sorted(self._properties, key=lambda name: name not in required)
        self._required = [name for name in self.names if name in required]
        extra = schema.get("additionalProperties", "properties" not in schema)
        # By the standard an absent keyword allows anything; a misspelt argument is the likelier case.
        self._open = extra is not False
        self.text = self._write()

    def _write(self):
        parts = [
            name if name in self._required else f"{name}={self._default(name)!r}" for name in self.names
        ]
        return "(" + ", ".join(parts + ["**more"] * self._open) + ")"

    def _default(self, name):
        schema = self._properties[name]
        return schema.get("default") if isinstance(schema, dict) else None

    @property
    def python(self):
        """As `inspect.signature` gives it; None if a name is not one that Python can write."""
        parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=inspect.Parameter.empty if name in self._required else self._default(name),
            )
            for name in self.names
            if name.isidentifier() and not keyword.iskeyword(name)
        ]
        return inspect.Signature(parameters)

    def bind(self, args, kwargs):
        """Names with values; a `TypeError` that says what is wrong with them."""
        if len(args) > len(self.names):
            raise TypeError(f"takes {_count(len(self.names), 'argument')}, but {len(args)} were given")
        given = dict(zip(self.names, args))
        for name, value in kwargs.items():
            if name in given:
                raise TypeError(f"got the argument {name!r} twice")
            if name not in self._properties and not self._open:
                raise TypeError(f"has no argument {name!r}")
            given[name] = value
        missing = [repr(name) for name in self._required if name not in given]
        if missing:
            raise TypeError(f"is missing the argument{'s' * (len(missing) > 1)} {' and '.join(missing)}")
        # `None` for an optional argument means that it was left out, unless null is a value of its own.
        return {name: value for name, value in given.items() if value is not None or self._takes_null(name)}

    def _takes_null(self, name):
        if name in self._required:
            return True
        schema = self._properties.get(name)
        kinds = schema.get("type") if isinstance(schema, dict) else None
        return kinds == "null" or isinstance(kinds, list) and "null" in kinds


def _count(number, noun):
    return f"{number or 'no'} {noun}{'s' * (number != 1)}"


def _result(outcome):
    """What agent code gets: the structured result, else the text, else the files' names."""
    if outcome.structured is not None:
        return _decode(outcome.structured)
    texts = [item.value for item in outcome.content if isinstance(item, types.Content_Text)]
    if texts:
        return "\n".join(texts)
    names = [item.value.name for item in outcome.content if isinstance(item, types.Content_Artifact)]
    if len(names) == 1:
        return names[0]
    return names or None


_known = {}
_bound = {}


def bind(namespace):
    """Put the tools that the host lists now into `namespace`, and take out those that it no longer lists."""
    global _bound
    tools = {}
    for info in host.list_tools():
        key = (info.name, info.description, info.input_schema)
        tool = _known.get(key)
        if tool is None:
            tool = _known[key] = Tool(info)
        tools.setdefault(_python_name(info.name), tool)
    for name, tool in _bound.items():
        if name not in tools and namespace.get(name) is tool:
            del namespace[name]
    namespace.update(tools)
    _bound = tools


def _python_name(name):
    """The name that agent code calls a tool by: `image-info` is `image_info`."""
    name = re.sub(r"\W", "_", name)
    return f"{name}_" if keyword.iskeyword(name) or name[:1].isdigit() else name
