//! A tool as MCP's clients see it: its own words, with files as the links that a client can give and follow.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{JsonObject, MetaObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use sport_sandbox::{Hints, ToolDescriptor};

/// What marks a file in a schema. It means nothing to a client.
const FORMAT: &str = "sport-artifact";

/// What a client is told about a file among the arguments,
const GIVEN: &str =
    "a file: the artifact:// link of an earlier result, a data: URI, or the name of a file that was granted";
/// and about one in the result.
const MADE: &str = "a file: its artifact:// link, to be read as a resource";

/// A plugin's tool.
pub fn tool(descriptor: &ToolDescriptor, plugin: &str, digest: &str, deadline: Duration) -> Tool {
    let input = Arc::new(object(shown(&descriptor.input_schema, GIVEN)));
    let mut tool = Tool::new(descriptor.name.clone(), descriptor.description.clone(), input)
        .with_annotations(annotations(descriptor.title.clone(), descriptor.hints))
        .with_meta(meta(deadline, Some((plugin, digest))));
    tool.title.clone_from(&descriptor.title);
    if let Some(output) = &descriptor.output_schema {
        tool = tool.with_raw_output_schema(Arc::new(object(shown(output, MADE))));
    }
    tool
}

/// What a tool says beside MCP's own fields: how long it may take, and which revision of which plugin it is.
pub fn meta(deadline: Duration, of: Option<(&str, &str)>) -> MetaObject {
    let mut meta = MetaObject::new();
    meta.0.insert("sport/deadline-seconds".to_owned(), json!(deadline.as_secs_f64()));
    if let Some((plugin, digest)) = of {
        meta.0.insert("sport/plugin".to_owned(), json!(plugin));
        meta.0.insert("sport/revision".to_owned(), json!(digest));
    }
    meta
}

/// What the author claims. What is not claimed is not said: MCP then takes a tool for destructive and for one that reaches
/// outside. What only reads destroys nothing, and what always gives the same reaches nothing that changes.
fn annotations(title: Option<String>, hints: Hints) -> ToolAnnotations {
    let said = |hint: bool| hint.then_some(true);
    let destructive = said(hints.destructive).or(hints.read_only.then_some(false));
    let open_world = said(hints.open_world).or(hints.deterministic.then_some(false));
    ToolAnnotations::from_raw(title, said(hints.read_only), destructive, said(hints.idempotent), open_world)
}

/// A schema in which a file is a text, with these words about it.
fn shown(schema: &Value, words: &str) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(|item| shown(item, words)).collect(),
        Value::Object(fields) if fields.get("format").and_then(Value::as_str) == Some(FORMAT) => {
            file(fields, words)
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| {
                let value = match key.as_str() {
                    "const" | "enum" | "default" | "examples" => value.clone(),
                    _ => shown(value, words),
                };
                (key.clone(), value)
            });
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

fn file(fields: &JsonObject, words: &str) -> Value {
    let nullable =
        fields.get("type").and_then(Value::as_array).is_some_and(|types| types.contains(&json!("null")));
    let kind = if nullable { json!(["string", "null"]) } else { json!("string") };
    let said =
        fields.get("description").and_then(Value::as_str).map(str::trim).filter(|said| !said.is_empty());
    let description = said.map_or_else(|| words.to_owned(), |said| format!("{said} ({words})"));
    let mut file = JsonObject::new();
    file.insert("type".to_owned(), kind);
    if let Some(title) = fields.get("title") {
        file.insert("title".to_owned(), title.clone());
    }
    file.insert("description".to_owned(), Value::from(description));
    Value::Object(file)
}

/// A schema's object. Schemas were checked when the plugin was loaded: there is nothing else.
pub fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(fields) => fields,
        _ => JsonObject::new(),
    }
}
