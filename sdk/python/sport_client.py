"""Runs Python that a model wrote in Sport's sandbox: sessions with state, forks, budgets, and tools of your own.

    from sport_client import Sandbox

    def lookup(word: str) -> str:
        "Looks a word up."
        return {"apple": "a fruit"}[word]

    with Sandbox(wall=20) as sandbox, sandbox.open(tools=[lookup]) as session:
        session.run("x = 20")
        report = session.run("final_answer([x + 1, lookup('apple')])")
        print(report.answer)            # [21, 'a fruit']

One file, no dependencies, Python 3.9 or later. It needs the `sport` binary and speaks to a `sport exec --serve` of its own.
The sandboxed code can do nothing on this machine but call the tools that you give it, and those run here, with all that
your program may do: they are what to be careful with. Everything may be used from several threads.
"""

from __future__ import annotations

import base64
import collections
import contextvars
import dataclasses
import inspect
import json
import mimetypes
import os
import queue
import re
import subprocess
import threading
import types
import typing
from typing import Any, Callable, Iterable, Mapping, Optional, Union

__all__ = ["File", "Raised", "Report", "Sandbox", "Session", "SportError", "Tool", "call_cancelled"]

PROTOCOL = 1
# Of a file in one answer; below the server's most, so that several threads get their turn.
PART_BYTES = 8 << 20
# Longest line that the server takes, and how deep its JSON may be. What is more would be answered without an id, so that nobody
# could tell whose it was; it is refused here.
LINE_BYTES, DEPTH = 192 << 20, 100
# A server ends within a tick of its sandbox once its input ends. One that does not is killed.
END_SECONDS = 10.0
# Lines of its standard error that an error shows.
LAST_LINES = 8

_BUDGET = {"wall": ("wall_ms", 1000), "cpu": ("cpu_ms", 1000), "memory": ("memory_bytes", 1 << 20),
           "output": ("output_bytes", 1 << 10), "tool_calls": ("tool_calls", 1), "host_calls": ("host_calls", 1),
           "model_calls": ("model_calls", 1), "tokens": ("tokens", 1)}


