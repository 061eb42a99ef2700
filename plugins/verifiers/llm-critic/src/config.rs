//! Whom to ask, how, and what is good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sport_sdk::Failure;

/// The config of this verifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How candidates are asked about.
    pub mode: Mode,
    /// The role of the model.
    pub role: String,
    /// What makes a step good; stands where the instructions say `{criteria}`.
    pub criteria: Option<String>,
    /// What the model is told to do. How data is marked and the form of the answer are always added.
    pub instructions: Option<String>,
    /// Whether images are shown: of the task, and of what candidates got.
    pub images: bool,
    /// Longest thought, code, output, answer and list of calls of a candidate, in letters; of more, head and tail are shown.
    #[schemars(range(min = 100, max = 50_000))]
    pub part_chars: u32,
    /// The same for the task, and for each earlier step.
    #[schemars(range(min = 100, max = 50_000))]
    pub task_chars: u32,
    /// Most tokens of an answer.
    #[schemars(range(min = 16, max = 16_384))]
    pub max_tokens: u32,
    /// How far from the likeliest answer, 0 to 2.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: f32,
    /// Equal questions get equal answers, where the model can do that.
    pub seed: Option<u64>,
    /// The least score of a pass.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub pass_at: f64,
}

/// How candidates are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every pair: which of the two is better.
    Pairwise,
    /// All at once: a score for each.
    Listwise,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Pairwise,
            role: "judge".to_owned(),
            criteria: None,
            instructions: None,
            images: false,
            part_chars: 2_000,
            task_chars: 1_000,
            max_tokens: 800,
            temperature: 0.0,
            seed: None,
            pass_at: 0.5,
        }
    }
}

impl Config {
    /// Says what in it cannot mean anything.
    pub fn check(&self) -> Result<(), Failure> {
        let wrong = if !(0.0..=1.0).contains(&self.pass_at) {
            format!("`pass_at` is {}; it must be from 0 to 1", self.pass_at)
        } else if !(0.0..=2.0).contains(&self.temperature) {
            format!("`temperature` is {}; it must be from 0 to 2", self.temperature)
        } else if self.max_tokens == 0 || self.part_chars == 0 || self.task_chars == 0 {
            "`max_tokens`, `part_chars` and `task_chars` must be above 0".to_owned()
        } else {
            return Ok(());
        };
        Err(Failure::invalid_input(wrong).code("invalid-config"))
    }
}
