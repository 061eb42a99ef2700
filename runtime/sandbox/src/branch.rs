//! All branch-local state besides the instance, and who answers a session's tool calls.

use serde_json::Value;

use crate::budget::Budget;
use crate::error::Error;
use crate::files::{FileView, TaskFile};
use crate::judging::ToolInfo;
use crate::state::PluginState;
use crate::types::{Failure, Outcome};

/// What a fork copies (by pointer) and a winner commits.
#[derive(Clone, Debug)]
pub struct Branch {
    /// `/task` and `/scratch`.
    pub files: FileView,
    /// The plugins' state.
    pub state: PluginState,
}

impl Branch {
    /// A new branch with these files in `/task`, nothing in `/scratch` and no plugin state.
    pub fn open(files: &[TaskFile]) -> Result<Self, Error> {
        Ok(Self { files: FileView::new(files)?, state: PluginState::default() })
    }
}

/// Who answers the tool calls of agent code.
pub trait ToolHost {
    /// What agent code may call.
    fn tools(&self) -> Vec<ToolInfo>;

    /// Calls a tool for the branch that the calling session is on.
    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure>;
}
