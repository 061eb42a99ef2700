//! What an answer depends on, by running the code again in worlds that differ in one thing.
//!
//! A candidate's code runs once more in a fork of its parent, on its recorded tool results, with one field of one of
//! them changed. What becomes of the answer is a fact about the program that no label is needed for, and that the
//! program cannot fake: it does not know which world it is in.
//!
//! *What is changed.* Every leaf of every structured result, one at a time, on all equal calls alike. A change is a
//! function of the value and its schema alone, so that it is the same for every candidate of a step, whatever else
//! they called:
//!
//! * a number goes far up and far down, to both sides of anything that it can sensibly be compared with;
//! * a word of a schema's `enum` becomes another member, a boolean the other one, any other text another text.
//!
//! *What is compared.* The answer; where neither run answered, the last value; where there is none, the output.
//!
//! *Calls that are off the record* (the code took another way and asked something new) are made for real if the tool
//! says that it is read-only and deterministic; otherwise what the change does is unknown. So are results that brought
//! files with them, since the record has the files' names but a fresh fork has not the files.
//!
//! What can go wrong: a fork that fails, or a re-run that the host has to stop, makes the fact unknown, never absent.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sport_sandbox::{
    Branch, Budget, Content, Dependence, Effect, EndingKind, Failure, FailureKind, Hints, Limits, Outcome,
    RunReport, RunRequest, Session, ToolDescriptor, ToolHost, ToolInfo, Toolbox,
};

use crate::equipment::Equipment;

/// Re-runs for one candidate, as the design has it: a result of thirty fields, both ways.
pub const MOST_RERUNS: usize = 64;

/// Leaves below this depth are not changed; results of tools are flat.
const DEEPEST: usize = 4;

/// The facts about one candidate: `report` is what running `code` on a fork of `parent` gave.
pub fn facts(equipment: &Equipment, parent: &Session, code: &str, report: &RunReport) -> Vec<Dependence> {
    facts_with(&equipment.toolbox, parent, code, report)
}

/// The same, with the tools alone.
pub fn facts_with(tools: &Toolbox, parent: &Session, code: &str, report: &RunReport) -> Vec<Dependence> {
    if !matches!(report.ending, EndingKind::Answered | EndingKind::Value) {
        return Vec::new();
    }
    let record = Record::of(report);
    let request = RunRequest { code: code.to_owned(), ..RunRequest::default() };
    let before = told(report);
    changes(tools, report)
        .into_iter()
        .take(MOST_RERUNS)
        .map(|change| {
            let unknown = Dependence {
                tool: change.call,
                pointer: change.pointer.clone(),
                changed_to: change.to.clone(),
                effect: Effect::Unknown,
                answer_under: None,
            };
            let Ok(mut fork) = parent.fork() else { return unknown };
            let mut host =
                Changed { tools, record: &record, change: &change, served: BTreeMap::new(), lost: false };
            let after = fork.run(&request, &mut host, &Budget::new(Limits::interpreter()));
            let (effect, answer_under) = match after.ending {
                _ if host.lost => (Effect::Unknown, None),
                EndingKind::Raised => (Effect::Raised, None),
                ending if !ending.may_commit() => (Effect::Unknown, None),
                _ => match told(&after) {
                    same if same == before => (Effect::Unchanged, None),
                    Told::Answer(answer) | Told::Value(answer) => (Effect::Changed, Some(answer)),
                    Told::Output(output) => (Effect::Changed, Some(Value::String(output))),
                },
            };
            Dependence { effect, answer_under, ..unknown }
        })
        .collect()
}

/// What a run told.
#[derive(Debug, PartialEq)]
enum Told {
    Answer(Value),
    Value(Value),
    Output(String),
}

fn told(report: &RunReport) -> Told {
    match (&report.answer, &report.value) {
        (Some(answer), _) => Told::Answer(answer.clone()),
        (None, Some(value)) => {
            Told::Value(value.json.clone().unwrap_or_else(|| Value::String(value.repr.clone())))
        }
        (None, None) => Told::Output(report.stdout.clone()),
    }
}

/// One field of one result changed.
struct Change {
    /// The first call that it is about, as an index into the candidate's calls.
    call: u32,
    /// Name and arguments of all calls that it is about.
    key: String,
    /// Where in the result.
    pointer: String,
    /// What stands there now.
    to: Value,
}

/// Every change of every different call, the first change of each field before the second of any, so that a bound on
/// re-runs leaves out second looks first.
fn changes(tools: &Toolbox, report: &RunReport) -> Vec<Change> {
    let mut rounds: [Vec<Change>; 2] = [Vec::new(), Vec::new()];
    let mut seen = Vec::new();
    for (index, call) in report.tool_calls.iter().enumerate() {
        let key = key(&call.name, &call.arguments);
        let Ok(Outcome { structured: Some(result), .. }) = &call.outcome else { continue };
        if seen.contains(&key) {
            continue;
        }
        let schema = tools.descriptor(&call.name).and_then(|descriptor| descriptor.output_schema.as_ref());
        let mut leaves = Vec::new();
        collect_leaves(result, String::new(), 0, &mut leaves);
        for (pointer, value) in leaves {
            let allowed = schema.and_then(|schema| members(schema, &pointer));
            for (round, to) in others(value, allowed).into_iter().enumerate().take(rounds.len()) {
                let call = u32::try_from(index).unwrap_or(u32::MAX);
                rounds[round].push(Change { call, key: key.clone(), pointer: pointer.clone(), to });
            }
        }
        seen.push(key);
    }
    let [mut first, second] = rounds;
    first.extend(second);
    first
}

