"""Builds the component. `scripts/python-component.sh` calls this:

    build.py inputs                       a digest of everything that the component is made of
    build.py requirements                 a digest of requirements.txt
    build.py component TOOLS OUTPUT       the component; TOOLS is the folder that componentize-py is installed in

componentize-py imports the app in a CPython that already runs as WebAssembly, and keeps the memory as it then is. What
it leaves out is the section that says which contract this component was made for; it is added here.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WIT = HERE.parents[2] / "wit"
PACKAGES = ("base", "host", "interpreter")
WORLD = "sport:interpreter/code-interpreter@0.1.0"
REQUIREMENTS = HERE / "requirements.txt"
# Read by the host before it compiles anything.
CONTRACT = {"packages": {"sport:interpreter": "0.1.0"}, "sdk": "sport-python 0.1.0"}


def inputs():
    """All files that decide what the component is."""
    wit = [path for package in PACKAGES for path in sorted((WIT / package).rglob("*.wit"))]
    return [pathlib.Path(__file__).resolve(), REQUIREMENTS, *sorted((HERE / "sport_python").glob("*.py")), *wit]


def digest(paths):
    """A digest of files and their names."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


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


def component(tools, output):
    """Build beside the output, then move: nobody ever sees half a component."""
    output = pathlib.Path(output).resolve()
    output.parent.mkdir(parents=True, exist_ok=True)
    # In a hidden folder, so that what is half made is not found as a component.
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".python-") as folder:
        made = pathlib.Path(folder) / "python.wasm"
        command = [sys.executable, "-c", "from componentize_py import script; script()", "-q"]
        for package in PACKAGES:
            command += ["-d", WIT / package]
        command += ["-w", WORLD, "componentize", "sport_python.app", "-p", HERE, "-o", made]
        # No virtual environment: what is installed there would become part of the component.
        environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        environment["PYTHONPATH"] = str(pathlib.Path(tools).resolve())
        done = subprocess.run(command, cwd=folder, env=environment, check=False)
        if done.returncode != 0 or not made.is_file():
            sys.exit("error: componentize-py failed; its own words are above")
        with made.open("ab") as file:
            file.write(custom_section("sport:contract", json.dumps(CONTRACT, separators=(",", ":")).encode()))
        os.replace(made, output)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["inputs"]:
            print(digest(inputs()))
        case ["requirements"]:
            print(digest([REQUIREMENTS]))
        case ["component", tools, output]:
            component(tools, output)
        case _:
            sys.exit(__doc__)
