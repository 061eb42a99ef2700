"""Runs a plugin natively, on a host in memory.

    host = testing.Host(answers={"https://api.example.com/now": fetch.Response(200, body=b"{}")})
    with host:
        outcome = testing.call("forecast", {"city": "Ulm"})
"""

import contextvars
import hashlib
import json
import pathlib

from . import plugin, schema
from .content import Text
from .context import Budget
from .failure import Failure
from .plugin import call, judge

__all__ = ["Host", "call", "cases", "current", "judge"]

_current = contextvars.ContextVar("sport_testing_host")


class Host:
    """What the host would answer: artifacts, keys, log, budget, requests, secrets and other tools, all in memory.

    Used with `with`; outside of one there is a host with nothing in it. Nothing is reached: a request to a URL that `answers`
    does not name is denied, as one to a host that nobody granted. `answers` maps a URL to a `fetch.Response`, or to a function
    of method, URL, headers and body; `tools` maps a name to a function of the arguments; `models` maps a role to a text, or to a
    function of the `chat.Question` that gives back a text or a `chat.Answer`.
    """

    def __init__(self, answers=None, tools=None, secrets=(), run_id="native", models=None):
        self.answers = dict(answers or {})
        self.tools = dict(tools or {})
        self.models = dict(models or {})
        self.secrets = set(secrets)
        self.run_id = run_id
        self.budget = Budget(2**63, 2**31)
        self.log = []
        self.progress = []
        self.requests = []
        self.questions = []
        self.keys = {}
        self.last_revision = 0
        self._artifacts = {}

    def __enter__(self):
        self._token = _current.set(self)
        return self

    def __exit__(self, *_):
        _current.reset(self._token)

    def add_artifact(self, data, media_type="application/octet-stream", name=None):
        """Puts a file into the store, for a tool to be given."""
        from .artifacts import Artifact

        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._artifacts[digest] = data
        return Artifact(digest, media_type, len(data), name)

    def artifact_bytes(self, artifact):
        """The bytes of a file in the store."""
        if artifact.digest not in self._artifacts:
            raise Failure(f"there is no artifact {artifact.digest}", kind="not-found")
        return self._artifacts[artifact.digest]

    def answer(self, method, url, headers, body):
        """What a request gets; it is kept in `requests`."""
        from .fetch import failure

        self.requests.append((method, url, headers, body))
        answer = self.answers.get(url)
        if answer is None:
            raise failure("denied", f"{method} {url}: the test's host has no answer to it")
        return answer(method, url, headers, body) if callable(answer) else answer

    def converse(self, question):
        """What a model says; the question is kept in `questions`."""
        from .chat import Answer, failure

        self.questions.append(question)
        model = self.models.get(question.model)
        if model is None:
            raise failure("unknown-model", f"the test's host has no model {question.model}")
        answer = model(question) if callable(model) else model
        return answer if isinstance(answer, Answer) else Answer(answer)


_nothing = Host()


def current():
    """The host of the test that runs."""
    return _current.get(_nothing)


def cases(path):
    """Runs every case of a `cases.json` and raises `AssertionError` with all that are not as they should be."""
    path = pathlib.Path(path)
    wrong = []
    listed = json.loads(path.read_text(encoding="utf-8"))
    if not listed:
        raise AssertionError(f"{path.name} has no case")
    for number, case in enumerate(listed, 1):
        reason = _judged(case) if "step" in case else _called(case, path.parent)
        if reason:
            wrong.append(f"{path.name}, case {number} ({case.get('tool', 'judge')}): {reason}")
    if wrong:
        raise AssertionError("\n".join(wrong))


def _called(case, folder):
    with Host() as host:
        try:
            outcome = call(case["tool"], _with_files(case, folder, host))
        except Failure as failure:
            wanted = case.get("failure")
            if wanted in (failure.kind, failure.code):
                return None
            return f"it failed with {failure.kind}: {failure}" + (f"; it should fail with {wanted}" if wanted else "")
    if "failure" in case:
        return f"it should fail with {case['failure']}, and it did not"
    text = "\n".join(piece.text for piece in outcome.content if isinstance(piece, Text))
    if "text" in case and text != case["text"]:
        return f"the text is {text!r}; it should be {case['text']!r}"
    if "structured" in case and outcome.structured != case["structured"]:
        return f"the result is {json.dumps(outcome.structured)}; it should be {json.dumps(case['structured'])}"
    return None


def _judged(case):
    try:
        judged = judge(case["step"], case.get("config"))
    except Failure as failure:
        return None if case.get("failure") in (failure.kind, failure.code) else f"it could not judge: {failure}"
    if "failure" in case:
        return f"it should fail with {case['failure']}, and it did not"
    verdicts = [one.verdict for one in judged]
    return None if verdicts == case["verdicts"] else f"the verdicts are {verdicts}; they should be {case['verdicts']}"


def _with_files(case, folder, host):
    """The arguments with the names of the case's files turned into references, where the tool wants files."""
    files = {}
    for name in case.get("files", []):
        path = folder / name
        files[path.name] = host.add_artifact(path.read_bytes(), name=path.name).to_json()
    arguments = dict(case.get("arguments", {}))
    tool = plugin.TOOLS.get(case["tool"])
    for name, value in arguments.items():
        if tool and name in tool.parameters and "sport-artifact" in json.dumps(schema.schema_of(tool.parameters[name].hint)):
            arguments[name] = _replaced(value, files)
    return arguments


def _replaced(value, files):
    if isinstance(value, str):
        return files.get(value, value)
    if isinstance(value, list):
        return [_replaced(item, files) for item in value]
    if isinstance(value, dict):
        return {name: _replaced(item, files) for name, item in value.items()}
    return value

