//! What one candidate must have done.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sport_about::calls::{file_of, has_text};
use sport_sdk::verify::{Candidate, Dependence, Effect, EndingKind, PastStep, Step, ToolUse};

use crate::config::{Config, Place};
use crate::query::{Asked, End, Query};

/// What the rules say of one candidate.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// It broke a rule: how far it got (0 to 1) and why.
    Broke(f64, String),
    /// It is a step on the way that the query asks for: what it looked at, to compare with the others.
    Looked,
    /// It answered and broke no rule.
    Answered,
    /// It answered, no rule is broken, but the facts do not show that it is right.
    Unclear(String),
}

/// How far a candidate got that broke a rule at this point; only the order matters.
mod reached {
    pub const NO_CODE: f64 = 0.0;
    pub const STOPPED: f64 = 0.05;
    pub const RAISED: f64 = 0.1;
    pub const NO_ANSWER: f64 = 0.15;
    pub const CALL_FAILED: f64 = 0.2;
    pub const ARGUMENTS: f64 = 0.25;
    pub const KIND: f64 = 0.3;
    pub const DEPENDENCE: f64 = 0.35;
}

/// Longest text that can be an answer.
const LONGEST_ANSWER: usize = 256;

/// Holds a candidate against the rules.
pub fn find(step: &Step, query: &Query, config: &Config, candidate: &Candidate) -> Finding {
    let broke = |reached: f64, why: &str| Finding::Broke(reached, why.to_owned());
    match candidate.execution.ending {
        EndingKind::Answered => {}
        EndingKind::Unparsed => return broke(reached::NO_CODE, "there is no code"),
        EndingKind::Raised => return broke(reached::RAISED, "the code raised an exception"),
        EndingKind::Value | EndingKind::Exited => return without_answer(step, query, config, candidate),
        _ => return broke(reached::STOPPED, "the host had to stop the code"),
    }
    let Some(answer) = &candidate.answer else {
        return broke(reached::NO_ANSWER, "it gave no answer");
    };
    let tools = &candidate.execution.tools;
    if let Some(failed) = tools.iter().find(|tool| tool.outcome.is_err()) {
        return Finding::Broke(reached::CALL_FAILED, format!("its call of {} failed", failed.name));
    }
    if let Err(why) = arguments(step, query, config, tools) {
        return Finding::Broke(reached::ARGUMENTS, why);
    }
    if !is_asked_kind(query, tools, &step.history, answer) {
        return broke(reached::KIND, "the answer is not of the kind that the query asks for");
    }
    if query.about.is_empty() {
        return Finding::Unclear("no declared word says what the query is about".to_owned());
    }
    if tools.is_empty() {
        return match read_from_history(step, query, answer) {
            Some(true) => Finding::Answered,
            Some(false) => broke(reached::DEPENDENCE, "the answer is not what an earlier step showed"),
            None => Finding::Unclear("it used no tool".to_owned()),
        };
    }
    depends(query, candidate)
}

/// A step that ends without an answer wins only where the query asks to look first, and only when it looked at
/// something new that the query is about and showed it.
fn without_answer(step: &Step, query: &Query, config: &Config, candidate: &Candidate) -> Finding {
    let tools = &candidate.execution.tools;
    let shown = !candidate.observation.is_empty();
    let new = step.history.iter().all(|past| past.code.trim() != candidate.code.trim());
    let last = step.max_depth > 0 && step.depth + 1 >= step.max_depth;
    let asked_tools: BTreeSet<&str> = query.about.iter().map(|place| place.tool.as_str()).collect();
    let on_the_way = query.looking
        && !last
        && shown
        && new
        && !tools.is_empty()
        && tools.iter().all(|tool| tool.outcome.is_ok())
        && tools.iter().any(|tool| asked_tools.contains(tool.name.as_str()))
        && arguments(step, query, config, tools).is_ok();
    if on_the_way {
        Finding::Looked
    } else {
        Finding::Broke(reached::NO_ANSWER, "it gave no answer".to_owned())
    }
}

