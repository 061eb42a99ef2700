//! What an answer should depend on, by a model.
//!
//! The model sees the query, the tools' descriptions and the names of the files. It never sees a candidate, so no candidate can talk to it, and
//! the same question is asked at every step of a task: an operator whose model has `cache = true` pays for it once.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sport_about::Place;
use sport_asking::ask::ask as ask_once_or_twice;
use sport_asking::data::{capped, marked, one_line};
use sport_sdk::Failure;
use sport_sdk::chat::Question;
use sport_sdk::verify::Step;

use crate::config::Config;
use crate::wanted::{By, Need, Wanted, file_names};

/// What the model is told to do.
const PROMPT: &str = include_str!("../prompts/dependence.md");

/// Longest query, description and name that it is shown, in letters.
const QUERY: usize = 4_000;
/// See [`QUERY`].
const DESCRIPTION: usize = 600;
/// See [`QUERY`].
const NAME: usize = 200;

/// Asks. None where the model says that no tool is needed, or that it cannot tell: then nothing can be shown by changing results.
pub fn ask(step: &Step, config: &Config) -> Result<Option<Wanted>, Failure> {
    let files: BTreeSet<String> = file_names(step).into_iter().collect();
    let tools: BTreeSet<&str> = step.tools.iter().map(|tool| tool.name.as_str()).collect();
    if tools.is_empty() {
        return Ok(None);
    }
    let question = Question::new(&config.role)
        .system(PROMPT)
        .user(shown(step, &files))
        .temperature(0.0)
        .max_tokens(config.max_tokens);
    let needs = ask_once_or_twice(question, &schema(&tools, &files), |answer| read(answer, &tools, &files))?;
    Ok((!needs.is_empty()).then_some(Wanted { files, needs, by: By::Model }))
}

fn shown(step: &Step, files: &BTreeSet<String>) -> String {
    let mut text = format!("the question\n{}\nthe files\n", marked(&capped(&step.query, QUERY)));
    for file in files {
        text.push_str(&marked(&one_line(&capped(file, NAME))));
    }
    text.push_str("\nthe tools\n");
    for tool in &step.tools {
        let about = format!("{}: {}", tool.name, tool.description);
        text.push_str(&marked(&one_line(&capped(&about, DESCRIPTION))));
    }
    text
}

fn schema(tools: &BTreeSet<&str>, files: &BTreeSet<String>) -> Value {
    // an `enum` of nothing is refused by some servers
    let file = if files.is_empty() {
        json!({ "type": "string" })
    } else {
        json!({ "type": "string", "enum": files })
    };
    let need = json!({
        "type": "object",
        "properties": { "tool": { "type": "string", "enum": tools }, "files": { "type": "array", "items": file } },
        "required": ["tool", "files"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": { "reason": { "type": "string" }, "depends_on": { "type": "array", "items": need } },
        "required": ["reason", "depends_on"],
        "additionalProperties": false,
    })
}

fn read(answer: &Value, tools: &BTreeSet<&str>, files: &BTreeSet<String>) -> Result<BTreeSet<Need>, String> {
    let list = answer.get("depends_on").and_then(Value::as_array).ok_or("it has no list `depends_on`")?;
    let mut needs = BTreeSet::new();
    for item in list {
        let tool = item.get("tool").and_then(Value::as_str).ok_or("an item has no `tool`")?;
        if !tools.contains(tool) {
            return Err(format!("there is no tool {tool:?}"));
        }
        let place = Place { tool: tool.to_owned(), ..Place::default() };
        let named = item.get("files").and_then(Value::as_array).ok_or("an item has no list `files`")?;
        if named.is_empty() {
            needs.insert(Need { place: place.clone(), file: None });
        }
        for file in named {
            let file = file.as_str().unwrap_or_default();
            if !files.contains(file) {
                return Err(format!("there is no file {file:?}"));
            }
            needs.insert(Need { place: place.clone(), file: Some(file.to_owned()) });
        }
    }
    Ok(needs)
}
