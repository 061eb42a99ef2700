//! Measures sessions, forks and tool calls through the real components, and writes the rows as JSON.
//!
//! ```text
//! cargo run --release -p sport-sandbox --example sandbox-speed -- COMPONENTS AOT_FOLDER ROWS.json
//! ```
//!
//! Rows are medians, measured in turn with their baseline: `python3` of this machine doing the same in a process of its
//! own, or, for forks, replay instead of memory. Rows without a baseline have no such other side.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Grants, Interpreter, Limits, Made, RunRequest, Sandbox, SandboxOptions,
    Session, SessionOptions, ToolHost, Toolbox,
};

type Failed = Box<dyn std::error::Error>;

/// Repetitions of a row; one more goes unmeasured before them.
const REPEATS: usize = 21;

/// Repetitions of a step of the loop.
const STEPS: usize = 12;

/// Tool calls in one repetition.
const CALLS: usize = 50;

fn main() -> Result<(), Failed> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [components, aot_dir, rows_file] = arguments.as_slice() else {
        return Err("usage: speed COMPONENTS AOT_FOLDER ROWS.json".into());
    };
    let sandbox = Sandbox::new(SandboxOptions { aot_dir: aot_dir.clone() })?;
    let python = sandbox.interpreter(&components.join("python.wasm"), &Grants::new(["tools"])?)?;
    let calculator =
        sandbox.tool(&components.join("calculator.wasm"), &Grants::new(Vec::<String>::new())?)?;
    let mut toolbox = Toolbox::new(vec![calculator], ArtifactStore::new_in_memory())?;
    let mut rows = Vec::new();

    let (ours, theirs) = alternate(
        || {
            let mut session = open(&python)?;
            exec(&mut session, "x = 1", &mut toolbox)
        },
        || python3("x = 1"),
    )?;
    rows.push(row("open a session and run `x = 1`", "ms", ours, Some(("python3", theirs))));

    // What a step of the loop does: a run has changed the parent, five candidates are forked and run, one goes on.
    let states = [
        ("small", "x = 0", STEPS),
        ("10 MB", "import random\nkeep = [[random.random()] * 8 for _ in range(90_000)]", STEPS),
        ("100 MB", "import random\nkeep = [[random.random()] * 8 for _ in range(900_000)]", STEPS / 4),
    ];
    for (size, state, repeats) in states {
        let mut parent = open(&python)?;
        for step in 0..10 {
            exec(&mut parent, if step == 0 { state } else { "y = 1" }, &mut toolbox)?;
        }
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..=repeats {
            for (side, times) in times.iter_mut().enumerate() {
                exec(&mut parent, "y += 1", &mut toolbox)?;
                let began = Instant::now();
                let mut candidates = Vec::new();
                for number in 0..5 {
                    let mut fork = if side == 0 { parent.fork()? } else { parent.fork_by_replay()? };
                    if side == 0 && *fork.made() != Made::FromMemory {
                        return Err(format!("not forked from memory: {:?}", fork.made()).into());
                    }
                    exec(&mut fork, &format!("z = y + {number}"), &mut toolbox)?;
                    candidates.push(fork);
                }
                candidates.truncate(1);
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
        }
        let [ours, theirs] = times.map(|times| median(times.into_iter().skip(1).collect()));
        let name = format!("a step: checkpoint, 5 forks, 5 runs, 4 drops; state {size}");
        rows.push(row(&name, "ms", ours, Some(("replay", theirs))));
    }

    let expression = json!({ "expression": "237 * 83" });
    let (ours, _) = alternate(
        || {
            let mut branch = Branch::open(&[])?;
            for _ in 0..CALLS {
                let budget = Budget::new(Limits::tool());
                (&toolbox)
                    .invoke("calculate", &expression, &mut branch, &budget)
                    .map_err(|failure| failure.to_string())?;
            }
            Ok(())
        },
        || Ok(()),
    )?;
    rows.push(row("tool call by the host, a fresh instance each", "ms", ours / CALLS as f64, None));

    let calls = format!("for n in range({CALLS}):\n    calculate(expression=\"237 * 83\")");
    let (ours, _) = alternate(|| exec(&mut open(&python)?, &calls, &mut toolbox), || Ok(()))?;
    let (empty, _) = alternate(
        || exec(&mut open(&python)?, &format!("for n in range({CALLS}):\n    pass"), &mut toolbox),
        || Ok(()),
    )?;
    rows.push(row("tool call from agent code", "ms", (ours - empty).max(0.0) / CALLS as f64, None));

    if let Some(folder) = rows_file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(rows_file, serde_json::to_string_pretty(&rows)? + "\n")?;
    println!("written to {}", rows_file.display());
    Ok(())
}

fn open(python: &Arc<Interpreter>) -> Result<Session, Failed> {
    Ok(python.open(SessionOptions { seed: 1, files: Vec::new(), store: ArtifactStore::new_in_memory() })?)
}

fn exec(session: &mut Session, code: &str, tools: &mut Toolbox) -> Result<(), Failed> {
    let request = RunRequest { code: code.to_owned(), ..RunRequest::default() };
    let report = session.run(&request, tools, &Budget::new(Limits::interpreter()));
    if report.ending.may_commit() { Ok(()) } else { Err(format!("{report:?}").into()) }
}

fn python3(code: &str) -> Result<(), Failed> {
    let status = Command::new("python3").args(["-c", code]).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("python3 ended with {status}").into()) }
}

/// Medians of both sides in milliseconds, one after the other in turn.
fn alternate(
    mut ours: impl FnMut() -> Result<(), Failed>,
    mut theirs: impl FnMut() -> Result<(), Failed>,
) -> Result<(f64, f64), Failed> {
    let mut times = [Vec::new(), Vec::new()];
    for repeat in 0..=REPEATS {
        for (side, times) in times.iter_mut().enumerate() {
            let began = Instant::now();
            if side == 0 {
                ours()?
            } else {
                theirs()?
            }
            if repeat > 0 {
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
        }
    }
    let [ours, theirs] = times.map(median);
    Ok((ours, theirs))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn row(name: &str, unit: &str, value: f64, baseline: Option<(&str, f64)>) -> Value {
    match baseline {
        Some((what, baseline)) => println!("{name}: {value:.2} {unit}, {what} {baseline:.2} {unit}"),
        None => println!("{name}: {value:.3} {unit}"),
    }
    let baseline = baseline.map(|(_, baseline)| baseline);
    let ratio = baseline.map(|baseline| baseline / value);
    json!({ "name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio, "goal": null, "met": null })
}
