//! The second wall: an interpreter's engine and all its sessions in a process of their own.
//!
//! The first wall is WebAssembly, as this crate sets it up. Should agent code get through it (a fault in the compiler, in the
//! engine, in our own host functions), it is inside a process that has nothing: no file, no network, no right to start another
//! program, to open anything, or to make memory executable. What it does have is the way to the host, so the host takes
//! nothing on trust that comes from there.
//!
//! An interpreter that is loaded so is one *trust domain*: one worker process, as long as it lives. When the process ends, for
//! whatever reason, the runs that were under way in it end as trapped; all its other sessions come back by replay in a new one, the
//! next time they are used. The tools that agent code calls are not in the domain: the host calls them, as always.
//!
//! # Layout
//!
//! * `domain`: the worker process, seen from the host; `remote`: a session in it, `run`: a run of one; `check`: what of a worker's word is believed;
//! * `worker`: the same seen from inside; `seal`: what the worker gives up before any of the guest's code runs;
//! * `wire`: messages with bytes and file descriptors over a socket; `message`: what they say; `pack`: files and recorded
//!   steps on the way; `ledger`: two halves of one budget.
//!
//! # Invariants
//!
//! * A worker holds the compiled interpreter, its image, its sockets, and nothing else of this machine.
//! * No secret and no artifact that its sessions were not given enters a worker.
//! * The host waits for a worker no longer than the run's budget and a grace; then it ends the process.

mod check;
mod domain;
mod ledger;
mod message;
mod pack;
mod remote;
mod run;
mod seal;
mod wire;
mod worker;

use std::path::PathBuf;

pub(crate) use domain::Domain;
pub(crate) use remote::RemoteSession;
pub use seal::{Seal, probe_seal, seal_process};
pub use worker::session_worker;

/// Where interpreters run.
#[derive(Clone, Debug, Default)]
pub enum Isolation {
    /// In this process.
    #[default]
    None,
    /// Each in a process of its own that has given up everything it does not need.
    Process(SessionWorker),
}

/// The program that runs an interpreter: it calls [`session_worker`] and does nothing else.
#[derive(Clone, Debug)]
pub struct SessionWorker {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}
