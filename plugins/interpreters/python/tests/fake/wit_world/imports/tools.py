"""`sport:host/tools`: tools that tests put in."""

import json
from dataclasses import dataclass


@dataclass
class ToolInfo:
    name: str
    description: str
    input_schema: str


@dataclass
class Outcome:
    content: list
    structured: str | None


# (info, function of the decoded arguments that gives an outcome or raises Err)
listed = []
calls = []


def list_tools():
    return [info for info, _ in listed]


def invoke(name, arguments):
    arguments = json.loads(arguments)
    calls.append((name, arguments))
    return next(function for info, function in listed if info.name == name)(arguments)
