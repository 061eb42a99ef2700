//! Whether an answer is the known one.
//!
//! Strict on purpose: an answer is right when a program that reads it would be served. The rules, by kind:
//!
//! * *number*: a JSON number, or a string that holds one and nothing else but surrounding space and, behind the
//!   number, one of the units `px`, `pixel`, `pixels`, `%`; right within the kind's tolerance. Not a number: a
//!   boolean, a list, an object, a number among other words, anything not finite;
//! * *choice* and *text*: a string, equal without regard to case, surrounding space and quotes, and one closing
//!   full stop; for a choice the known answer decides, so naming several options is wrong;
//! * *boolean*: `true` or `false`, or a string `true`, `yes`, `false`, `no` in any case; not 0 or 1.
//!
//! An object with one entry, or a list of one, is *not* unwrapped: agent code that hands over a whole tool result
//! has not answered.

use serde_json::Value;

use crate::task::{AnswerKind, Task};

/// Units that may stand behind a number.
const UNITS: [&str; 4] = ["pixels", "pixel", "px", "%"];

/// Longest text that is looked at: an answer is short, and an agent's may be anything.
const LONGEST: usize = 1024;

/// Whether `given` answers the task.
pub fn is_right(task: &Task, given: &Value) -> bool {
    matches(&task.kind, &task.answer, given)
}

/// Whether `given` is the `known` answer of that kind.
pub fn matches(kind: &AnswerKind, known: &Value, given: &Value) -> bool {
    match kind {
        AnswerKind::Number { tolerance } => match (number(known), number(given)) {
            (Some(known), Some(given)) => (known - given).abs() <= *tolerance,
            _ => false,
        },
        AnswerKind::Choice { .. } | AnswerKind::Text => match (text(known), text(given)) {
            (Some(known), Some(given)) => known == given,
            _ => false,
        },
        AnswerKind::Boolean => match (truth(known), truth(given)) {
            (Some(known), Some(given)) => known == given,
            _ => false,
        },
    }
}

/// The number that a value is, by the rules above.
pub fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) if text.len() <= LONGEST => {
            let text = text.trim().to_lowercase();
            let bare = UNITS.iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(&text).trim_end();
            // `parse` would also take "inf" and "nan"
            if !bare.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
                return None;
            }
            bare.parse().ok()?
        }
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// The text that a value is, ready to compare.
pub fn text(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| text.len() <= LONGEST)?.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    let text = text.trim_matches(['"', '\'', '`']).trim();
    (!text.is_empty()).then(|| text.to_lowercase())
}

/// The truth that a value is.
pub fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(_) => match text(value)?.as_str() {
            "yes" | "true" => Some(true),
            "no" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
