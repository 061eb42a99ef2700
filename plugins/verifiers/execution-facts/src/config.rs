//! The declared domain knowledge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use sport_about::{About, Place};

/// The config of this verifier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What words of a query are about. Every entry whose words occur counts.
    pub about: Vec<About>,
    /// Words by which a query asks to look before answering; only then may a step without an answer win.
    #[serde(default)]
    pub looking: Vec<String>,
    /// Words by which a comparison of files asks for the one with the most of what it is about, such as `taller`.
    #[serde(default)]
    pub most: Vec<String>,
    /// Words by which it asks for the one with the least, such as `narrower`.
    #[serde(default)]
    pub least: Vec<String>,
    /// Numbers that may stand in arguments though the query does not name them.
    #[serde(default = "default_constants")]
    pub constants: Vec<f64>,
}

/// An origin and a doubling are nobody's invention.
fn default_constants() -> Vec<f64> {
    vec![0.0, 1.0, 2.0]
}
