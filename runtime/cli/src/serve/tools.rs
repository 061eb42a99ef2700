//! Who answers a session's tool calls: the plugins that the server was started with, and the client's own tools.
//!
//! A tool of the client runs in the client, by its own authority. Its arguments are checked here against its schema; a file
//! among them is handed over with its bytes, and a file that comes back appears under `/scratch/artifacts/`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Content, Failure, FailureKind, Outcome, Schema, ToolHost, ToolInfo,
    Toolbox,
};

use super::limits;
use super::outbox::Outbox;
use super::protocol::{ClientTool, Fault, Id, ToolFile, ToolResult};

/// What a client answered to a `tool` request.
pub type Answer = Result<Value, Value>;

/// The requests to the client that have no answer yet.
pub struct Asks {
    outbox: Outbox,
    next: AtomicU64,
    waiting: Mutex<HashMap<Id, SyncSender<Answer>>>,
}

impl Asks {
    /// None yet.
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, next: AtomicU64::new(1), waiting: Mutex::default() }
    }

    fn ask(&self, params: Value) -> (Id, Receiver<Answer>) {
        let id = Id::Text(format!("tool-{}", self.next.fetch_add(1, Relaxed)));
        let (sender, receiver) = sync_channel(1);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), sender);
        self.outbox.send(json!({ "id": id, "method": "tool", "params": params }));
        (id, receiver)
    }

    /// Hands an answer to whoever waits for it. Late ones and ones that nobody asked for are dropped.
    pub fn answered(&self, id: &Id, answer: Answer) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(waiting) = waiting {
            // Room for one, and this is the one.
            let _ = waiting.try_send(answer);
        }
    }

    fn forget(&self, id: &Id) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.outbox.notify("tool-cancelled", json!({ "id": id }));
    }
}

/// The tools that a client brought along. Forks of a session share them.
pub struct ClientTools {
    tools: BTreeMap<String, (ToolInfo, Schema)>,
}

impl ClientTools {
    /// Checks them: names, schemas, and that none is called like a plugin's.
    pub fn new(tools: Vec<ClientTool>, toolbox: &Toolbox) -> Result<Self, Fault> {
        if tools.len() > limits::CLIENT_TOOLS {
            let most = limits::CLIENT_TOOLS;
            return Err(Fault::params(format!("{} tools are given, the most is {most}", tools.len())));
        }
        let mut known = BTreeMap::new();
        let mut names: HashSet<String> =
            toolbox.tools().iter().map(|tool| tool.name.replace('-', "_")).collect();
        for tool in tools {
            let ClientTool { name, description, input_schema } = tool;
            if !is_name(&name) {
                let most = sport_sandbox::limits::NAME_BYTES;
                let message = format!(
                    "a tool is named {name:?}; a name is made of letters, digits, - and _, {most} at most"
                );
                return Err(Fault::params(message));
            }
            let schema = Schema::parse(&input_schema.to_string(), Some("object"))
                .map_err(|reason| Fault::params(format!("the input schema of {name}: {reason}")))?;
            // Agent code calls it by a name of its language.
            let called = name.replace('-', "_");
            if RESERVED.contains(&called.as_str()) {
                return Err(Fault::params(format!(
                    "a tool is called {name}, which means something else to agent code"
                )));
            }
            if !names.insert(called) {
                return Err(Fault::params(format!("two tools are called {name} (agent code writes - as _)")));
            }
            let info = ToolInfo { name: name.clone(), description, input_schema };
            known.insert(name, (info, schema));
        }
        Ok(Self { tools: known })
    }
}

/// What agent code is given besides tools.
const RESERVED: [&str; 3] = ["final_answer", "display", "ToolError"];

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.len() <= sport_sandbox::limits::NAME_BYTES && name.chars().all(fits)
}

/// All tools of a session.
#[derive(Clone)]
pub struct SessionTools {
    /// The plugins' tools, and the store of the session's artifacts.
    pub toolbox: Toolbox,
    /// The client's.
    pub client: Arc<ClientTools>,
    /// How the client is asked.
    pub asks: Arc<Asks>,
}

/// The tools during one run.
pub struct RunTools<'a> {
    /// All of them.
    pub tools: &'a mut SessionTools,
    /// For the client: which session calls.
    pub session: &'a str,
    /// For the client: the id of the `run` request.
    pub run: Option<Id>,
}

