//! The arguments of a call: taken one by one, with messages that a model can act on.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Failure;
use crate::plugin::{Parameter, Tool};
use crate::schema::expectation;

/// The arguments of one call.
#[derive(Debug)]
pub struct Arguments {
    tool: &'static Tool,
    values: Map<String, Value>,
}

impl Arguments {
    /// Checks that the arguments are an object of known names.
    pub fn new(tool: &'static Tool, arguments: Value) -> Result<Self, Failure> {
        let values = match arguments {
            Value::Object(values) => values,
            Value::Null => Map::new(),
            other => {
                let message = format!(
                    "the arguments of {} must be an object, not {}",
                    tool.name,
                    short(&other.to_string())
                );
                return Err(Failure::invalid_input(message));
            }
        };
        let this = Self { tool, values };
        if let Some(unknown) = this
            .values
            .keys()
            .find(|name| tool.parameters.iter().all(|parameter| parameter.name != name.as_str()))
        {
            let message = format!("{} has no argument `{unknown}`; {}", tool.name, this.usage());
            return Err(Failure::invalid_input(message).code("unknown-argument"));
        }
        Ok(this)
    }

    /// Takes the argument of a parameter; an optional one that is absent is null.
    pub fn take<T: DeserializeOwned>(&mut self, index: usize) -> Result<T, Failure> {
        let Some(parameter) = self.tool.parameters.get(index) else {
            return Err(Failure::internal(format!("{} has no parameter {index}", self.tool.name)));
        };
        let value = match self.values.remove(parameter.name) {
            Some(value) => value,
            None if parameter.required => {
                let message =
                    format!("{} needs the argument `{}`; {}", self.tool.name, parameter.name, self.usage());
                return Err(Failure::invalid_input(message).code("missing-argument"));
            }
            None => Value::Null,
        };
        serde_json::from_value(value.clone())
            .or_else(|error| serde_json::from_value(whole_numbers(value.clone())).map_err(|_| error))
            .map_err(|error| wrong(parameter, &value, &error))
    }

    /// `it takes image (the name of a file), box (a list of 4 whole numbers, optional)`.
    fn usage(&self) -> String {
        if self.tool.parameters.is_empty() {
            return "it takes no arguments".to_owned();
        }
        let words: Vec<String> = self
            .tool
            .parameters
            .iter()
            .map(|parameter| {
                let optional = if parameter.required { "" } else { ", optional" };
                format!("`{}` ({}{optional})", parameter.name, expectation(&(parameter.schema)()))
            })
            .collect();
        format!("it takes {}", words.join(", "))
    }
}

/// A verifier's config; null is one with nothing in it.
pub fn config<T: DeserializeOwned>(config: Value) -> Result<T, Failure> {
    let config = if config.is_null() { Value::Object(Map::new()) } else { config };
    serde_json::from_value(config).map_err(|error| {
        Failure::invalid_input(format!("the config is wrong: {error}")).code("invalid-config")
    })
}

fn wrong(parameter: &Parameter, value: &Value, error: &serde_json::Error) -> Failure {
    let message = format!(
        "the argument `{}` must be {}, not {} ({})",
        parameter.name,
        expectation(&(parameter.schema)()),
        short(&value.to_string()),
        short(&error.to_string())
    );
    Failure::invalid_input(message).code("invalid-argument")
}

/// The value with whole floating-point numbers as integers: to JSON, `10.0` is an integer.
fn whole_numbers(value: Value) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT => {
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, whole_numbers(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// A text from outside, cut to what fits into a sentence.
fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
