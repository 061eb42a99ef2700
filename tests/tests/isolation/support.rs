//! The interpreter in both places, and tools that leave something behind.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Content, Failure, FailureKind, Grants, Interpreter, Isolation, Limits,
    Outcome, RunReport, RunRequest, Sandbox, SandboxOptions, Session, SessionOptions, TaskFile, ToolHost,
    ToolInfo,
};

/// A sandbox of its own, so a domain of its own.
pub fn sandbox(isolation: Isolation) -> Sandbox {
    let aot_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aot");
    Sandbox::new(SandboxOptions { isolation, ..SandboxOptions::new(aot_dir) }).unwrap()
}

/// Python in a new domain.
pub fn domain() -> Arc<Interpreter> {
    load(sport_tests::session_worker())
}

/// Python in this process.
pub fn here() -> &'static Arc<Interpreter> {
    static HERE: OnceLock<Arc<Interpreter>> = OnceLock::new();
    HERE.get_or_init(|| load(Isolation::None))
}

/// Python in a domain that nobody ends.
pub fn away() -> &'static Arc<Interpreter> {
    static AWAY: OnceLock<Arc<Interpreter>> = OnceLock::new();
    AWAY.get_or_init(domain)
}

fn load(isolation: Isolation) -> Arc<Interpreter> {
    let grants = Grants::new(["tools"]).unwrap();
    sandbox(isolation).interpreter(&sport_tests::component("python"), &grants).unwrap()
}

/// A session with these files, whose artifacts go to `store`.
pub fn open_with(python: &Arc<Interpreter>, files: Vec<TaskFile>, store: &ArtifactStore) -> Session {
    python.open(SessionOptions { seed: 7, files, store: store.clone() }).unwrap()
}

/// A session without files.
pub fn open(python: &Arc<Interpreter>) -> Session {
    open_with(python, Vec::new(), &ArtifactStore::new_in_memory())
}

/// Runs code with the usual limits and no tools.
pub fn run(session: &mut Session, code: &str) -> RunReport {
    run_within(session, code, Limits::interpreter())
}

/// Runs code within limits.
pub fn run_within(session: &mut Session, code: &str, limits: Limits) -> RunReport {
    session.run(&request(code), &mut Tools::default(), &Budget::new(limits))
}

/// A request without input.
pub fn request(code: &str) -> RunRequest {
    RunRequest { code: code.to_owned(), ..RunRequest::default() }
}

/// What the code printed; it must come to its end.
#[track_caller]
pub fn printed(session: &mut Session, code: &str) -> String {
    let report = run(session, code);
    assert_eq!(report.ending.name(), "value", "{code}: {report:?}");
    report.stdout
}

/// Tools with effects in the branch: `echo(value)` gives it back, `make(text)` a file, `read(name)` a file's size,
/// `remember(text)` keeps it in the plugins' state and says what was there, `fail()` fails, `sleep(ms)` takes time.
#[derive(Default)]
pub struct Tools {
    /// Where `make` keeps its files; the session's own store.
    pub store: Option<ArtifactStore>,
    /// How many were called.
    pub calls: usize,
}

impl ToolHost for Tools {
    fn tools(&self) -> Vec<ToolInfo> {
        let tool = |name: &str, argument: &str| ToolInfo {
            name: name.to_owned(),
            description: format!("the tool {name}"),
            input_schema: json!({ "type": "object", "properties": { argument: {} } }),
        };
        vec![
            tool("echo", "value"),
            tool("fail", "why"),
            tool("make", "text"),
            tool("read", "name"),
            tool("remember", "text"),
            tool("sleep", "ms"),
        ]
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        self.calls += 1;
        let text = |field: &str| arguments[field].as_str().unwrap_or_default().to_owned();
        let structured = match name {
            "echo" => arguments["value"].clone(),
            "make" => {
                let store = self.store.get_or_insert_with(ArtifactStore::new_in_memory);
                let artifact = store.put(text("text").as_bytes(), "text/plain", Some("made.txt")).unwrap();
                let path = branch.files.add_artifact(&artifact, store)?;
                let content = vec![Content::Artifact(artifact)];
                return Ok(Outcome { content, structured: Some(json!(path)) });
            }
            "read" => json!(branch.files.resolve(&text("name"))?.bytes.len()),
            "remember" => {
                let before = branch.state.get("memory", "text").map(|entry| entry.value.to_vec());
                branch.state.set("memory", "text", text("text").as_bytes(), None)?;
                json!(before.map(|bytes| String::from_utf8(bytes).unwrap()))
            }
            "sleep" => {
                let wanted = std::time::Duration::from_millis(arguments["ms"].as_u64().unwrap_or(0));
                std::thread::sleep(wanted.min(budget.wall_left()));
                json!({})
            }
            _ => {
                return Err(Failure::new(
                    FailureKind::InvalidInput,
                    "always-fails",
                    "this tool always fails",
                ));
            }
        };
        Ok(Outcome { content: Vec::new(), structured: Some(structured) })
    }
}
