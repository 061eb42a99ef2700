//! JSON Schemas of plugins: bounded, compiled once, and checked with.
//!
//! A schema is hostile like everything else: it is capped in bytes and depth, may refer only to itself, its patterns run
//! in a linear-time engine, and `work` bounds how long a check takes. Its texts for people are cleaned. Where it says `"format": "sport-artifact"` a value is a file:
//! agent code gives a name, the component gets a reference, and [`Schema::artifacts`] finds those places.

mod work;

use serde_json::{Map, Value};

use crate::contract::lift;
use crate::limits;
use crate::types::{ArtifactRef, Failure};

/// The format that marks a file.
pub(crate) const ARTIFACT_FORMAT: &str = "sport-artifact";

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    raw: Value,
    validator: jsonschema::Validator,
    has_artifacts: bool,
}

impl Schema {
    /// Parses, bounds and compiles a schema's text. `top` is the type that it must have at the top, if any.
    pub fn parse(text: &str, top: Option<&str>) -> Result<Self, String> {
        let mut raw = lift::parse_json(text, limits::SCHEMA_BYTES, limits::SCHEMA_DEPTH)?;
        clean_texts(&mut raw);
        let Value::Object(fields) = &raw else {
            return Err("it is not an object".to_owned());
        };
        if let Some(top) = top
            && fields.get("type").and_then(Value::as_str) != Some(top)
        {
            return Err(format!("its top is not of type {top}"));
        }
        check_references(&raw)?;
        work::survey(&raw)?;
        let properties = fields.get("properties").and_then(Value::as_object).map_or(0, Map::len);
        if properties > limits::SCHEMA_PROPERTIES {
            return Err(format!("it has {properties} properties, the most is {}", limits::SCHEMA_PROPERTIES));
        }
        let mut checked = raw.clone();
        let has_artifacts = loosen_artifacts(&mut checked);
        let patterns = jsonschema::PatternOptions::regex()
            .size_limit(limits::PATTERN_BYTES)
            .dfa_size_limit(limits::PATTERN_BYTES);
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(patterns)
            .build(&checked)
            // It quotes the schema.
            .map_err(|error| crate::text::clean_line(&error.to_string(), limits::MESSAGE_BYTES))?;
        Ok(Self { raw, validator, has_artifacts })
    }

    /// The schema as the plugin wrote it.
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// Checks a value; the message names the place and is fit for a model.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        work::afford(&self.raw, value)?;
        let mut errors = self.validator.iter_errors(value);
        let Some(first) = errors.next() else {
            return Ok(());
        };
        let more = errors.take(limits::SCHEMA_ERRORS).count();
        let place = first.instance_path().to_string();
        let place =
            if place.is_empty() { String::new() } else { format!("{}: ", place.trim_start_matches('/')) };
        let mut message = crate::text::clean_line(&format!("{place}{first}"), limits::MESSAGE_BYTES);
        if more > 0 {
            message.push_str(&format!(" (and {more} more)"));
        }
        Err(message)
    }

    /// Checks arguments that agent code wrote, and puts what `resolve` gives for it in the place of every file's name. `bad` makes
    /// a failure of what is wrong with them.
    pub fn resolve_files(
        &self,
        arguments: &Value,
        bad: impl Fn(String) -> Failure,
        mut resolve: impl FnMut(&str) -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        // Before names are resolved: the message should be about what the agent wrote.
        self.check(arguments).map_err(&bad)?;
        let mut arguments = arguments.clone();
        self.artifacts(&mut arguments, &mut |value| {
            let Value::String(file) = value else {
                return Err(bad("a file is given by its name, for example \"/task/photo.jpg\"".to_owned()));
            };
            *value = resolve(file)?;
            Ok(())
        })?;
        Ok(arguments)
    }

    /// Calls `visit` on every value that the schema marks as a file. Only for values that were checked: that bounds the
    /// work of this, too.
    pub fn artifacts<E>(
        &self,
        value: &mut Value,
        visit: &mut dyn FnMut(&mut Value) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.has_artifacts {
            return Ok(());
        }
        let mut walk = Places { root: &self.raw, visit };
        walk.at(&self.raw, value, 0)
    }
}

/// A reference in its JSON form: the fields of `artifact-ref`.
pub(crate) fn artifact_value(artifact: &ArtifactRef) -> Value {
    serde_json::json!({
        "digest": artifact.digest,
        "media_type": artifact.media_type,
        "size": artifact.size,
        "name": artifact.name,
    })
}

