//! The part of JSON Schema that rules may use.
//!
//! A keyword means what JSON Schema 2020-12 says. There is no reference and no keyword that looks at other places of the value, so a check takes
//! at most the size of the schema times the size of the value. A keyword that is not known here is refused: a rule must not hold because
//! half of it was not read.

use regex::Regex;
use serde_json::{Map, Value};

use crate::check;

/// Levels of a schema.
const DEEPEST: usize = 16;

/// Keywords of a whole schema.
const MOST_KEYWORDS: usize = 512;

/// What says something to people only.
const NOTES: &[&str] = &["$comment", "$schema", "default", "deprecated", "description", "examples", "title"];

/// A schema, read.
#[derive(Debug)]
pub struct Schema {
    words: Vec<Word>,
}

#[derive(Debug)]
enum Word {
    Never,
    Type(Vec<Type>),
    OneOf(Vec<Value>),
    Least(f64),
    Most(f64),
    Above(f64),
    Below(f64),
    Length { least: u64, most: u64 },
    Items { least: u64, most: u64 },
    Each(Schema),
    Pattern(Regex),
    Required(Vec<String>),
    Fields { known: Vec<(String, Schema)>, other: Option<Schema> },
    All(Vec<Schema>),
    Any(Vec<Schema>),
    ExactlyOne(Vec<Schema>),
    Not(Schema),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Schema {
    /// Reads a schema, or says what in it is not understood.
    pub fn read(schema: &Value) -> Result<Self, String> {
        read(schema, 0, &mut 0)
    }

    /// What about a value does not fit, if anything.
    pub fn mismatch(&self, value: &Value) -> Option<String> {
        self.words.iter().find_map(|word| word.mismatch(value))
    }

    fn fits(&self, value: &Value) -> bool {
        self.mismatch(value).is_none()
    }
}

impl Word {
    fn mismatch(&self, value: &Value) -> Option<String> {
        let number = value.as_f64();
        let text = value.as_str();
        let list = value.as_array();
        let (bad, why) = match self {
            Self::Never => (true, "nothing fits `false`".to_owned()),
            Self::Type(types) => {
                (!types.iter().any(|one| one.is_of(value)), format!("it is {}", type_name(value)))
            }
            Self::OneOf(values) => {
                (!values.iter().any(|one| equal(one, value)), "it is none of the values".to_owned())
            }
            Self::Least(least) => (number.is_some_and(|it| it < *least), format!("it is below {least}")),
            Self::Most(most) => (number.is_some_and(|it| it > *most), format!("it is above {most}")),
            Self::Above(bound) => (number.is_some_and(|it| it <= *bound), format!("it is not above {bound}")),
            Self::Below(bound) => (number.is_some_and(|it| it >= *bound), format!("it is not below {bound}")),
            Self::Length { least, most } => {
                let length = text.map(|text| text.chars().count() as u64);
                let bad = length.is_some_and(|it| it < *least || it > *most);
                (bad, "it is too short or too long".to_owned())
            }
            Self::Items { least, most } => {
                let length = list.map(|list| list.len() as u64);
                let bad = length.is_some_and(|it| it < *least || it > *most);
                (bad, "it has too few or too many items".to_owned())
            }
            Self::Each(schema) => return list?.iter().find_map(|item| schema.mismatch(item)),
            Self::Pattern(regex) => {
                (text.is_some_and(|text| !regex.is_match(text)), "it does not match the pattern".to_owned())
            }
            Self::Required(names) => {
                let fields = value.as_object()?;
                let missing = names.iter().find(|name| !fields.contains_key(*name))?;
                (true, format!("it has no {missing:?}"))
            }
            Self::Fields { known, other } => return fields(value.as_object()?, known, other.as_ref()),
            Self::All(schemas) => return schemas.iter().find_map(|schema| schema.mismatch(value)),
            Self::Any(schemas) => {
                (!schemas.iter().any(|schema| schema.fits(value)), "it fits none of `anyOf`".to_owned())
            }
            Self::ExactlyOne(schemas) => {
                let fitting = schemas.iter().filter(|schema| schema.fits(value)).count();
                (fitting != 1, format!("it fits {fitting} of `oneOf`"))
            }
            Self::Not(schema) => (schema.fits(value), "it fits `not`".to_owned()),
        };
        bad.then_some(why)
    }
}

fn fields(fields: &Map<String, Value>, known: &[(String, Schema)], other: Option<&Schema>) -> Option<String> {
    fields.iter().find_map(|(name, value)| {
        match known.iter().find(|(known, _)| known == name) {
            Some((_, schema)) => schema.mismatch(value),
            None => other?.mismatch(value),
        }
        .map(|why| format!("{name:?}: {why}"))
    })
}

impl Type {
    fn named(name: &Value) -> Result<Self, String> {
        Ok(match name.as_str().unwrap_or_default() {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::String,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => return Err(format!("{name} is no type")),
        })
    }

    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            // to JSON, `3.0` is a whole number
            Self::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            Self::Number => value.is_number(),
            Self::String => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Equal to JSON: `1` is `1.0`, and the order of fields says nothing.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}

fn read(schema: &Value, depth: usize, count: &mut usize) -> Result<Schema, String> {
    let fields = match schema {
        Value::Bool(true) => return Ok(Schema { words: Vec::new() }),
        Value::Bool(false) => return Ok(Schema { words: vec![Word::Never] }),
        Value::Object(fields) => fields,
        _ => return Err("a schema is an object, true or false".to_owned()),
    };
    *count += fields.len() + 1;
    if depth > DEEPEST || *count > MOST_KEYWORDS {
        return Err(format!("the schema has more than {DEEPEST} levels or {MOST_KEYWORDS} keywords"));
    }
    let mut words = Vec::new();
    for (name, value) in fields {
        if NOTES.contains(&name.as_str()) {
            continue;
        }
        words.push(word(name, value, fields, depth, count).map_err(|reason| format!("`{name}`: {reason}"))?);
    }
    Ok(Schema { words })
}

fn word(
    name: &str,
    value: &Value,
    fields: &Map<String, Value>,
    depth: usize,
    count: &mut usize,
) -> Result<Word, String> {
    let number = || value.as_f64().ok_or_else(|| "it takes a number".to_owned());
    let length = || value.as_u64().ok_or_else(|| "it takes a whole number of at least 0".to_owned());
    Ok(match name {
        "type" => Word::Type(match value {
            Value::Array(names) => names.iter().map(Type::named).collect::<Result<_, _>>()?,
            name => vec![Type::named(name)?],
        }),
        "const" => Word::OneOf(vec![value.clone()]),
        "enum" => Word::OneOf(list(value)?.clone()),
        "minimum" => Word::Least(number()?),
        "maximum" => Word::Most(number()?),
        "exclusiveMinimum" => Word::Above(number()?),
        "exclusiveMaximum" => Word::Below(number()?),
        "minLength" => Word::Length { least: length()?, most: u64::MAX },
        "maxLength" => Word::Length { least: 0, most: length()? },
        "minItems" => Word::Items { least: length()?, most: u64::MAX },
        "maxItems" => Word::Items { least: 0, most: length()? },
        "items" => Word::Each(read(value, depth + 1, count)?),
        "pattern" => Word::Pattern(check::regex(value.as_str().ok_or("it takes a text")?)?),
        "required" => {
            let name = |name: &Value| name.as_str().map(str::to_owned).ok_or("it takes texts");
            Word::Required(list(value)?.iter().map(name).collect::<Result<_, _>>()?)
        }
        "properties" => Word::Fields { known: properties(value, depth, count)?, other: None },
        "additionalProperties" => {
            let known = match fields.get("properties") {
                // their own schemas are held against them by `properties`
                Some(known) => {
                    let names = known.as_object().into_iter().flatten();
                    names.map(|(name, _)| (name.clone(), Schema { words: Vec::new() })).collect()
                }
                None => Vec::new(),
            };
            Word::Fields { known, other: Some(read(value, depth + 1, count)?) }
        }
        "allOf" => Word::All(schemas(value, depth, count)?),
        "anyOf" => Word::Any(schemas(value, depth, count)?),
        "oneOf" => Word::ExactlyOne(schemas(value, depth, count)?),
        "not" => Word::Not(read(value, depth + 1, count)?),
        _ => return Err("this keyword is not among those that rules may use".to_owned()),
    })
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| "it takes a list".to_owned())
}

fn schemas(value: &Value, depth: usize, count: &mut usize) -> Result<Vec<Schema>, String> {
    list(value)?.iter().map(|schema| read(schema, depth + 1, count)).collect()
}

fn properties(value: &Value, depth: usize, count: &mut usize) -> Result<Vec<(String, Schema)>, String> {
    let fields = value.as_object().ok_or_else(|| "it takes an object".to_owned())?;
    fields.iter().map(|(name, schema)| Ok((name.clone(), read(schema, depth + 1, count)?))).collect()
}
