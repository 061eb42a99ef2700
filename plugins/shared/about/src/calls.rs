//! What a tool call is about.

use std::collections::BTreeSet;

use sport_sdk::Value;
use sport_sdk::verify::ToolUse;

/// The file that a call is about, among those that the query names; empty where it is none. A file that a tool made counts as the
/// one file that it can have been made from.
pub fn file_of(tool: &ToolUse, files: &BTreeSet<String>) -> String {
    let arguments = tool.arguments.as_object().into_iter().flat_map(|arguments| arguments.values());
    let texts: Vec<&str> = arguments.filter_map(Value::as_str).collect();
    let named = texts.iter().map(|text| text.strip_prefix("/task/").unwrap_or(text));
    if let Some(name) = named.into_iter().find(|name| files.contains(*name)) {
        return name.to_owned();
    }
    match (files.len(), files.first()) {
        (1, Some(only)) if texts.iter().any(|text| text.starts_with("/scratch/")) => only.clone(),
        _ => String::new(),
    }
}

/// Whether one of the call's text arguments holds these letters.
pub fn has_text(arguments: &Value, text: &str) -> bool {
    text.is_empty()
        || arguments.as_object().is_some_and(|arguments| {
            arguments.values().any(|value| value.as_str().is_some_and(|it| it.contains(text)))
        })
}
