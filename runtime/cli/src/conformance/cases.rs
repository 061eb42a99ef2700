//! The author's cases in the sandbox: the calls of `cases.json`, through the door that agent code uses.
//!
//! The same file is run natively by the SDK's `testing` module; what a case may say is documented there.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Content, Error, Failure, Limits, StepView, TaskFile, Tool, ToolHost,
    Toolbox, Verifier,
};

use super::report::Report;
use super::steps;

const MEND: &str = "the case holds natively or not at all: mend the tool, or the case";

/// Runs those of a plugin of tools.
pub fn tools(tool: &Arc<Tool>, component: &Path, cases: &[Value], report: &mut Report) -> Result<(), Error> {
    // files are named as from the project's folder, and the component is in its `target`
    let folder = component.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let mut toolbox = Toolbox::new(vec![Arc::clone(tool)], ArtifactStore::new_in_memory())?;
    let outcomes = cases.iter().map(|case| {
        let files = case["files"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let files: Vec<TaskFile> = files
            .map(|name| TaskFile {
                name: name.rsplit('/').next().unwrap_or(name).to_owned(),
                path: folder.join(name),
            })
            .collect();
        let mut branch = Branch::open(&files).map_err(|error| error.to_string())?;
        let name = case["tool"].as_str().ok_or("it names no tool")?;
        let empty = json!({});
        let arguments = case.get("arguments").unwrap_or(&empty);
        let budget = Budget::new(Limits::tool());
        let result = toolbox.invoke(name, arguments, &mut branch, &budget);
        report.used(&budget.usage());
        match result {
            Err(failure) => expected(&failure, case["failure"].as_str()),
            Ok(_) if case["failure"].is_string() => {
                Err(format!("it should fail with {}, and it did not", case["failure"]))
            }
            Ok(outcome) => {
                let texts = outcome.content.iter().filter_map(|piece| match piece {
                    Content::Text { text } => Some(text.as_str()),
                    _ => None,
                });
                let text = Value::from(texts.collect::<Vec<_>>().join("\n"));
                same("text is", &text, case.get("text"))?;
                same("result is", &outcome.structured.unwrap_or_default(), case.get("structured"))
            }
        }
    });
    let outcomes: Vec<Result<(), String>> = outcomes.collect();
    tell(&outcomes, cases, report);
    Ok(())
}

/// Runs those of a verifier.
pub fn verifier(verifier: &Verifier, cases: &[Value], report: &mut Report) {
    let store = ArtifactStore::new_in_memory();
    let outcomes = cases.iter().map(|case| {
        let step = step(case)?;
        let budget = Budget::new(Limits::verifier());
        let judged = verifier.judge(&step, case.get("config").unwrap_or(&json!({})), &store, &budget);
        report.used(&budget.usage());
        match judged {
            Err(failure) => expected(&failure, case["failure"].as_str()),
            Ok(_) if case["failure"].is_string() => {
                Err(format!("it should fail with {}, and it did not", case["failure"]))
            }
            Ok(judged) => {
                let verdicts =
                    judged.iter().filter_map(|one| serde_json::to_value(one.verdict).ok()).collect();
                same("verdicts are", &Value::Array(verdicts), case.get("verdicts"))
            }
        }
    });
    let outcomes: Vec<Result<(), String>> = outcomes.collect();
    tell(&outcomes, cases, report);
}

/// The step of a case.
pub fn step(case: &Value) -> Result<StepView, String> {
    let step = case.get("step").ok_or("it has no step")?;
    steps::whole(step).map_err(|error| format!("its step cannot be read: {error}"))
}

fn tell(outcomes: &[Result<(), String>], cases: &[Value], report: &mut Report) {
    for (index, reason) in
        outcomes.iter().enumerate().filter_map(|(index, one)| Some((index, one.as_ref().err()?)))
    {
        let tool = cases.get(index).and_then(|case| case["tool"].as_str());
        report.mend("cases", tool, format!("case {}: {reason}", index + 1), MEND);
    }
    if cases.is_empty() {
        report.note(
            "cases",
            None,
            "there are none",
            "write calls and what must come of them into cases.json",
        );
    } else if outcomes.iter().all(Result::is_ok) {
        report.ok("cases", None, format!("{} hold in the sandbox", cases.len()));
    }
}

fn same(what: &str, is: &Value, wanted: Option<&Value>) -> Result<(), String> {
    match wanted {
        Some(wanted) if wanted != is => Err(format!("the {what} {is}; it should be {wanted}")),
        _ => Ok(()),
    }
}

fn expected(failure: &Failure, wanted: Option<&str>) -> Result<(), String> {
    let kind = serde_json::to_value(failure.kind).unwrap_or_default();
    match wanted {
        Some(wanted) if kind == wanted || failure.code == wanted => Ok(()),
        Some(wanted) => Err(format!("it failed with {kind}: {failure}; it should fail with {wanted}")),
        None => Err(format!("it failed with {kind}: {failure}")),
    }
}