/// The calls must be about exactly the files and the numbers that the query names, this step and earlier ones together.
fn arguments(step: &Step, query: &Query, config: &Config, tools: &[ToolUse]) -> Result<(), String> {
    let task_files: BTreeSet<String> = step.files.iter().filter_map(|file| file.name.clone()).collect();
    let mut files = BTreeSet::new();
    let mut numbers = Vec::new();
    let past = step.history.iter().flat_map(|past| &past.execution.tools);
    for tool in past.chain(tools) {
        let arguments = tool.arguments.as_object().into_iter().flatten();
        for (_, argument) in arguments {
            collect(argument, &task_files, &mut files, &mut numbers);
        }
    }
    let used_any = !files.is_empty() || !numbers.is_empty() || !tools.is_empty();
    if used_any && files != query.files {
        return Err(match files.difference(&query.files).next() {
            Some(other) => format!("it used {other}, which the query does not name"),
            None => "it did not use every file that the query names".to_owned(),
        });
    }
    // numbers that a tool gave may be handed on; others must be in the query
    let known: Vec<f64> = tools
        .iter()
        .chain(step.history.iter().flat_map(|past| &past.execution.tools))
        .filter_map(|tool| tool.outcome.as_ref().ok()?.as_ref())
        .flat_map(leaf_numbers)
        .chain(query.numbers.iter().copied())
        .chain(config.constants.iter().copied())
        .collect();
    if let Some(invented) = numbers.iter().find(|number| !known.iter().any(|known| same(*known, **number))) {
        return Err(format!("it used the number {invented}, which neither the query nor a tool gave"));
    }
    if query.files.is_empty()
        && !tools.is_empty()
        && query.numbers.iter().any(|asked| !numbers.iter().any(|used| same(*used, *asked)))
    {
        return Err("it did not use every number that the query names".to_owned());
    }
    Ok(())
}

/// Files and numbers in an argument. A text is a file of the task, or else the numbers that stand in it count.
fn collect(
    argument: &Value,
    task_files: &BTreeSet<String>,
    files: &mut BTreeSet<String>,
    numbers: &mut Vec<f64>,
) {
    match argument {
        Value::Number(number) => numbers.extend(number.as_f64()),
        Value::String(text) => {
            let name = text.strip_prefix("/task/").unwrap_or(text);
            if task_files.contains(name) {
                files.insert(name.to_owned());
            } else if !text.starts_with("/scratch/") {
                numbers.extend(numbers_in(text));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, task_files, files, numbers)),
        Value::Object(items) => items.values().for_each(|item| collect(item, task_files, files, numbers)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn numbers_in(text: &str) -> impl Iterator<Item = f64> + '_ {
    text.split(|letter: char| !(letter.is_ascii_digit() || letter == '.'))
        .filter_map(|part| part.parse().ok())
}

fn leaf_numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Number(number) => number.as_f64().into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(leaf_numbers).collect(),
        Value::Object(items) => items.values().flat_map(leaf_numbers).collect(),
        _ => Vec::new(),
    }
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(1.0)
}

/// Whether the answer is of the kind asked for: one of the options, a truth, or what the places asked about hold.
fn is_asked_kind(query: &Query, tools: &[ToolUse], history: &[PastStep], answer: &Value) -> bool {
    match &query.asked {
        Asked::OneOf(options) => {
            answer.as_str().is_some_and(|text| options.contains(&text.trim().to_lowercase()))
        }
        Asked::Truth => match answer {
            Value::Bool(_) => true,
            Value::String(text) => {
                ["yes", "no", "true", "false"].contains(&text.trim().to_lowercase().as_str())
            }
            _ => false,
        },
        Asked::Scalar => {
            let calls = tools.iter().chain(history.iter().flat_map(|past| &past.execution.tools));
            let held: Vec<&Value> = calls.flat_map(|tool| values_at(tool, &query.about)).collect();
            match answer {
                Value::Number(_) => held.is_empty() || held.iter().all(|value| value.is_number()),
                Value::String(text) => {
                    let text = text.trim();
                    !text.is_empty()
                        && text.len() <= LONGEST_ANSWER
                        && !query.files.contains(text)
                        && (held.is_empty() || held.iter().all(|value| value.is_string()))
                }
                _ => false,
            }
        }
    }
}

fn values_at<'a>(tool: &'a ToolUse, places: &BTreeSet<Place>) -> Vec<&'a Value> {
    let Ok(Some(result)) = &tool.outcome else { return Vec::new() };
    places
        .iter()
        .filter(|place| place.tool == tool.name)
        .filter_map(|place| result.pointer(&place.pointer))
        .collect()
}

