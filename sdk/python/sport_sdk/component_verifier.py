"""What a verifier component exports: `sport:verifier/verifier`."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import verifier as contract

from . import machine, plugin, verify, wire

machine.install()
# Set by the module that the build makes: the plugin's name.
NAME = "verifier"


class Verifier(exports.Verifier):
    """The verifier that the plugin's module declared."""

    def describe(self):
        """What it is."""
        verifier = plugin.VERIFIERS[0]
        traits = contract.Traits(0)
        for name, claimed in verifier.traits.items():
            if claimed:
                traits |= contract.Traits[name.upper()]
        schema = None if verifier.config_schema is None else json.dumps(verifier.config_schema)
        return contract.Descriptor(verifier.given_name or NAME, verifier.description, schema, traits)

    def judge(self, step, config):
        """Judges a step."""
        try:
            return [_judgement(one) for one in plugin.judge(_step(step), json.loads(config))]
        except Exception as error:  # noqa: BLE001 - nothing may leave but a failure
            raise Err(wire.internal(error)) from None
        finally:
            machine.flush()


def _judgement(one):
    verdict = contract.Verdict[one.verdict.upper()]
    return contract.Judgement(verdict, one.score, one.rationale, list(one.evidence))


def _step(step):
    return verify.Step(
        query=step.query,
        candidates=[_action(verify.Candidate, one, answer=wire.json_or_none(one.answer)) for one in step.candidates],
        files=[_artifact(one) for one in step.files],
        captions=step.captions,
        tools=[
            {"name": one.name, "description": one.description, "input_schema": json.loads(one.input_schema)}
            for one in step.tools
        ],
        history=[_action(verify.PastStep, one) for one in step.history],
        depth=step.depth,
        max_depth=step.max_depth,
    )


def _action(kind, one, **more):
    observation = [wire.lift_content(piece) for piece in one.observation]
    return kind(code=one.code, thought=one.thought, observation=observation, execution=_execution(one.execution), **more)


def _execution(one):
    dependences = [
        verify.Dependence(
            dependence.tool,
            dependence.pointer,
            dependence.effect.name.lower(),
            json.loads(dependence.changed_to),
            wire.json_or_none(dependence.answer_under),
        )
        for dependence in one.dependences
    ]
    tools = [_use(use) for use in one.tools]
    return verify.Execution(one.ending.name.lower(), one.error, tools, dependences, one.wall_ms)


def _use(use):
    if isinstance(use.outcome, Err):
        failure = use.outcome.value
        record = {
            "kind": failure.kind.name.lower().replace("_", "-"),
            "code": failure.code,
            "message": failure.message,
            "retryable": failure.retryable,
        }
        return verify.ToolUse(use.name, json.loads(use.arguments), None, record)
    return verify.ToolUse(use.name, json.loads(use.arguments), wire.json_or_none(use.outcome.value))


def _artifact(one):
    return {"digest": one.digest, "media_type": one.media_type, "size": one.size, "name": one.name}
