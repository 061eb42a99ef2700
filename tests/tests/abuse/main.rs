//! The abuse suite: what hostile guests try, and what each of them must get.
//!
//! A guest is a component made from text, raw bytes, or Python code for the interpreter. Every case states the exact code
//! or ending that it must come to. All run one after the other in this process, and after each the host must be
//! well ([`host::Host::is_well`]): the next honest call works, the memory came back, no thread and no file descriptor is left.
//!
//! ```text
//! cargo test --release -p sport-tests --test abuse               # all
//! cargo test --release -p sport-tests --test abuse -- time fork   # cases whose class or name contains `time` or `fork`
//! ```
//!
//! * `paths`: names of files, links, quotas, other people's folders
//! * `escapes`: environment, processes, sockets, native code, files of the host
//! * `time`: loops of every kind, in every place where a guest's code runs
//! * `memory`: linear memory, tables, handles, recursion, and what the host keeps for a guest
//! * `values`: what a guest may give back
//! * `schemas`: what a plugin may say of its arguments
//! * `output`: floods, terminal escapes
//! * `admission`: bytes that are no component, or one that must not be loaded
//! * `verifiers`: judgements that are not worth the name
//! * `structure`: nested calls, state, artifacts, pool slots, sessions that ended badly

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a failed case")]
#![expect(clippy::print_stdout, reason = "it prints its own report")]

mod admission;
mod case;
mod escapes;
#[path = "../../../runtime/sandbox/tests/core/guest.rs"]
mod guest;
mod host;
mod memory;
mod output;
mod paths;
mod schemas;
mod structure;
mod time;
mod values;
mod verifiers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use case::Case;
use host::Host;

/// No case takes longer; one that does hangs, and the suite ends there.
const HANGS: Duration = Duration::from_secs(60);

/// A case that takes longer is named, so that the suite stays one that people run.
const SLOW: Duration = Duration::from_secs(3);

type Class = (&'static str, fn() -> Vec<Case>);

const CLASSES: [Class; 10] = [
    ("paths", paths::cases),
    ("escapes", escapes::cases),
    ("time", time::cases),
    ("memory", memory::cases),
    ("values", values::cases),
    ("schemas", schemas::cases),
    ("output", output::cases),
    ("admission", admission::cases),
    ("structure", structure::cases),
    ("verifiers", verifiers::cases),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        for (class, cases) in CLASSES {
            cases().iter().for_each(|case| println!("{class}: {}", case.name));
        }
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    let host = Host::new(HANGS);
    let (mut ran, mut failures) = (0, Vec::new());
    for (class, cases) in CLASSES {
        let began = Instant::now();
        let cases = cases().into_iter().filter(|case| {
            let full = format!("{class}: {}", case.name);
            wanted.is_empty() || wanted.iter().any(|part| full.contains(part.as_str()))
        });
        let (mut count, before) = (0, failures.len());
        for case in cases {
            let name = format!("{class}: {}", case.name);
            count += 1;
            let case_began = Instant::now();
            let result = contained(&host, &name, case);
            if case_began.elapsed() > SLOW {
                println!("slow   {name}: {:.1} s", case_began.elapsed().as_secs_f64());
            }
            if let Err(how) = result {
                println!("FAILED {name}\n       {how}");
                failures.push(name);
            }
        }
        ran += count;
        if count > 0 {
            let good = count - (failures.len() - before);
            let (seconds, (_, memory)) = (began.elapsed().as_secs_f64(), host.memory());
            println!("{class:<10} {good:>3} of {count:>3} contained in {seconds:.1} s, {memory} MiB");
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let (before, after) = host.memory();
    println!("resident memory: {before} MiB before, {after} MiB after");
    println!("abuse: {ran} cases, {} failed, {seconds:.1} s", failures.len());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a case; how it failed, if it did.
fn contained(host: &Host, name: &str, case: Case) -> Result<(), String> {
    host.watch(Some(name));
    let expected = case.expected.clone();
    // A panic of the host while a guest runs is what must not be: it is a failed case, and the others still run.
    let got = catch_unwind(AssertUnwindSafe(|| (case.run)(host)));
    let well = host.is_well();
    host.watch(None);
    let got = got.map_err(|_| "the host panicked".to_owned())?;
    if got != expected {
        return Err(format!("expected {expected:?}, got {got:?}"));
    }
    well.map_err(|problem| format!("it got {got:?} as it should, but then {problem}"))
}
