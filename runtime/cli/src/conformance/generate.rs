//! Values that a schema takes, and values that it does not.
//!
//! What is made follows the words of the schema that say how a value is built; whether it is right is for the schema's own checker to
//! say, the same that the host asks before a call. So a word that is not understood here costs some tries and no wrong result.

use serde_json::{Map, Number, Value, json};
use sport_sandbox::Schema;

use super::draw::Draw;

/// Tries for one value.
const TRIES: usize = 40;

/// Levels that are built; recursive schemas end here.
const DEEPEST: usize = 6;

/// The longest text or list that is made too long.
const LONGEST: usize = 10_000;

/// Texts that software stumbles over, and plain ones.
const TEXTS: &[&str] = &[
    "a",
    "Ada",
    "two words",
    "",
    "0",
    "-1",
    "naïve 漢字 🙂",
    "<b>\"quoted\"</b>",
    "line\nline",
    "../etc/passwd",
    "null",
];

/// Builds values for one schema.
#[derive(Debug)]
pub struct Generator<'a> {
    schema: &'a Schema,
    /// Values for `"format": "sport-artifact"`.
    files: &'a [Value],
}

/// An input that the schema refuses, and why.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// What was done to a right one.
    pub deed: String,
    /// The arguments.
    pub arguments: Value,
}

impl<'a> Generator<'a> {
    /// For this schema; `files` are references to artifacts.
    pub fn new(schema: &'a Schema, files: &'a [Value]) -> Self {
        Self { schema, files }
    }

    /// Up to `count` different values that the schema takes.
    pub fn valid(&self, count: usize, draw: &mut Draw) -> Vec<Value> {
        let mut made: Vec<Value> = Vec::new();
        for _ in 0..count * TRIES {
            if made.len() == count {
                break;
            }
            let value = self.build(self.schema.raw(), draw, 0);
            if !made.contains(&value) && self.schema.check(&value).is_ok() {
                made.push(value);
            }
        }
        made
    }

    /// Every way in which `right` can be made wrong, where the schema says that it is.
    pub fn wrong(&self, right: &Value) -> Vec<Wrong> {
        let Value::Object(fields) = right else { return Vec::new() };
        let mut tries = vec![("a list in place of an object".to_owned(), json!([1]))];
        let mut with = |deed: String, change: &dyn Fn(&mut Map<String, Value>)| {
            let mut changed = fields.clone();
            change(&mut changed);
            tries.push((deed, changed.into()));
        };
        with("an argument of an unknown name".to_owned(), &|fields| {
            fields.insert("no_such_argument".to_owned(), json!(1));
        });
        for name in fields.keys() {
            with(format!("no `{name}`"), &|fields| {
                fields.remove(name);
            });
            let others = [
                json!({ "x": [] }),
                json!([{}]),
                json!("no such text"),
                json!(1.5),
                json!(-1e300),
                json!(true),
                json!(""),
            ];
            let own = self.schema.raw().get("properties").and_then(|properties| properties.get(name));
            for other in others.into_iter().chain(own.into_iter().flat_map(beyond)) {
                with(format!("`{name}` is {other}"), &|fields| {
                    fields.insert(name.clone(), other.clone());
                });
            }
        }
        let refused = tries.into_iter().filter(|(_, arguments)| self.schema.check(arguments).is_err());
        refused.map(|(deed, arguments)| Wrong { deed, arguments }).collect()
    }

    /// Whether it takes arguments of names that it does not know.
    pub fn takes_unknown(&self, right: &Value) -> bool {
        let mut changed = right.clone();
        if let Some(fields) = changed.as_object_mut() {
            fields.insert("no_such_argument".to_owned(), json!(1));
        }
        self.schema.check(&changed).is_ok()
    }

    fn build(&self, schema: &Value, draw: &mut Draw, depth: usize) -> Value {
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        for words in ["enum", "examples"] {
            let listed = schema.get(words).and_then(Value::as_array);
            if let Some(value) = listed.and_then(|listed| draw.pick(listed))
                && (words == "enum" || draw.one_in(2))
            {
                return value.clone();
            }
        }
        if schema.get("format").and_then(Value::as_str) == Some("sport-artifact")
            && let Some(file) = draw.pick(self.files)
        {
            return file.clone();
        }
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        if let Some(target) = target.and_then(|pointer| self.schema.raw().pointer(pointer))
            && depth < DEEPEST
        {
            return self.build(target, draw, depth + 1);
        }
        for words in ["anyOf", "oneOf"] {
            let branches = schema.get(words).and_then(Value::as_array);
            if let Some(branch) = branches.and_then(|branches| draw.pick(branches)) {
                return self.build(branch, draw, depth + 1);
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let mut whole = schema.as_object().cloned().unwrap_or_default();
            whole.remove("allOf");
            for (key, value) in parts.iter().filter_map(Value::as_object).flatten() {
                merge(&mut whole, key, value);
            }
            return self.build(&whole.into(), draw, depth + 1);
        }
        match kind_of(schema, draw) {
            "string" => text(schema, draw).into(),
            "integer" => number(schema, draw, true),
            "number" => number(schema, draw, false),
            "boolean" => draw.one_in(2).into(),
            "array" => self.list(schema, draw, depth),
            "object" => self.object(schema, draw, depth),
            _ => Value::Null,
        }
    }

    fn list(&self, schema: &Value, draw: &mut Draw, depth: usize) -> Value {
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let low = bound(schema, "minItems").unwrap_or(first.len());
        let high = bound(schema, "maxItems").unwrap_or(low.max(first.len()) + 3);
        let length = if depth < DEEPEST { draw.between(low, high.min(low + 5)) } else { low };
        let any = json!({});
        let item = |index: usize| first.get(index).or_else(|| schema.get("items")).unwrap_or(&any);
        (0..length).map(|index| self.build(item(index), draw, depth + 1)).collect()
    }

    fn object(&self, schema: &Value, draw: &mut Draw, depth: usize) -> Value {
        let mut fields = Map::new();
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let must = required.contains(&name.as_str());
            if must || (depth < DEEPEST && draw.one_in(2)) {
                fields.insert(name.clone(), self.build(field, draw, depth + 1));
            }
        }
        let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
        if let Some(rest) = rest
            && depth < DEEPEST
        {
            for index in 0..draw.below(3) {
                fields.insert(format!("key{index}"), self.build(rest, draw, depth + 1));
            }
        }
        fields.into()
    }
}

