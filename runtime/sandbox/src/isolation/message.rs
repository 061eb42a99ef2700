//! What the host and a worker say to each other.
//!
//! A worker's standard input is its *control* socket: `Load` comes first, then an `Open` with a socket for every session.
//! On a session's own socket `Begin` comes first; then the host asks and the worker answers, one thing at a time. During a run
//! it is the worker who asks, until `Done`. A socket that is closed ends what it was for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ledger::Spent;
use super::pack::{PackedChange, PackedMark, PackedOutcome, PackedRequest, PackedStep, Perhaps};
use crate::judging::ToolInfo;
use crate::limits::Limits;
use crate::session::{Channel, InterpreterInfo, Made};
use crate::types::{RunReport, ToolCall};

/// From the host.
#[derive(Serialize, Deserialize)]
pub(super) enum Order {
    /// The interpreter. Beside it: its native code, and its image if it has one.
    Load { name: String, digest: String, interfaces: Vec<String>, restless: Option<String> },
    /// A session. Beside it: its socket.
    Open,
    /// What the session begins with: the names and sizes of its files, and the steps that are to be done again.
    Begin { seed: u64, files: Vec<(String, u64)>, steps: Vec<PackedStep> },
    /// Run this. Answered by `Done`.
    Run { request: PackedRequest, limits: Box<Limits>, wall_left_us: u64, live: bool },
    /// The answer to `Tools`.
    Tools(Vec<ToolInfo>),
    /// The answer to `Invoke`.
    Invoked(Box<Invoked>),
    /// End the run at hand. Not answered.
    Cancel,
    /// Keep the state for forks. Not answered.
    Keep,
    /// Another session with this one's state. Beside it: its socket.
    Fork { by_replay: bool },
}

/// A tool's answer.
#[derive(Serialize, Deserialize)]
pub(super) struct Invoked {
    pub outcome: PackedOutcome,
    /// What it changed in `/scratch`.
    pub files: PackedChange,
    pub spent: Spent,
}

/// From a worker.
#[derive(Serialize, Deserialize)]
pub(super) enum Word {
    /// The interpreter is there.
    Loaded { info: InterpreterInfo, seal: super::Seal },
    /// The session is there.
    Begun,
    /// What was asked for could not be done; in which step, if in one.
    Failed { step: Option<usize>, reason: String },
    /// The guest asks for the list of tools.
    Tools,
    /// The guest calls a tool.
    Invoke(Box<Invoke>),
    /// The guest wrote something: the bytes behind.
    Show(Channel),
    /// The run is over.
    Done(Box<Done>),
    /// The fork is there.
    Forked(Made),
}

/// A tool call.
#[derive(Serialize, Deserialize)]
pub(super) struct Invoke {
    pub name: String,
    pub arguments: Value,
    /// What the code changed in `/scratch` since it was last said.
    pub files: PackedChange,
    pub spent: Spent,
    /// Linear memory that the session holds.
    pub memory: u64,
}

/// How a run came out.
#[derive(Serialize, Deserialize)]
pub(super) struct Done {
    /// Without the tool calls, the output, the answer, and the value's JSON form.
    pub report: RunReport,
    /// Sizes of the two outputs, whose bytes are behind, after all others.
    pub output: [u64; 2],
    pub answer: Perhaps,
    pub value: Perhaps,
    /// The tool calls in order; none for one that the host was asked for, since it knows those.
    pub tool_calls: Vec<Option<ToolCall>>,
    /// The step, if it was committed.
    pub step: Option<DoneStep>,
    /// Sizes of the displayed artifacts, whose bytes are behind, in the order of the displays.
    pub displayed: Vec<u64>,
    pub spent: Spent,
}

/// A committed step.
#[derive(Serialize, Deserialize)]
pub(super) struct DoneStep {
    pub limits: Limits,
    pub calls: Vec<CallNote>,
    pub mark: PackedMark,
    /// What the code changed in `/scratch` since it was last said.
    pub files: PackedChange,
}

/// A recorded call, as far as the host does not know it.
#[derive(Serialize, Deserialize)]
pub(super) enum CallNote {
    /// The next list of tools that it gave.
    ListTools,
    /// The next of the tool calls.
    Invoke,
    /// What was left of the budget.
    Remaining { wall_ms: u64, calls: u32 },
}
