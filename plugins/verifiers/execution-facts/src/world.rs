//! A candidate's answers in the real and the changed worlds, in a form that can be compared.
//!
//! Two programs that give the same answer here may be different programs: `width` and `height` of a square picture.
//! They are the same as far as can be seen when they agree in every changed world too.

use std::collections::BTreeMap;

use serde_json::Value;
use sport_sdk::verify::{Candidate, Effect};

/// Answers in all worlds; equal signatures mean that nothing tells the candidates apart.
///
/// Worlds in which nothing happened to the answer are left out, so that a candidate that calls a tool and then does not
/// use the result agrees with one that never called it.
pub fn signature(candidate: &Candidate) -> String {
    let mut worlds: BTreeMap<(String, String, usize), String> = BTreeMap::new();
    let mut count: BTreeMap<(String, String), usize> = BTreeMap::new();
    for fact in &candidate.execution.dependences {
        let Some(tool) = candidate.execution.tools.get(fact.tool as usize) else { continue };
        let call = format!("{} {}", tool.name, canonical(&tool.arguments));
        // equal calls are changed together and in the same order for every candidate, so the n-th change of a field is
        // the same world for all of them
        let number = count.entry((call.clone(), fact.pointer.clone())).or_default();
        let world = (call, fact.pointer.clone(), *number);
        *number += 1;
        let became = match fact.effect {
            Effect::Unchanged => continue,
            Effect::Changed => fact.answer_under.as_ref().map_or_else(|| "changed".to_owned(), canonical),
            Effect::Raised => "raised".to_owned(),
            Effect::Unknown => "unknown".to_owned(),
        };
        worlds.insert(world, became);
    }
    let real = candidate.answer.as_ref().map_or_else(|| "none".to_owned(), canonical);
    let mut signature = real;
    for ((call, pointer, number), became) in worlds {
        signature.push_str(&format!("\n{call} {pointer} {number}: {became}"));
    }
    signature
}

/// A value's text, the same for equal values: keys in order, whole numbers without a point, names without `/task/`.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => format!("{}", float as i64),
            // what is equal but for the order of its additions should read the same
            Some(float) => format!("{float:.6}"),
            None => number.to_string(),
        },
        Value::String(text) => {
            format!("{:?}", text.trim().strip_prefix("/task/").unwrap_or(text.trim()))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Value::Object(items) => {
            let mut items: Vec<String> =
                items.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value))).collect();
            items.sort();
            format!("{{{}}}", items.join(","))
        }
    }
}
