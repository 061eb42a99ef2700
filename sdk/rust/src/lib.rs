//! Tools and verifiers for Sport, written as ordinary Rust functions.
//!
//! ```
//! use sport_sdk::{Failure, tool};
//!
//! /// Greets someone by name.
//! #[tool(read_only)]
//! fn hello(name: String) -> Result<String, Failure> {
//!     Ok(format!("hello, {name}"))
//! }
//! ```
//!
//! The doc comment is what a model reads, the parameter types are the JSON Schema of the arguments, and the result
//! type is the schema of the result. Built for `wasm32-unknown-unknown` with `wasm-component-ld` as the linker, the
//! crate is a component that Sport can load.
//!
//! # Layout
//!
//! * [`tool`], [`macro@tools`], [`verifier`]: the attributes that make a plugin of functions;
//! * [`Artifact`]: a file in the host's store, as a parameter or as a result;
//! * [`Failure`]: why something could not be done, for a person or a model;
//! * [`log`], [`context`], [`kv`], [`fetch`], [`secrets`], [`chat`], [`mod@tools`]: what a plugin may ask of the host;
//! * [`verify`]: what a verifier is given and gives back;
//! * [`testing`]: calls a tool natively, the way the host does, on a host in memory.
//!
//! Invariants: a component imports only what its code uses, since its import list is its request for capabilities
//! (every component imports `sport:host/log`, for panics); nothing here reads a clock, a file or, but for `fetch`, the network; the
//! native build keeps artifacts and keys in memory, so that plugins can be tested without a sandbox.

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;

mod arguments;
mod artifact;
pub mod chat;
mod content;
pub mod context;
mod failure;
pub mod fetch;
#[cfg(target_family = "wasm")]
mod glue;
pub mod kv;
pub mod log;
#[cfg(not(target_family = "wasm"))]
mod native;
mod plugin;
mod reply;
mod schema;
pub mod secrets;
pub mod testing;
pub mod tools;
pub mod verify;

pub use artifact::{Artifact, ArtifactReader, ArtifactWriter};
pub use content::{Content, Outcome};
pub use failure::{Failure, FailureKind};
/// ```
/// use sport_sdk::{Failure, tool};
///
/// /// Divides one number by another.
/// #[tool(read_only, deterministic)]
/// fn divide(
///     number: f64,
///     /// What to divide it by.
///     by: Option<f64>,
/// ) -> Result<f64, Failure> {
///     match by.unwrap_or(2.0) {
///         0.0 => Err(Failure::invalid_input("nothing can be divided by 0").code("by-zero")),
///         by => Ok(number / by),
///     }
/// }
/// ```
pub use sport_sdk_macro::tool;
/// ```
/// use sport_sdk::{Failure, json, testing, tools};
///
/// struct Numbers;
///
/// #[tools]
/// impl Numbers {
///     /// Doubles a number.
///     #[tool(read_only, deterministic)]
///     pub fn double(number: f64) -> f64 {
///         number * 2.0
///     }
///
///     /// Halves a number.
///     #[tool(read_only, deterministic)]
///     pub fn half(number: f64) -> f64 {
///         number / 2.0
///     }
/// }
///
/// let outcome = testing::call(Numbers::SPORT_TOOLS, "half", json!({ "number": 3 }))?;
/// assert_eq!(outcome.structured, Some(json!(1.5)));
/// # Ok::<(), Failure>(())
/// ```
///
/// With a warm start:
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::OnceLock;
///
/// use sport_sdk::{Artifact, Content, Failure, json, testing, tools};
///
/// static WORDS: OnceLock<BTreeMap<String, String>> = OnceLock::new();
///
/// #[tools]
/// mod dictionary {
///     use super::*;
///
///     #[warm]
///     pub fn load(artifacts: Vec<Artifact>) -> Result<(), Failure> {
///         let [words] = artifacts.as_slice() else {
///             return Err(Failure::invalid_input("grant the dictionary: --artifact words.txt=FILE"));
///         };
///         let words = words.text()?;
///         let pairs = words.lines().filter_map(|line| line.split_once('\t'));
///         let pairs = pairs.map(|(word, meaning)| (word.to_owned(), meaning.to_owned()));
///         WORDS.set(pairs.collect()).map_err(|_| Failure::internal("it is loaded already"))
///     }
///
///     /// What a word means.
///     #[tool(read_only, deterministic)]
///     pub fn look_up(word: String) -> Result<String, Failure> {
///         let words = WORDS.get().ok_or_else(|| Failure::internal("it was not loaded"))?;
///         words.get(&word).cloned().ok_or_else(|| Failure::not_found(format!("no word {word}")))
///     }
/// }
///
/// // A test does what the host does.
/// fn main() -> Result<(), Failure> {
///     let words = Artifact::create(b"sport\ta runtime", "text/plain", Some("words.txt"))?;
///     dictionary::load(vec![words])?;
///     let outcome = testing::call(dictionary::SPORT_TOOLS, "look_up", json!({ "word": "sport" }))?;
///     assert_eq!(outcome.content, [Content::text("a runtime")]);
///     Ok(())
/// }
/// ```
pub use sport_sdk_macro::tools;
/// ```
/// use sport_sdk::verify::{Judgement, Step};
/// use sport_sdk::{Failure, verifier};
///
/// /// Passes a candidate that gave an answer.
/// #[verifier(deterministic)]
/// fn judge(step: &Step) -> Result<Vec<Judgement>, Failure> {
///     let judgements = step.candidates.iter().map(|candidate| match candidate.answer {
///         Some(_) => Judgement::pass(1.0, "it gave an answer"),
///         None => Judgement::fail(0.0, "it gave no answer"),
///     });
///     Ok(judgements.collect())
/// }
/// ```
pub use sport_sdk_macro::verifier;

pub use schemars::{self, JsonSchema};
pub use serde::{self, Deserialize, Serialize};
pub use serde_json::{self, Value, json};

/// What the macros expand to; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::arguments::{Arguments, config};
    #[cfg(target_family = "wasm")]
    pub use crate::glue::{call_tool, describe_tools, describe_verifier, judge, warm};
    pub use crate::plugin::{Hints, Judge, Parameter, Tool, Traits, bytes_of};
    pub use crate::plugin::{TOOL_CONTRACT, VERIFIER_CONTRACT};
    pub use crate::reply::{output_schema, reply};
    pub use crate::schema::schema_of;
}
