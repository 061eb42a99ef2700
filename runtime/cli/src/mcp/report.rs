//! How a run of agent code is told: for a model as text, for a program as structured content, with links to its files.

use std::collections::HashMap;

use rmcp::model::{CallToolResult, ContentBlock, Resource};
use serde_json::{Value, json};
use sport_sandbox::{Failure, FileView, RunReport, Session};

use super::server::Shared;
use super::sessions::Seat;
use super::shelf::Blocks;
use super::{files, limits, tools};

/// The result of a run. `before` are the files before it.
pub fn result(
    report: &RunReport,
    session: &Session,
    seat: &Seat,
    before: &FileView,
    shared: &Shared,
) -> Result<CallToolResult, Failure> {
    let mut blocks = Blocks::new(vec![ContentBlock::text(words(report, session))]);
    for display in &report.displays {
        tools::show(display, &seat.store, shared, &mut blocks)?;
    }
    let known: HashMap<String, u64> = before.list().into_iter().collect();
    let now: Vec<(String, u64)> =
        session.branch().files.list().into_iter().filter(|(path, _)| path.starts_with("/scratch/")).collect();
    let fresh = now.iter().filter(|(path, size)| known.get(path) != Some(size));
    for (path, size) in fresh.take(limits::LINKS) {
        let name = path.rsplit('/').next().unwrap_or(path);
        let link = Resource::new(seat.uri(path), name)
            .with_mime_type(files::media_type_of(name))
            .with_size(*size)
            .with_description(path.clone());
        blocks.content.push(ContentBlock::resource_link(link));
    }
    let mut result = CallToolResult::success(blocks.content);
    // Code that raised is a result like any other; code that was stopped has none.
    result.is_error = Some(!report.ending.may_commit());
    result.structured_content = Some(structured(report, session, seat, &now));
    Ok(result)
}

fn structured(report: &RunReport, session: &Session, seat: &Seat, files: &[(String, u64)]) -> Value {
    let files: Vec<Value> = files
        .iter()
        .map(|(path, size)| json!({ "path": path, "size": size, "uri": seat.uri(path) }))
        .collect();
    let usage = &report.usage;
    json!({
        "session": seat.handle,
        "ending": report.ending.name(),
        "value": report.value.as_ref().and_then(|value| value.json.clone()),
        "repr": report.value.as_ref().map(|value| value.repr.as_str()),
        "answer": report.answer,
        "raised": report.raised,
        "exit_code": report.exit_code,
        "reason": report.reason,
        "stdout": report.stdout,
        "stderr": report.stderr,
        "healthy": session.healthy(),
        "steps": session.steps(),
        "files": files,
        "usage": {
            "wall_ms": usage.wall_us / 1000,
            "cpu_ms": usage.cpu_us / 1000,
            "memory_bytes": usage.memory_bytes,
            "tool_calls": usage.tool_calls,
        },
    })
}

/// The schema of the structured content.
pub fn schema() -> Value {
    let text = |words: &str| json!({ "type": "string", "description": words });
    let maybe = |kind: &str, words: &str| json!({ "type": [kind, "null"], "description": words });
    let count = json!({ "type": "integer", "minimum": 0 });
    json!({
        "type": "object",
        "properties": {
            "session": text("The session's handle"),
            "ending": {
                "type": "string",
                "enum": ["value", "answered", "raised", "exited", "deadline", "exhausted", "trapped", "cancelled"],
                "description": "How it ended; the last four mean that the sandbox stopped it",
            },
            "value": { "description": "The value of the last expression, where it has a JSON form" },
            "repr": maybe("string", "The same in the language's own form"),
            "answer": { "description": "What final_answer was given" },
            "raised": {
                "type": ["object", "null"],
                "description": "The exception that nobody caught",
                "properties": {
                    "class": { "type": "string" },
                    "message": { "type": "string" },
                    "traceback": { "type": ["string", "null"] },
                },
            },
            "exit_code": maybe("integer", "What exit was given"),
            "reason": maybe("string", "Why the sandbox stopped it"),
            "stdout": text("What it printed"),
            "stderr": text("What it wrote to standard error"),
            "healthy": {
                "type": "boolean",
                "description": "Whether the session can run more; if not, a fork goes on from before this run",
            },
            "steps": count,
            "files": {
                "type": "array",
                "description": "All files in /scratch, with links to read them by",
                "items": {
                    "type": "object",
                    "properties": { "path": { "type": "string" }, "size": count, "uri": { "type": "string" } },
                    "required": ["path", "size", "uri"],
                },
            },
            "usage": {
                "type": "object",
                "properties": { "wall_ms": count, "cpu_ms": count, "memory_bytes": count, "tool_calls": count },
            },
        },
        "required": ["session", "ending", "stdout", "stderr", "healthy", "steps", "files"],
    })
}

/// What a person would see in a terminal.
fn words(report: &RunReport, session: &Session) -> String {
    let mut text = report.stdout.clone();
    let mut line = |line: &str| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(line.trim_end());
    };
    if !report.stderr.is_empty() {
        line(&report.stderr);
    }
    if let Some(answer) = &report.answer {
        line(&format!("final answer: {answer}"));
    } else if let Some(value) = &report.value {
        line(&value.repr);
    }
    if let Some(raised) = &report.raised {
        match &raised.traceback {
            Some(traceback) => line(traceback),
            None => line(&format!("{}: {}", raised.class, raised.message)),
        }
    }
    if let Some(code) = report.exit_code {
        line(&format!("exited with {code}"));
    }
    if let Some(reason) = &report.reason {
        line(&format!("{}: {reason}", report.ending.name()));
    }
    if !session.healthy() {
        line("the session is over; fork it to go on from before this run");
    }
    text
}
