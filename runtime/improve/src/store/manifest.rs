//! One JSON file per iteration: what it was made of and what came of it, for people and other programs.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::files::write_atomically;

/// The manifest of an iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub version: u32,
    /// The iteration.
    pub iteration: u32,
    /// The run's seed.
    pub seed: u64,
    /// Digests of everything that shaped it, by what it is.
    pub digests: serde_json::Map<String, Value>,
    /// The adapter that came out, relative to the run directory.
    pub adapter: Option<String>,
    /// Its digest.
    pub adapter_digest: Option<String>,
    /// On what grounds the verifier's word was learned from: a passing audit, or a reason in somebody's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Value>,
    /// The iteration's part of the summary.
    pub result: Value,
}

impl Manifest {
    /// Writes it: there whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Internal(format!("manifest as JSON: {error}")))?;
        write_atomically(path, text.as_bytes())
    }
}
