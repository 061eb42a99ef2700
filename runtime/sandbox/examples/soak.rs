//! Runs tool calls and interpreter sessions for a long time in one process and watches its memory.
//!
//! ```text
//! cargo run --release -p sport-sandbox --example soak -- COMPONENTS AOT_FOLDER CALLS SESSIONS RESULT.json
//! ```
//!
//! Every call and every session must come out right. Resident memory after each twentieth is compared with that after the
//! first tenth; a drift of 5 % or more, or one error, ends with exit code 1.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Grants, Interpreter, Limits, RunRequest, Sandbox, SandboxOptions,
    SessionOptions, ToolHost, Toolbox,
};

type Failed = Box<dyn std::error::Error>;

/// Parts of the whole after which memory is looked at.
const PARTS: usize = 20;
/// The part whose memory the later ones are compared with.
const FIRST: usize = 2;
/// The most that they may differ from it.
const DRIFT: f64 = 0.05;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [components, aot_dir, calls, sessions, result] = arguments.as_slice() else {
        return Err("usage: soak COMPONENTS AOT_FOLDER CALLS SESSIONS RESULT.json".into());
    };
    let components = PathBuf::from(components);
    let sandbox = Sandbox::new(SandboxOptions::new(aot_dir))?;
    let calculator = sandbox.tool(&components.join("calculator.wasm"), &Grants::none())?;
    let toolbox = Toolbox::new(vec![calculator], ArtifactStore::new_in_memory())?;
    let python = sandbox.interpreter(&components.join("python.wasm"), &Grants::new(["tools"])?)?;

    let calls = watch("tool calls", calls.parse()?, |number| call(&toolbox, number))?;
    let sessions = watch("interpreter sessions", sessions.parse()?, |number| session(&python, number))?;
    let good = [&calls, &sessions].iter().all(|part| part["good"] == true);
    if let Some(folder) = PathBuf::from(result).parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(result, serde_json::to_string_pretty(&json!([calls, sessions]))? + "\n")?;
    println!("written to {result}");
    if good { Ok(()) } else { Err("errors, or memory that grew: see above".into()) }
}

fn call(toolbox: &Toolbox, number: usize) -> Result<bool, Failed> {
    let mut branch = Branch::open(&[])?;
    let arguments = json!({ "expression": format!("{number} + 1") });
    let outcome = (&*toolbox)
        .invoke("calculate", &arguments, &mut branch, &Budget::new(Limits::tool()))
        .map_err(|failure| failure.to_string())?;
    let result = outcome.structured.as_ref().and_then(|value| value["result"].as_f64());
    Ok(result == Some(number as f64 + 1.0))
}

fn session(python: &Arc<Interpreter>, number: usize) -> Result<bool, Failed> {
    let store = ArtifactStore::new_in_memory();
    let mut session = python.open(SessionOptions { seed: number as u64, files: Vec::new(), store })?;
    let code = format!("print({number} + 1)");
    let request = RunRequest { code, ..RunRequest::default() };
    let toolbox = Toolbox::new(Vec::new(), ArtifactStore::new_in_memory())?;
    let report = session.run(&request, &mut &toolbox, &Budget::new(Limits::interpreter()));
    Ok(report.stdout == format!("{}\n", number + 1))
}

/// Does the work `count` times and looks at memory in between.
fn watch(
    what: &str,
    count: usize,
    mut work: impl FnMut(usize) -> Result<bool, Failed>,
) -> Result<Value, Failed> {
    let began = Instant::now();
    let (mut errors, mut resident) = (0_usize, Vec::new());
    for part in 0..PARTS {
        for number in count * part / PARTS..count * (part + 1) / PARTS {
            match work(number) {
                Ok(true) => {}
                Ok(false) => errors += 1,
                Err(error) => {
                    errors += 1;
                    eprintln!("{what} {number}: {error}");
                }
            }
        }
        resident.push(resident_bytes()?);
        println!("{what}: {} of {count}, {} MB resident", count * (part + 1) / PARTS, resident[part] >> 20);
    }
    let first = resident[FIRST - 1] as f64;
    let drift = resident[FIRST..].iter().map(|now| (*now as f64 / first - 1.0).abs()).fold(0.0, f64::max);
    let seconds = began.elapsed().as_secs_f64();
    let good = errors == 0 && drift < DRIFT;
    println!("{what}: {count} in {seconds:.0} s, {errors} errors, drift {:.2} %", drift * 100.0);
    Ok(json!({
        "what": what, "count": count, "seconds": seconds, "errors": errors,
        "resident_bytes": resident, "drift": drift, "good": good,
    }))
}

fn resident_bytes() -> Result<u64, Failed> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split(' ').nth(1).ok_or("no resident size in /proc/self/statm")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}
