//! What words of a query are about: a declared map from words to fields of tool results.
//!
//! The map is a person's knowledge about language and about the tools. It reads the query and the names of the task's files, and nothing
//! else: no candidate, no result and no known answer.
//!
//! # Layout
//!
//! * [`About`] and [`Place`]: the map as it stands in a verifier's config;
//! * [`Words`]: a query as words, with the files that it names;
//! * [`calls`]: which file a tool call is about.

pub mod calls;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use words::{FILE, Words};

/// Words, and the tool results that they are about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Words or phrases, in lower case; whole words are matched. Where two entries' phrases overlap in a query, the
    /// longer one counts.
    pub words: Vec<String>,
    /// What the answer must depend on when one of them occurs; for every file that the query names.
    pub on: Vec<Place>,
}

/// A field of a tool's result.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The tool.
    pub tool: String,
    /// JSON Pointer into its structured result.
    pub pointer: String,
    /// Where it is given: letters that must occur in one of the call's text arguments, such as an operator.
    #[serde(default)]
    pub with: String,
}
