//! What a session remembers of its steps: enough to do them again exactly, without any effect outside.
//!
//! A step is the code, the limits it ran under, and the answers to those of its calls into the host that could come out
//! differently another time: tool calls with what they changed in the branch, the list of tools, and what was left of the
//! budget. Files, time and random numbers need no record: the replayed code makes them again.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::files::scratch::ScratchChange;
use crate::judging::ToolInfo;
use crate::limits::Limits;
use crate::state::PluginState;
use crate::types::{Failure, Outcome, RunRequest};
use crate::wasi::stdio::Taken;

/// One step that ended well.
#[derive(Debug)]
pub(crate) struct Step {
    /// What was run.
    pub request: RunRequest,
    /// Under which limits: a `MemoryError` must come at the same place again.
    pub limits: Limits,
    /// Its calls, in order.
    pub calls: Vec<Call>,
    /// How it came out.
    pub mark: Mark,
}

/// A recorded call into the host with its answer.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// `tools.list-tools`.
    ListTools(Arc<Vec<ToolInfo>>),
    /// `tools.invoke`.
    Invoke(Box<Invoke>),
    /// `context.remaining`: milliseconds and calls.
    Remaining {
        /// Wall time.
        wall_ms: u64,
        /// Tool calls.
        calls: u32,
    },
}

/// A recorded tool call.
#[derive(Clone, Debug)]
pub(crate) struct Invoke {
    /// The tool's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Value,
    /// What came back.
    pub outcome: Result<Outcome, Failure>,
    /// What it changed in `/scratch`.
    pub files: ScratchChange,
    /// The plugins' state after it.
    pub state: PluginState,
}

/// What must be equal after a step and its replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// How it ended and what it wrote.
    pub digest: [u8; 32],
    /// Virtual time.
    pub clock: u64,
    /// Place in the random stream.
    pub random: u128,
}

impl Mark {
    /// The mark of a step that ended as `ending` says (any text that differs when the ending does).
    pub fn new(ending: &str, written: &Taken, (clock, random): (u64, u128)) -> Self {
        let mut hash = Sha256::new();
        for part in [ending.as_bytes(), &written.stdout, &written.stderr] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(format!("{:?}", written.displays));
        Self { digest: hash.finalize().into(), clock, random }
    }

    /// What differs from another mark.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.digest != other.digest {
            Some("its ending or output")
        } else if self.clock != other.clock {
            Some("its virtual time")
        } else if self.random != other.random {
            Some("its random numbers")
        } else {
            None
        }
    }
}
