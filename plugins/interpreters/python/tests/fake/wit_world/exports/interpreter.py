"""The types of `sport:interpreter/interpreter`."""

from dataclasses import dataclass


@dataclass
class Info:
    language: str
    version: str
    packages: list


@dataclass
class Request:
    code: str
    stdin: bytes | None = None
    arguments: tuple = ()


@dataclass
class Value:
    json: str | None
    repr: str


@dataclass
class Raised:
    class_: str
    message: str
    traceback: str | None


@dataclass
class Ending_Value:
    value: Value | None


@dataclass
class Ending_Answered:
    value: str


@dataclass
class Ending_Raised:
    value: Raised


@dataclass
class Ending_Exited:
    value: int
