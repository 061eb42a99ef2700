//! Calls a tool or a verifier natively, the way the host does: arguments from JSON, messages and all.
//!
//! `#[tool]` and `#[tools]` leave a constant `SPORT_TOOLS` beside the functions, `#[verifier]` leaves `SPORT_JUDGE`.

use serde_json::Value;

pub use crate::plugin::{Judge, Tool};

use crate::arguments::Arguments;
use crate::verify::{Judgement, Step};
use crate::{Failure, Outcome};

/// Calls a tool by name.
pub fn call(tools: &'static [Tool], name: &str, arguments: Value) -> Result<Outcome, Failure> {
    let Some(tool) = tools.iter().find(|tool| tool.name == name) else {
        let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
        let message = format!("there is no tool {name} here; there is {}", names.join(", "));
        return Err(Failure::not_found(message).code("unknown-tool"));
    };
    (tool.call)(Arguments::new(tool, arguments)?)
}

/// Judges a step with a config.
pub fn judge(judge: &Judge, step: &Step, config: Value) -> Result<Vec<Judgement>, Failure> {
    (judge.judge)(step, config)
}
