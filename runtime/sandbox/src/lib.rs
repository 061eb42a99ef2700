//! Runs foreign and model-written code as WASM components, with nothing granted by default.
//!
//! [`Sandbox`] is the entry: it admits components and gives back a [`Tool`], a [`Verifier`] or an
//! [`Interpreter`]. Tools of several plugins make a [`Toolbox`]; an interpreter opens [`Session`]s, which can
//! be forked. Every call runs on a [`Budget`].
//!
//! # Layout
//!
//! * `sandbox`: [`Sandbox`], which joins the rest;
//! * before any code runs: `inspect` (sections, nothing compiled), `seen` (files inspected before), `admission` (contract, grants, bounds),
//!   `grants`, `compile` (in a worker with limits), `aot` (the cache of what was compiled), `engine` (the two profiles and the epoch ticker);
//! * `registry`: installed plugins, what each is granted and what it was when it was; `private`: folders whose files are trusted;
//! * calls: `call` (a fresh store, run and judged), `tool`, `foreign` (components of other worlds as tools), `verifier`, `toolbox`, `schema`, `stack`,
//!   `warm` (a tool's state that every call begins with);
//! * sessions: `session` (run, record, replay, fork), `wasi` (what an interpreter's language runtime sees),
//!   `isolation` (the same in a process of their own), `files` (`/task` and `/scratch`), `branch` (all branch-local state besides the instance);
//! * what bounds them: `limits`, `timeouts`, `budget`, `limiter`;
//! * what they reach: `host` (the functions of `sport:host`), `artifacts`, `state`, and outside: `egress` (which
//!   requests are granted, decided without I/O), `fetch` (how they are made), `secrets`, `chat` (models);
//! * the border: `contract` (generated bindings, lift and lower), `types` and `judging` (our values), `text`; `fuzzing`
//!   opens it to `tests/fuzz` and is compiled for nothing else.
//!
//! # Invariants
//!
//! * No component is compiled before its sections were read, its contract version found and its imports
//!   compared with the grants.
//! * What an import can reach is decided by [`Grants`] alone; nothing in a component and nothing that agent
//!   code can call changes a grant.
//! * No value of a guest is used before `contract::lift` checked it.
//! * A nested call never gets more than its caller has left: budgets are chained, and only narrow.
//! * A store whose guest trapped or was stopped is dropped, never entered again.
//! * No request leaves to a host that [`Egress`] does not name, nor to an address that was not checked; no guest
//!   sees a [`Secret`].
//! * Every wait is named in `timeouts`, every number in `limits`.
//! * Nothing here knows policies, training or runs.

mod admission;
mod aot;
mod artifacts;
mod branch;
mod budget;
mod call;
mod chat;
mod compile;
mod contract;
mod egress;
mod engine;
mod error;
mod fetch;
mod files;
mod foreign;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod grants;
mod host;
mod inspect;
mod isolation;
mod judging;
mod limiter;
pub mod limits;
mod private;
mod registry;
mod sandbox;
mod schema;
mod secrets;
mod seen;
mod session;
mod stack;
mod state;
mod text;
pub mod timeouts;
mod tool;
mod toolbox;
mod types;
mod verifier;
mod warm;
mod wasi;

pub use aot::Notice;
pub use artifacts::{ArtifactStore, digest_of};
pub use branch::{Branch, ToolHost};
pub use budget::{Budget, Resource, Stop};
pub use chat::*;
pub use compile::{CompileWorker, Compiler, compile_worker};
pub use contract::lift::depth_of as json_depth;
pub use contract::version::CONTRACTS;
pub use egress::*;
pub use error::Error;
pub use fetch::Resolver;
pub use files::{FileView, ResolvedFile, TaskFile};
pub use grants::Grants;
pub use inspect::{Inspection, Kind, inspect};
pub use isolation::{Isolation, Seal, SessionWorker, probe_seal, seal_process, session_worker};
pub use judging::*;
pub use limits::Limits;
pub use private::{NotPrivate, PrivateFolder};
pub use registry::{
    Change, Described, Grant, Installed, Look, Pin, Receipt, Registry, SecretSource, State, components_in,
};
pub use sandbox::{Sandbox, SandboxOptions};
pub use schema::Schema;
pub use secrets::{Secret, Secrets};
pub use session::*;
pub use state::PluginState;
pub use tool::Tool;
pub use toolbox::Toolbox;
pub use types::*;
pub use verifier::Verifier;
