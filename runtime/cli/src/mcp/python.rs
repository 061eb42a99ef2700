//! The tools of the interpreter: open a session, run code in it, fork it, close it; and a tool that takes a file in.

use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations};
use rmcp::service::RequestContext;
use serde::Deserialize;
use serde_json::{Value, json};
use sport_sandbox::{ArtifactStore, Budget, Failure, Made, RunRequest, ToolHost as _};

use super::call::{self, Words};
use super::files::Given;
use super::server::Shared;
use super::sessions::Sessions;
use super::tools::Callable;
use super::{describe, failure, files, report, shelf};

/// What takes a file in.
pub const PUT: &str = "artifact_put";

/// What a client can ask of the interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A new session.
    Open,
    /// Run code.
    Run,
    /// Another session with the state of this one.
    Fork,
    /// End it.
    Close,
}

const VERBS: [(Verb, &str); 4] =
    [(Verb::Open, "open"), (Verb::Run, "run"), (Verb::Fork, "fork"), (Verb::Close, "close")];

/// The names of these tools, for an interpreter of this language.
pub fn names(language: &str) -> Vec<String> {
    VERBS.iter().map(|(_, verb)| format!("{language}_{verb}")).collect()
}

/// What a tool's name means, if it is one of these.
pub fn verb(name: &str, language: &str) -> Option<Verb> {
    let rest = name.strip_prefix(language)?.strip_prefix('_')?;
    VERBS.iter().find(|(_, verb)| *verb == rest).map(|(verb, _)| *verb)
}

/// The interpreter's tools as they are listed.
pub fn tools(sessions: &Sessions) -> Vec<Tool> {
    let info = sessions.interpreter.info();
    let (language, version) = (&info.language, &info.version);
    let wall = sessions.limits.wall;
    let session = json!({ "type": "string", "description": "The session's handle" });
    let handle = json!({ "session": session });
    let packages = if info.packages.is_empty() {
        String::new()
    } else {
        format!(" Beside its own library there is {}.", info.packages.join(", "))
    };
    let open = listed(
        &format!("{language}_open"),
        "Open a session",
        &format!(
            "Opens a session of {language} {version} in a sandbox: no network, no clock of this machine, nothing to see but \
             /task (the files given, read-only) and /scratch (its own, in memory).{packages} Variables and files stay between \
             runs. Gives the handle that the other tools take."
        ),
        json!({
            "type": "object",
            "properties": {
                "files": {
                    "type": "array",
                    "description": "Files for /task",
                    "items": files::schema("Its name in /task"),
                },
                "seed": { "type": "integer", "minimum": 0, "description": "Decides every random number" },
            },
            "additionalProperties": false,
        }),
        Some(json!({
            "type": "object",
            "properties": {
                "session": session,
                "language": { "type": "string" },
                "version": { "type": "string" },
                "functions": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "Tools that code calls as functions, with named arguments",
                },
                "files": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["session", "language", "version", "functions", "files"],
        })),
        ToolAnnotations::new().destructive(false).open_world(false),
        wall,
    );
    let run = listed(
        &format!("{language}_run"),
        "Run code",
        "Runs code in a session. The value of the last expression comes back, and what was printed; files in /scratch come back \
         as links. The served tools are functions, with named arguments, and take paths for files. display(x) shows a picture \
         or a file. Code that is stopped (deadline, memory) ends its session: fork it to go on from before.",
        json!({
            "type": "object",
            "properties": {
                "session": session,
                "code": { "type": "string", "description": "The source text" },
                "stdin": { "type": "string", "description": "Its standard input" },
                "arguments": { "type": "array", "items": { "type": "string" }, "description": "Its arguments" },
                "timeout_seconds": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "description": format!("Stop it after this time; at most {}", wall.as_secs_f64()),
                },
            },
            "required": ["session", "code"],
            "additionalProperties": false,
        }),
        Some(report::schema()),
        // What its code may call decides, and that is not known here.
        ToolAnnotations::new(),
        wall,
    );
    let fork = listed(
        &format!("{language}_fork"),
        "Fork a session",
        "Makes another session with the same variables and files; the two share nothing from then on. After a run that was \
         stopped it gives the state before that run.",
        json!({ "type": "object", "properties": handle, "required": ["session"], "additionalProperties": false }),
        Some(json!({
            "type": "object",
            "properties": { "session": session, "steps": { "type": "integer" }, "made": { "type": "string" } },
            "required": ["session", "steps", "made"],
        })),
        ToolAnnotations::new().destructive(false).open_world(false),
        wall,
    );
    let close = listed(
        &format!("{language}_close"),
        "Close a session",
        "Ends a session and forgets what is in it.",
        json!({ "type": "object", "properties": handle, "required": ["session"], "additionalProperties": false }),
        None,
        ToolAnnotations::new().open_world(false),
        wall,
    );
    vec![open, run, fork, close]
}

/// The tool that takes a file in.
pub fn put_tool(wall: Duration) -> Tool {
    listed(
        PUT,
        "Hand in a file",
        "Takes a file and gives its artifact:// link, which tools take where they take a file. It is kept for a while, not for \
         ever.",
        files::schema("Its name"),
        Some(json!({
            "type": "object",
            "properties": {
                "uri": { "type": "string" },
                "media_type": { "type": "string" },
                "size": { "type": "integer" },
            },
            "required": ["uri", "media_type", "size"],
        })),
        ToolAnnotations::new().destructive(false).idempotent(true).open_world(false),
        wall,
    )
}

