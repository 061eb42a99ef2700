//! The data that crosses the sandbox's border, as ordinary Rust values.
//!
//! They mirror the records of `wit/` one to one; the code that lifts and lowers them is in `contract/`. A
//! value of these types that came from a guest has been checked: sizes, nesting, finite floats.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A file in the content-addressed store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ArtifactRef {
    /// `sha256:` and 64 lower-case hex digits.
    pub digest: String,
    /// Media type, for example `image/png`.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// The name it was given, where it has one.
    pub name: Option<String>,
}

/// One piece of what a model or a person may be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// A file in the store (images and sound that came inline are put there on lift).
    Artifact(ArtifactRef),
    /// A kind that has no case of its own yet.
    Other {
        /// What it is.
        kind: String,
        /// Its value.
        value: Value,
    },
}

/// Why something could not be done. Never a verdict about somebody's work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Failure {
    /// The broad kind.
    pub kind: FailureKind,
    /// Stable kebab-case code that a program may branch on.
    pub code: String,
    /// One sentence for a person or a model; never holds a secret.
    pub message: String,
    /// The same call may succeed later, unchanged.
    pub retryable: bool,
    /// More, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl Failure {
    /// A failure that is not worth retrying unchanged.
    pub fn new(kind: FailureKind, code: &str, message: impl Into<String>) -> Self {
        Self { kind, code: code.to_owned(), message: message.into(), retryable: false, details: None }
    }
}

/// The broad kinds of failure, as in `sport:base/types`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the contract's and say it all")]
pub enum FailureKind {
    InvalidInput,
    NotFound,
    Denied,
    Unavailable,
    Deadline,
    Exhausted,
    Cancelled,
    Conflict,
    RateLimited,
    Internal,
}

/// How a piece of agent code came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndingKind {
    /// It ran to its end; the last expression's value, if it had one, is in the report.
    Value,
    /// It called `final_answer`.
    Answered,
    /// It raised an exception that nobody caught (a syntax error is one).
    Raised,
    /// It called `exit`.
    Exited,
    /// Its wall or cpu time was up.
    Deadline,
    /// Another budget was used up: memory, output, calls.
    Exhausted,
    /// The instance trapped, for example on deep recursion.
    Trapped,
    /// Somebody cancelled it.
    Cancelled,
    /// There was no code to run. Never comes from a sandbox: the loop sets it when the action has no code.
    Unparsed,
}

impl EndingKind {
    /// Whether a branch that ended so may become the state of the next step.
    pub fn may_commit(self) -> bool {
        matches!(self, Self::Value | Self::Answered | Self::Raised | Self::Exited)
    }

    /// The name, as in the contract, the database and the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Answered => "answered",
            Self::Raised => "raised",
            Self::Exited => "exited",
            Self::Deadline => "deadline",
            Self::Exhausted => "exhausted",
            Self::Trapped => "trapped",
            Self::Cancelled => "cancelled",
            Self::Unparsed => "unparsed",
        }
    }
}

/// What a tool says of itself. Untrusted text, capped and stripped of control characters on lift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolDescriptor {
    /// What agent code calls it by.
    pub name: String,
    /// A title for people.
    pub title: Option<String>,
    /// What it does, for a model.
    pub description: String,
    /// JSON Schema 2020-12 with an object at the top.
    pub input_schema: Value,
    /// JSON Schema of the structured result, where there is one.
    pub output_schema: Option<Value>,
    /// The author's claims about it.
    pub hints: Hints,
}

/// The author's claims about a tool; the operator decides what they are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the contract's and say it all")]
pub struct Hints {
    pub read_only: bool,
    pub destructive: bool,
    pub idempotent: bool,
    pub open_world: bool,
    pub deterministic: bool,
}

/// What a tool gave back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What may be shown.
    pub content: Vec<Content>,
    /// The result for programs; agent code gets this, or the text where it is none.
    pub structured: Option<Value>,
}

/// One tool call of a piece of agent code, as the host saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// The arguments, as a JSON object.
    pub arguments: Value,
    /// What came back.
    pub outcome: Result<Outcome, Failure>,
}

/// An exception that agent code raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Raised {
    /// The exception's class.
    pub class: String,
    /// Its message.
    pub message: String,
    /// Only the agent's own lines.
    pub traceback: Option<String>,
}

/// The value of a last expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeValue {
    /// The JSON form, where there is one.
    pub json: Option<Value>,
    /// The language's own form.
    pub repr: String,
}

/// A piece of agent code to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The source text.
    pub code: String,
    /// Standard input, empty when none.
    #[serde(default)]
    pub stdin: Option<Vec<u8>>,
    /// `sys.argv[1:]`.
    #[serde(default)]
    pub arguments: Vec<String>,
}

/// Everything the host knows about one run of agent code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// How it ended.
    pub ending: EndingKind,
    /// What `final_answer` was given, when it was called.
    pub answer: Option<Value>,
    /// The last expression's value, when the code ends in one.
    pub value: Option<CodeValue>,
    /// The exception, when it raised one.
    pub raised: Option<Raised>,
    /// The exit code, when it exited.
    pub exit_code: Option<i32>,
    /// Why the host stopped it (deadline, exhausted, trapped, cancelled): one sentence.
    pub reason: Option<String>,
    /// What it printed, cut at the output budget.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// What it displayed.
    pub displays: Vec<Content>,
    /// Its tool calls in order.
    pub tool_calls: Vec<ToolCall>,
    /// What it used.
    pub usage: Usage,
}

/// What a call or a run used of its budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Wall time in microseconds.
    pub wall_us: u64,
    /// Cpu time of the threads that ran the guest and its tools, in microseconds.
    #[serde(default)]
    pub cpu_us: u64,
    /// Largest aggregate linear memory in bytes.
    pub memory_bytes: u64,
    /// Calls from the guest into the host.
    pub host_calls: u64,
    /// Nested tool calls.
    pub tool_calls: u64,
    /// Bytes written to the output channels.
    pub output_bytes: u64,
    /// Bytes of log records.
    #[serde(default)]
    pub log_bytes: u64,
    /// Bytes put into the artifact store.
    #[serde(default)]
    pub artifact_bytes: u64,
    /// Random bytes drawn.
    #[serde(default)]
    pub random_bytes: u64,
    /// Questions to models.
    #[serde(default)]
    pub model_calls: u64,
    /// Tokens of these questions and of their answers.
    #[serde(default)]
    pub tokens: u64,
}
