//! What a policy is: it samples actions, scores them, and learns from pairs.
//!
//! # Layout
//!
//! * [`policy`], [`types`], [`error`]: the trait that the loop is written against and what it takes and gives;
//! * [`native`], [`abi`]: a policy in a library that is loaded at run time, and the border to it;
//! * [`scripted`]: a policy whose actions come from a file;
//! * [`model`], [`gguf`], [`hf`], [`tokenizer`]: a model's files as data, for backends;
//! * [`template`], [`form`]: how a step becomes a prompt, and a sample an action;
//! * [`peft`]: adapter folders.
//!
//! Invariants: nothing here links a tensor library or knows WASM; nothing reads a clock or draws a random number.

pub mod abi;
pub mod error;
pub mod form;
pub mod gguf;
pub mod hf;
pub mod model;
pub mod native;
pub mod peft;
pub mod policy;
pub mod scripted;
pub mod template;
pub mod timeouts;
pub mod tokenizer;
pub mod types;

pub use error::Error;
pub use form::{Action, PastStep, PromptForm, StepText, ToolText};
pub use native::{load_native, prepare_environment};
pub use policy::Policy;
pub use scripted::ScriptedPolicy;
