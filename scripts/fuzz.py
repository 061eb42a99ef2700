#!/usr/bin/env python3
"""Builds the fuzz targets with the address sanitizer and runs them one after the other: target/bench/fuzz.json.

    fuzz.py SECONDS [TARGET ...]      so many seconds each, all targets when none is named
    fuzz.py --build                   builds only

Nothing is installed for it: libFuzzer comes as a crate, the sanitizer's runtime with the compiler, and RUSTC_BOOTSTRAP lets a
stable compiler take the flags. What a target learns is kept in $SPORT_CACHE/fuzz/TARGET/corpus, what it finds beside that.
Exits with 1 if any target found something.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUZZ = ROOT / "tests/fuzz"
BUILT = ROOT / "target/fuzz"
MACHINE = "x86_64-unknown-linux-gnu"
CACHE = pathlib.Path(os.environ.get("SPORT_CACHE") or pathlib.Path.home() / ".cache/sport") / "fuzz"

# The longest input of each: what fits into the guest's result area, a whole small component, a schema with its value, …
TARGETS = {"admit": 24 << 10, "call": 4096, "lift": 3072, "schema": 4096, "grants": 4096, "egress": 1024, "names": 2048}

# An input that takes longer is a finding: every bound of the sandbox is far below.
PATIENCE_SECONDS = 20
MEMORY_MB = 4096

# With a machine named, cargo builds its own helpers without these flags. Coverage is added by the wrapper, for some crates.
FLAGS = {
    "RUSTC_BOOTSTRAP": "1",
    "RUSTFLAGS": "-Zsanitizer=address --cfg fuzzing",
    "RUSTC_WRAPPER": str(FUZZ / "rustc.sh"),
    "CARGO_TARGET_DIR": str(BUILT),
}
# The guest's stack is measured by addresses of locals, so these must lie on the real stack.
RUN = {"ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0:allocator_may_return_null=0"}


def main() -> int:
    arguments = sys.argv[1:]
    build()
    if arguments == ["--build"]:
        return 0
    seconds = int(arguments[0])
    chosen = arguments[1:] or list(TARGETS)
    unknown = [name for name in chosen if name not in TARGETS]
    if unknown:
        sys.exit(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    rows = [fuzz(name, seconds) for name in chosen]
    report = ROOT / "target/bench/fuzz.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\n{'target':8} {'executions':>12} {'seconds':>8} {'per s':>7} {'features':>9} {'corpus':>7}  findings")
    for row in rows:
        rate = row["executions"] / max(row["seconds"], 1)
        print(
            f"{row['name']:8} {row['executions']:12,} {row['seconds']:8.0f} {rate:7,.0f} {row['features']:9,}"
            f" {row['corpus']:7,}  {len(row['crashes'])}"
        )
        for crash in row["crashes"]:
            print(f"  again: {again(row['name'], crash)}")
    print(f"written to {report.relative_to(ROOT)}")
    return int(any(row["crashes"] or row["failed"] for row in rows))


def build() -> None:
    command = ["cargo", "build", "--release", "--locked", "--target", MACHINE, "--bins"]
    subprocess.run(command, cwd=FUZZ, env={**os.environ, **FLAGS}, check=True)


def program(name: str) -> str:
    return str(BUILT / MACHINE / "release" / name)


def again(name: str, crash: str) -> str:
    return f"ASAN_OPTIONS={RUN['ASAN_OPTIONS']} {os.path.relpath(program(name), ROOT)} {crash}"


def fuzz(name: str, seconds: int) -> dict:
    folder = CACHE / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    before = findings(folder)
    log = folder / "log"
    command = [
        program(name), str(corpus), str(FUZZ / "seeds" / name), f"-max_total_time={seconds}", f"-max_len={TARGETS[name]}",
        f"-timeout={PATIENCE_SECONDS}", f"-rss_limit_mb={MEMORY_MB}", f"-artifact_prefix={folder}/", "-print_final_stats=1",
        "-use_value_profile=1",
    ]
    print(f"{name}: {seconds} s, log in {log}", flush=True)
    begin = time.monotonic()
    with log.open("w") as out:
        ended = subprocess.run(command, stdout=out, stderr=out, env={**os.environ, **RUN}, cwd=ROOT, check=False)
    text = log.read_text(errors="replace")
    crashes = sorted(str(path) for path in findings(folder) - before)
    if ended.returncode != 0:
        print("\n".join(text.splitlines()[-40:]))
    covered = re.findall(r"cov: (\d+) ft: (\d+)", text) or [(0, 0)]
    executed = re.findall(r"stat::number_of_executed_units:\s*(\d+)|^#(\d+)\t", text, re.MULTILINE) or [("0", "")]
    return {
        "name": name,
        "executions": max(int(total or shown) for total, shown in executed),
        "seconds": round(time.monotonic() - begin, 1),
        "coverage": int(covered[-1][0]),
        "features": int(covered[-1][1]),
        "corpus": sum(1 for _ in corpus.iterdir()),
        "failed": ended.returncode != 0,
        "crashes": crashes,
    }


def findings(folder: pathlib.Path) -> set[pathlib.Path]:
    """What libFuzzer writes when something is wrong."""
    kinds = ("crash-", "timeout-", "oom-", "leak-", "slow-unit-")
    return {path for path in folder.iterdir() if path.name.startswith(kinds)}


if __name__ == "__main__":
    sys.exit(main())
