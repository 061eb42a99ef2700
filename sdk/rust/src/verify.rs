//! What a verifier is given and what it gives back: the records of `sport:verifier` as owned values, with JSON parsed.
//!
//! The serde form is the one that the host keeps, so a stored step can be judged again in a native test.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Artifact, Content, Failure};

/// One step of a task with its candidates.
///
/// ```
/// use sport_sdk::verify::{Candidate, Step};
///
/// let step = Step { query: "What is 6 * 7?".to_owned(), candidates: vec![Candidate::default()], ..Step::default() };
/// assert_eq!(step.candidates.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What was asked.
    pub query: String,
    /// The task's files.
    #[serde(default)]
    pub files: Vec<Artifact>,
    /// One caption per file, empty where there is none.
    #[serde(default)]
    pub captions: Vec<String>,
    /// The tools that agent code could call.
    #[serde(default)]
    pub tools: Vec<ToolInfo>,
    /// Earlier steps, winners only.
    #[serde(default)]
    pub history: Vec<PastStep>,
    /// What is to be judged, in this order.
    pub candidates: Vec<Candidate>,
    /// This step's number, from 0.
    #[serde(default)]
    pub depth: u32,
    /// The largest number of steps.
    #[serde(default)]
    pub max_depth: u32,
    /// What later hosts add.
    #[serde(default)]
    pub extra: Vec<Extension>,
}

/// A tool as a verifier sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolInfo {
    /// The name agent code calls it by.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments.
    pub input_schema: Value,
}

/// One of the actions that a verifier compares.
///
/// ```
/// use sport_sdk::{json, verify::Candidate};
///
/// let candidate = Candidate { code: "final_answer(42)".to_owned(), answer: Some(json!(42)), ..Candidate::default() };
/// assert!(candidate.answer.is_some());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The thought, may be empty.
    #[serde(default)]
    pub thought: String,
    /// The code, empty when there was none.
    pub code: String,
    /// What the policy would be shown.
    #[serde(default)]
    pub observation: Vec<Content>,
    /// The host's facts.
    pub execution: Execution,
    /// The answer, when it gave one.
    #[serde(default)]
    pub answer: Option<Value>,
}

impl Candidate {
    /// How many of the step's candidates are this one, to the letter: equal ones are shown once.
    ///
    /// ```
    /// use sport_sdk::verify::Candidate;
    ///
    /// assert_eq!(Candidate::default().copies(), 1);
    /// ```
    pub fn copies(&self) -> usize {
        let extra = self.execution.extra.iter().find(|extra| extra.kind == "copies");
        extra.and_then(|extra| extra.value.as_u64()).map_or(1, |copies| copies.clamp(1, 1_000_000) as usize)
    }
}

/// An earlier step: only the winner is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PastStep {
    /// The thought.
    #[serde(default)]
    pub thought: String,
    /// The code.
    pub code: String,
    /// What it showed.
    #[serde(default)]
    pub observation: Vec<Content>,
    /// The host's facts.
    pub execution: Execution,
}

/// What the host saw; a candidate cannot forge it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// How the code ended.
    pub ending: EndingKind,
    /// The exception or the host's reason, one line.
    #[serde(default)]
    pub error: Option<String>,
    /// The tool calls in order.
    #[serde(default)]
    pub tools: Vec<ToolUse>,
    /// Counterfactual facts.
    #[serde(default)]
    pub dependences: Vec<Dependence>,
    /// Wall time.
    #[serde(default)]
    pub wall_ms: u64,
    /// What later hosts add.
    #[serde(default)]
    pub extra: Vec<Extension>,
}

/// How a piece of agent code came to its end. Only the first four may commit state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndingKind {
    /// It ran to its end.
    Value,
    /// It called `final_answer`.
    Answered,
    /// It raised an exception that nobody caught.
    Raised,
    /// It called `exit`.
    Exited,
    /// Its time was up.
    Deadline,
    /// Another budget was used up.
    Exhausted,
    /// The instance trapped.
    Trapped,
    /// Somebody cancelled it.
    Cancelled,
    /// There was no code to run.
    #[default]
    Unparsed,
}

/// One tool call of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolUse {
    /// The tool's name.
    pub name: String,
    /// The arguments, an object.
    pub arguments: Value,
    /// The structured result, if it has one, or why it failed.
    #[serde(deserialize_with = "outcome")]
    pub outcome: Result<Option<Value>, Failure>,
}

/// Accepts the host's own record too, where a success is an object with content beside the structured result.
fn outcome<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Result<Option<Value>, Failure>, D::Error> {
    let outcome = Result::<Option<Value>, Failure>::deserialize(from)?;
    Ok(outcome.map(|value| match value {
        Some(Value::Object(mut map))
            if map.len() == 2 && map.contains_key("content") && map.contains_key("structured") =>
        {
            map.remove("structured").filter(|structured| !structured.is_null())
        }
        other => other,
    }))
}

/// Counterfactual fact: the code was run again on its recorded tool results with one value changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependence {
    /// Index into the candidate's tool calls.
    pub tool: u32,
    /// JSON Pointer into that call's structured result.
    pub pointer: String,
    /// What the value was set to; what it was stands in the tool's outcome.
    #[serde(default)]
    pub changed_to: Value,
    /// What became of the answer.
    pub effect: Effect,
    /// What it became.
    #[serde(default)]
    pub answer_under: Option<Value>,
}

/// What became of the answer under a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The same answer.
    Unchanged,
    /// Another answer.
    Changed,
    /// The code raised.
    Raised,
    /// Not to be had.
    Unknown,
}

/// A kind that has no field of its own yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// What it is.
    pub kind: String,
    /// Its value.
    pub value: Value,
}

/// A verifier's word on one candidate.
///
/// ```
/// use sport_sdk::verify::{Judgement, Verdict};
///
/// let judgement = Judgement::fail(0.2, "it divides by zero").quoting("1 / 0");
/// assert_eq!((judgement.verdict, judgement.score), (Verdict::Fail, Some(0.2)));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Finite, 0 to 1; equal scores are a tie.
    pub score: Option<f64>,
    /// Why, for a person.
    pub rationale: String,
    /// Quotes that occur in the candidate; the host checks.
    pub evidence: Vec<String>,
}

/// What a verifier thinks of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Good.
    Pass,
    /// Bad.
    Fail,
    /// Cannot say.
    Abstain,
}

impl Judgement {
    /// Good, with a score.
    pub fn pass(score: f64, rationale: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, Some(score), rationale)
    }

    /// Bad, with a score.
    pub fn fail(score: f64, rationale: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, Some(score), rationale)
    }

    /// Cannot say.
    pub fn abstain(rationale: impl Into<String>) -> Self {
        Self::new(Verdict::Abstain, None, rationale)
    }

    /// The same judgement with a quote from the candidate.
    pub fn quoting(mut self, quote: impl Into<String>) -> Self {
        self.evidence.push(quote.into());
        self
    }

    fn new(verdict: Verdict, score: Option<f64>, rationale: impl Into<String>) -> Self {
        Self { verdict, score, rationale: rationale.into(), evidence: Vec::new() }
    }
}
