//! Calls a tool or a verifier natively, the way the host does: arguments from JSON, messages and all.
//!
//! `#[tool]` and `#[tools]` leave a constant `SPORT_TOOLS` beside the functions, `#[verifier]` leaves `SPORT_JUDGE`. A native
//! build talks to a host in memory; [`Host`] says what is in it and what was asked of it:
//!
//! ```
//! use sport_sdk::testing::Host;
//! use sport_sdk::{Artifact, Content, Failure, json, tool};
//!
//! /// Counts the lines of a text.
//! #[tool(read_only)]
//! fn count_lines(file: Artifact) -> Result<usize, Failure> {
//!     sport_sdk::log::info("counting");
//!     Ok(file.text()?.lines().count())
//! }
//!
//! let host = Host::new();
//! let file = host.file("a.txt", "text/plain", b"one\ntwo\n");
//! let outcome = host.call(SPORT_TOOLS, "count_lines", json!({ "file": file }))?;
//! assert_eq!(outcome.structured, Some(json!(2)));
//! assert_eq!(host.log()[0].message, "counting");
//! # Ok::<(), Failure>(())
//! ```

use serde_json::Value;

pub use crate::plugin::{Judge, Tool};

use crate::arguments::Arguments;
use crate::verify::{Judgement, Step};
use crate::{Failure, Outcome};

#[cfg(not(target_family = "wasm"))]
mod cases;
#[cfg(not(target_family = "wasm"))]
mod host;

#[cfg(not(target_family = "wasm"))]
pub use cases::{cases, judge_cases};
#[cfg(not(target_family = "wasm"))]
pub use host::{Asked, Host, Record};

/// Calls a tool by name.
///
/// ```
/// use sport_sdk::{Content, json, testing, tool};
///
/// /// Greets someone by name.
/// #[tool]
/// fn hello(name: String) -> String {
///     format!("hello, {name}")
/// }
///
/// let outcome = testing::call(SPORT_TOOLS, "hello", json!({ "name": "Ada" }))?;
/// assert_eq!(outcome.content, [Content::text("hello, Ada")]);
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
pub fn call(tools: &'static [Tool], name: &str, arguments: Value) -> Result<Outcome, Failure> {
    let Some(tool) = tools.iter().find(|tool| tool.name == name) else {
        let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
        let message = format!("there is no tool {name} here; there is {}", names.join(", "));
        return Err(Failure::not_found(message).code("unknown-tool"));
    };
    (tool.call)(Arguments::new(tool, arguments)?)
}

/// Judges a step with a config.
///
/// ```
/// use sport_sdk::verify::{Candidate, Judgement, Step, Verdict};
/// use sport_sdk::{Failure, Value, testing, verifier};
///
/// /// Passes what has code.
/// #[verifier(deterministic)]
/// fn judge(step: &Step) -> Result<Vec<Judgement>, Failure> {
///     Ok(step.candidates.iter().map(|_| Judgement::pass(1.0, "it is there")).collect())
/// }
///
/// let step = Step { candidates: vec![Candidate::default()], ..Step::default() };
/// assert_eq!(testing::judge(SPORT_JUDGE, &step, Value::Null)?[0].verdict, Verdict::Pass);
/// # Ok::<(), Failure>(())
/// ```
pub fn judge(judge: &Judge, step: &Step, config: Value) -> Result<Vec<Judgement>, Failure> {
    (judge.judge)(step, config)
}
