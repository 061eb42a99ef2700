//! JSON Schema of Rust types, in the plain form that models and small checkers read best: 2020-12, no references
//! where the type is not recursive, no titles made of Rust names.

use std::any::TypeId;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

/// The schema of a type.
pub fn schema_of<T: JsonSchema + 'static>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    // Known while it is compiled: a component whose types are all plain has none of the machinery for the others in it, which
    // is a tenth of a small one.
    let mut schema = if is_plain::<T>() {
        T::json_schema(&mut generator).to_value()
    } else {
        generator.into_root_schema_for::<T>().to_value()
    };
    tidy(&mut schema);
    schema
}

/// Whether a type's schema refers to no other type's.
fn is_plain<T: 'static>() -> bool {
    fn any<T: 'static, Plain: 'static>() -> bool {
        let this = TypeId::of::<T>();
        this == TypeId::of::<Plain>()
            || this == TypeId::of::<Option<Plain>>()
            || this == TypeId::of::<Vec<Plain>>()
    }
    any::<T, String>()
        || any::<T, bool>()
        || any::<T, i32>()
        || any::<T, i64>()
        || any::<T, u8>()
        || any::<T, u32>()
        || any::<T, u64>()
        || any::<T, usize>()
        || any::<T, f32>()
        || any::<T, f64>()
        || any::<T, crate::Artifact>()
}

/// Drops what says nothing to a caller: titles made of type names, and formats that only name a Rust number type.
fn tidy(schema: &mut Value) {
    let Value::Object(map) = schema else {
        return;
    };
    if map.get("title").is_some_and(Value::is_string) {
        map.remove("title");
    }
    let rust_number = matches!(
        map.get("format").and_then(Value::as_str),
        Some(
            "uint8"
                | "uint16"
                | "uint32"
                | "uint64"
                | "uint"
                | "int8"
                | "int16"
                | "int32"
                | "int64"
                | "int"
                | "float"
                | "double"
        )
    );
    if rust_number {
        map.remove("format");
    }
    for (key, value) in map.iter_mut() {
        match key.as_str() {
            "properties" | "$defs" | "patternProperties" => {
                value.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(tidy);
            }
            "items" | "additionalProperties" | "not" => tidy(value),
            "prefixItems" | "anyOf" | "oneOf" | "allOf" => {
                value.as_array_mut().into_iter().flatten().for_each(tidy);
            }
            _ => {}
        }
    }
}

/// What a schema asks for, in a few words: `a whole number of at least 0`, `a list of 4 numbers`.
pub fn expectation(schema: &Value) -> String {
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        let names: Vec<String> =
            options.iter().filter(|option| !option.is_null()).map(Value::to_string).collect();
        return format!("one of {}", names.join(", "));
    }
    if let Some(alternatives) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
    {
        let words: Vec<String> =
            alternatives.iter().filter(|one| type_of(one) != Some("null")).map(expectation).collect();
        return words.join(" or ");
    }
    match type_of(schema) {
        Some("string") if schema.get("format").and_then(Value::as_str) == Some("sport-artifact") => {
            "the name of a file".to_owned()
        }
        Some("string") => "a string".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => bounded("a whole number", schema),
        Some("number") => bounded("a number", schema),
        Some("array") => list(schema),
        Some("object") => "an object".to_owned(),
        _ => "a value".to_owned(),
    }
}

/// The type that is asked for; the null of an optional one does not count.
fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

fn bounded(what: &str, schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(low), Some(high)) => format!("{what} from {low} to {high}"),
        (Some(low), None) => format!("{what} of at least {low}"),
        (None, Some(high)) => format!("{what} of at most {high}"),
        (None, None) => what.to_owned(),
    }
}

fn list(schema: &Value) -> String {
    let item = match schema.get("items").and_then(type_of) {
        Some("integer") => "whole numbers",
        Some("number") => "numbers",
        Some("string") => "strings",
        Some("array") => "lists",
        Some("object") => "objects",
        _ => "values",
    };
    match (schema.get("minItems"), schema.get("maxItems")) {
        (Some(low), Some(high)) if low == high => format!("a list of {low} {item}"),
        _ => format!("a list of {item}"),
    }
}
