"""Models that the operator granted, asked by their roles.

    answer = chat.ask("vision", ["What is on this picture?", photo], system="Answer in one word.")
    verdict = chat.ask("judge", "Is 12 * 12 = 144?", schema={"type": "object", "properties": {"right": {"type": "boolean"}}}).json()
"""

import dataclasses
import json

from . import host
from .content import Text
from .failure import Failure

_wit = host.imported("chat")
# From the contract's code to kind of failure; the failure's code is `chat-` and the contract's.
_KINDS = {
    "invalid": "invalid-input",
    "denied": "denied",
    "unknown-model": "not-found",
    "rate-limited": "rate-limited",
    "budget": "exhausted",
    "deadline": "deadline",
}


@dataclasses.dataclass
class Message:
    """What somebody said: `role` is `system`, `user`, `assistant` or `tool`, `content` a list of Text, Image and Artifact."""

    role: str
    content: list

    def text(self):
        """All its texts as one."""
        return "".join(piece.text for piece in self.content if isinstance(piece, Text))


@dataclasses.dataclass
class Question:
    """Everything that is asked. `schema` is a JSON Schema that the answer must satisfy; the host checks it."""

    model: str
    messages: list[Message]
    schema: dict | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclasses.dataclass
class Answer:
    """What a model said. `finish` is `stop`, `length`, `filtered` or `cancelled`; `model` is its own word for itself."""

    text: str
    finish: str = "stop"
    input_tokens: int = 0
    output_tokens: int = 0
    model: str = ""

    def json(self):
        """The answer as JSON."""
        return json.loads(self.text)


def ask(model, content, system=None, history=(), **options):
    """Asks the model of a role; `content` is a text, an image, or a list of them, `history` what was said before, as messages.

    `options` are those of `Question`: `schema`, `max_tokens`, `temperature`, `seed`, `stop`. Raises `Failure` where there is no answer.
    """
    messages = [] if system is None else [Message("system", _pieces(system))]
    messages += [*history, Message("user", _pieces(content))]
    return send(Question(model, messages, **options))


def send(question):
    """The same for a question that was put together by hand."""
    if _wit is None:
        return host.native().converse(question)
    from componentize_py_types import Err

    from .wire import lower_content

    messages = [
        _wit.Message(getattr(_wit.Role, message.role.upper()), [lower_content(piece) for piece in message.content])
        for message in question.messages
    ]
    schema = None if question.schema is None else json.dumps(question.schema)
    try:
        answer = _wit.generate(
            _wit.Request(
                question.model,
                messages,
                schema,
                question.max_tokens,
                question.temperature,
                question.seed,
                list(question.stop),
                [],
            )
        )
    except Err as error:
        raise failure(_word(error.value.code), error.value.message) from None
    return Answer(answer.text, _word(answer.finish), answer.usage.input_tokens, answer.usage.output_tokens, answer.model)


def failure(code, message):
    """The failure of a question that got no answer."""
    return Failure(message, kind=_KINDS.get(code, "unavailable"), code=f"chat-{code}")


def _pieces(content):
    pieces = content if isinstance(content, list) else [content]
    return [Text(piece) if isinstance(piece, str) else piece for piece in pieces]


def _word(case):
    """An enum's case as the contract spells it."""
    return case.name.lower().replace("_", "-")