/// The other way round; `None` when it is no reference.
pub(crate) fn artifact_of(value: &Value) -> Option<ArtifactRef> {
    let digest = value.get("digest")?.as_str()?.to_owned();
    // The SDK writes names as the contract spells them.
    let media_type = value.get("media_type").or_else(|| value.get("media-type")).and_then(Value::as_str);
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    let size = value.get("size").and_then(Value::as_u64).unwrap_or(0);
    let name = value.get("name").and_then(Value::as_str).map(str::to_owned);
    Some(ArtifactRef { digest, media_type, size, name })
}

/// References may only lead into the same schema.
fn check_references(schema: &Value) -> Result<(), String> {
    match schema {
        Value::Array(items) => items.iter().try_for_each(check_references),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            // Where these lead is only known while a value is checked.
            if matches!(key.as_str(), "$dynamicRef" | "$recursiveRef") && value.is_string() {
                return Err(format!("it has a {key}; use $ref"));
            }
            if let ("$ref", Some(target)) = (key.as_str(), value.as_str())
                && !target.starts_with('#')
            {
                let shown = crate::text::clean_line(target, 128);
                return Err(format!("it refers to {shown:?}; only references within it (#/…) are taken"));
            }
            // A base of its own would make `#/…` mean something elsewhere.
            if key == "$id" && value.is_string() {
                return Err("it has an $id; leave it out".to_owned());
            }
            check_references(value)
        }),
        _ => Ok(()),
    }
}

/// Takes control characters out of the texts that a model or a person is shown; what values are compared with stays.
fn clean_texts(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(clean_texts),
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("title" | "description" | "$comment", Value::String(text)) => {
                        *text = crate::text::clean(text, limits::SCHEMA_BYTES);
                    }
                    ("const" | "enum" | "default" | "examples", _) => {}
                    (_, value) => clean_texts(value),
                }
            }
        }
        _ => {}
    }
}

fn is_artifact(schema: &Value) -> bool {
    schema.get("format").and_then(Value::as_str) == Some(ARTIFACT_FORMAT)
}

/// In the copy that values are checked with, a file may be a name or a reference: the same schema serves
/// before and after the one became the other.
fn loosen_artifacts(schema: &mut Value) -> bool {
    if is_artifact(schema) {
        let nullable = schema
            .get("type")
            .and_then(Value::as_array)
            .is_some_and(|types| types.iter().any(|kind| kind == "null"));
        let mut types = vec![Value::from("string"), Value::from("object")];
        if nullable {
            types.push(Value::from("null"));
        }
        *schema = serde_json::json!({ "type": types, "required": ["digest"] });
        return true;
    }
    match schema {
        Value::Array(items) => items.iter_mut().fold(false, |found, item| loosen_artifacts(item) | found),
        Value::Object(fields) => {
            fields.values_mut().fold(false, |found, value| loosen_artifacts(value) | found)
        }
        _ => false,
    }
}

struct Places<'a, 'v, E> {
    root: &'a Value,
    visit: &'v mut dyn FnMut(&mut Value) -> Result<(), E>,
}

impl<E> Places<'_, '_, E> {
    fn at(&mut self, schema: &Value, value: &mut Value, depth: usize) -> Result<(), E> {
        if depth > limits::SCHEMA_DEPTH || value.is_null() {
            return Ok(());
        }
        if is_artifact(schema) {
            return (self.visit)(value);
        }
        let depth = depth + 1;
        if let Some(pointer) =
            schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'))
            && let Some(target) = self.root.pointer(pointer)
        {
            self.at(target, value, depth)?;
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            for branch in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
                self.at(branch, value, depth)?;
            }
        }
        match value {
            Value::Object(fields) => {
                let properties = schema.get("properties").and_then(Value::as_object);
                let rest = schema.get("additionalProperties");
                for (name, field) in fields {
                    if let Some(schema) = properties.and_then(|properties| properties.get(name)).or(rest) {
                        self.at(schema, field, depth)?;
                    }
                }
            }
            Value::Array(items) => {
                let first = schema.get("prefixItems").and_then(Value::as_array);
                let rest = schema.get("items");
                for (index, item) in items.iter_mut().enumerate() {
                    if let Some(schema) = first.and_then(|first| first.get(index)).or(rest) {
                        self.at(schema, item, depth)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
