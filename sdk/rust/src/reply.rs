//! From what a tool's function returns to an outcome.

use std::any::Any;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{Artifact, Content, Failure, Outcome};

/// The outcome of a value: text is text, content is content, everything else is structured, with its JSON as the
/// text to show.
pub fn reply<T: Serialize + JsonSchema + 'static>(value: T) -> Result<Outcome, Failure> {
    let any: &dyn Any = &value;
    if any.is::<()>() {
        return Ok(Outcome::default());
    }
    if let Some(outcome) = any.downcast_ref::<Outcome>() {
        return Ok(outcome.clone());
    }
    if let Some(text) = any.downcast_ref::<String>() {
        return Ok(Outcome { content: vec![Content::text(text)], structured: None });
    }
    if let Some(text) = any.downcast_ref::<&'static str>() {
        return Ok(Outcome { content: vec![Content::text(*text)], structured: None });
    }
    if let Some(content) = any.downcast_ref::<Content>() {
        return Ok(Outcome { content: vec![content.clone()], structured: None });
    }
    if let Some(content) = any.downcast_ref::<Vec<Content>>() {
        return Ok(Outcome { content: content.clone(), structured: None });
    }
    let structured = to_json(&value)?;
    if let Some(artifact) = any.downcast_ref::<Artifact>() {
        return Ok(Outcome {
            content: vec![Content::Artifact(artifact.clone())],
            structured: Some(structured),
        });
    }
    Ok(Outcome { content: vec![Content::text(structured.to_string())], structured: Some(structured) })
}

/// The schema of what programs get of a type, if they get a value at all.
pub fn output_schema<T: JsonSchema + 'static>() -> Option<Value> {
    use std::any::TypeId;
    let this = TypeId::of::<T>();
    let unstructured = [
        TypeId::of::<()>(),
        TypeId::of::<Outcome>(),
        TypeId::of::<String>(),
        TypeId::of::<&'static str>(),
        TypeId::of::<Content>(),
        TypeId::of::<Vec<Content>>(),
    ];
    (!unstructured.contains(&this)).then(crate::schema::schema_of::<T>)
}

fn to_json<T: Serialize>(value: &T) -> Result<Value, Failure> {
    serde_json::to_value(value)
        .map_err(|error| Failure::internal(format!("the result has no JSON form: {error}")))
}