/// The other values that a leaf is given. Numbers stay whole where they were, and far values keep apart from each other.
fn others(value: &Value, members: Option<&Vec<Value>>) -> Vec<Value> {
    if let Some(members) = members {
        return members.iter().find(|member| *member != value).cloned().into_iter().collect();
    }
    match value {
        Value::Bool(truth) => vec![json!(!truth)],
        Value::Number(number) => match number.as_i64() {
            Some(whole) => {
                let far = whole.unsigned_abs().saturating_mul(1000).saturating_add(1009).min(1 << 52) as i64;
                // small and positive, since most numbers of tools are sizes; for others far below
                let low = if whole > 1 { 1 } else { -far };
                vec![json!(far), json!(low)]
            }
            None => {
                let float = number.as_f64().unwrap_or(0.0);
                let far = float.abs() * 1000.0 + 1009.5;
                let low = if float > 0.5 { 0.5 } else { -far };
                if far.is_finite() { vec![json!(far), json!(low)] } else { vec![json!(1009.5)] }
            }
        },
        Value::String(text) => vec![json!(format!("not {text}"))],
        Value::Null | Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}

fn collect_leaves<'a>(value: &'a Value, at: String, depth: usize, leaves: &mut Vec<(String, &'a Value)>) {
    if depth > DEEPEST || leaves.len() >= MOST_RERUNS {
        return;
    }
    match value {
        Value::Object(items) => {
            for (name, item) in items {
                let step = name.replace('~', "~0").replace('/', "~1");
                collect_leaves(item, format!("{at}/{step}"), depth + 1, leaves);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_leaves(item, format!("{at}/{index}"), depth + 1, leaves);
            }
        }
        Value::Null => {}
        _ => leaves.push((at, value)),
    }
}

/// The `enum` that a schema has for the place, through `$ref`s into its own `$defs` and `anyOf` with null.
fn members<'a>(schema: &'a Value, pointer: &str) -> Option<&'a Vec<Value>> {
    let mut at = resolved(schema, schema);
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let next = match at.get("properties").and_then(|properties| properties.get(&step)) {
            Some(next) => next,
            None => at.get("items")?,
        };
        at = resolved(schema, next);
    }
    at.get("enum").and_then(Value::as_array)
}

fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut at = schema;
    // a chain of references has no business being longer; a circle must end
    for _ in 0..8 {
        let reference =
            at.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        let choices = at.get("anyOf").and_then(Value::as_array);
        let next = match (reference, choices) {
            (Some(reference), _) => root.pointer(reference),
            (None, Some(choices)) => {
                choices.iter().find(|choice| choice.get("type").and_then(Value::as_str) != Some("null"))
            }
            (None, None) => None,
        };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// What a candidate's calls gave, by name and arguments, in order.
struct Record {
    outcomes: BTreeMap<String, Vec<Result<Outcome, Failure>>>,
}

impl Record {
    fn of(report: &RunReport) -> Self {
        let mut outcomes: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for call in &report.tool_calls {
            outcomes.entry(key(&call.name, &call.arguments)).or_default().push(call.outcome.clone());
        }
        Self { outcomes }
    }
}

/// Equal for equal calls: keys in order, `/task/x` and `x` the same.
fn key(name: &str, arguments: &Value) -> String {
    format!("{name} {}", ordered(arguments))
}

fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(items) => {
            let sorted: BTreeMap<&String, &Value> = items.iter().collect();
            Value::Object(
                sorted.into_iter().map(|(name, item)| (name.clone(), ordered(item))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(ordered).collect()),
        Value::String(text) => Value::String(text.strip_prefix("/task/").unwrap_or(text).to_owned()),
        other => other.clone(),
    }
}

/// The tools of a changed world.
struct Changed<'a> {
    tools: &'a Toolbox,
    record: &'a Record,
    change: &'a Change,
    /// How often each call was served.
    served: BTreeMap<String, usize>,
    /// Whether a call could be neither found nor made.
    lost: bool,
}

impl Changed<'_> {
    /// Makes a call for real, where that can neither change anything nor come out otherwise another time.
    fn real(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        if self.tools.descriptor(name).is_some_and(is_pure) {
            return (&*self.tools).invoke(name, arguments, branch, budget);
        }
        self.lost = true;
        Err(Failure::new(
            FailureKind::Unavailable,
            "off-the-record",
            format!("{name} was not called like this before and may not be called again"),
        ))
    }
}

fn is_pure(descriptor: &ToolDescriptor) -> bool {
    let Hints { read_only, deterministic, open_world, destructive, .. } = descriptor.hints;
    read_only && deterministic && !open_world && !destructive
}

impl ToolHost for Changed<'_> {
    fn tools(&self) -> Vec<ToolInfo> {
        self.tools.tools()
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        let key = key(name, arguments);
        let recorded = self.record.outcomes.get(&key).and_then(|outcomes| {
            let served = self.served.entry(key.clone()).or_default();
            *served += 1;
            // a program that asks once more than it did gets what it got last
            outcomes.get(*served - 1).or(outcomes.last())
        });
        let outcome = match recorded {
            Some(Ok(outcome)) if outcome.content.iter().any(is_file) => {
                self.real(name, arguments, branch, budget)
            }
            Some(outcome) => outcome.clone(),
            None => self.real(name, arguments, branch, budget),
        };
        if key != self.change.key {
            return outcome;
        }
        outcome.map(|mut outcome| {
            if let Some(place) =
                outcome.structured.as_mut().and_then(|result| result.pointer_mut(&self.change.pointer))
            {
                *place = self.change.to.clone();
            }
            outcome
        })
    }
}

fn is_file(content: &Content) -> bool {
    matches!(content, Content::Artifact(_))
}
