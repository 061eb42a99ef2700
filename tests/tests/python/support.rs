//! A session of the real interpreter, and a few tools.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, EndingKind, Failure, FailureKind, Grants, Interpreter, Limits, Outcome,
    Raised, RunReport, RunRequest, Sandbox, SandboxOptions, Session, SessionOptions, TaskFile, ToolHost,
    ToolInfo,
};

/// The interpreter; its compiled form is kept between runs.
pub fn python() -> &'static Arc<Interpreter> {
    static PYTHON: OnceLock<Arc<Interpreter>> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let aot_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aot");
        let isolation = sport_tests::isolation();
        let sandbox = Sandbox::new(SandboxOptions { isolation, ..SandboxOptions::new(aot_dir) }).unwrap();
        sandbox.interpreter(&sport_tests::component("python"), &Grants::new(["tools"]).unwrap()).unwrap()
    })
}

/// A session without files.
pub fn session() -> Session {
    session_with(Vec::new())
}

/// A session with these files in `/task`.
pub fn session_with(files: Vec<TaskFile>) -> Session {
    python().open(SessionOptions { seed: 7, files, store: ArtifactStore::new_in_memory() }).unwrap()
}

/// Runs code in a session.
pub fn run(session: &mut Session, code: &str) -> RunReport {
    let request = RunRequest { code: code.to_owned(), ..RunRequest::default() };
    session.run(&request, &mut Tools, &Budget::new(Limits::interpreter()))
}

/// The JSON form of the code's value.
#[track_caller]
pub fn value(session: &mut Session, code: &str) -> Value {
    let report = run(session, code);
    assert_eq!(report.ending, EndingKind::Value, "{code}: {report:?}");
    report
        .value
        .unwrap_or_else(|| panic!("{code}: no value"))
        .json
        .unwrap_or_else(|| panic!("{code}: no JSON form"))
}

/// What the code raised.
#[track_caller]
pub fn raised(session: &mut Session, code: &str) -> Raised {
    let report = run(session, code);
    assert_eq!(report.ending, EndingKind::Raised, "{code}: {report:?}");
    report.raised.unwrap()
}

/// `mean_color(image, box=None)` gives its arguments back, `missing` always fails.
pub struct Tools;

impl ToolHost for Tools {
    fn tools(&self) -> Vec<ToolInfo> {
        let image = json!({
            "type": "object",
            "properties": {
                "image": { "type": "string" },
                "box": { "type": ["array", "null"], "items": { "type": "integer" } },
            },
            "required": ["image"],
            "additionalProperties": false,
        });
        vec![
            ToolInfo {
                name: "mean_color".into(),
                description: "Mean colour of a box.".into(),
                input_schema: image,
            },
            ToolInfo {
                name: "missing".into(),
                description: "Fails.".into(),
                input_schema: json!({ "type": "object" }),
            },
        ]
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        _: &mut Branch,
        _: &Budget,
    ) -> Result<Outcome, Failure> {
        match name {
            "mean_color" => {
                Ok(Outcome { content: Vec::new(), structured: Some(json!({ "got": arguments })) })
            }
            _ => Err(Failure::new(FailureKind::NotFound, "no-such-file", "there is no file x.png")),
        }
    }
}
