//! How a fork is made.
//!
//! [`Fork`] is the place for ways to do it. There is one now: replay the recorded steps in a fresh instance. A copy of the
//! parent's memory (copy-on-write) would be a second one, for sessions whose instance holds no handles of the host; it
//! would take the image of the parent's memory where this takes the interpreter's own, and fall back to replay.

use std::sync::Arc;

use super::interpreter::Instance;
use super::journal::Step;
use super::run::{Ended, Session, on_guest_thread};
use super::state::{Diverged, Source};
use crate::budget::Budget;
use crate::limits::Limits;
use crate::timeouts;

/// Why a session could not be forked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// The replayed code did something else than the first time.
    #[error("the replay of step {step} went another way than the step: {reason}")]
    ReplayDiverged {
        /// Which step, from 0.
        step: usize,
        /// What was different.
        reason: String,
    },
    /// No instance could be made.
    #[error("cannot start an instance for the fork: {0}")]
    Instance(String),
}

impl ForkError {
    /// A stable kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReplayDiverged { .. } => "replay-diverged",
            Self::Instance(_) => "fork-instance",
        }
    }
}

/// A way to make a fork.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fork {
    /// Do the recorded steps again.
    Replay,
}

impl Fork {
    /// Makes one.
    pub fn fork(self, parent: &Session) -> Result<Session, ForkError> {
        match self {
            Self::Replay => replay(parent),
        }
    }
}

fn replay(parent: &Session) -> Result<Session, ForkError> {
    let failed = |error: wasmtime::Error| ForkError::Instance(format!("{error:#}"));
    let mut instance = parent.origin.instantiate(&parent.interpreter).map_err(failed)?;
    if !parent.journal.is_empty() {
        let steps = &parent.journal;
        let done = on_guest_thread(|| replay_all(&mut instance, steps), || {});
        done.map_err(|error| ForkError::Instance(format!("cannot start a thread: {error}")))??;
        let made = instance.store.data().branch();
        if !made.files.scratch.same(&parent.branch().files.scratch) {
            let step = steps.len() - 1;
            return Err(ForkError::ReplayDiverged {
                step,
                reason: "its files in /scratch differ".to_owned(),
            });
        }
    }
    Ok(Session::forked(parent, instance))
}

fn replay_all(instance: &mut Instance, steps: &[Arc<Step>]) -> Result<(), ForkError> {
    for (number, step) in steps.iter().enumerate() {
        replay_step(instance, step).map_err(|reason| ForkError::ReplayDiverged { step: number, reason })?;
    }
    Ok(())
}

/// Does one step again, without the time limits that it had: it came to its end within them once, and how long it takes
/// this time is no part of its state.
fn replay_step(instance: &mut Instance, step: &Arc<Step>) -> Result<(), String> {
    let budget =
        Budget::new(Limits { wall: timeouts::REPLAY_WALL, cpu: timeouts::REPLAY_CPU, ..step.limits });
    instance.bind(&budget).map_err(|stop| stop.to_string())?;
    instance.store.data().wasi.output.begin(budget, None);
    let source = Source::Replay { step: Arc::clone(step), next: 0 };
    let Ended { ending, written, calls, .. } = instance.execute(&step.request, source);
    if let Some(reason) = &ending.reason {
        return Err(reason.clone());
    }
    let made = super::journal::Mark::new(&ending.fingerprint(), &written, instance.store.data().wasi.marks());
    if let Some(what) = step.mark.difference(&made) {
        return Err(format!("{what} differ"));
    }
    if calls.len() != step.calls.len() {
        return Err(format!("it made {} calls, recorded are {}", calls.len(), step.calls.len()));
    }
    Ok(())
}

/// The reason of a divergence that ended a replay, if that is what ended it.
pub(super) fn diverged(error: &wasmtime::Error) -> Option<String> {
    error.downcast_ref::<Diverged>().map(|diverged| diverged.0.clone())
}
