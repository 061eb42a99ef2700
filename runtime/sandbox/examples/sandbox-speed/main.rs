//! Measures sessions, forks and tool calls through the real components, and writes the rows as JSON.
//!
//! ```text
//! cargo run --release -p sport-sandbox --example sandbox-speed -- COMPONENTS AOT_FOLDER ROWS.json
//! ```
//!
//! Rows are medians, measured in turn with their baseline: `python3` of this machine doing the same in a process of its
//! own, or, for forks, replay instead of memory. Rows without a baseline have no such other side.

#[path = "../../tests/core/guest.rs"]
#[expect(clippy::expect_used, reason = "it serves the tests, which may panic")]
mod guest;
mod rows;
mod tools;
mod walls;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Grants, Interpreter, Limits, Made, RunRequest, Sandbox, SandboxOptions,
    Session, SessionOptions, ToolHost, Toolbox,
};

use rows::{Better, Failed, Row, Times, alternate};

/// Repetitions of a row; one more goes unmeasured before them.
const REPEATS: usize = 41;

/// Repetitions of a step of the loop.
const STEPS: usize = 12;

/// Tool calls in one repetition.
const CALLS: usize = 50;

fn main() -> Result<(), Failed> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [components, aot_dir, rows_file] = arguments.as_slice() else {
        return Err("usage: sandbox-speed COMPONENTS AOT_FOLDER ROWS.json".into());
    };
    let sandbox = Sandbox::new(SandboxOptions::new(aot_dir.clone()))?;
    let python = sandbox.interpreter(&components.join("python.wasm"), &Grants::new(["tools"])?)?;
    let calculator = sandbox.tool(&components.join("calculator.wasm"), &Grants::none())?;
    let mut toolbox = Toolbox::new(vec![calculator], ArtifactStore::new_in_memory())?;
    let folder = tempfile::tempdir()?;
    let mut rows = tools::rows(&sandbox, folder.path())?;

    let [ours, theirs] = alternate(
        REPEATS,
        || exec(&mut open(&python)?, "print(1+1)", &mut toolbox),
        || python3("print(1+1)"),
    )?;
    let session = Row {
        name: "a fresh Python session, print(1+1), dropped",
        unit: "ms",
        value: ours.median(),
        baseline: Some(("python3", theirs.median())),
        goal: Some((1.0, Better::Less)),
    };
    rows.push(session.done());

    // What a step of the loop does: a run has changed the parent, five candidates are forked and run, one goes on.
    let states = [
        ("small", "x = 0", STEPS, 15.0),
        ("10 MB", "import random\nkeep = [[random.random()] * 8 for _ in range(90_000)]", STEPS, 30.0),
        ("100 MB", "import random\nkeep = [[random.random()] * 8 for _ in range(900_000)]", STEPS / 4, 120.0),
    ];
    for (size, state, repeats, goal) in states {
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
        let [ours, theirs] = times.map(|times| Times::new(times.into_iter().skip(1).collect()).median());
        let step = Row {
            name: &format!("a step: checkpoint, 5 forks, 5 runs, 4 drops; state {size}"),
            unit: "ms",
            value: ours,
            baseline: Some(("replay", theirs)),
            goal: Some((goal, Better::Less)),
        };
        rows.push(step.done());
    }

    rows.extend(walls::rows(components, aot_dir, &python, &toolbox)?);

    let expression = json!({ "expression": "237 * 83" });
    let [ours, _] = alternate(
        REPEATS,
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
    let of_calls = |name: &str, times: f64| {
        Row { name, unit: "ms", value: times / CALLS as f64, baseline: None, goal: None }.done()
    };
    rows.push(of_calls("a call of the calculator by the host", ours.median()));

    let calls = format!("for n in range({CALLS}):\n    calculate(expression=\"237 * 83\")");
    let empty = format!("for n in range({CALLS}):\n    pass");
    let mut second = toolbox.clone();
    let [ours, empty] = alternate(
        REPEATS,
        || exec(&mut open(&python)?, &calls, &mut toolbox),
        || exec(&mut open(&python)?, &empty, &mut second),
    )?;
    rows.push(of_calls("the same from agent code", (ours.median() - empty.median()).max(0.0)));

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
