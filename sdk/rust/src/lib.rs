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
//! * [`log`], [`context`], [`kv`], [`fetch`], [`secrets`], [`mod@tools`]: what a plugin may ask of the host;
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
pub use sport_sdk_macro::{tool, tools, verifier};

pub use schemars::{self, JsonSchema};
pub use serde::{self, Deserialize, Serialize};
pub use serde_json::{self, Value, json};

/// What the macros expand to; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::arguments::{Arguments, config};
    #[cfg(target_family = "wasm")]
    pub use crate::glue::{call_tool, describe_tools, describe_verifier, judge};
    pub use crate::plugin::{Hints, Judge, Parameter, Tool, Traits, bytes_of};
    pub use crate::plugin::{TOOL_CONTRACT, VERIFIER_CONTRACT};
    pub use crate::reply::{output_schema, reply};
    pub use crate::schema::schema_of;
}