fn listed(
    name: &str,
    title: &str,
    description: &str,
    input: Value,
    output: Option<Value>,
    annotations: ToolAnnotations,
    wall: Duration,
) -> Tool {
    let input = Arc::new(describe::object(input));
    let mut tool = Tool::new(name.to_owned(), description.to_owned(), input)
        .with_title(title)
        .with_annotations(annotations)
        .with_meta(describe::meta(wall, None));
    if let Some(output) = output {
        tool = tool.with_raw_output_schema(Arc::new(describe::object(output)));
    }
    tool
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    #[serde(default)]
    files: Vec<Given>,
    #[serde(default)]
    seed: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    session: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    session: String,
    code: String,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    timeout_seconds: Option<f64>,
}

/// Does what one of these tools is asked.
pub async fn call(
    shared: &Arc<Shared>,
    sessions: &Arc<Sessions>,
    verb: Verb,
    name: &str,
    arguments: JsonObject,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, Failure> {
    match verb {
        Verb::Open => open(shared, sessions, name, failure::arguments(name, arguments)?, context).await,
        Verb::Run => run(shared, sessions, name, failure::arguments(name, arguments)?, context).await,
        Verb::Fork => fork(sessions, name, failure::arguments(name, arguments)?, context).await,
        Verb::Close => {
            let Of { session } = failure::arguments(name, arguments)?;
            let seat = sessions.close(&session)?;
            // Its memory is given back on a thread that may wait.
            tokio::task::spawn_blocking(move || drop(seat));
            Ok(CallToolResult::success(vec![ContentBlock::text("closed")]))
        }
    }
}

async fn open(
    shared: &Arc<Shared>,
    sessions: &Arc<Sessions>,
    name: &str,
    Open { files, seed }: Open,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, Failure> {
    let budget = Budget::new(sessions.limits);
    let work = {
        let (shared, sessions) = (Arc::clone(shared), Arc::clone(sessions));
        move || sessions.open(seed, &shared.files, &files, &shared.shelf)
    };
    let seat = call::run(context, name, &budget, &Words::default(), work).await??;
    let callable = Callable::now(shared, &seat.store)?;
    let functions: Vec<String> = callable.tools().iter().map(|tool| tool.name.replace('-', "_")).collect();
    let files: Vec<String> = seat.files().list().into_iter().map(|(path, _)| path).collect();
    let info = sessions.interpreter.info();
    Ok(CallToolResult::structured(json!({
        "session": seat.handle,
        "language": info.language,
        "version": info.version,
        "functions": functions,
        "files": files,
    })))
}

async fn run(
    shared: &Arc<Shared>,
    sessions: &Arc<Sessions>,
    name: &str,
    Run { session, code, stdin, arguments, timeout_seconds }: Run,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, Failure> {
    let mut limits = sessions.limits;
    if let Some(seconds) = timeout_seconds {
        let asked = Duration::try_from_secs_f64(seconds).ok().filter(|asked| !asked.is_zero());
        let asked = asked.ok_or_else(|| failure::bad("timeout_seconds is a number above 0"))?;
        limits.wall = limits.wall.min(asked);
        limits.cpu = limits.cpu.min(asked);
    }
    let seat = sessions.get(&session)?;
    let mut turn = seat.turn(context).await?;
    // The clock starts with the turn, not with the waiting for it.
    let budget = Budget::new(limits);
    let words = Words::default();
    let work = {
        let (shared, budget, words) = (Arc::clone(shared), budget.clone(), words.clone());
        move || {
            let session = &mut *turn.session;
            let mut callable = Callable::now(&shared, &seat.store)?;
            let before = session.branch().files.clone();
            // So that a fork is quick also after a run that ends badly.
            session.keep();
            let request = RunRequest { code, stdin: stdin.map(String::into_bytes), arguments };
            let report = session.run_live(&request, &mut callable, &budget, &mut |_, bytes| words.add(bytes));
            seat.look(session);
            report::result(&report, session, &seat, &before, &shared)
        }
    };
    call::run(context, name, &budget, &words, work).await?
}

async fn fork(
    sessions: &Arc<Sessions>,
    name: &str,
    Of { session }: Of,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, Failure> {
    let seat = sessions.get(&session)?;
    let turn = seat.turn(context).await?;
    let budget = Budget::new(sessions.limits);
    let work = {
        let sessions = Arc::clone(sessions);
        move || {
            let fork = turn.session.fork().map_err(|error| {
                Failure::new(sport_sandbox::FailureKind::Internal, error.code(), error.to_string())
            })?;
            let made = match fork.made() {
                Made::Opened => "opened",
                Made::FromMemory => "from memory",
                Made::ByReplay(_) => "by replay",
            };
            let (steps, made) = (fork.steps(), made.to_owned());
            let seat = sessions.seat(fork, seat.store.clone())?;
            Ok(json!({ "session": seat.handle, "steps": steps, "made": made }))
        }
    };
    call::run(context, name, &budget, &Words::default(), work).await?.map(CallToolResult::structured)
}

/// Takes a file in.
pub fn put(shared: &Shared, arguments: JsonObject) -> Result<CallToolResult, Failure> {
    let given: Given = failure::arguments(PUT, arguments)?;
    let file = given.read(&shared.shelf)?;
    let media_type = file.media_type.unwrap_or_else(|| files::media_type_of(&given.name).to_owned());
    let store = ArtifactStore::new_in_memory();
    let name = failure::shown(&given.name);
    let artifact = store.put(&file.bytes, &media_type, Some(&name)).map_err(|error| failure::of(&error))?;
    let piece = shared.shelf.keep(&artifact, &store)?;
    let value = json!({ "uri": shelf::uri(&artifact), "media_type": media_type, "size": piece.bytes.len() });
    let mut result = CallToolResult::structured(value);
    result.content.push(shelf::link(&artifact));
    Ok(result)
}
