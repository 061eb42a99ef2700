//! The small language of known answers and conditions.
//!
//! A formula is a TOML value: a number; a string that names something; or a list whose first entry is an
//! operation.
//!
//! | written | is |
//! |---|---|
//! | `"a:/image_info/width"` | a fact of the first image (`b:` the second): key of the fact call, then a JSON Pointer |
//! | `"name:a"` | the first image's file name |
//! | `"n:x"` | the drawn number `x` |
//! | `"text:landscape"` | those letters |
//! | `["add", f, g]`, `sub`, `mul`, `div`, `max`, `min` | arithmetic |
//! | `["more", f, g]` | whether f is larger than g |
//! | `["apart", f, g, d]` | whether f and g are at least d apart |
//! | `["all", c, d, ...]` | whether all hold |
//! | `["if", c, f, g]` | f when c holds, else g |

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Number, Value};

use super::ImageFacts;

/// A formula as written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Formula {
    /// A number as it stands.
    Number(f64),
    /// A name of something; see the table.
    Name(String),
    /// An operation and what it works on.
    Operation(Vec<Formula>),
}

/// What formulas are about: the images of a task and its drawn numbers.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// `a` and `b`.
    pub images: &'a [&'a ImageFacts],
    /// `n:x` and so on.
    pub numbers: &'a BTreeMap<String, i64>,
}

/// What a formula comes to.
#[derive(Clone, Debug, PartialEq)]
enum Is {
    Number(f64),
    Text(String),
    Truth(bool),
}

impl Formula {
    /// The formula's value as JSON; a whole number is written without a point.
    pub fn json(&self, subject: Subject<'_>) -> Result<Value, String> {
        Ok(match self.value(subject)? {
            Is::Number(number) => number_json(number)?,
            Is::Text(text) => Value::String(text),
            Is::Truth(truth) => Value::Bool(truth),
        })
    }

    /// Whether the condition holds.
    pub fn holds(&self, subject: Subject<'_>) -> Result<bool, String> {
        match self.value(subject)? {
            Is::Truth(truth) => Ok(truth),
            other => Err(format!("a condition came to {other:?}: use `more`, `apart` or `all`")),
        }
    }

    /// The fact keys it reads.
    pub fn fact_keys(&self, into: &mut Vec<String>) {
        match self {
            Self::Number(_) => {}
            Self::Name(name) => {
                if let Some((_, pointer)) = fact_name(name)
                    && let Some(key) = pointer.split('/').nth(1)
                {
                    into.push(key.to_owned());
                }
            }
            Self::Operation(parts) => parts.iter().for_each(|part| part.fact_keys(into)),
        }
    }

    fn value(&self, subject: Subject<'_>) -> Result<Is, String> {
        match self {
            Self::Number(number) => Ok(Is::Number(*number)),
            Self::Name(name) => named(name, subject),
            Self::Operation(parts) => {
                let Some((Self::Name(operation), parts)) = parts.split_first() else {
                    return Err("a list must begin with an operation".to_owned());
                };
                operate(operation, parts, subject)
            }
        }
    }

    fn number(&self, subject: Subject<'_>) -> Result<f64, String> {
        match self.value(subject)? {
            Is::Number(number) => Ok(number),
            other => Err(format!("{self:?} came to {other:?}: a number is needed")),
        }
    }
}

fn operate(operation: &str, parts: &[Formula], subject: Subject<'_>) -> Result<Is, String> {
    let number = |index: usize| match parts.get(index) {
        Some(part) => part.number(subject),
        None => Err(format!("`{operation}` needs more parts")),
    };
    Ok(match (operation, parts.len()) {
        ("add", 2) => Is::Number(number(0)? + number(1)?),
        ("sub", 2) => Is::Number(number(0)? - number(1)?),
        ("mul", 2) => Is::Number(number(0)? * number(1)?),
        ("div", 2) => Is::Number(number(0)? / number(1)?),
        ("max", 2) => Is::Number(number(0)?.max(number(1)?)),
        ("min", 2) => Is::Number(number(0)?.min(number(1)?)),
        ("more", 2) => Is::Truth(number(0)? > number(1)?),
        ("apart", 3) => Is::Truth((number(0)? - number(1)?).abs() >= number(2)?),
        ("all", _) => {
            for part in parts {
                if !part.holds(subject)? {
                    return Ok(Is::Truth(false));
                }
            }
            Is::Truth(true)
        }
        ("if", 3) => parts[if parts[0].holds(subject)? { 1 } else { 2 }].value(subject)?,
        _ => return Err(format!("there is no operation `{operation}` with {} parts", parts.len())),
    })
}

fn named(name: &str, subject: Subject<'_>) -> Result<Is, String> {
    if let Some(text) = name.strip_prefix("text:") {
        return Ok(Is::Text(text.to_owned()));
    }
    if let Some(slot) = name.strip_prefix("n:") {
        let number = subject.numbers.get(slot).ok_or_else(|| format!("there is no drawn number `{slot}`"))?;
        return Ok(Is::Number(*number as f64));
    }
    if let Some(which) = name.strip_prefix("name:") {
        return Ok(Is::Text(image(which, subject)?.file.name.clone()));
    }
    let (which, pointer) = fact_name(name).ok_or_else(|| format!("`{name}` names nothing"))?;
    let image = image(which, subject)?;
    let (key, rest) = pointer[1..].split_once('/').unwrap_or((&pointer[1..], ""));
    let found = image
        .facts
        .get(key)
        .and_then(|fact| if rest.is_empty() { Some(fact) } else { fact.pointer(&format!("/{rest}")) });
    match found {
        Some(Value::Number(number)) => Ok(Is::Number(number.as_f64().unwrap_or(f64::NAN))),
        Some(Value::String(text)) => Ok(Is::Text(text.clone())),
        Some(Value::Bool(truth)) => Ok(Is::Truth(*truth)),
        Some(_) => Err(format!("the fact {pointer} of {} is no number, text or truth", image.file.name)),
        None => Err(format!("there is no fact {pointer} of {}", image.file.name)),
    }
}

/// `a:/image_info/width` as (`a`, `/image_info/width`).
fn fact_name(name: &str) -> Option<(&str, &str)> {
    name.split_once(':').filter(|(_, pointer)| pointer.starts_with('/'))
}

fn image<'a>(which: &str, subject: Subject<'a>) -> Result<&'a ImageFacts, String> {
    let index = match which {
        "a" => 0,
        "b" => 1,
        _ => return Err(format!("there is no image `{which}`: `a` and `b` are possible")),
    };
    subject.images.get(index).copied().ok_or_else(|| format!("the family has no image `{which}`"))
}

fn number_json(number: f64) -> Result<Value, String> {
    // beyond 2^53 a float no longer holds every whole number
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        return Ok(Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number).ok_or_else(|| "the answer is not a finite number".to_owned())
}
