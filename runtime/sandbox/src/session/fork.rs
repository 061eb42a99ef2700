//! How a fork is made.
//!
//! *From memory*, where that is all there is to a session: the parent's memory is kept as a [`Snapshot`], and an instance
//! begins from it. What a run cost does not matter then, nor how many there were.
//!
//! *By replay* otherwise: a fresh instance does the recorded steps again.
//!
//! A copy of the memory is a copy of the session when
//!
//! 1. the interpreter keeps nothing elsewhere between two calls ([`super::rest`], decided when it was compiled);
//! 2. the parent's last run came to a good end, so that no call is under way in it;
//! 3. its guest holds the handles that every instance is given before any agent code runs, and no others: a handle is a
//!    number in the guest's memory that means something only beside the host's tables, and those are not copied.
//!
//! The third is why every instance runs a prelude ([`Instance::prelude`]) and remembers what it held after it. A parent that
//! has a file open, or took a stream of its own, is forked by replay. Clock, random stream, files and plugin state are the
//! host's and are handed over as they are.

use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};

use super::idle::Retired;
use super::interpreter::{Instance, LocalInterpreter};
use super::journal::Step;
use super::run::{Ended, LocalSession, Origin, on_guest_thread};
use super::snapshot::Snapshot;
use super::state::{Carried, Diverged, Source};
use crate::budget::Budget;
use crate::limits::Limits;
use crate::timeouts;
use crate::wasi::descriptor::Held;

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

/// How a session came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Made {
    /// It was opened.
    Opened,
    /// From its parent's memory.
    FromMemory,
    /// Its parent's steps were done again, for this reason.
    ByReplay(String),
}

/// A session's state after its last step, for forks.
pub(super) struct Checkpoint {
    snapshot: Arc<Snapshot>,
    /// The handles that the guest held; an instance that begins from here must hold the same.
    held: Vec<Held>,
    /// What of the host's side goes with it.
    carried: Carried,
}

/// Makes a fork in the way that is possible.
pub(super) fn fork(parent: &LocalSession) -> Result<LocalSession, ForkError> {
    let span = tracing::debug_span!("fork", replayed_because = tracing::field::Empty);
    let _entered = span.enter();
    if parent.journal.is_empty() {
        // Nothing has happened yet, so a new one is the same.
        return by_replay(parent, "it has run nothing");
    }
    match from_memory(parent) {
        Ok(session) => Ok(session),
        Err(reason) => {
            span.record("replayed_because", tracing::field::display(&reason));
            tracing::debug!(%reason, "a session is forked by replay");
            by_replay(parent, &reason)
        }
    }
}

/// Takes the checkpoint that a fork would take. Where none can be taken, forks are made by replay anyway.
pub(super) fn keep(parent: &LocalSession) {
    if parent.journal.is_empty() || parent.interpreter.restless().is_some() {
        return;
    }
    if let Err(reason) = checkpoint(parent) {
        tracing::debug!(%reason, "a session's state is not kept");
    }
}

fn from_memory(parent: &LocalSession) -> Result<LocalSession, String> {
    if let Some(reason) = parent.interpreter.restless() {
        return Err(reason.to_owned());
    }
    let checkpoint = checkpoint(parent)?;
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    let (mut instance, own) = match parent.origin.idle.take(checkpoint.snapshot.size()) {
        Some(Retired { instance, own }) => (instance, Some(own)),
        None => {
            let made = parent.origin.instantiate(&parent.interpreter, Some(&checkpoint.snapshot));
            let failed = |error| failed("no instance of its size could be made", &format!("{error:#}"));
            (made.map_err(failed)?, None)
        }
    };
    if instance.held_at_start != checkpoint.held {
        return Err("a new instance of it was given other handles".to_owned());
    }
    let before = instance.began.replace(Arc::clone(&checkpoint.snapshot));
    let Some(mut memory) = instance.at_rest() else { return Err("it has no memory of its own".to_owned()) };
    let restored = match &own {
        Some(own) => checkpoint.snapshot.restore_over(&mut memory, before.as_deref(), own),
        None => checkpoint.snapshot.restore(&mut memory),
    };
    restored.map_err(|error| failed("its memory could not be mapped", &error))?;
    let state = instance.store.data_mut();
    state.carry_on(&checkpoint.carried).map_err(|error| failed("its memory has no room", &error))?;
    let fork = LocalSession::forked(parent, instance, Made::FromMemory);
    // Until it has run something, its state is the parent's.
    *fork.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint);
    Ok(fork)
}

/// The checkpoint of the parent's state, taken now if nobody did before.
fn checkpoint(parent: &LocalSession) -> Result<Arc<Checkpoint>, String> {
    // Whoever forks the same parent meanwhile waits here, and finds it done.
    let mut kept = parent.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(checkpoint) = &*kept {
        return Ok(Arc::clone(checkpoint));
    }
    let mut instance = parent.instance.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(instance) = &mut *instance else {
        return Err("its last run ended badly, and its memory had not been kept before".to_owned());
    };
    let held = instance.store.data_mut().held();
    if held != instance.held_at_start {
        return Err("its guest holds handles of the host, of an open file for example".to_owned());
    }
    let Some(image) = parent.interpreter.image() else { return Err("it has no memory image".to_owned()) };
    let carried = instance.store.data_mut().carried();
    let before = instance.began.clone();
    let Some(memory) = instance.at_rest() else { return Err("it has no memory of its own".to_owned()) };
    let snapshot = Snapshot::take(&memory, image, before.as_deref())
        .map_err(|error| format!("its memory could not be kept: {error}"))?;
    let checkpoint = Arc::new(Checkpoint { snapshot: Arc::new(snapshot), held, carried });
    *kept = Some(Arc::clone(&checkpoint));
    Ok(checkpoint)
}

/// Does the parent's steps again in a fresh instance.
pub(super) fn by_replay(parent: &LocalSession, reason: &str) -> Result<LocalSession, ForkError> {
    let steps = &parent.journal;
    let instance = replayed(&parent.interpreter, &parent.origin, steps)?;
    let made = instance.store.data().branch();
    if !steps.is_empty() && !made.files.scratch.same(&parent.branch().files.scratch) {
        let step = steps.len() - 1;
        return Err(ForkError::ReplayDiverged { step, reason: "its files in /scratch differ".to_owned() });
    }
    Ok(LocalSession::forked(parent, instance, Made::ByReplay(reason.to_owned())))
}

/// An instance in which these steps were done again.
pub(super) fn replayed(
    interpreter: &LocalInterpreter,
    origin: &Origin,
    steps: &[Arc<Step>],
) -> Result<Instance, ForkError> {
    let failed = |error: wasmtime::Error| ForkError::Instance(format!("{error:#}"));
    let mut instance = origin.instantiate(interpreter, None).map_err(failed)?;
    if !steps.is_empty() {
        let done = on_guest_thread(|| replay_all(&mut instance, steps), || {});
        done.map_err(|error| ForkError::Instance(format!("cannot start a thread: {error}")))??;
    }
    Ok(instance)
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
