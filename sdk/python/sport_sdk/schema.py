"""From type hints to JSON Schema 2020-12, and from JSON to values of those types and back."""

import dataclasses
import enum
import json
import math
import types
import typing

from .content import CONTENT, Content, Outcome
from .failure import invalid

ARTIFACT = {"type": "string", "format": "sport-artifact"}


@dataclasses.dataclass(frozen=True)
class Between:
    """Bounds of a number, or of a length: `Annotated[int, Between(0, 10)]`."""

    low: float | None = None
    high: float | None = None


def is_artifact(hint):
    """Whether it is the class of artifacts, which nothing here imports: then every plugin would ask for them."""
    return getattr(hint, "SPORT_ARTIFACT", False)


def schema_of(hint):
    """The schema of a type hint."""
    if is_artifact(hint):
        return dict(ARTIFACT)
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _annotated(schema_of(arguments[0]), arguments[1:])
    if origin is typing.Literal:
        return _choice(list(arguments))
    if origin in (typing.Union, types.UnionType):
        return _union(arguments)
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is ...:
            return {"type": "array", "items": schema_of(arguments[0])}
        count = len(arguments)
        items = [schema_of(item) for item in arguments]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": count, "maxItems": count}
    if origin is dict:
        if arguments[0] is not str:
            raise TypeError(f"the keys of {hint} must be str")
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choice([member.value for member in hint])
    if dataclasses.is_dataclass(hint) or typing.is_typeddict(hint):
        return _record(hint)
    raise TypeError(
        f"{hint} has no JSON Schema; use str, int, float, bool, list[..], tuple[..], dict[str, ..], Literal, an Enum, "
        "a dataclass, a TypedDict, Artifact or Any"
    )


_PLAIN = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    None: {"type": "null"},
    type(None): {"type": "null"},
    list: {"type": "array"},
    dict: {"type": "object"},
    typing.Any: {},
}


def _annotated(schema, notes):
    for note in notes:
        if isinstance(note, str):
            schema["description"] = note
        elif isinstance(note, Between):
            low, high = _BOUNDS.get(schema.get("type"), ("minimum", "maximum"))
            schema |= {} if note.low is None else {low: note.low}
            schema |= {} if note.high is None else {high: note.high}
    return schema


_BOUNDS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}


def _choice(values):
    kinds = {type(value) for value in values}
    schema = {"enum": values}
    if kinds == {str}:
        schema = {"type": "string"} | schema
    elif kinds == {int}:
        schema = {"type": "integer"} | schema
    return schema


def _union(hints):
    schemas = [schema_of(hint) for hint in hints if hint is not type(None)]
    optional = len(schemas) < len(hints)
    if len(schemas) == 1 and isinstance(schemas[0].get("type"), str) and "enum" not in schemas[0]:
        kind = schemas[0]["type"]
        return schemas[0] | {"type": [kind, "null"] if optional else kind}
    return {"anyOf": schemas + ([{"type": "null"}] if optional else [])}


def _record(hint):
    fields = record_fields(hint)
    return {
        "type": "object",
        "properties": {name: schema_of(field) for name, (field, _) in fields.items()},
        "required": [name for name, (_, required) in fields.items() if required],
        "additionalProperties": False,
    }


