//! What all tests here need: the real interpreter, a session, and a tool host that counts.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Failure, FailureKind, Grants, Interpreter, Isolation, Limits, Outcome,
    RunReport, RunRequest, Sandbox, SandboxOptions, Session, SessionOptions, SessionWorker, TaskFile,
    ToolHost, ToolInfo,
};

/// The built component of this name, or a failure that says how to make it.
pub fn component(name: &str) -> PathBuf {
    let folder = std::env::var_os("SPORT_COMPONENTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components"), PathBuf::from);
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "{} is missing: run `make components` first, or set SPORT_COMPONENTS",
        path.display()
    );
    path
}

/// A sandbox that lives as long as the tests; its compiled components are kept between runs.
pub fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        let aot_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aot");
        Sandbox::new(SandboxOptions { isolation: isolation(), ..SandboxOptions::new(aot_dir) }).unwrap()
    })
}

/// Where sessions run: with `SPORT_TEST_ISOLATION=process` in a process of their own, where everything must be the same.
pub fn isolation() -> Isolation {
    match std::env::var("SPORT_TEST_ISOLATION").as_deref() {
        Ok("process") => {
            let folder = std::env::current_exe().unwrap();
            let program = folder.parent().unwrap().parent().unwrap().join("sport");
            assert!(program.is_file(), "{} is missing: run `make sport` first", program.display());
            Isolation::Process(SessionWorker { program, arguments: vec!["run-sessions".to_owned()] })
        }
        _ => Isolation::None,
    }
}

/// The Python interpreter.
pub fn python() -> &'static Arc<Interpreter> {
    static PYTHON: OnceLock<Arc<Interpreter>> = OnceLock::new();
    PYTHON.get_or_init(|| {
        sandbox().interpreter(&component("python.wasm"), &Grants::new(["tools"]).unwrap()).unwrap()
    })
}

/// A session without files.
pub fn session() -> Session {
    session_with(7, Vec::new())
}

/// A session.
pub fn session_with(seed: u64, files: Vec<TaskFile>) -> Session {
    python().open(SessionOptions { seed, files, store: ArtifactStore::new_in_memory() }).unwrap()
}

/// A request without input.
pub fn code(text: &str) -> RunRequest {
    RunRequest { code: text.to_owned(), ..RunRequest::default() }
}

/// The usual budget.
pub fn budget() -> Budget {
    Budget::new(Limits::interpreter())
}

/// A budget with little wall time.
pub fn short(wall: Duration) -> Budget {
    Budget::new(Limits { wall, ..Limits::interpreter() })
}

/// Runs code without tools.
pub fn run(session: &mut Session, text: &str) -> RunReport {
    session.run(&code(text), &mut Tools::default(), &budget())
}

/// Runs code that must end in a value or nothing, and gives back what it printed.
#[track_caller]
pub fn printed(session: &mut Session, text: &str) -> String {
    let report = run(session, text);
    assert_eq!(report.ending.name(), "value", "{report:?}");
    report.stdout
}

/// Some tools with effects in the branch, and a count of how often they were called.
#[derive(Default)]
pub struct Tools {
    /// Every call, in order.
    pub calls: Vec<(String, Value)>,
    /// Where `place` keeps its artifacts.
    pub store: Option<ArtifactStore>,
}

impl ToolHost for Tools {
    fn tools(&self) -> Vec<ToolInfo> {
        let tool = |name: &str, properties: Value| ToolInfo {
            name: name.to_owned(),
            description: format!("the tool {name}"),
            input_schema: json!({ "type": "object", "properties": properties }),
        };
        vec![
            tool("count", json!({})),
            tool("fail", json!({})),
            tool("note", json!({ "key": { "type": "string" }, "text": { "type": "string" } })),
            tool("place", json!({ "text": { "type": "string" } })),
            tool("read_note", json!({ "key": { "type": "string" } })),
            tool("slow", json!({ "seconds": { "type": "number" } })),
        ]
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        self.calls.push((name.to_owned(), arguments.clone()));
        let text = |field: &str| arguments[field].as_str().unwrap_or_default().to_owned();
        let structured = match name {
            "count" => json!({ "calls": self.calls.len() }),
            "note" => {
                let revision = branch.state.set("notes", &text("key"), text("text").as_bytes(), None)?;
                json!({ "revision": revision })
            }
            "read_note" => {
                let entry = branch.state.get("notes", &text("key"));
                json!({ "text": entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned()) })
            }
            "place" => {
                let store = self.store.get_or_insert_with(ArtifactStore::new_in_memory);
                let artifact = store.put(text("text").as_bytes(), "text/plain", Some("note.txt")).unwrap();
                json!({ "path": branch.files.add_artifact(&artifact, store)? })
            }
            "slow" => {
                // Like a well-behaved tool: it stops when the budget says so.
                let wanted = Duration::from_secs_f64(arguments["seconds"].as_f64().unwrap_or(0.0));
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
