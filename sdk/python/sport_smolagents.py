"""smolagents on Sport: a `CodeAgent` whose code runs in the sandbox, while its tools stay in this process.

    from smolagents import CodeAgent
    from sport_smolagents import SportExecutor

    with CodeAgent(tools=[search], model=model, executor=SportExecutor()) as agent:
        agent.run("…")

Variables, functions and files live on from step to step. A step that the sandbox stops (its time or memory was up) is undone:
the agent reads why, and goes on from before it. Whatever crosses the border is JSON, bytes or a picture, never a pickle.
Pictures are files to the code, since it has no Pillow: it gets their paths, and gives paths to tools that take pictures.
"""

from __future__ import annotations

import base64
import json
import re
import warnings
from io import BytesIO
from typing import Any, Callable, Iterable, Optional

import PIL.Image
from smolagents.agent_types import AgentImage, AgentText
from smolagents.default_tools import FinalAnswerTool
from smolagents.local_python_executor import CodeOutput, InterpreterError, PythonExecutor
from smolagents.utils import truncate_content

from sport_client import File, Report, Sandbox, Session, SportError, Tool

__all__ = ["SportExecutor"]

# Those of smolagents' own executor.
LOGS_CHARACTERS = 50_000
# What is read of pictures that agent code made. Pillow knows dozens of formats more, and nobody needs those parsers here.
PICTURES = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
# What Pillow can write as PNG without another word.
PNG_MODES = ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA")

# Runs in the sandbox; its own names are gone afterwards.
_TAKE = """
def _take():
    import base64, json, sys
    sent = json.load(sys.stdin)
    for name, (path, data) in sent["pictures"].items():
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
        sent["values"][name] = path
    for name, data in sent["bytes"].items():
        sent["values"][name] = base64.b64decode(data)
    globals().update(sent["values"])
_take()
del _take
"""

_MISSING = """
def _missing(names):
    import importlib.util
    return [name for name in names if importlib.util.find_spec(name) is None]
import sys as _sys
final_answer(_missing(_sys.argv[1:]))
"""


