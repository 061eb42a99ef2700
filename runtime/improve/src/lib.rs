//! The improvement loop and its store.
//!
//! # Layout
//!
//! * [`equipment`]: the sandboxed side of a run; `plugins`: by path or as installed;
//! * [`task`]: what a task is; [`synthesize`] makes tasks, [`answers`] compares answers;
//! * [`config`]: `sport.toml`, as typed and as meant;
//! * [`store`]: the run directory: database, blobs, lock, adapters, manifests;
//! * [`seed`]: every random draw, by hashing;
//! * [`stages`]: synthesize, explore, verify, pair, tune, evaluate; each may be called alone;
//! * [`judging`]: the protocol between the host and its verifiers; panels; who won;
//! * [`swap`]: other verifiers while a run goes on: shadow, canary, rollback, the control socket;
//! * [`counterfactual`]: facts about what an answer depends on; [`audit`]: whether a verifier's word may shape the policy;
//! * [`stats`]: intervals and tests; [`summary`]: the whole run for a program; [`report`]: for a person;
//! * [`run`]: the loop over all of these, and resume.
//!
//! Absent by design: wasmtime (only `sport-sandbox` links it), libtorch (only `sport-torch` does), a random
//! draw without a derived seed, a record that can be written twice, and any path by which a known answer
//! could reach the policy.

pub mod answers;
pub mod audit;
pub mod config;
pub mod counterfactual;
pub mod equipment;
pub mod error;
mod failpoint;
pub mod files;
pub mod judging;
pub mod observation;
pub mod observer;
mod plugins;
pub mod prompt;
pub mod report;
pub mod run;
pub mod seed;
pub mod stages;
pub mod stats;
pub mod store;
pub mod summary;
pub mod swap;
pub mod synthesize;
pub mod task;

pub use config::{Config, Places};
pub use error::{Class, Error};
pub use observer::{Observer, Silent, Stage};
pub use run::{Outcome, Run, open_policy};
pub use summary::Summary;
pub use task::{AnswerKind, Split, Task, TaskFile};
