#!/usr/bin/env python3
"""Runs the demo's config under the three named seeds and its two arms, and prints their table.

    scripts/study.py run NAME...     run these (or go on with them), one after the other, one thread each
    scripts/study.py table           what stands in the run directories

The configs are examples/quickstart.toml with a few keys changed, written beside the runs in runs/study. One thread
each, so that the same machine gives the same numbers again; two can run side by side on two cores.
"""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPORT = ROOT / "target/release/sport"
STUDY = ROOT / "runs/study"

# What each run changes: (line as it stands in the quickstart, under which table, line instead).
ONE_THREAD = ("[policy]", "[policy]\nthreads = 1")
RUNS = {
    "seed-21": [],
    "seed-22": [("seed = 21", "seed = 22")],
    "seed-23": [("seed = 21", "seed = 23")],
    "sft-only": [("iterations = 3", "iterations = 2"), ("[tune.dpo]\nepochs = 1", "[tune.dpo]\nepochs = 0")],
    # without SFT and without the SFT term of the loss
    "pure-dpo": [
        ("iterations = 3", "iterations = 2"),
        ("[tune.sft]\nepochs = 2", "[tune.sft]\nepochs = 0"),
        ("sft_weight = 1.0", "sft_weight = 0.0"),
    ],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run").add_argument("names", nargs="+", choices=[*RUNS])
    commands.add_parser("table")
    arguments = parser.parse_args()
    if arguments.command == "table":
        return table()
    for name in arguments.names:
        folder = STUDY / name
        command = [SPORT, "improve", "--config", config(name), "--run", folder, "--resume"]
        if (status := subprocess.run(command, check=False).returncode) not in (0, 1):
            return status
    return 0


def config(name: str) -> pathlib.Path:
    """Writes a run's config. A run keeps its own copy, so that writing it again is harmless."""
    text = (ROOT / "examples/quickstart.toml").read_text()
    text = text.replace('form = "forms/', f'form = "{ROOT}/examples/forms/')
    for old, new in [ONE_THREAD, *RUNS[name]]:
        if text.count(old) != 1:
            sys.exit(f"study: `{old}` does not stand once in examples/quickstart.toml; mend RUNS in {__file__}")
        text = text.replace(old, new)
    STUDY.mkdir(parents=True, exist_ok=True)
    path = STUDY / f"{name}.toml"
    path.write_text(text)
    return path


def table() -> int:
    """One row a run: held-out success of the demo families, the comparison with the base, and the winners' precision."""
    print("| run | base | 1 | 2 | 3 | gain, 95 % interval | families up, down, p | winners right | hard | multi-step |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in RUNS:
        if not (STUDY / name / "run.sqlite").is_file():
            continue
        shown = subprocess.run([SPORT, "run", "show", STUDY / name, "--json"], check=True, stdout=subprocess.PIPE)
        summary = json.loads(shown.stdout)
        found = {iteration["number"]: iteration for iteration in summary["iterations"]}
        row = [name, *(share(found[n]["held_out"]) if n in found else "" for n in range(4))]
        if gain := summary.get("comparison"):
            row += [
                "{:+.0f} points [{:+.0f}, {:+.0f}]".format(*(100 * gain[key] for key in ("difference", "low", "high"))),
                f"{gain['families_up']}, {gain['families_down']}, {gain['sign_test_p']:.3f}",
            ]
        else:
            row += ["", ""]
        right = [found[n]["winners_right"] for n in sorted(found) if n and found[n]["winners_right"]]
        row.append(", ".join(f"{each['correct']}/{each['total']}" for each in right))
        for other in ("hard", "multi-step"):
            sets = [found[n]["sets"].get(other) for n in sorted(found)]
            row.append(" → ".join(f"{each['correct']}/{each['total']}" for each in sets if each))
        print("| " + " | ".join(row) + " |")
    return 0


def share(held: dict) -> str:
    return f"{held['correct']}/{held['total']} ({held['correct'] / max(held['total'], 1):.0%})"


if __name__ == "__main__":
    sys.exit(main())
