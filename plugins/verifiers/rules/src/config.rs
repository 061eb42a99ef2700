//! The rules as they stand in the config.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The config of this verifier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The rules; at least one.
    #[schemars(length(min = 1, max = 64))]
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it is called where it is broken; what it checks if left out.
    #[serde(default)]
    pub name: String,
    /// Whether a candidate that breaks it fails. If not, it only lowers the score.
    #[serde(default = "yes")]
    pub must: bool,
    /// Its part in the score, against the weights of the others.
    #[serde(default = "one")]
    #[schemars(range(min = 0.001, max = 1000.0))]
    pub weight: f64,
    /// What must hold.
    pub check: Check,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Each of these tools was called and gave a result.
    RequiredTools(Vec<String>),
    /// None of these tools was called, not even without success.
    ForbiddenTools(Vec<String>),
    /// At most so many tool calls were made.
    MostCalls(u32),
    /// The answer fits this JSON Schema; the README says which keywords there are.
    AnswerSchema(Value),
    /// This pattern occurs.
    Matches(Pattern),
    /// This pattern does not occur.
    Lacks(Pattern),
    /// The answer is a number near one in a tool's result.
    Near(Near),
}

/// A pattern and where it is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// Where it is looked for.
    #[serde(rename = "in")]
    pub place: Text,
    /// The pattern, in the syntax of the `regex` crate; it may occur anywhere unless `^` and `$` say otherwise.
    #[schemars(length(min = 1, max = 1000))]
    pub pattern: String,
}

/// A text of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Text {
    /// The answer: a text as it is, anything else as JSON.
    Answer,
    /// The code.
    Code,
}

/// A number in the answer against a number in a tool's result. It may differ from it by the largest of what is given, and by nothing if
/// nothing is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Near {
    /// The tool. Where it was called more than once, one of its results must be near.
    pub tool: String,
    /// JSON Pointer into its structured result.
    pub pointer: String,
    /// JSON Pointer into the answer; the answer itself if left out.
    #[serde(default)]
    pub answer: String,
    /// How far the answer may lie below.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub below: f64,
    /// How far the answer may lie above.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub above: f64,
    /// How far it may lie to either side, as a share of the result.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub relative: f64,
}

fn yes() -> bool {
    true
}

fn one() -> f64 {
    1.0
}
