//! The messages: JSON-RPC 2.0, one message a line. `docs/serve.md` describes them for those who write a client.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sport_sandbox::{Failure, ForkError, Limits};

/// The version of these messages; a client that asks for another is refused.
pub const PROTOCOL: u32 = 1;

/// What a request is called by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(untagged, expecting = "an id is a whole number or a text")]
pub enum Id {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// Anything that the client may send: a request, a notification (no id), or an answer to a request of ours (no method).
#[derive(Debug, Deserialize)]
pub struct Message {
    /// Of the request, or of ours that is answered.
    #[serde(default)]
    pub id: Option<Id>,
    /// What is asked.
    #[serde(default)]
    pub method: Option<String>,
    /// With what.
    #[serde(default)]
    pub params: Value,
    /// The answer, when it is one.
    #[serde(default)]
    pub result: Option<Value>,
    /// The answer, when it is one and it could not be done.
    #[serde(default)]
    pub error: Option<Value>,
}

/// What a client can ask for.
#[derive(Debug)]
pub enum Request {
    /// What is there.
    Hello(Hello),
    /// A new session.
    Open(Open),
    /// Run code in a session.
    Run(Box<Run>),
    /// Another session with the state of this one.
    Fork(Of),
    /// End a session.
    Close(Of),
    /// Stop a run.
    Cancel(Cancel),
    /// Which sessions are open.
    Sessions,
    /// A session's files.
    ListFiles(Of),
    /// One of them.
    ReadFile(ReadFile),
    /// What a report names by its digest.
    ReadArtifact(ReadArtifact),
}

impl Request {
    /// The request of this method.
    pub fn parse(method: &str, value: Value) -> Result<Self, Fault> {
        Ok(match method {
            "hello" => Self::Hello(params(value)?),
            "open" => Self::Open(params(value)?),
            "run" => Self::Run(params(value)?),
            "fork" => Self::Fork(params(value)?),
            "close" => Self::Close(params(value)?),
            "cancel" => Self::Cancel(params(value)?),
            "sessions" => {
                let Nothing {} = params(value)?;
                Self::Sessions
            }
            "list-files" => Self::ListFiles(params(value)?),
            "read-file" => Self::ReadFile(params(value)?),
            "read-artifact" => Self::ReadArtifact(params(value)?),
            _ => return Err(Fault::method(method)),
        })
    }
}

/// `hello`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hello {
    /// The version that the client speaks.
    pub protocol: Option<u32>,
}

/// `open`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Open {
    /// Decides every random number and the clock; the server's own when it is not given.
    pub seed: Option<u64>,
    /// More files for `/task`, beside those that the server was started with.
    pub files: Vec<File>,
    /// Tools that the client answers itself.
    pub tools: Vec<ClientTool>,
}

/// A file for `/task`: a path on this machine, or its bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name in `/task`; that of the path when it is not given.
    pub name: Option<String>,
    /// Where it lies.
    pub path: Option<PathBuf>,
    /// Or what is in it.
    pub base64: Option<String>,
}

/// A tool that the client answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTool {
    /// What agent code calls it by.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its arguments, an object at the top.
    pub input_schema: Value,
}

/// No params.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Every request about one session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    /// Which.
    pub session: String,
}

/// `run`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Where.
    pub session: String,
    /// The source text.
    pub code: String,
    /// Standard input.
    #[serde(default)]
    pub stdin: Option<String>,
    /// `sys.argv[1:]`.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Narrower than the server's.
    #[serde(default)]
    pub budget: Narrower,
    /// Whether output is sent as it is made.
    #[serde(default)]
    pub live: bool,
    /// Whether the state before the run is kept, so that a fork is quick also after a run that ended badly.
    #[serde(default)]
    pub keep: bool,
}

/// Limits of one run. Those of the server are the most it can have.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Narrower {
    wall_ms: Option<u64>,
    cpu_ms: Option<u64>,
    memory_bytes: Option<u64>,
    output_bytes: Option<u64>,
    tool_calls: Option<u64>,
    host_calls: Option<u64>,
    model_calls: Option<u64>,
    tokens: Option<u64>,
}

