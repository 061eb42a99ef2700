//! Interpreters and their sessions.
//!
//! An [`Interpreter`] is an admitted component; a [`Session`] is one instance of it with the state that agent code builds
//! up step by step. A session can be forked: the fork has the same state and from then on shares nothing with it.
//!
//! # Layout
//!
//! * `handle`: [`Interpreter`] and [`Session`], wherever they run; all else here is about this process, and
//!   [`crate::isolation`] about another one;
//! * `interpreter`: compile, link once, describe, open;
//! * `run`: a run of agent code, how it ended, and what it may commit;
//! * `state`: the store's state and the host functions that a session answers itself;
//! * `caller`: how the guest's thread reaches the caller's tools;
//! * `journal`: what is remembered of each step; `fork`: how a fork is made, from memory or from the journal;
//! * `image` and `memory`: the image that instances start from, mapped instead of copied; `snapshot`: what a session wrote
//!   since, for its forks; `rest`: whether that is all there is; `idle`: instances that are used again.
//!
//! # Invariants
//!
//! * A session's state is what its committed steps made: a run that did not end in value, answered, raised or exited
//!   leaves no trace in the branch, and its instance is dropped.
//! * A replay calls no tool and shows no output. Every answer it gives was recorded, and everything that the guest asks is
//!   compared with the record; a difference ends it.

pub(crate) mod caller;
mod fork;
mod handle;
mod idle;
mod image;
pub(crate) mod interpreter;
pub(crate) mod journal;
pub(crate) mod memory;
mod rest;
pub(crate) mod run;
mod snapshot;
mod state;

use std::sync::Arc;

pub use crate::wasi::stdio::Channel;
pub use fork::{ForkError, Made};
pub use handle::{Interpreter, Session, SessionOptions};
pub use interpreter::InterpreterInfo;

/// Makes the sessions' memories.
pub(crate) fn memory_creator() -> Option<Arc<dyn wasmtime::MemoryCreator>> {
    Some(Arc::new(memory::Creator))
}