/// Values just beyond what a schema bounds.
fn beyond(schema: &Value) -> Vec<Value> {
    let number = |word: &str, step: f64| {
        let edge = schema.get(word).and_then(Value::as_f64)? + step;
        // an integer as one, or its type would be what is wrong with it
        let whole = edge.fract() == 0.0 && edge.abs() < 9e15;
        Some(if whole { Value::from(edge as i64) } else { Value::from(edge) })
    };
    let long = |word: &str| bound(schema, word).filter(|most| *most < LONGEST);
    let item = schema.get("items").and_then(|items| items.get("type")).and_then(Value::as_str);
    let item = match item {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ => json!("a"),
    };
    let values = [
        number("maximum", 1.0),
        number("minimum", -1.0),
        number("exclusiveMaximum", 0.0),
        number("exclusiveMinimum", 0.0),
        long("maxLength").map(|most| Value::from("a".repeat(most + 1))),
        long("minLength").filter(|least| *least > 0).map(|least| Value::from("a".repeat(least - 1))),
        long("maxItems").map(|most| Value::from(vec![item.clone(); most + 1])),
        long("minItems").filter(|least| *least > 0).map(|least| Value::from(vec![item.clone(); least - 1])),
    ];
    values.into_iter().flatten().collect()
}

/// The type to build: one of those named, else what the other words speak of, else any.
fn kind_of<'s>(schema: &'s Value, draw: &mut Draw) -> &'s str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => draw.pick(kinds).and_then(Value::as_str).unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() || schema.get("prefixItems").is_some() => "array",
        _ => draw.pick(&["string", "integer", "boolean", "null"]).copied().unwrap_or("null"),
    }
}

fn merge(whole: &mut Map<String, Value>, key: &str, value: &Value) {
    match (whole.get_mut(key), value) {
        (Some(Value::Object(there)), Value::Object(more)) => {
            there.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        (Some(Value::Array(there)), Value::Array(more)) => there.extend(more.iter().cloned()),
        _ => {
            whole.insert(key.to_owned(), value.clone());
        }
    }
}

fn bound(schema: &Value, word: &str) -> Option<usize> {
    schema.get(word).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok())
}

fn text(schema: &Value, draw: &mut Draw) -> String {
    let low = bound(schema, "minLength").unwrap_or(0);
    let high = bound(schema, "maxLength").unwrap_or(usize::MAX);
    let fixed = match schema.get("format").and_then(Value::as_str) {
        Some("date") => Some("2024-02-29"),
        Some("date-time") => Some("2024-02-29T12:00:00Z"),
        Some("time") => Some("12:00:00Z"),
        Some("email") => Some("ada@example.com"),
        Some("uri" | "url") => Some("https://example.com/a?b=c"),
        Some("uuid") => Some("67e55044-10b1-426f-9247-bb680e5fe0c8"),
        _ => None,
    };
    let mut text = fixed.or_else(|| draw.pick(TEXTS).copied()).unwrap_or("a").to_owned();
    while text.chars().count() < low {
        text.push(*draw.pick(&['a', 'b', '7', 'é']).unwrap_or(&'a'));
    }
    text.chars().take(high).collect()
}

fn number(schema: &Value, draw: &mut Draw, whole: bool) -> Value {
    let bound = |word: &str| schema.get(word).and_then(Value::as_f64);
    let step = bound("multipleOf").filter(|step| *step > 0.0);
    let gap = if whole { 1.0 } else { 0.5 };
    let low = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|low| low + gap));
    let high = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|high| high - gap));
    let (low, high) = match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low + 1000.0),
        (None, Some(high)) => (high - 1000.0, high),
        (None, None) => (-1000.0, 1000.0),
    };
    // the edges are where mistakes are
    let value = match draw.below(5) {
        0 => low,
        1 => high,
        2 if low <= 0.0 && high >= 0.0 => 0.0,
        _ => low + (high - low) * (draw.below(1001) as f64 / 1000.0),
    };
    let value = step.map_or(value, |step| (value / step).round() * step);
    if whole {
        // what is beyond is cut to the largest there is, which the checker then judges
        Value::from(value.round() as i64)
    } else {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}