/// An answer without a call of its own: `None` when the history cannot decide, else whether the answer is the one text
/// that an earlier step read at the one place asked about. Numbers are not decided: a query may ask for twice of what was
/// read, and there is no changed world to tell.
fn read_from_history(step: &Step, query: &Query, answer: &Value) -> Option<bool> {
    let calls = step.history.iter().flat_map(|past| &past.execution.tools);
    let held: Vec<&Value> = calls.flat_map(|tool| values_at(tool, &query.about)).collect();
    match (query.about.len(), query.files.len(), held.as_slice()) {
        (1, 1, [first, rest @ ..]) if rest.iter().all(|value| value == first) => {
            Some(scalars_equal(first, answer))
        }
        _ => None,
    }
}

/// Equal values; letters without regard to case.
pub fn scalars_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| same(one, other))
        }
        (Value::String(one), Value::String(other)) => one.trim().eq_ignore_ascii_case(other.trim()),
        _ => one == other,
    }
}

/// The counterfactual rule: for every file named, the answer changes with every place that the query is about, and it
/// changes with nothing else.
fn depends(query: &Query, candidate: &Candidate) -> Finding {
    let tools = &candidate.execution.tools;
    let broke = |why: String| Finding::Broke(reached::DEPENDENCE, why);
    if candidate.execution.dependences.is_empty() {
        return Finding::Unclear("there are no counterfactual facts".to_owned());
    }
    // (place, file) -> what became of the answer under each change; a call without a file belongs to the file ""
    let mut seen: BTreeMap<(&Place, String), Vec<Effect>> = BTreeMap::new();
    let mut unclear = None;
    for fact in &candidate.execution.dependences {
        let Some(tool) = tools.get(fact.tool as usize) else { continue };
        let place = query.about.iter().find(|place| {
            place.tool == tool.name && place.pointer == fact.pointer && has_text(&tool.arguments, &place.with)
        });
        match (place, fact.effect) {
            (Some(_), Effect::Changed) if points_away(query, tool, fact) => {
                return broke(format!("{} of {} pulls the answer the wrong way", fact.pointer, tool.name));
            }
            (Some(place), effect) => {
                seen.entry((place, file_of(tool, &query.files))).or_default().push(effect)
            }
            (None, Effect::Changed | Effect::Raised) => {
                return broke(format!("the answer depends on {} of {}", fact.pointer, tool.name));
            }
            (None, Effect::Unknown) => {
                unclear = Some(format!("what {} of {} does is unknown", fact.pointer, tool.name))
            }
            (None, Effect::Unchanged) => {}
        }
    }
    let files: Vec<String> =
        if query.files.is_empty() { vec![String::new()] } else { query.files.iter().cloned().collect() };
    for place in &query.about {
        for file in &files {
            let effects = seen.get(&(place, file.clone())).map(Vec::as_slice).unwrap_or_default();
            if effects.contains(&Effect::Changed) {
                continue;
            }
            if effects.contains(&Effect::Unknown) {
                unclear = Some(format!("what {} of {} does is unknown", place.pointer, place.tool));
                continue;
            }
            return broke(format!(
                "the answer does not depend on {} of {} {file}",
                place.pointer, place.tool
            ));
        }
    }
    unclear.map_or(Finding::Answered, Finding::Unclear)
}

/// Whether a comparison of files goes the wrong way: a file that gets more of what the one with the most is asked for
/// must become the answer or stay it, and one that gets less must not become it.
fn points_away(query: &Query, tool: &ToolUse, fact: &Dependence) -> bool {
    let (Some(end), Asked::OneOf(options)) = (query.end, &query.asked) else { return false };
    let file = file_of(tool, &query.files).to_lowercase();
    let was =
        tool.outcome.as_ref().ok().and_then(Option::as_ref).and_then(|result| result.pointer(&fact.pointer));
    let (Some(was), Some(to)) = (was.and_then(Value::as_f64), fact.changed_to.as_f64()) else { return false };
    let Some(under) = fact.answer_under.as_ref().and_then(Value::as_str) else { return false };
    let nearer = if end == End::Most { to > was } else { to < was };
    options.contains(&file) && nearer != (under.trim().to_lowercase() == file)
}
