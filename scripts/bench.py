#!/usr/bin/env python3
"""Measures whole commands side by side and writes target/bench/exec.json.

Each row is {name, value, unit, baseline, ratio, goal, met}: `value` is ours, `baseline` the other side's in the same
run, both medians of alternating repetitions; `ratio` is baseline / value (above 1 means that we are faster).
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

REPEATS = 21
ROOT = pathlib.Path(__file__).resolve().parent.parent
SPORT = ROOT / "target/release/sport"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        code = pathlib.Path(scratch) / "code.py"
        code.write_text("print(1+1)\n")
        ours = [str(SPORT), "exec", str(code)]
        rows = [
            compare("exec print(1+1), whole process", ours, [sys.executable, "-c", "print(1+1)"], goal=100.0),
            compare("version, whole process", [str(SPORT), "version"], [sys.executable, "-c", "pass"], goal=None),
        ]
    target = ROOT / "target/bench/exec.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(rows, indent=1) + "\n")
    for row in rows:
        print(f"{row['name']}: {row['value']:.1f} {row['unit']}, python3 alone {row['baseline']:.1f} {row['unit']}")
    print(f"written to {target.relative_to(ROOT)}")


def compare(name: str, ours: list[str], other: list[str], goal: float | None) -> dict:
    """A/B/A/B after one unmeasured run of each."""
    times: tuple[list[float], list[float]] = ([], [])
    for repeat in range(REPEATS + 1):
        for side, command in enumerate((ours, other)):
            begin = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
            if repeat:
                times[side].append((time.perf_counter() - begin) * 1000)
    value, baseline = (statistics.median(side) for side in times)
    met = None if goal is None else value <= goal
    return {"name": name, "value": value, "unit": "ms", "baseline": baseline, "ratio": baseline / value, "goal": goal, "met": met}


if __name__ == "__main__":
    main()
