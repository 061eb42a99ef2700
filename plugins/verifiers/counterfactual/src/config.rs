//! The declared map, and whether and whom to ask where it says nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use sport_about::{About, Place};

/// The config of this verifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What words of a query are about. Every entry whose words occur counts.
    pub about: Vec<About>,
    /// Whether a model is asked where no entry's words occur.
    pub ask: bool,
    /// The role of the model.
    pub role: String,
    /// Most tokens of its answer.
    #[schemars(range(min = 16, max = 16384))]
    pub max_tokens: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { about: Vec::new(), ask: false, role: "judge".to_owned(), max_tokens: 400 }
    }
}
