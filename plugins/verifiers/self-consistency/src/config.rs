//! What counts as the same answer, and how many make a quorum.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sport_sdk::Failure;

/// The config of this verifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The least share that the largest group must have.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub quorum: f64,
    /// The least number of candidates that it must have; one alone agrees with nobody.
    #[schemars(range(min = 1))]
    pub votes: u32,
    /// What the share is of.
    pub share_of: ShareOf,
    /// Numbers that differ by no more than this are the same.
    #[schemars(range(min = 0.0))]
    pub absolute: f64,
    /// Numbers that differ by no more than this share of the larger one are the same.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub relative: f64,
    /// Whether a text that is nothing but a decimal number counts as that number.
    pub texts_as_numbers: bool,
}

/// What the share is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShareOf {
    /// All candidates: those without an answer are against it.
    All,
    /// The candidates that answered.
    Answered,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            quorum: 0.5,
            votes: 2,
            share_of: ShareOf::All,
            absolute: 1e-9,
            relative: 1e-6,
            texts_as_numbers: true,
        }
    }
}

impl Config {
    /// Says what in it cannot mean anything.
    pub fn check(&self) -> Result<(), Failure> {
        let shares = [("quorum", self.quorum), ("relative", self.relative)];
        let wrong = if let Some((name, value)) = shares.iter().find(|(_, value)| !(0.0..=1.0).contains(value))
        {
            format!("`{name}` is {value}; it must be from 0 to 1")
        } else if !(self.absolute.is_finite() && self.absolute >= 0.0) {
            format!("`absolute` is {}; it must be 0 or more", self.absolute)
        } else if self.votes == 0 {
            "`votes` is 0; it must be 1 or more".to_owned()
        } else {
            return Ok(());
        };
        Err(Failure::invalid_input(wrong).code("invalid-config"))
    }
}
