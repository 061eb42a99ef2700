//! Whether a plugin keeps the contract: run on the real component, in the real sandbox, within its default limits.
//!
//! The contract says more than types can: that `describe` is pure, that a schema is what the tool takes, that a tool which calls
//! itself deterministic is so, that a verifier does not look at the order of the candidates. [`conform`] tries each of these out on
//! generated inputs and on the author's own cases, and reports what to mend.
//!
//! # Layout
//!
//! * `report`: what was found, as values and as text;
//! * `generate`: values that a schema takes, and values that it does not; `draw`: the random numbers behind it;
//! * `tools`, `verifiers`: the checks; `steps`: what a verifier is given;
//! * `cases`: the author's cases in the sandbox.
//!
//! Invariants: everything is drawn from the component's digest, so the same component gets the same report; a plugin is granted
//! what it imports, but no host, no secret and no other tool, so nothing outside is reached.

use std::path::Path;

use serde_json::Value;
use sport_sandbox::{Error, Grants, Inspection, Kind, Sandbox, inspect};

use crate::commands::artifact::{GrantedFile, with_artifacts};
use crate::exit::{CommandError, Exit};

mod cases;
mod draw;
mod generate;
mod report;
mod steps;
mod tools;
mod verifiers;

pub use report::Report;

/// Tries a component out. What it does wrong is in the report; an error means that it could not be tried.
pub fn conform(
    sandbox: &Sandbox,
    component: &Path,
    cases: Option<&Path>,
    artifacts: &[GrantedFile],
) -> Result<Report, CommandError> {
    let inspection = inspect(component)?;
    let cases = cases.map(read_cases).transpose()?.unwrap_or_default();
    let mut report = Report::new(&inspection);
    let grants = with_artifacts(asked(&inspection)?, artifacts)?;
    let tried = match inspection.kind {
        Some(Kind::Tool) => tools::check(sandbox, component, &grants, &cases, &mut report),
        Some(Kind::Verifier) => verifiers::check(sandbox, component, &grants, &cases, &mut report),
        _ => {
            let message = format!(
                "{} is neither a tool nor a verifier; there are checks for those",
                component.display()
            );
            return Err(CommandError::new(Exit::BadInput, "wrong-kind", message));
        }
    };
    match tried {
        Ok(()) => {}
        // What it says of itself is the plugin's own fault, and the message says which part of it.
        Err(error @ Error::Describe { .. }) => report.mend(
            "describe",
            None,
            error.to_string(),
            "give constants: describe may call nothing of the host, and a schema is an object within the limits",
        ),
        Err(error @ Error::Warm { .. }) => report.mend(
            "warm",
            None,
            error.to_string(),
            "hand it its files with --artifact NAME=PATH; warm may read those and log, and call nothing else of the host",
        ),
        Err(error) => return Err(error.into()),
    }
    Ok(report)
}

/// What it imports of what can be granted. Hosts, secrets and other tools are things that a grant names, and none is named here.
fn asked(inspection: &Inspection) -> Result<Grants, Error> {
    let none = Grants::none();
    let wanted = inspection.imports.iter().filter(|import| inspection.answer(import, &none) == "NOT GRANTED");
    let interfaces = wanted.filter_map(|import| import.split('@').next()?.strip_prefix("sport:host/"));
    Grants::new(interfaces)
}

fn read_cases(path: &Path) -> Result<Vec<Value>, CommandError> {
    let bad = |reason: String| {
        CommandError::new(Exit::BadInput, "bad-cases", format!("{}: {reason}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let cases: Vec<Value> =
        serde_json::from_str(&text).map_err(|error| bad(format!("it is no JSON list of cases: {error}")))?;
    Ok(cases)
}
