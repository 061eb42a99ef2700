"""Makes the component of a plugin in Python. `sport plugin build` calls this, in the project's own copy of the SDK:

    componentize.py TOOLS PROJECT NAME OUTPUT      TOOLS is the folder that componentize-py is installed in

The plugin's module is imported natively first, because CPython says in a tenth of a second what is wrong with it. Then componentize-py
imports it in a CPython that already runs as WebAssembly and keeps the memory as it then is. What goes wrong is one JSON object on
standard output: {"error": "one line"}.
"""

import ast
import hashlib
import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
WIT = HERE.parents[1] / "wit"
MODULE = "plugin"
SDK = "sport-sdk-python 0.1.0"
VERSION = "0.1.0"
# What no plugin has to be granted, or what comes with another.
ALWAYS = {"log"}
BRINGS = {"fetch": {"secrets"}}


class Wrong(Exception):
    """Something that the author can mend; the message says what and where."""


def sources(project):
    """The plugin's own files: what its module could import."""
    skipped = {"tests", "target", "venv", "node_modules"}
    for path in sorted(project.rglob("*.py")):
        folders = path.relative_to(project).parts[:-1]
        if not any(part in skipped or part.startswith(".") for part in folders):
            yield path


def asked_for(project, capabilities):
    """The modules of the SDK that the sources name: the component's request for capabilities."""
    names = set(ALWAYS)
    for path in sources(project):
        try:
            tree = ast.parse(path.read_bytes(), filename=str(path))
        except SyntaxError as error:
            raise Wrong(f"{path.relative_to(project)}:{error.lineno}: {error.msg}; correct it and build again") from None
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found = [f"{node.value.id}.{node.attr}"]
            else:
                continue
            for name in found:
                package, _, rest = name.partition(".")
                part = rest.partition(".")[0]
                if package == "sport_sdk":
                    names.add("artifacts" if part == "Artifact" else part)
    names &= set(capabilities) | ALWAYS
    for name in tuple(names):
        names |= BRINGS.get(name, set())
    return sorted(names)


def place_of(error, project):
    """File, line and function of the author's that an exception comes from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename, project)]
    if not frames:
        return MODULE + ".py"
    last = frames[-1]
    function = "" if last.name == "<module>" else f", in {last.name}"
    return f"{pathlib.Path(last.filename).resolve().relative_to(project)}:{last.lineno}{function}"


def is_own(name, project):
    """Whether a file is the author's."""
    path = pathlib.Path(name).resolve()
    return path.is_relative_to(project) and not path.is_relative_to(HERE.parents[1])


def look(project):
    """Imports the plugin natively and says what kind it is and what it asks for."""
    sys.path[:0] = [str(project), str(HERE)]
    from sport_sdk import host, plugin

    asked = asked_for(project, host.CAPABILITIES)
    try:
        importlib.import_module(MODULE)
    except BaseException as error:  # noqa: BLE001 - the author's code may do anything
        raise Wrong(f"{place_of(error, project)}: {type(error).__name__}: {error}; correct it and build again") from None
    if plugin.TOOLS and plugin.VERIFIERS:
        raise Wrong(f"{MODULE}.py declares tools and a verifier; a component is one of them, so make two projects")
    if not plugin.TOOLS and not plugin.VERIFIERS:
        raise Wrong(f"{MODULE}.py declares nothing: put @tool or @verifier of sport_sdk on a function")
    return ("tool" if plugin.TOOLS else "verifier"), asked


def leb128(number):
    """An unsigned number as WebAssembly writes it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def custom_section(name, payload):
    """A custom section (id 0): its name, then any bytes."""
    name = name.encode()
    body = leb128(len(name)) + name + payload
    return b"\0" + leb128(len(body)) + body


def component(tools, project, name, output):
    """Builds beside the output, then moves: nobody ever sees half a component."""
    kind, asked = look(project)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".component-") as folder:
        folder = pathlib.Path(folder)
        imports = "".join(f"import sport:host/{interface}@{VERSION};\n" for interface in asked)
        world = f"package sport:project;\nworld plugin {{\n{imports}export sport:{kind}/{kind}@{VERSION};\n}}\n"
        (folder / "wit").mkdir()
        (folder / "wit" / "world.wit").write_text(world, encoding="utf-8")
        # The plugin's module first, then the exports: these take the machine away.
        app = f"from sport_sdk import machine\nmachine.prepare()\nimport {MODULE}\nfrom sport_sdk import component_{kind}\nfrom sport_sdk.component_{kind} import {kind.title()}\n"
        app += f"component_{kind}.NAME = {name!r}\n"
        (folder / "sport_app.py").write_text(app, encoding="utf-8")
        made = folder / "made.wasm"
        command = [sys.executable, "-c", "from componentize_py import script; script()", "-q"]
        for package in ("base", "host", kind):
            command += ["-d", WIT / package]
        command += ["-d", folder / "wit", "-w", "sport:project/plugin", "componentize", "--stub-wasi", "sport_app"]
        command += ["-p", folder, "-p", project, "-p", HERE, "-o", made]
        # No virtual environment: what is installed there would become part of the component.
        environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
        environment |= {"PYTHONPATH": str(tools), "RUST_BACKTRACE": "0"}
        done = subprocess.run(command, cwd=folder, env=environment, check=False, stdout=sys.stderr)
        if done.returncode != 0 or not made.is_file():
            raise Wrong(
                f"componentize-py cannot make a component of {MODULE}.py; its own words are above (a module of the standard "
                "library may be missing there: threads, sockets and subprocesses are)"
            )
        contract = {"packages": {f"sport:{kind}": VERSION}, "sdk": SDK}
        with made.open("ab") as file:
            file.write(custom_section("sport:contract", json.dumps(contract, separators=(",", ":")).encode()))
        os.replace(made, output)


def main(tools, project, name, output):
    """Builds, unless nothing changed since the last time."""
    project, output = pathlib.Path(project).resolve(), pathlib.Path(output).resolve()
    total = hashlib.sha256(name.encode())
    for path in [*sources(project), *sorted(HERE.rglob("*.py")), *sorted(HERE.glob("*.txt")), *sorted(WIT.rglob("*.wit"))]:
        total.update(f"{path} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    stamp = output.parent / f".{name}.inputs"
    if output.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == total.hexdigest():
        return
    component(pathlib.Path(tools).resolve(), project, name, output)
    stamp.write_text(total.hexdigest(), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Wrong as wrong:
        print(json.dumps({"error": str(wrong)}))
        sys.exit(3)