class SportExecutor(PythonExecutor):
    """Executes the code of one agent in a session of Sport's sandbox.

    `sandbox` is one that you opened and will close; without it the executor starts one of its own, with `options`: those of
    `sport_client.Sandbox` (`binary`, `tools`: names of plugins, `files`, `memory`, …). `wall` and `cpu` bound each step in
    seconds; the wall time runs on while a tool or a managed agent works in this process.

    The sandbox has Python's standard library and all of it may be imported, whatever the agent's list says: the list shapes
    the prompt, the sandbox is the border. What is in `additional_authorized_imports` here is checked to exist there.
    `additional_functions` are more functions of this process, with type hints, that the code may call.
    """

    def __init__(self, additional_authorized_imports: Iterable[str] = (), max_print_outputs_length: Optional[int] = None,
                 additional_functions: Optional[dict[str, Callable]] = None, *, sandbox: Optional[Sandbox] = None,
                 wall: float = 300, cpu: float = 30, **options: Any):
        self._options = dict(options, wall=wall, cpu=cpu)
        self._budget = dict(wall=wall, cpu=cpu)
        self._lent = sandbox is not None
        self._sandbox = sandbox or Sandbox(**self._options)
        self._session: Optional[Session] = None
        self._begun = False  # whether there is state of the agent's code
        self._variables: dict = {"values": {}, "bytes": {}, "pictures": {}}
        self._targets: dict = {}
        self._functions = {}
        for name, function in (additional_functions or {}).items():
            tool = Tool.of(function)
            self._functions[name] = Tool(name, tool.description, tool.input_schema, tool.function)
        self._tools: list = list(self._functions.values())
        self._final: Optional[Callable] = None
        self._logs_length = max_print_outputs_length or LOGS_CHARACTERS
        # Where an agent looks for the output of a step that failed.
        self.state: dict = {"_print_outputs": ""}
        try:
            self._plugins = {tool["name"] for tool in self._sandbox.hello()["tools"]}
            self._check_imports(additional_authorized_imports)
        except BaseException:
            self.cleanup()
            raise

    @property
    def session(self) -> Session:
        """The session, for example to `read` a file that the code made. It is another one after a step was stopped."""
        return self._ready()

    def send_tools(self, tools: dict[str, Any]) -> None:
        """Takes the agent's tools and managed agents. `final_answer` is the sandbox's; one of your own gets its answer."""
        final = tools.get("final_answer")
        self._final = None if final is None or type(final) is FinalAnswerTool else final
        self._targets = {name: tool for name, tool in tools.items() if name != "final_answer"}
        taken = sorted(self._plugins & set(self._targets))
        if taken:
            raise InterpreterError(f"the agent and a plugin both have a tool called {', '.join(taken)}; leave one of them out")
        wanted = [self._tool(name, tool) for name, tool in self._targets.items()]
        wanted += [tool for name, tool in self._functions.items() if name not in self._targets]
        if self._session and [_face(tool) for tool in wanted] != [_face(tool) for tool in self._tools]:
            if self._begun:
                warnings.warn("the agent's tools are others than before: its code starts again without its variables",
                              stacklevel=2)
            self._forget()
        self._tools = wanted

    def send_variables(self, variables: dict[str, Any]) -> None:
        """Hands variables over: JSON as it is, bytes, and pictures as the paths of PNG files. Anything else is refused."""
        sent: dict = {"values": {}, "bytes": {}, "pictures": {}}
        for name, value in variables.items():
            value = _raw(value)
            if isinstance(value, PIL.Image.Image):
                path = f"/scratch/{re.sub(r'[^A-Za-z0-9]', '_', name)}.png"
                sent["pictures"][name] = path, base64.b64encode(_png(value)).decode()
            elif isinstance(value, (bytes, bytearray)):
                sent["bytes"][name] = base64.b64encode(value).decode()
            else:
                try:
                    sent["values"][name] = json.loads(json.dumps(value, allow_nan=False))
                except (TypeError, ValueError, RecursionError) as error:
                    raise InterpreterError(
                        f"the variable {name!r} cannot go into the sandbox: {error}; it takes JSON (None, bool, int, float, "
                        "str, list, dict), bytes and PIL images") from None
        for kind, values in sent.items():
            self._variables[kind].update(values)
            for other in self._variables.keys() - {kind}:
                for name in values:
                    self._variables[other].pop(name, None)
        if self._session and any(sent.values()):
            self._hand_over(self._ready(), sent)

    def __call__(self, code_action: str) -> CodeOutput:
        """Runs one step. What goes wrong in the code is raised, with a text that is for the model to read."""
        self.state["_print_outputs"] = ""
        try:
            session = self._ready()
            self._begun = True
            # kept, so that undoing a step that is stopped need not do all earlier ones again
            report = session.run(code_action, budget=self._budget, keep=True)
            logs = report.stdout + report.stderr
            logs = self.state["_print_outputs"] = truncate_content(logs, max_length=self._logs_length)
            if not session.healthy:
                raise InterpreterError(self._heal(report))
            answer = self._answer(session, report.answer) if report.ending == "answered" else None
        except SportError as error:
            if error.code != "ended" or self._lent:
                raise
            self._session = None
            self._sandbox.close()
            self._sandbox = Sandbox(**self._options)
            raise InterpreterError(f"{error}\nthe next step starts in a new sandbox, without the variables of this one") from None
        if report.raised:
            raise InterpreterError(report.raised.traceback)
        if report.ending == "exited" and report.exit_code:
            raise InterpreterError(f"the code called exit({report.exit_code}); nothing after that was run")
        if report.ending == "answered":
            return CodeOutput(self._final(answer) if self._final else answer, logs, True)
        return CodeOutput(report.shown if report.value is None else report.value, logs, False)

    def cancel(self) -> bool:
        """Stops the step that another thread runs; the agent sees that as an error and goes on from before it."""
        return self._session is not None and self._session.cancel()

    def cleanup(self) -> None:
        """Ends the session, and the sandbox unless it was lent. An agent calls it at the end of its `with`."""
        self._forget()
        if not self._lent:
            self._sandbox.close()

    def _ready(self) -> Session:
        if self._session is None:
            session = self._sandbox.open(tools=self._tools)
            try:
                if any(self._variables.values()):
                    self._hand_over(session, self._variables)
            except BaseException:
                session.close()
                raise
            self._session = session
        elif not self._session.healthy:  # its run was interrupted
            self._replace()
        return self._session

    def _hand_over(self, session: Session, sent: dict) -> None:
        report = session.run(_TAKE, stdin=json.dumps(sent))
        if not report.ok:
            raise InterpreterError(f"the variables could not be handed over ({report}); give fewer, or more memory")

    def _heal(self, report: Report) -> str:
        """Goes back to before the run; what the model is told."""
        stopped = f"the code was stopped: {report.reason or report.ending}"
        if self._replace():
            return f"{stopped}. This step was undone: variables and files are as before it. Do it in another way"
        return f"{stopped}. All variables and files of earlier steps are lost too; start again"

    def _replace(self) -> bool:
        """Another session in the place of one that is over; whether it has that one's state."""
        over, self._session = self._session, None
        try:
            self._session = over.fork()
        except SportError as error:
            if error.code in ("ended", "closed"):
                raise
            self._ready()
            return False
        finally:
            over.close()
        return True

    def _forget(self) -> None:
        session, self._session = self._session, None
        self._begun = False
        if session:
            session.close()

    def _check_imports(self, imports: Iterable[str]) -> None:
        names = sorted({name.split(".")[0] for name in imports} - {"*"})
        if not names:
            return
        with self._sandbox.open() as session:
            missing = session.run(_MISSING, arguments=names).answer
        if missing:
            raise InterpreterError(f"Non-installed authorized modules: {', '.join(missing)}. The sandbox has Python's standard "
                                   "library and nothing else; leave them out, and do that work in a tool")

    def _tool(self, name: str, target: Any) -> Tool:
        """A tool or a managed agent, as the sandbox sees it."""
        inputs = getattr(target, "inputs", None)
        if inputs is None:
            raise InterpreterError(f"the tool {name} has no `inputs`; make it a smolagents Tool, for example with @tool")
        optional = {key for key, schema in inputs.items() if schema.get("nullable")}
        schema = {"type": "object", "properties": {key: _schema(value) for key, value in inputs.items()},
                  "required": [key for key in inputs if key not in optional], "additionalProperties": False}

        def call(**arguments: Any) -> Any:
            # By its name: a later run of the agent may bring another tool that looks the same.
            return _out(self._targets[name](**{key: _in(value) for key, value in arguments.items()}))
        return Tool(name, target.description, schema, call)

    def _answer(self, session: Session, answer: Any) -> Any:
        """The answer; a picture where it is the path of one, which means nothing out here."""
        if isinstance(answer, str) and answer.startswith(("/scratch/", "/task/")) and answer in session.files():
            file = File(answer, session.read(answer))
            return AgentImage(_in(file)) if file.type.startswith("image/") else answer
        return answer