impl Narrower {
    /// The smaller of both, each.
    pub fn within(self, mut limits: Limits) -> Limits {
        let time = |ours: Duration, asked: Option<u64>| {
            asked.map_or(ours, |asked| ours.min(Duration::from_millis(asked)))
        };
        let count = |ours: u64, asked: Option<u64>| asked.map_or(ours, |asked| ours.min(asked));
        limits.wall = time(limits.wall, self.wall_ms);
        limits.cpu = time(limits.cpu, self.cpu_ms);
        limits.memory_bytes = count(limits.memory_bytes, self.memory_bytes);
        limits.output_bytes = count(limits.output_bytes, self.output_bytes);
        limits.tool_calls = count(limits.tool_calls, self.tool_calls);
        limits.host_calls = count(limits.host_calls, self.host_calls);
        limits.model_calls = count(limits.model_calls, self.model_calls);
        limits.tokens = count(limits.tokens, self.tokens);
        limits
    }
}

/// `cancel`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The id of the `run` request.
    pub request: Id,
}

/// `read-file`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadFile {
    /// Of which session.
    pub session: String,
    /// As agent code names it.
    pub path: String,
    /// From where on.
    #[serde(default)]
    pub offset: u64,
    /// How much at most.
    #[serde(default)]
    pub length: Option<u64>,
}

/// `read-artifact`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadArtifact {
    /// Of which session.
    pub session: String,
    /// As reports name it.
    pub digest: String,
    /// From where on.
    #[serde(default)]
    pub offset: u64,
    /// How much at most.
    #[serde(default)]
    pub length: Option<u64>,
}

/// The client's answer to a `tool` request: a value, or a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum ToolResult {
    /// What agent code gets.
    Value(Value),
    /// It gets the path of this file, which appears under `/scratch/artifacts/`.
    File(ToolFile),
}

/// A file that a tool of the client made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolFile {
    /// Its name.
    pub name: Option<String>,
    /// For example `image/png`.
    pub media_type: String,
    /// What is in it.
    pub base64: String,
}

/// Why a request could not be done.
#[derive(Debug)]
pub struct Fault {
    /// JSON-RPC's number.
    number: i32,
    /// Ours: stable kebab-case.
    code: String,
    message: String,
}

impl Fault {
    /// The line is no JSON.
    pub fn parse(message: String) -> Self {
        Self { number: -32700, code: "not-json".to_owned(), message }
    }

    /// JSON, but no message.
    pub fn message(message: String) -> Self {
        Self { number: -32600, code: "not-a-message".to_owned(), message }
    }

    /// There is no such method.
    pub fn method(method: &str) -> Self {
        let known = "hello, open, run, fork, close, cancel, sessions, list-files, read-file, read-artifact";
        let method: String = method.chars().filter(|c| !c.is_control()).take(40).collect();
        let message = format!("there is no method {method:?}; methods: {known}");
        Self { number: -32601, code: "no-such-method".to_owned(), message }
    }

    /// Wrong params.
    pub fn params(message: impl Into<String>) -> Self {
        Self { number: -32602, code: "bad-params".to_owned(), message: message.into() }
    }

    /// It could not be done.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { number: -32000, code: code.to_owned(), message: message.into() }
    }

    /// As the value of `error`.
    pub fn value(&self) -> Value {
        json!({ "code": self.number, "message": self.message, "data": { "code": self.code } })
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::new(&failure.code, failure.message)
    }
}

impl From<sport_sandbox::Error> for Fault {
    fn from(error: sport_sandbox::Error) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<ForkError> for Fault {
    fn from(error: ForkError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// A request's params in their own type. Absent ones are an empty object.
fn params<T: DeserializeOwned>(value: Value) -> Result<T, Fault> {
    let value = if value.is_null() { json!({}) } else { value };
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = error.path().to_string();
        let place = if place == "." { String::new() } else { format!("{place}: ") };
        Fault::params(format!("{place}{}", error.inner()))
    })
}