def record_fields(hint):
    """The fields of a dataclass or TypedDict: name to type and whether it must be given."""
    hints = typing.get_type_hints(hint, include_extras=True)
    if typing.is_typeddict(hint):
        return {name: (field, name in hint.__required_keys__) for name, field in hints.items()}
    missing = dataclasses.MISSING
    return {
        field.name: (hints[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(hint)
        if field.init
    }


def has_output(hint):
    """Whether a result of this type is structured; text and content are not."""
    plain = (str, None, type(None), Outcome, Content, *CONTENT)
    return hint not in plain and not (typing.get_origin(hint) is list and typing.get_args(hint)[0] in (Content, *CONTENT))


def decode(value, hint, place):
    """A JSON value as a value of the type; `place` is what it is called in messages."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        value = decode(value, arguments[0], place)
        for note in arguments[1:]:
            if isinstance(note, Between):
                _check_bounds(value, note, hint, place)
        return value
    if origin in (typing.Union, types.UnionType):
        for choice in arguments:
            try:
                return decode(value, choice, place)
            except Exception:  # noqa: BLE001, S112 - the next one may take it
                continue
        raise _wrong(value, hint, place)
    if hint is typing.Any:
        return value
    if is_artifact(hint):
        if isinstance(value, dict) and "digest" in value:
            return hint.from_json(value)
        raise _wrong(value, hint, place)
    if origin is typing.Literal:
        if any(type(choice) is type(value) and choice == value for choice in arguments):
            return value
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        for member in hint:
            if type(member.value) is type(value) and member.value == value:
                return member
    elif hint is int:
        # To JSON, 10.0 is an integer.
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    elif hint in (None, type(None)):
        if value is None:
            return None
    elif hint in (str, bool, list, dict):
        if type(value) is hint:
            return value
    elif origin is list and isinstance(value, list):
        return [decode(item, arguments[0], place) for item in value]
    elif origin is tuple and isinstance(value, list):
        kinds = [arguments[0]] * len(value) if arguments[1:] == (...,) else arguments
        if len(kinds) == len(value):
            return tuple(decode(item, kind, place) for item, kind in zip(value, kinds, strict=True))
    elif origin is dict and isinstance(value, dict):
        return {name: decode(item, arguments[1], place) for name, item in value.items()}
    elif (dataclasses.is_dataclass(hint) or typing.is_typeddict(hint)) and isinstance(value, dict):
        return _decode_record(value, hint, place)
    raise _wrong(value, hint, place)


def _decode_record(value, hint, place):
    fields = record_fields(hint)
    unknown = [name for name in value if name not in fields]
    missing = [name for name, (_, required) in fields.items() if required and name not in value]
    if unknown or missing:
        what = f"has no `{unknown[0]}`" if unknown else f"needs `{missing[0]}`"
        raise invalid(f"the argument `{place}` {what}; it has {', '.join(f'`{name}`' for name in fields)}", "invalid-argument")
    values = {name: decode(item, fields[name][0], f"{place}.{name}") for name, item in value.items()}
    return hint(**values)


def _check_bounds(value, bounds, hint, place):
    size = value if isinstance(value, int | float) else len(value)
    if (bounds.low is not None and size < bounds.low) or (bounds.high is not None and size > bounds.high):
        raise _wrong(value, hint, place)


def _wrong(value, hint, place):
    shown = json.dumps(encode(value), ensure_ascii=False)
    shown = shown if len(shown) <= 60 else shown[:60] + "…"
    return invalid(f"the argument `{place}` must be {expectation(schema_of(hint))}, not {shown}", "invalid-argument")


def expectation(schema):
    """What a schema asks for, in a few words."""
    if "enum" in schema:
        return "one of " + ", ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(expectation(one) for one in schema["anyOf"] if one.get("type") != "null")
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(one for one in kind if one != "null")
    if schema.get("format") == "sport-artifact":
        return "the name of a file"
    if kind in ("integer", "number"):
        words = "a whole number" if kind == "integer" else "a number"
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is not None and high is not None:
            return f"{words} from {low} to {high}"
        if low is not None:
            return f"{words} of at least {low}"
        return words if high is None else f"{words} of at most {high}"
    words = {"string": "a string", "boolean": "true or false", "array": "a list", "object": "an object", "null": "null"}
    return words.get(kind, "a value")


def encode(value):
    """The JSON form of a value that a tool gave back."""
    if value is None or isinstance(value, str | bool | int):
        return value.value if isinstance(value, enum.Enum) else value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} has no JSON form")
        return value
    if isinstance(value, enum.Enum):
        return encode(value.value)
    if getattr(value, "SPORT_ARTIFACT", False):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(name): encode(item) for name, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"a {type(value).__name__} has no JSON form")
