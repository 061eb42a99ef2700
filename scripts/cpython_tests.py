#!/usr/bin/env python3
"""Runs CPython's own tests inside the sandbox and says what differs.

    scripts/cpython_tests.py run [NAME…]     run these test modules (all of them without a name), each in a process of its own
    scripts/cpython_tests.py table           write docs/cpython-tests.md from what was run last

The tests are those of Python 3.11, from Debian's package libpython3.11-testsuite; the interpreter in the sandbox is newer.
cpython_tests.toml lists the modules and explains every test that fails. A failure that is not explained is an error, and so
is an explained one that passes: exit code 1. Results are kept in target/cpython-tests, one file a module. $SPORT names
another binary than target/release/sport.
"""

import argparse
import collections
import fnmatch
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import tomllib
import zipfile

from fetch import cache_folder

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
SPORT = pathlib.Path(os.environ.get("SPORT", ROOT / "target/release/sport"))
RESULTS = ROOT / "target/cpython-tests"
GUEST = HERE / "cpython_tests_guest.py"
PAGE = ROOT / "docs/cpython-tests.md"

# The tests, and the part of the library that holds `test.support`.
PACKAGES = ("libpython3.11-testsuite", "libpython3.11-stdlib")
LIBRARY = "usr/lib/python3.11"
# For every module: what all tests import, and small data files.
ALWAYS = ["test/__init__.py", "test/support/"]

# The longest module takes half of this cpu time; a test that hangs is found by it.
WALL_SECONDS = 600
CPU_SECONDS = 120
MEMORY_MIB = 768
OUTPUT_KIB = 64 * 1024
HOST_CALLS = 10_000_000
# A module is started again after a test that the sandbox stopped, without what already ran.
STARTS = 40

BAD = ("failed", "error", "stopped")
COLUMNS = ("passed", "skipped", "expected", "failed", "error", "stopped")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run test modules")
    run.add_argument("names", nargs="*", metavar="NAME", help="a test module, such as test_json")
    run.add_argument("--verbose", action="store_true", help="show what unexplained failures say")
    commands.add_parser("table", help="write the page")
    arguments = parser.parse_args()
    plan = Plan()
    return run_all(plan, arguments.names, arguments.verbose) if arguments.command == "run" else table(plan)


class Plan:
    """What cpython_tests.toml says."""

    def __init__(self) -> None:
        plan = tomllib.loads((HERE / "cpython_tests.toml").read_text())
        self.areas: dict[str, list[str]] = plan["modules"]
        self.modules = [name for names in self.areas.values() for name in names]
        self.files: dict[str, list[str]] = plan["files"]
        self.no_sockets_needed: list[str] = plan["no_sockets_needed"]
        self.reasons: dict[str, str] = plan["reasons"]
        self.explained: list[dict] = plan["explained"]
        self.left_out: list[dict] = plan.get("left_out", [])
        for entry in [*self.explained, *self.left_out]:
            if entry["module"] not in self.modules or entry["reason"] not in self.reasons:
                sys.exit(f"error: cpython_tests.toml: no such module or reason: {entry['module']}, {entry['reason']}")

    def explanation(self, module: str, test: str) -> dict | None:
        """The entry that explains a test, if there is one."""
        return next((entry for entry in self.explained if entry["module"] == module and matches(test, entry["tests"])), None)

    def not_run(self, module: str) -> list[str]:
        return [test for entry in self.left_out if entry["module"] == module for test in entry["tests"]]


def matches(test: str, patterns: list[str]) -> bool:
    return any(test == pattern or fnmatch.fnmatchcase(test, pattern.replace("[", "[[]")) for pattern in patterns)


# ---- the tests