class SportError(Exception):
    """Something could not be done. `code` is a stable name: those of docs/serve.md, and `no-binary`, `ended` (the server is
    gone, and its sessions with it), `closed`, `bad-params`. A tool may raise it: agent code sees the same code."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message

    def __reduce__(self):
        return SportError, (self.code, self.message)


@dataclasses.dataclass(frozen=True)
class File:
    """A file with its bytes: one that is given to a session, that a tool gets, or that it returns."""

    name: Optional[str]
    data: bytes = dataclasses.field(repr=False)
    media_type: Optional[str] = None  # guessed from the name when it is not given
    path: Optional[str] = None  # what agent code called it, where a tool gets it

    @property
    def type(self) -> str:
        """The media type, guessed where none was given."""
        return self.media_type or mimetypes.guess_type(self.name or "")[0] or "application/octet-stream"


@dataclasses.dataclass(frozen=True)
class Raised:
    """An exception that the code did not catch."""

    type: str
    message: str
    traceback: str


@dataclasses.dataclass(frozen=True)
class Report:
    """How a run ended and what it did. Code that raises is a report, never an exception."""

    ending: str  # value, answered, raised, exited, deadline, exhausted, trapped, cancelled
    answer: Any  # what `final_answer` was given, if the ending is `answered`
    value: Any  # of the last expression; None as well where it is not JSON, and then `shown` has it
    shown: Optional[str]  # the `repr` of that value
    raised: Optional[Raised]
    exit_code: Optional[int]
    reason: Optional[str]  # why the sandbox stopped it
    stdout: str
    stderr: str
    displays: list
    tool_calls: list
    usage: dict

    @property
    def ok(self) -> bool:
        """Whether the code ran to an end that it wanted: no exception, no other exit code than 0, not stopped."""
        return self.ending in ("value", "answered") or (self.ending == "exited" and self.exit_code == 0)

    def __str__(self) -> str:
        more = {"answered": self.answer, "value": self.shown, "exited": self.exit_code}.get(self.ending, self.reason)
        if self.raised:
            more = f"{self.raised.type}: {self.raised.message}"
        return self.ending if more is None else f"{self.ending}: {more}"

    @classmethod
    def _of(cls, report: dict) -> Report:
        value, raised = report["value"] or {}, report["raised"]
        known = {name: report[name] for name in (
            "ending", "answer", "exit_code", "reason", "stdout", "stderr", "displays", "tool_calls", "usage")}
        return cls(value=value.get("json"), shown=value.get("repr"), raised=raised and Raised(
            raised["class"], raised["message"], raised["traceback"]), **known)


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool of this program with a schema of its own. Plain functions do where their type hints say it all."""

    name: str
    description: str
    input_schema: dict  # JSON Schema, `"type": "object"` at the top; `"format": "sport-artifact"` marks a file
    function: Callable  # called with the arguments by their names

    @classmethod
    def of(cls, function: Callable) -> Tool:
        """Reads name, description and schema off a function: its type hints, defaults and docstring."""
        name = getattr(function, "__name__", None)
        if not callable(function) or name is None:
            raise TypeError(f"{function!r} is no function with a name; give Tool(name, description, input_schema, function)")
        try:
            hints = typing.get_type_hints(function, include_extras=True)
        except NameError as error:
            raise TypeError(f"the type hints of {name} cannot be read ({error}); give a Tool with its schema") from None
        properties, required, more, data = {}, [], False, set()
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                more = True
                continue
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
                raise TypeError(f"{name} takes {parameter} by position; tools are called by name, so give it a name")
            hint = hints.get(parameter.name, Any)
            schema = properties[parameter.name] = _schema(hint, f"the parameter {parameter.name!r} of {name}")
            if _mentions(hint, bytes):
                data.add(parameter.name)
            if parameter.default is parameter.empty:
                required.append(parameter.name)
            elif _is_json(parameter.default):
                schema["default"] = parameter.default
        schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": more}

        def call(**arguments):
            # Who asks for `bytes` gets them without the file around them.
            return function(**{key: _data(value) if key in data else value for key, value in arguments.items()})
        return cls(name, inspect.getdoc(function) or "", schema, call)


_PLAIN = {str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"},
          list: {"type": "array"}, dict: {"type": "object"}, type(None): {"type": "null"}, Any: {},
          bytes: {"type": "string", "format": "sport-artifact"}, File: {"type": "string", "format": "sport-artifact"}}


