//! A case, and the two usual ways to make one: a guest from text, and Python code.

use std::time::Duration;

use serde_json::json;
use sport_sandbox::{
    ArtifactStore, Budget, EndingKind, Failure, Limits, Outcome, PluginState, RunReport, RunRequest, Session,
};

use crate::guest::Guest;
use crate::host::{Host, NoTools};

/// One thing that a hostile guest tries.
pub struct Case {
    pub name: String,
    /// What it must come to, word for word.
    pub expected: String,
    /// Tries it, and says what it came to.
    pub run: Box<dyn FnOnce(&Host) -> String>,
}

pub fn case(name: &str, expected: &str, run: impl FnOnce(&Host) -> String + 'static) -> Case {
    Case { name: name.to_owned(), expected: expected.to_owned(), run: Box::new(run) }
}

/// A tool that is loaded and called once; see [`outcome_of`]. What is refused before a call comes to its admission code.
pub fn tool(name: &str, expected: &str, limits: Limits, grants: &'static [&str], guest: Guest) -> Case {
    case(name, expected, move |host| match host.load(guest, grants) {
        Ok(tool) => {
            let budget = Budget::new(limits);
            let store = ArtifactStore::new_in_memory();
            outcome_of(&tool.call("probe", &json!({}), &store, &mut PluginState::new(), &budget))
        }
        Err(error) => error.code().to_owned(),
    })
}

/// Code in a fresh session without files; see [`ending_of`].
pub fn python(name: &str, expected: &str, code: &str) -> Case {
    python_within(name, expected, Limits { wall: Duration::from_secs(30), ..Limits::interpreter() }, code)
}

/// The same within other limits.
pub fn python_within(name: &str, expected: &str, limits: Limits, code: &str) -> Case {
    let code = code.to_owned();
    case(name, expected, move |host| ending_of(&run(&mut host.session(Vec::new()), &code, limits)))
}

/// Code that runs for ever unless it is stopped: it gets 200 ms.
pub fn endless(name: &str, code: &str) -> Case {
    // Loops that do nothing but ask the host must not use up their calls first.
    let limits = Limits { host_calls: u64::MAX, ..brief(Limits::interpreter()) };
    python_within(name, "deadline: wall", limits, code)
}

/// Limits with little wall time.
pub fn brief(limits: Limits) -> Limits {
    Limits { wall: Duration::from_millis(200), ..limits }
}

pub fn run(session: &mut Session, code: &str, limits: Limits) -> RunReport {
    let request = RunRequest { code: code.to_owned(), ..RunRequest::default() };
    session.run(&request, &mut NoTools, &Budget::new(limits))
}

/// A failure's code, or `answers` and the structured result.
pub fn outcome_of(result: &Result<Outcome, Failure>) -> String {
    match result {
        Ok(outcome) => match &outcome.structured {
            Some(value) => format!("answers {value}"),
            None => "answers".to_owned(),
        },
        Err(failure) => failure.code.clone(),
    }
}

/// The ending's name, and what tells it from others of its kind: what was printed, the exception's class, what was used up.
pub fn ending_of(report: &RunReport) -> String {
    let name = report.ending.name();
    let reason = report.reason.clone().unwrap_or_default();
    let more = match report.ending {
        EndingKind::Value => report.stdout.trim().to_owned(),
        EndingKind::Answered => report.answer.clone().unwrap_or_default().to_string(),
        EndingKind::Raised => report.raised.as_ref().map_or(String::new(), |raised| raised.class.clone()),
        EndingKind::Exited => report.exit_code.unwrap_or_default().to_string(),
        EndingKind::Deadline => if reason.contains("wall time") { "wall" } else { "cpu" }.to_owned(),
        EndingKind::Exhausted => {
            reason.split(" used up").next().unwrap_or_default().trim_end_matches(" (bytes)").to_owned()
        }
        _ => reason,
    };
    if more.is_empty() { name.to_owned() } else { format!("{name}: {more}") }
}