def fetch() -> tuple[pathlib.Path, str]:
    """The folder with the unpacked tests, and the packages' versions; quick when it is there already."""
    folder = cache_folder() / "cpython-tests"
    stamp = folder / "stamp"
    if stamp.is_file():
        return folder, stamp.read_text()
    for tool in ("apt-get", "dpkg", "dpkg-deb"):
        if shutil.which(tool) is None:
            sys.exit(f"error: {tool} is not here: the tests come from Debian's {PACKAGES[0]}, run this on Debian 12")
    folder.parent.mkdir(parents=True, exist_ok=True)
    versions = []
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".cpython-tests-") as scratch:
        for package in PACKAGES:
            print(f"fetching {package}", flush=True)
            done = subprocess.run(["apt-get", "download", "-q", package], cwd=scratch, stderr=subprocess.PIPE, text=True,
                                  stdout=subprocess.DEVNULL, timeout=600)  # fmt: skip
            found = list(pathlib.Path(scratch).glob(f"{package}_*.deb"))
            if done.returncode != 0 or len(found) != 1:
                why = done.stderr.strip().splitlines() or ["no file came"]
                sys.exit(f"error: apt-get download {package}: {why[-1]}; what to do: run `apt-get update` and try again")
            subprocess.run(["dpkg", "-x", found[0], f"{scratch}/unpacked"], check=True, timeout=600)
            version = ["dpkg-deb", "-f", found[0], "Version"]
            versions.append(subprocess.run(version, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.move(f"{scratch}/unpacked/{LIBRARY}/test", folder / "test")
    stamp.write_text(versions[0])
    return folder, versions[0]


def pack(folder: pathlib.Path) -> pathlib.Path:
    """One zip of everything, not compressed: the sandbox imports from it, and unpacks what a module wants as files."""
    archive = folder / "tests.zip"
    if not archive.is_file():
        part = folder / "tests.zip.part"
        with zipfile.ZipFile(part, "w") as target:
            for path in sorted(folder.glob("test/**/*")):
                if path.is_file() and path.suffix != ".pyc" and path.stat().st_size < 1 << 20:
                    target.write(path, path.relative_to(folder))
        part.rename(archive)
    return archive


def members(archive: pathlib.Path, plan: Plan, module: str) -> list[str]:
    """What is unpacked for a module."""
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    top = module.partition(".")[0]
    own = f"test/{top}.py" if f"test/{top}.py" in names else f"test/{top}/"
    if not any(name.startswith(own) for name in names):
        sys.exit(f"error: {module} is not among the tests of the package")
    wanted = [*ALWAYS, own, *(f"test/{name}" for name in plan.files.get(top, []))]
    return [name for name in names if any(name.startswith(one) or fnmatch.fnmatchcase(name, one) for one in wanted)]


# ---- running them


def run_all(plan: Plan, names: list[str], verbose: bool) -> int:
    if unknown := [name for name in names if name not in plan.modules]:
        sys.exit(f"error: not in cpython_tests.toml: {', '.join(unknown)}")
    if not SPORT.is_file():
        sys.exit(f"error: {SPORT} is not there; `make sport components` builds it")
    folder, version = fetch()
    archive = pack(folder)
    RESULTS.mkdir(parents=True, exist_ok=True)
    wrong = 0
    begin = time.monotonic()
    for module in names or plan.modules:
        result = run_module(plan, module, archive)
        result["version"] = version
        (RESULTS / f"{module}.json").write_text(json.dumps(result, indent=1) + "\n")
        problems = check(plan, result)
        wrong += len(problems)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in tally(result).items() if count)
        print(f"{module}: {counts or 'nothing'}; {result['seconds']:.1f} s", flush=True)
        for test, outcome, what in problems:
            print(f"    {test}: {what}", flush=True)
            if verbose and outcome["reason"]:
                print("        " + outcome["reason"].rstrip().replace("\n", "\n        "), flush=True)
    print(f"{len(names or plan.modules)} modules in {time.monotonic() - begin:.0f} s; {wrong} results to explain")
    return 1 if wrong else 0


def run_module(plan: Plan, module: str, archive: pathlib.Path) -> dict:
    """All tests of a module; after one that the sandbox stopped, the rest in a new session."""
    unpack = members(archive, plan, module)
    not_run = plan.not_run(module)
    tests: dict[str, dict] = {}
    python, starts, begin = "", 0, time.monotonic()
    memory = 0
    while starts < STARTS:
        starts += 1
        request = {"module": module, "archive": f"/task/{archive.name}", "unpack": unpack, "leave_out": [*tests, *not_run],
                   "sockets": module in plan.no_sockets_needed}  # fmt: skip
        report = sandbox(archive, request)
        running, ended = "(the module)", False
        for record in map(json.loads, report["stdout"].splitlines()):
            if "start" in record:
                running = record["start"]
            elif "test" in record:
                tests[record["test"]] = {"outcome": record["outcome"], "reason": record["reason"]}
                running = None
            elif "python" in record:
                python = record["python"]
            ended = ended or "end" in record
        memory = max(memory, report["usage"]["memory_bytes"])
        if ended:
            break
        # Between two tests it is the set-up or the clean-up of a class.
        running = running or f"(after {list(tests)[-1]})"
        tests[running] = {"outcome": "stopped", "reason": ending(report)}
        if running.startswith("("):
            break
    seconds = time.monotonic() - begin
    return {"module": module, "python": python, "seconds": seconds, "starts": starts, "memory_bytes": memory, "tests": tests}


def sandbox(archive: pathlib.Path, request: dict) -> dict:
    """One session; what `sport exec --json` says."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as stdin:
        json.dump(request, stdin)
        stdin.flush()
        command = [SPORT, "exec", GUEST, "--file", archive, "--stdin", stdin.name, "--json", "--wall", str(WALL_SECONDS),
                   "--cpu", str(CPU_SECONDS), "--memory", str(MEMORY_MIB), "--output", str(OUTPUT_KIB),
                   "--host-calls", str(HOST_CALLS)]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WALL_SECONDS + 60)
    try:
        return json.loads(done.stdout)
    except ValueError:
        sys.exit(f"error: sport exec: {done.stderr.decode(errors='replace').strip()}")


def ending(report: dict) -> str:
    """How a session ended that should not have, in one line."""
    if report["raised"]:
        return f"raised {report['raised']['class']}: {report['raised']['message']}"
    return " ".join(str(report[key]) for key in ("ending", "reason", "exit_code") if report.get(key) is not None)


def tally(result: dict) -> dict[str, int]:
    counts = collections.Counter(test["outcome"] for test in result["tests"].values())
    return {outcome: counts[outcome] for outcome in COLUMNS}


def check(plan: Plan, result: dict) -> list[tuple[str, dict, str]]:
    """What cpython_tests.toml does not foresee: failures without a reason, reasons without a failure."""
    problems = []
    used = set()
    for test, outcome in result["tests"].items():
        entry = plan.explanation(result["module"], test)
        if outcome["outcome"] in BAD and entry is None:
            last = (outcome["reason"] or "").strip().splitlines() or [""]
            problems.append((test, outcome, f"{outcome['outcome']}, not explained: {last[-1][:300]}"))
        elif outcome["outcome"] not in BAD and entry is not None and (outcome["outcome"] != "skipped" or test in entry["tests"]):
            problems.append((test, outcome, f"{outcome['outcome']}, but explained as failing ({entry['reason']})"))
        if entry is not None:
            used.update(pattern for pattern in entry["tests"] if matches(test, [pattern]))
    for entry in plan.explained:
        for pattern in entry["tests"]:
            if entry["module"] == result["module"] and pattern not in used:
                problems.append((pattern, {"reason": None}, "explained, but there is no such test"))
    return problems


# ---- the page

PAGE_TEXT = """\
# CPython's own tests in the sandbox

<!-- Written by scripts/cpython_tests.py; change it there. -->

{modules} modules of CPython's own tests, run by `sport exec` on the Python of the sandbox: {tests:,} tests, of which
{passed:,} passed, {expected} failed as the tests themselves foresee, {skipped:,} skipped themselves, {failed:,} failed,
{stopped} were stopped by the sandbox, and {left_out} were left out because they never end.

The tests are those of Python 3.11 (Debian's package `libpython3.11-testsuite`, {version}); the sandbox has CPython
{python}. So most of what fails is a test that is older than the library it tests. Each failure has a reason, by name in
`scripts/cpython_tests.toml`:

{reasons}

Of the tests that skip themselves (a whole module counts as one)

{skips}

## What a user of the sandbox should know

* Not in this build: `bz2`, `lzma`, `ssl`, `ctypes`, `curses`, `fcntl`, `mmap`, `resource`, `termios`, `tkinter`, `venv`.
  There are `zlib`, `sqlite3` (Debian's package has no tests of it), the C parts of `decimal`, `json`, `pickle`, `datetime`
  and `xml.etree`, and the hashes of `hashlib` that need no OpenSSL.
* No threads, processes, sockets or signals, no links, no users and permissions, no locales besides C, no time zone data.
* Recursion is a `RecursionError`, also where it goes through C: a `__repr__`, `__eq__` or `__getattr__` that calls itself, a
  `sorted(key=…)`, `map` or `lru_cache` that does. C code that recurses by itself, without Python code in between, may exhaust
  the stack before Python notices, and the run ends as `trapped`. So do comparing two lists or dictionaries that contain
  themselves, reading JSON nested 20,000 levels deep, a chain of 20,000 `map`s, and freeing a list or hashing a tuple nested
  50,000 levels deep. Code with an expression of some 2,500 operators, or of 1,500 calls in a row, is a `RecursionError`.
* `open` is the sandbox's own, since it finds bare names in `/task` too. Kept as a class attribute it is no method, just as the
  built-in one, but it can be neither pickled nor copied by `copy.deepcopy`.
* `asyncio` has one event loop, the sandbox's own, whichever way one is made (`run`, `Runner`, `new_event_loop`, a policy):
  tasks, timers, locks and queues. A program that waits for something that cannot happen is a `RuntimeError`.
* `/scratch` holds 64 MiB, 1,024 files and 16 levels of folders. Writing more is "I/O error", setting a file's size beyond
  it "Quota exceeded". Reading a file changes no time of it. There is no root folder: `os.listdir("/")`
  is a `FileNotFoundError`.
* The library's source is not there: `inspect.getsource(json)` fails, tracebacks show no lines of it, and a module cannot be
  imported a second time (by `importlib.reload`, or without its C part).
* A session has 256 MiB of memory, and 1 MiB of `os.urandom`, which `secrets` uses too; `random` has no limit.
* `time.sleep` takes no time: the clock is the sandbox's own.

## Run them

```
scripts/cpython_tests.py run              # all, {minutes:.0f} minutes; the first time fetches 5 MB with apt-get (Debian 12)
scripts/cpython_tests.py run test_json    # one
scripts/cpython_tests.py table            # write this page
```

Each module runs in a process of its own with {memory} MiB and {cpu} s of cpu time. When the sandbox stops a test (it
recursed too deeply, or took too long), that test is counted as *stopped* and the module goes on in a new session. What
`python -m test` leaves out unless it is asked for (`-u`) is left out here. Some tests of asyncio run although 3.11 skips them
where there are no sockets: the event loop of the sandbox needs none. Names that are gone since 3.11, and without which
whole modules of tests could not be imported, are put back by `scripts/cpython_tests_guest.py`. A failure without a reason is
an error of the script, and so is a reason without a failure.

## Module by module

*Foreseen* are failures that the test declares itself (`expectedFailure`). *Why* is about failed and stopped tests."""


def table(plan: Plan) -> int:
    """Writes the page; nothing is run again."""
    results = {}
    for module in plan.modules:
        path = RESULTS / f"{module}.json"
        if not path.is_file():
            sys.exit(f"error: {module} was not run yet: scripts/cpython_tests.py run {module}")
        results[module] = json.loads(path.read_text())
    if problems := [(module, *found) for module, result in results.items() for found in check(plan, result)]:
        sys.exit(f"error: {len(problems)} results to explain first, such as {problems[0][1]} of {problems[0][0]}")
    lines = [page_text(plan, results), ""]
    lines += ["| module | tests | passed | skipped | foreseen | failed | stopped | left out | why |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for area, modules in plan.areas.items():
        lines.append(f"| **{area}** | | | | | | | | |")
        lines += [row(plan, results[module]) for module in modules]
    lines += ["", "## What fails, and why", "", "The names of the tests are in `scripts/cpython_tests.toml`.", ""]
    for reason, meaning in plan.reasons.items():
        entries = [entry for entry in [*plan.explained, *plan.left_out] if entry["reason"] == reason]
        if entries:
            lines += [f"**{reason}**: {meaning}", ""]
            lines += [*notes(plan, entries, results), ""]
    PAGE.write_text("\n".join(lines).rstrip() + "\n")
    print(f"written to {PAGE.relative_to(ROOT)}")
    return 0


def page_text(plan: Plan, results: dict) -> str:
    counts = collections.Counter()
    reasons = collections.Counter()
    skips = collections.Counter()
    for result in results.values():
        counts.update(tally(result))
        reasons.update(failing(plan, result))
        skips.update(skip(test["reason"]) for test in result["tests"].values() if test["outcome"] == "skipped")
    left_out = sum(len(plan.not_run(module)) for module in results)
    listed = [f"* {count:,} **{reason}**: {plan.reasons[reason]}" for reason, count in reasons.most_common()]
    last = list(results.values())[-1]
    return PAGE_TEXT.format(
        modules=len(results), tests=sum(counts.values()) + left_out, passed=counts["passed"], expected=counts["expected"],
        skipped=counts["skipped"], failed=counts["failed"] + counts["error"], stopped=counts["stopped"], left_out=left_out,
        version=last["version"], python=last["python"], reasons="\n".join(listed), memory=MEMORY_MIB, cpu=CPU_SECONDS,
        minutes=sum(result["seconds"] for result in results.values()) / 60,
        skips="\n".join(f"* {count} {reason}" for reason, count in skips.most_common(MOST_SKIPS)),
    )  # fmt: skip


def skip(reason: str | None) -> str:
    """The reason of a skipped test, alike for those that say the same in other words."""
    text = (reason or "no reason given").partition("\n")[0].removeprefix("a part of it: ")
    for word, meaning in SKIPS.items():
        if word in text.lower():
            return meaning
    return "for other reasons"


MOST_SKIPS = 12
# What is in the text of a skip, and what to call it; the first that is there.
SKIPS = {
    "_testcapi": "need `_testcapi` or another module for tests only",
    "_testinternalcapi": "need `_testcapi` or another module for tests only",
    "ndarray": "need `_testcapi` or another module for tests only",
    "subprocess": "start a process", "fork": "start a process", "execv": "start a process", "spawn": "start a process",
    "windows": "are for other operating systems", "win32": "are for other operating systems",
    "macos": "are for other operating systems", "code pages": "are for other operating systems",
    "bz2": "need `bz2` or `lzma`", "lzma": "need `bz2` or `lzma`", "_uuid": "need the C part of `uuid`",
    "thread": "start a thread", "socket": "open a socket", "chmod": "change permissions", "chown": "change permissions",
    "umask": "change permissions", "link": "make a link", "resource '": "are off unless asked for (`-u cpu` and the like)",
    "tz": "change the time zone or need time zone data", "zoneinfo": "change the time zone or need time zone data",
    "iana": "change the time zone or need time zone data", "skipping a": "change the time zone or need time zone data",
    "os.": "need a function of `os` that does not exist here", "signal": "need a signal",
    "memory": "need gigabytes of memory", "64": "need 64 bits", "32-bit": "need 64 bits",
    "wasi": "are known not to work on WebAssembly",
}  # fmt: skip


def failing(plan: Plan, result: dict) -> collections.Counter:
    """How many tests of a module fail for which reason."""
    bad = [test for test, outcome in result["tests"].items() if outcome["outcome"] in BAD]
    return collections.Counter(plan.explanation(result["module"], test)["reason"] for test in bad)


def row(plan: Plan, result: dict) -> str:
    counts = tally(result)
    why = ", ".join(f"{count} {reason}" for reason, count in failing(plan, result).most_common())
    whole = result["tests"].get("(the module)")
    if whole and whole["outcome"] == "skipped":
        why = whole["reason"]
    failed = counts["failed"] + counts["error"]
    left_out = len(plan.not_run(result["module"]))
    numbers = [counts["passed"], counts["skipped"], counts["expected"], failed, counts["stopped"], left_out]
    shown = [f"{sum(numbers)}", f"{counts['passed']}", *(f"{number or ''}" for number in numbers[1:])]
    return f"| `{result['module']}` | {' | '.join(shown)} | {why} |"


def notes(plan: Plan, entries: list[dict], results: dict) -> list[str]:
    """What these entries note, and how many tests of which modules it is about."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        tests = results[entry["module"]]["tests"]
        bad = [test for test in tests if tests[test]["outcome"] in BAD and matches(test, entry["tests"])]
        count = len(entry["tests"]) if entry in plan.left_out else len(bad)
        found.setdefault(entry.get("note", ""), []).append(f"`{entry['module']}` {count}")
    lines = [f"* {note}: {', '.join(modules)}" if note else f"* {', '.join(modules)}" for note, modules in found.items()]
    return [textwrap.fill(line, 120, subsequent_indent="  ", break_on_hyphens=False) for line in lines]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