def _schema(hint: Any, what: str) -> dict:
    """The JSON Schema of a type hint."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is None and hint in _PLAIN:
        return dict(_PLAIN[hint])
    if origin is typing.Annotated:
        words = " ".join(word for word in arguments[1:] if isinstance(word, str))
        return {**_schema(arguments[0], what), **({"description": words} if words else {})}
    if origin is typing.Literal and _is_json(list(arguments)):
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], what)}
    if origin is dict and arguments[0] is str:
        return {"type": "object", "additionalProperties": _schema(arguments[1], what)}
    if origin is Union or origin is getattr(types, "UnionType", Union):
        kinds = [_schema(kind, what) for kind in arguments]
        null = {"type": "null"}
        if len(kinds) == 2 and null in kinds and "type" in kinds[kinds[0] == null]:
            schema = kinds[kinds[0] == null]
            return {**schema, "type": [schema["type"], "null"]}
        return {"anyOf": kinds}
    raise TypeError(f"{what} is a {hint!r}, which has no JSON Schema here; take str, int, float, bool, list, dict, Optional, "
                    "Literal, bytes or File, or give a Tool with its schema")


def _mentions(hint: Any, kind: type) -> bool:
    return hint is kind or any(_mentions(part, kind) for part in typing.get_args(hint))


def _data(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _data(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_data(item) for item in value]
    return value.data if isinstance(value, File) else value


def _files(schema: Any, value: Any) -> Any:
    """The arguments with a `File` wherever the schema says that there is one: by the schema alone, since agent code could
    make a dictionary that looks like a file."""
    if not isinstance(schema, dict):
        return value
    if schema.get("format") == "sport-artifact" and isinstance(value, dict) and "base64" in value:
        return File(value.get("name"), base64.b64decode(value["base64"]), value.get("media_type"), value.get("path"))
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, ()):
            value = _files(part, value)
    if isinstance(value, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties")
        return {key: _files(known.get(key, rest), item) for key, item in value.items()}
    return [_files(schema.get("items"), item) for item in value] if isinstance(value, list) else value


def _is_json(value: Any) -> bool:
    try:
        _encode(value, "it")
    except SportError:
        return False
    return True


def _encode(value: Any, what: str) -> bytes:
    """As one line of JSON that the server can read."""
    try:
        _check(value, DEPTH)
        # A lone surrogate is text to Python, but to no reader of JSON: encoding finds it.
        line = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if len(line) > LINE_BYTES:
            raise ValueError(f"it has {len(line):,} bytes, the most is {LINE_BYTES:,}")
    except (TypeError, ValueError, RecursionError) as error:
        raise SportError("bad-params", f"{what} cannot be sent as JSON: {error}") from None
    return line


def _check(value: Any, levels: int) -> None:
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        raise ValueError("a whole number of it is too large, and would lose digits on the way; give it as text, with str()")
    if isinstance(value, (dict, list, tuple)):
        if levels == 0:
            raise ValueError(f"it is nested more than {DEPTH} levels deep")
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, levels - 1)


def _narrower(budget: Optional[Mapping[str, float]]) -> dict:
    unknown = set(budget or ()) - set(_BUDGET)
    if unknown:
        raise SportError("bad-params", f"a budget has no {', '.join(sorted(unknown))}; it has {', '.join(_BUDGET)}")
    given = {name: most for name, most in (budget or {}).items() if most is not None}
    for name, most in given.items():
        if not isinstance(most, (int, float)) or not 0 <= most < 1 << 32:
            raise SportError("bad-params", f"the budget's {name} is {most!r}; give a number from 0 on")
    return {_BUDGET[name][0]: round(most * _BUDGET[name][1]) for name, most in given.items()}


_cancelled: contextvars.ContextVar = contextvars.ContextVar("sport_call_cancelled", default=None)


def call_cancelled() -> bool:
    """In a tool: whether its answer is no longer wanted, because the run that called it is over. Slow tools look now and then."""
    event = _cancelled.get()
    return event is not None and event.is_set()


class Sandbox:
    """A `sport exec --serve` of its own, and the sessions in it. Use it with `with`, or `close()` it.

    `tools` are plugins (`"image"`, or a path), granted what `grants` says; `files` lie in every session's `/task`. The budget is
    the most that one run may use: `wall` and `cpu` in seconds, `memory` in MiB, `output` in KiB, and numbers of calls.
    With `isolation="process"` all code runs behind a second wall. `binary` is by default `$SPORT_BINARY`, or `sport` on the `PATH`.
    """

    def __init__(self, tools: Iterable[str] = (), files: Iterable[Union[str, os.PathLike]] = (), *,
                 binary: Union[str, os.PathLike, None] = None, grants: Iterable[str] = (),
                 interpreter: Optional[str] = None, seed: Optional[int] = None, isolation: Optional[str] = None,
                 wall: Optional[float] = None, cpu: Optional[float] = None, memory: Optional[int] = None,
                 output: Optional[int] = None, tool_calls: Optional[int] = None, host_calls: Optional[int] = None):
        tools, files, grants = _list(tools, "tools"), _list(files, "files"), _list(grants, "grants")
        if any(callable(tool) or isinstance(tool, Tool) for tool in tools):
            raise TypeError("these tools are names or paths of plugins; functions are given to open(tools=[…])")
        command = [os.fspath(binary or os.environ.get("SPORT_BINARY") or "sport"), "exec", "--serve"]
        for flag, values in (("--tool", tools), ("--file", files), ("--grant", grants)):
            command += [word for value in values for word in (flag, os.fspath(value))]
        budget = dict(wall=wall, cpu=cpu, memory=memory, output=output, tool_calls=tool_calls, host_calls=host_calls)
        for name, value in dict(budget, interpreter=interpreter, seed=seed, isolation=isolation).items():
            command += [] if value is None else ["--" + name.replace("_", "-"), str(value)]
        self._lock = threading.Lock()  # what is shared by threads, below
        self._writing = threading.Lock()
        self._next = 0
        self._waiting: dict = {}  # id of a request: the inbox of who waits for it
        self._calls: dict = {}  # id of a tool call: the event that says that it was cancelled
        self._tools: dict = {}  # session: its tools by their names
        self._failure: Optional[SportError] = None
        try:
            # A session of its own: an interrupt at the terminal is for this program, which then ends what it wants to end.
            self._process: Any = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                  stderr=subprocess.PIPE, start_new_session=True)
        except OSError as error:
            raise SportError("no-binary", f"cannot start {command[0]}: {error.strerror}; build it with `make sport`, and put it "
                             "on the PATH or name it by SPORT_BINARY or binary=") from None
        self._last: collections.deque = collections.deque(maxlen=LAST_LINES)
        self._threads = [threading.Thread(target=target, name=f"sport-{target.__name__.strip('_')}", daemon=True)
                         for target in (self._listen, self._read)]  # the second joins the first
        for thread in self._threads:
            thread.start()
        try:
            self._request("hello", {"protocol": PROTOCOL})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hello(self) -> dict:
        """What the server is: `version`, `interpreter`, `tools` (the plugins'), `budget`."""
        return self._request("hello", {"protocol": PROTOCOL})

    def sessions(self) -> list:
        """The names of the open sessions."""
        return self._request("sessions", {})["sessions"]

    def open(self, seed: Optional[int] = None, files: Iterable[Union[str, os.PathLike, File]] = (),
             tools: Iterable[Union[Callable, Tool]] = ()) -> Session:
        """Opens a session. `files` appear in `/task` (paths of this machine, or `File`s), `tools` as functions."""
        known = [tool if isinstance(tool, Tool) else Tool.of(tool) for tool in _list(tools, "tools")]
        params: dict = {"files": [
            {"name": file.name, "base64": _base64(file.data)} if isinstance(file, File)
            else {"path": os.path.abspath(file)} for file in _list(files, "files")]}
        params["tools"] = [{"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
                           for tool in known]
        if seed is not None:
            params["seed"] = seed
        session = self._request("open", params)["session"]
        return Session(self, session, {tool.name: tool for tool in known})

    def close(self) -> None:
        """Ends whatever runs, and the server. Whoever waits in another thread gets a `SportError` with the code `closed`."""
        self._fail(SportError("closed", "the sandbox was closed; open another one"))
        # Somebody may be writing to a server that does not read; its end is what stops that.
        if self._writing.acquire(timeout=END_SECONDS):
            self._close_input()
            self._writing.release()
        else:
            self._process.kill()
        self._reap()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(END_SECONDS)
        with self._writing:
            self._close_input()

    def _close_input(self) -> None:
        # Below its buffer: what an interrupted write left there must not be waited for.
        self._process.stdin.raw.close()

    def _reap(self) -> int:
        try:
            return self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _request(self, method: str, params: dict, take: Optional[Callable] = None, running: Optional[list] = None) -> dict:
        """Asks, and waits until there is an answer or no server; `take(inbox, id)` waits in another way. The id is in `running`
        while it is asked."""
        inbox: queue.SimpleQueue = queue.SimpleQueue()
        with self._lock:
            if self._failure:
                raise SportError(self._failure.code, self._failure.message)
            self._next += 1
            number = self._next
            self._waiting[number] = inbox
        if running is not None:
            running.append(number)
        try:
            self._send({"id": number, "method": method, "params": params}, f"the {method} request")
            kind, *rest = take(inbox, number) if take else inbox.get()
        finally:
            with self._lock:
                self._waiting.pop(number, None)
            if running is not None:
                running.remove(number)
        if kind == "error":
            raise SportError(*rest)
        return rest[0]

    def _send(self, message: dict, what: str) -> None:
        self._write(_encode(message, what))

    def _write(self, line: bytes) -> None:
        try:
            with self._writing:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        except (OSError, ValueError):  # ended, or closed here
            # The reading thread finds the end, and tells whoever waits; one that lives without reading is no server.
            self._reap()

    def _fail(self, error: SportError) -> None:
        """Ends every wait, and those that come later. The first reason counts."""
        with self._lock:
            self._failure = self._failure or error
            for inbox in self._waiting.values():
                inbox.put(("error", self._failure.code, self._failure.message))
            for event in self._calls.values():
                event.set()
            self._calls.clear()

    def _listen(self) -> None:
        with self._process.stderr as lines:
            for line in lines:
                self._last.append(line.decode("utf-8", "replace").rstrip())

    def _read(self) -> None:
        try:
            with self._process.stdout as lines:
                for line in lines:
                    self._dispatch(json.loads(line))
            said = "it closed its output"
        except Exception as error:  # this is not the protocol: nothing that comes after it can be relied upon
            self._process.kill()
            said = f"the two did not understand each other: {error}"
        code = self._reap()
        self._threads[0].join(1)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        last = "".join(f"\n  {line}" for line in self._last) or " nothing"
        self._fail(SportError("ended", f"`sport exec --serve` {how} ({said}), and its sessions are gone; it wrote to standard "
                              f"error:{last}\ncorrect that if it says what is wrong, then open another Sandbox"))

    def _dispatch(self, message: dict) -> None:
        method, params = message.get("method"), message.get("params") or {}
        if method == "tool":
            event = threading.Event()
            with self._lock:
                if self._failure:
                    return
                self._calls[message["id"]] = event
            # One for each call: a slow tool stops neither this thread nor the tools of other sessions.
            threading.Thread(target=self._call, args=(message["id"], event, params), daemon=True,
                             name=f"sport-{params['name']}").start()
            return
        with self._lock:
            if method == "tool-cancelled":
                event = self._calls.pop(params["id"], None)
                if event:
                    event.set()
            elif method == "output":
                inbox = self._waiting.get(params["run"])
                if inbox:
                    inbox.put(("output", params["channel"], params["text"]))
            elif "error" in message:
                error, inbox = message["error"], self._waiting.get(message["id"])
                if message["id"] is None:
                    # Nobody knows whose it was, and somebody would wait for ever.
                    raise ValueError(f"the server could not read a message: {error['message']}")
                if inbox:
                    inbox.put(("error", (error.get("data") or {}).get("code", "error"), error["message"]))
            elif message.get("id") in self._waiting:
                self._waiting[message["id"]].put(("result", message["result"]))

    def _call(self, number: str, event: threading.Event, params: dict) -> None:
        """Answers one call of a tool."""
        _cancelled.set(event)
        try:
            tool = self._tools[params["session"]][params["name"]]
            result = tool.function(**_files(tool.input_schema, params["arguments"]))
            if isinstance(result, (bytes, bytearray)):
                result = File(None, bytes(result))
            if isinstance(result, File):
                file = {"name": result.name, "media_type": result.type, "base64": _base64(result.data)}
                answer = {"result": {"file": file}}
            else:
                answer = {"result": {"value": result}}
            line = _encode({"id": number, **answer}, f"what {tool.name} returned")
        except BaseException as error:  # a tool that exits ends its call, not a thread in silence
            # The message alone: where it was raised is nobody's business in the sandbox.
            message = str(error) or type(error).__name__
            code = error.code if isinstance(error, SportError) else _kebab(type(error).__name__)
            message = message.encode("utf-8", "replace").decode()
            line = _encode({"id": number, "error": {"code": -32000, "message": message, "data": {"code": code}}}, "the error")
        with self._lock:
            wanted = self._calls.pop(number, None)
        if wanted:
            self._write(line)


def _list(values: Iterable, what: str) -> list:
    if isinstance(values, (str, bytes)):  # each of its characters would be one
        raise TypeError(f"{what} are a list, not one text; put it into brackets")
    return list(values)


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


class Session:
    """An interpreter whose state lives on from run to run. `Sandbox.open` and `fork` make one; use it with `with`, or close it.

    `healthy` is false once a run was stopped, `steps` counts the runs that make up its state, `made` says how it came to be:
    `{"by": "open"}`, `{"by": "memory"}`, or `{"by": "replay", "reason": "…"}` for a fork that had to do the steps again.
    """

    def __init__(self, sandbox: Sandbox, name: str, tools: Mapping[str, Tool], steps: int = 0, made: Optional[dict] = None):
        self.made = made or {"by": "open"}
        self.sandbox, self.name, self.steps, self.healthy = sandbox, name, steps, True
        self._running: list = []
        sandbox._tools[name] = tools

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Session {self.name}, {self.steps} steps{'' if self.healthy else ', over: fork it to go on'}>"

    def run(self, code: str, stdin: Optional[str] = None, arguments: Iterable[str] = (),
            budget: Optional[Mapping[str, float]] = None, on_output: Optional[Callable[[str, str], None]] = None,
            keep: bool = False) -> Report:
        """Runs code and says how it ended. `budget` narrows the sandbox's, in its words and units: `{"wall": 0.5, "memory": 64}`.

        `on_output(channel, text)` gets output as it is made, in this thread. If it raises, or this thread is interrupted, the
        run is cancelled. A run that the sandbox stopped leaves the session over (`healthy` is false): `fork()` gives one as it
        was before. With `keep` its memory as it is now is kept for that.
        """
        params: dict = {"session": self.name, "code": code, "arguments": _list(arguments, "arguments"),
                        "budget": _narrower(budget)}
        if stdin is not None:
            params["stdin"] = stdin
        if on_output is not None:
            params["live"] = True
        if keep:
            params["keep"] = True

        def take(inbox: queue.SimpleQueue, number: int) -> tuple:
            try:
                while (came := inbox.get())[0] == "output":
                    if on_output:
                        on_output(*came[1:])
                return came
            except BaseException:
                self._stop(number)
                # Whether the session is over is known when the run is.
                try:
                    while (came := inbox.get(timeout=END_SECONDS))[0] == "output":
                        pass
                    if came[0] == "result":
                        self._after(came[1])
                except queue.Empty:
                    self.healthy = False
                raise

        result = self.sandbox._request("run", params, take, self._running)
        self._after(result)
        return Report._of(result["report"])

    def _after(self, result: dict) -> None:
        self.healthy, self.steps = result["healthy"], result["steps"]

    def _stop(self, number: int) -> None:
        self.sandbox._send({"method": "cancel", "params": {"request": number}}, "the cancel request")

    def cancel(self) -> bool:
        """Stops what other threads run in this session, and says whether anything ran. Their reports end as `cancelled`."""
        running = list(self._running)
        return any([self.sandbox._request("cancel", {"request": number})["cancelled"] for number in running])

    def fork(self) -> Session:
        """Another session with the state of this one; neither sees what the other does from now on.

        Of a session that is over, a fork does the steps again (with what tools answered then, no tool is called twice), which
        takes as long as they took. `run(…, keep=True)` saves that, for some milliseconds.
        """
        result = self.sandbox._request("fork", {"session": self.name})
        return Session(self.sandbox, result["session"], self.sandbox._tools[self.name], result["steps"], result["made"])

    def files(self) -> dict:
        """The session's files: path and size in bytes."""
        listed = self.sandbox._request("list-files", {"session": self.name})["files"]
        return {file["path"]: file["size"] for file in listed}

    def read(self, path: str) -> bytes:
        """A file's bytes, by the name that agent code gives it."""
        return self._read("read-file", {"path": path})

    def read_artifact(self, digest: str) -> bytes:
        """The bytes of what a report names by its digest: something displayed, or a tool's file."""
        return self._read("read-artifact", {"digest": digest})

    def _read(self, method: str, which: dict) -> bytes:
        data = b""
        while True:
            params = {"session": self.name, "offset": len(data), "length": PART_BYTES, **which}
            answer = self.sandbox._request(method, params)
            part = base64.b64decode(answer["base64"])
            data += part
            if len(data) >= answer["size"] or not part:
                return data

    def close(self) -> None:
        """Ends the session, and what it runs. Doing so again, or after the sandbox ended, is no error."""
        try:
            if self.sandbox._tools.pop(self.name, None) is not None:
                self.cancel()
                self.sandbox._request("close", {"session": self.name})
        except SportError as error:
            if error.code not in ("closed", "ended", "no-such-session"):
                raise
