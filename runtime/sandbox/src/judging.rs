//! What a verifier component is given and what it gives back (`sport:verifier`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::{ArtifactRef, Content, EndingKind, ToolCall};

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

/// What became of the answer when one field of one recorded tool result was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The same answer.
    Unchanged,
    /// Another answer.
    Changed,
    /// The code raised.
    Raised,
    /// Not to be had: it called something off the record that may not be called again.
    Unknown,
}

/// Counterfactual fact: the code was run again on its recorded tool results with one value changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependence {
    /// Index into the candidate's tool calls.
    pub tool: u32,
    /// JSON Pointer into that call's structured result.
    pub pointer: String,
    /// What the value was set to; what it was stands in the tool's outcome.
    pub changed_to: Value,
    /// What became of the answer.
    pub effect: Effect,
    /// The answer under the change, when it changed.
    pub answer_under: Option<Value>,
}

/// What the host saw; a candidate cannot forge it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// How the code ended.
    pub ending: EndingKind,
    /// Exception or the host's reason, one line.
    pub error: Option<String>,
    /// The tool calls.
    pub tools: Vec<ToolCall>,
    /// Counterfactual facts.
    pub dependences: Vec<Dependence>,
    /// Wall time.
    pub wall_ms: u64,
}

/// One of the actions that a verifier compares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The thought, may be empty.
    pub thought: String,
    /// The code, empty when unparsed.
    pub code: String,
    /// What the policy would be shown.
    pub observation: Vec<Content>,
    /// The host's facts.
    pub execution: Execution,
    /// The answer, when it gave one.
    pub answer: Option<Value>,
    /// How many candidates are this one, to the letter; equal ones are shown once.
    #[serde(default = "one")]
    pub copies: u32,
}

fn one() -> u32 {
    1
}

/// An earlier step: only the winner is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastStep {
    /// The thought.
    pub thought: String,
    /// The code.
    pub code: String,
    /// What it showed.
    pub observation: Vec<Content>,
    /// The host's facts.
    pub execution: Execution,
}

/// One step with its candidates, as a verifier sees it: nothing of family, template, task id or known answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// What was asked.
    pub query: String,
    /// The task's files.
    pub files: Vec<ArtifactRef>,
    /// One caption per file, empty where there is none.
    pub captions: Vec<String>,
    /// The tools that agent code could call.
    pub tools: Vec<ToolInfo>,
    /// Earlier steps, winners only.
    pub history: Vec<PastStep>,
    /// The candidates.
    pub candidates: Vec<Candidate>,
    /// This step's number, from 0.
    pub depth: u32,
    /// The largest number of steps.
    pub max_depth: u32,
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

/// A verifier's word on one candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Finite, 0 to 1; equal scores are a tie.
    pub score: Option<f64>,
    /// Why, for a person.
    pub rationale: String,
    /// Quotes that occur in the candidate (checked by the host).
    pub evidence: Vec<String>,
}

/// What a verifier says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifierDescriptor {
    /// Its name.
    pub name: String,
    /// What it judges by.
    pub description: String,
    /// JSON Schema of its config.
    pub config_schema: Option<Value>,
    /// Same step and config, same judgements.
    pub deterministic: bool,
    /// Asks a model.
    pub uses_model: bool,
    /// Uses the network.
    pub uses_network: bool,
    /// Runs code.
    pub runs_code: bool,
}
