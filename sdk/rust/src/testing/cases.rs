//! The author's cases: calls and what must come of them, as data, so that the sandbox can run the same ones.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Host, Judge, Tool};
use crate::verify::Step;
use crate::{Content, Failure};

/// One call of a tool.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    tool: String,
    #[serde(default)]
    arguments: Value,
    /// Files that the arguments name, relative to the package.
    #[serde(default)]
    files: Vec<String>,
    text: Option<String>,
    structured: Option<Value>,
    /// Kind or code of the failure.
    failure: Option<String>,
}

/// One step to judge.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    step: Step,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    verdicts: Vec<Value>,
    failure: Option<String>,
}

/// Runs the cases of a `cases.json` (its text) and panics with all that are not as they should be.
///
/// A case has `tool` and `arguments`, `files` that the arguments name, and of `text`, `structured` and `failure` (kind or code) what
/// must come of it. `sport plugin test` runs the same cases in the sandbox.
///
/// ```
/// use sport_sdk::{testing, tool};
///
/// /// Greets someone by name.
/// #[tool]
/// fn hello(name: String) -> String {
///     format!("hello, {name}")
/// }
///
/// testing::cases(SPORT_TOOLS, r#"[
///     { "tool": "hello", "arguments": { "name": "Ada" }, "text": "hello, Ada" },
///     { "tool": "hello", "failure": "invalid-input" }
/// ]"#);
/// ```
#[track_caller]
pub fn cases(tools: &'static [Tool], text: &str) {
    all(text, |case: Call| match called(tools, &case) {
        Ok(()) => Ok(()),
        Err(reason) => Err(format!("{}: {reason}", case.tool)),
    });
}

/// The same for a verifier: a case has a `step`, a `config` if one is taken, and `verdicts` or a `failure`.
///
/// ```
/// use sport_sdk::verify::{Judgement, Step};
/// use sport_sdk::{Failure, testing, verifier};
///
/// /// Never knows.
/// #[verifier]
/// fn judge(step: &Step) -> Result<Vec<Judgement>, Failure> {
///     Ok(step.candidates.iter().map(|_| Judgement::abstain("who knows")).collect())
/// }
///
/// testing::judge_cases(SPORT_JUDGE, r#"[
///     { "step": { "query": "?", "candidates": [{ "code": "", "execution": { "ending": "value" } }] }, "verdicts": ["abstain"] }
/// ]"#);
/// ```
#[track_caller]
pub fn judge_cases(judge: &Judge, text: &str) {
    all(text, |case: Judged| {
        let judged = match Host::new().judge(judge, &case.step, case.config) {
            Ok(judged) => judged,
            Err(failure) => return expected(&failure, case.failure.as_deref()),
        };
        if let Some(wanted) = case.failure {
            return Err(format!("it should fail with {wanted}, and it did not"));
        }
        let verdicts: Vec<Value> =
            judged.iter().filter_map(|one| serde_json::to_value(one.verdict).ok()).collect();
        same("verdicts are", &Value::Array(verdicts), &Value::Array(case.verdicts))
    });
}

#[track_caller]
fn all<C: serde::de::DeserializeOwned>(text: &str, run: impl Fn(C) -> Result<(), String>) {
    let cases: Vec<C> = match serde_json::from_str(text) {
        Ok(cases) => cases,
        Err(error) => panic!("cases.json: {error}"),
    };
    assert!(!cases.is_empty(), "cases.json has no case");
    let wrong: Vec<String> = cases
        .into_iter()
        .enumerate()
        .filter_map(|(index, case)| Some(format!("case {}: {}", index + 1, run(case).err()?)))
        .collect();
    assert!(wrong.is_empty(), "cases.json, {}", wrong.join("\n"));
}

fn called(tools: &'static [Tool], case: &Call) -> Result<(), String> {
    let host = Host::new();
    let arguments = with_files(tools, case, &host)?;
    let outcome = match host.call(tools, &case.tool, arguments) {
        Ok(outcome) => outcome,
        Err(failure) => return expected(&failure, case.failure.as_deref()),
    };
    if let Some(wanted) = &case.failure {
        return Err(format!("it should fail with {wanted}, and it did not"));
    }
    if let Some(wanted) = &case.text {
        let texts = outcome.content.iter().filter_map(|piece| match piece {
            Content::Text { text } => Some(text.as_str()),
            _ => None,
        });
        let text = texts.collect::<Vec<_>>().join("\n");
        same("text is", &Value::from(text), &Value::from(wanted.as_str()))?;
    }
    match &case.structured {
        Some(wanted) => same("result is", &outcome.structured.unwrap_or_default(), wanted),
        None => Ok(()),
    }
}

fn same(what: &str, is: &Value, wanted: &Value) -> Result<(), String> {
    if is == wanted { Ok(()) } else { Err(format!("the {what} {is}; it should be {wanted}")) }
}

fn expected(failure: &Failure, wanted: Option<&str>) -> Result<(), String> {
    match wanted {
        Some(wanted) if wanted == failure.kind.name() || wanted == failure.code => Ok(()),
        Some(wanted) => {
            Err(format!("it failed with {}: {failure}; it should fail with {wanted}", failure.kind.name()))
        }
        None => Err(format!("it failed with {}: {failure}", failure.kind.name())),
    }
}

/// The arguments with the names of the case's files turned into references, where the tool wants files.
fn with_files(tools: &'static [Tool], case: &Call, host: &Host) -> Result<Value, String> {
    let mut files = HashMap::new();
    for path in &case.files {
        let bytes = std::fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let artifact = host.file(name, "application/octet-stream", &bytes);
        files.insert(name.to_owned(), serde_json::to_value(artifact).map_err(|error| error.to_string())?);
    }
    let mut arguments = match &case.arguments {
        Value::Object(arguments) => arguments.clone(),
        Value::Null => Map::new(),
        other => return Ok(other.clone()),
    };
    let tool = tools.iter().find(|tool| tool.name == case.tool);
    for parameter in tool.map_or(&[][..], |tool| tool.parameters) {
        if let Some(value) = arguments.get_mut(parameter.name)
            && (parameter.schema)().to_string().contains("sport-artifact")
        {
            replace(value, &files);
        }
    }
    Ok(arguments.into())
}

fn replace(value: &mut Value, files: &HashMap<String, Value>) {
    match value {
        Value::String(name) => {
            if let Some(reference) = files.get(name) {
                *value = reference.clone();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, files)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, files)),
        _ => {}
    }
}