impl ToolHost for RunTools<'_> {
    fn tools(&self) -> Vec<ToolInfo> {
        let mut infos = self.tools.toolbox.tools();
        infos.extend(self.tools.client.tools.values().map(|(info, _)| info.clone()));
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        infos
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        let SessionTools { toolbox, client, asks } = &mut *self.tools;
        let Some((_, schema)) = client.tools.get(name) else {
            return toolbox.invoke(name, arguments, branch, budget);
        };
        // No message names the tool: agent code puts its name in front of each.
        let bad = |reason: String| Failure::new(FailureKind::InvalidInput, "bad-arguments", reason);
        let store = toolbox.store();
        let arguments = schema.resolve_files(arguments, bad, |file| file_of(file, branch, store))?;
        let params =
            json!({ "session": self.session, "run": self.run, "name": name, "arguments": arguments });
        let (id, answers) = asks.ask(params);
        let answer = loop {
            match answers.recv_timeout(limits::TOOL_POLL) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(stop) = budget.check() {
                        asks.forget(&id);
                        return Err(stop.failure());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let message = "the client went away";
                    return Err(Failure::new(FailureKind::Unavailable, "client-gone", message));
                }
            }
        };
        outcome(answer, branch, store)
    }
}

/// A file of the session with its bytes, for a tool of the client.
fn file_of(name: &str, branch: &Branch, store: &ArtifactStore) -> Result<Value, Failure> {
    let artifact = branch.files.artifact(name, store)?;
    if artifact.size > limits::TOOL_FILE_BYTES {
        let message = format!(
            "{name} has {} bytes, a tool of the client can be handed {}",
            artifact.size,
            limits::TOOL_FILE_BYTES
        );
        return Err(Failure::new(FailureKind::Exhausted, "file-too-large", message));
    }
    let bytes = store
        .get(&artifact.digest)
        .map_err(|error| Failure::new(FailureKind::NotFound, "artifact-missing", error.to_string()))?;
    Ok(json!({
        "path": name,
        "name": artifact.name,
        "media_type": artifact.media_type,
        "base64": BASE64_STANDARD.encode(&bytes),
    }))
}

/// The client's own words for why a tool failed.
#[derive(Deserialize)]
struct ClientError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

fn outcome(answer: Answer, branch: &mut Branch, store: &ArtifactStore) -> Result<Outcome, Failure> {
    let broken = |reason: String| {
        Failure::new(FailureKind::Internal, "bad-answer", format!("the client's answer is {reason}"))
    };
    let result = match answer {
        Ok(result) => result,
        Err(error) => {
            let error: ClientError =
                serde_json::from_value(error).map_err(|error| broken(format!("no error ({error})")))?;
            let code = error.data.as_ref().and_then(|data| data.get("code")).and_then(Value::as_str);
            let code = code.filter(|code| is_name(code)).unwrap_or("tool-error");
            let message: String =
                error.message.chars().take(sport_sandbox::limits::MESSAGE_BYTES / 4).collect();
            return Err(Failure::new(FailureKind::Internal, code, message));
        }
    };
    match serde_json::from_value(result).map_err(|error| broken(format!("no result ({error})")))? {
        ToolResult::Value(value) => {
            let size = value.to_string().len();
            if size > sport_sandbox::limits::JSON_BYTES {
                let most = sport_sandbox::limits::JSON_BYTES;
                return Err(broken(format!("{size} bytes long, the most is {most}")));
            }
            let depth = sport_sandbox::json_depth(&value);
            if depth > sport_sandbox::limits::JSON_DEPTH {
                let most = sport_sandbox::limits::JSON_DEPTH;
                return Err(broken(format!("nested {depth} deep, the most is {most}")));
            }
            Ok(Outcome { content: Vec::new(), structured: Some(value) })
        }
        ToolResult::File(ToolFile { name, media_type, base64 }) => {
            let bytes =
                BASE64_STANDARD.decode(&base64).map_err(|error| broken(format!("no base64 ({error})")))?;
            if bytes.len() as u64 > limits::TOOL_FILE_BYTES {
                return Err(broken(format!("a file of {} bytes, too large", bytes.len())));
            }
            let artifact = store
                .put(&bytes, &media_type, name.as_deref())
                .map_err(|error| Failure::new(FailureKind::Exhausted, error.code(), error.to_string()))?;
            let path = branch.files.add_artifact(&artifact, store)?;
            Ok(Outcome { content: vec![Content::Artifact(artifact)], structured: Some(path.into()) })
        }
    }
}