def _face(tool: Tool) -> tuple:
    return tool.name, tool.description, tool.input_schema


def _schema(node: Any) -> Any:
    """smolagents' way to write a schema as JSON Schema: it has types of its own, and `nullable`."""
    if not isinstance(node, dict):
        return node
    schema = {key: value for key, value in node.items() if key != "nullable"}
    for key in ("items", "additionalProperties"):
        if key in schema:
            schema[key] = _schema(schema[key])
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if key in schema:
            schema[key] = [_schema(part) for part in schema[key]]
    if isinstance(schema.get("properties"), dict):
        schema["properties"] = {key: _schema(value) for key, value in schema["properties"].items()}
    kinds = schema.pop("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if "any" in kinds:
        return schema
    if {"image", "audio"} & set(kinds):
        kinds, schema["format"] = ["string"], "sport-artifact"
    if node.get("nullable") and "null" not in kinds:
        kinds.append("null")
        if "enum" in schema and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    return {"type": kinds[0] if len(kinds) == 1 else kinds, **schema}


def _in(value: Any) -> Any:
    """What a tool gets for what the code gave: a picture for a file that is one, the bytes of any other."""
    if isinstance(value, list):
        return [_in(item) for item in value]
    if isinstance(value, dict):
        return {key: _in(item) for key, item in value.items()}
    if not isinstance(value, File):
        return value
    if not value.type.startswith("image/"):
        return value.data
    try:
        picture = PIL.Image.open(BytesIO(value.data), formats=PICTURES)
        picture.load()
    except Exception as error:
        name = value.path or value.name
        raise SportError("bad-picture", f"{name} is no picture that can be read ({', '.join(PICTURES)}): {error}") from None
    return picture


def _out(value: Any) -> Any:
    """What the code gets for what a tool returned."""
    value = _raw(value)
    return File("picture.png", _png(value), "image/png") if isinstance(value, PIL.Image.Image) else value


def _raw(value: Any) -> Any:
    return value.to_raw() if isinstance(value, (AgentImage, AgentText)) else value


def _png(picture: PIL.Image.Image) -> bytes:
    if picture.mode not in PNG_MODES:
        picture = picture.convert("RGB")
    data = BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()
