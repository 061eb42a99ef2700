//! What the macros know about a plugin, as constants.

use serde_json::{Map, Value, json};

use crate::arguments::Arguments;
use crate::verify::{Judgement, Step};
use crate::{Failure, Outcome};

/// The contract of a tool component, for its `sport:contract` section.
pub const TOOL_CONTRACT: &str =
    concat!(r#"{"packages":{"sport:tool":"0.1.0"},"sdk":"sport-sdk "#, env!("CARGO_PKG_VERSION"), r#""}"#);

/// The contract of a verifier component, for its `sport:contract` section.
pub const VERIFIER_CONTRACT: &str = concat!(
    r#"{"packages":{"sport:verifier":"0.1.0"},"sdk":"sport-sdk "#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);

/// The bytes of a text, at compile time.
pub const fn bytes_of<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    let mut array = [0; N];
    let mut index = 0;
    while index < N {
        array[index] = bytes[index];
        index += 1;
    }
    array
}

/// One tool.
#[derive(Debug)]
pub struct Tool {
    /// What agent code calls it by.
    pub name: &'static str,
    /// A title for people.
    pub title: Option<&'static str>,
    /// What it does.
    pub description: &'static str,
    /// The author's claims.
    pub hints: Hints,
    /// Its parameters in order.
    pub parameters: &'static [Parameter],
    /// The schema of its structured result, if it has one.
    pub output: fn() -> Option<Value>,
    /// Runs it.
    pub call: fn(Arguments) -> Result<Outcome, Failure>,
}

/// One parameter of a tool.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its doc comment, empty where there is none.
    pub description: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// Its schema.
    pub schema: fn() -> Value,
}

/// What the author claims about a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract's and say it all")]
pub struct Hints {
    pub read_only: bool,
    pub destructive: bool,
    pub idempotent: bool,
    pub open_world: bool,
    pub deterministic: bool,
}

impl Tool {
    /// The schema of its arguments: an object of the parameters and nothing else.
    pub fn input_schema(&self) -> Value {
        let mut properties = Map::new();
        for parameter in self.parameters {
            let mut schema = (parameter.schema)();
            if let (Value::Object(map), false) = (&mut schema, parameter.description.is_empty()) {
                map.insert("description".to_owned(), parameter.description.into());
            }
            properties.insert(parameter.name.to_owned(), schema);
        }
        let required: Vec<&str> = self
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
            .map(|parameter| parameter.name)
            .collect();
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

/// One verifier.
#[derive(Debug)]
pub struct Judge {
    /// Its name.
    pub name: &'static str,
    /// What it judges by.
    pub description: &'static str,
    /// The author's claims.
    pub traits: Traits,
    /// The schema of its config, if it takes one.
    pub config: Option<fn() -> Value>,
    /// Runs it.
    pub judge: fn(&Step, Value) -> Result<Vec<Judgement>, Failure>,
}

/// What the author claims about a verifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract's and say it all")]
pub struct Traits {
    pub deterministic: bool,
    pub uses_model: bool,
    pub uses_network: bool,
    pub runs_code: bool,
}
