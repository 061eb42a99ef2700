"""What a component of tools exports: `sport:tool/tool`."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import tool as contract

from . import machine, plugin, wire

machine.install()


class Tool(exports.Tool):
    """The tools that the plugin's module declared."""

    def describe(self):
        """What each of them is."""
        return [_descriptor(tool) for tool in plugin.TOOLS.values()]

    def call(self, name, arguments):
        """Calls one."""
        try:
            outcome = plugin.call(name, json.loads(arguments))
            content = [wire.lower_content(piece) for piece in outcome.content]
            structured = None if outcome.structured is None else json.dumps(outcome.structured)
            return contract.Outcome(content, structured)
        except Exception as error:  # noqa: BLE001 - nothing may leave but a failure
            raise Err(wire.internal(error)) from None
        finally:
            machine.flush()


def _descriptor(tool):
    hints = contract.Hints(0)
    for name, claimed in tool.hints.items():
        if claimed:
            hints |= contract.Hints[name.upper()]
    output = None if tool.output_schema is None else json.dumps(tool.output_schema)
    return contract.Descriptor(tool.name, tool.title, tool.description, json.dumps(tool.input_schema), output, hints)
