//! A session in another process, with the interface of one in this.
//!
//! The host keeps what it needs to do without the process: the branch after the last committed step, and the journal. So a
//! session whose process ended comes back by replay, and `/scratch` can be looked at without asking anybody.

use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::domain::{Domain, NOTHING, Worker};
use super::message::{Order, Word};
use super::pack::PackedStep;
use super::run::Run;
use super::wire::{Body, Wire, WireError};
use crate::artifacts::ArtifactStore;
use crate::branch::{Branch, ToolHost};
use crate::budget::Budget;
use crate::error::Error;
use crate::files::FileView;
use crate::limits;
use crate::session::caller::Sink;
use crate::session::journal::Step;
use crate::session::run::{over, refused, too_many};
use crate::session::{ForkError, Made};
use crate::state::PluginState;
use crate::timeouts;
use crate::types::{EndingKind, RunReport, RunRequest};

/// See the module.
pub(crate) struct RemoteSession {
    domain: Arc<Domain>,
    /// None when its process is gone, or its last run ended with it.
    line: Mutex<Option<Line>>,
    seed: u64,
    /// As it was opened.
    files: FileView,
    store: ArtifactStore,
    /// After the last committed step.
    branch: Branch,
    journal: Vec<Arc<Step>>,
    ended: Option<EndingKind>,
    made: Made,
}

/// The way to a session.
pub(super) struct Line {
    pub wire: Wire,
    worker: Arc<Worker>,
}

impl RemoteSession {
    /// A session of which nothing has run.
    pub fn open(
        domain: Arc<Domain>,
        seed: u64,
        files: FileView,
        store: ArtifactStore,
    ) -> Result<Self, Error> {
        let _span = tracing::debug_span!("open").entered();
        let branch = Branch { files: files.clone(), state: PluginState::new() };
        let session = Self {
            domain,
            line: Mutex::default(),
            seed,
            files,
            store,
            branch,
            journal: Vec::new(),
            ended: None,
            made: Made::Opened,
        };
        let line = session.begin().map_err(|error| session.domain.broken(error.to_string()))?;
        *session.line() = Some(line);
        Ok(session)
    }

    /// How many steps were committed.
    pub fn steps(&self) -> usize {
        self.journal.len()
    }

    /// Whether more can be run.
    pub fn healthy(&self) -> bool {
        self.ended.is_none()
    }

    /// Files and plugin state after the last committed step.
    pub fn branch(&self) -> &Branch {
        &self.branch
    }

    /// How it came to be.
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// A session with the state that this one has after its last committed step.
    pub fn fork(&self, by_replay: bool) -> Result<Self, ForkError> {
        let line = self.line();
        if let Some(line) = line.as_ref().filter(|line| line.worker.ended().is_none()) {
            match self.fork_there(line, by_replay) {
                Ok((line, made)) => return Ok(self.forked(line, made)),
                Err(Away::Refused(error)) => return Err(error),
                Err(Away::Gone(_)) => {}
            }
        }
        drop(line);
        // The journal is all that is needed.
        let line = self.begin()?;
        Ok(self.forked(line, Made::ByReplay("its process had ended".to_owned())))
    }

    /// Keeps the state after the last committed step, so that a fork is quick also after a later run that ended badly.
    pub fn keep(&self) {
        if let Some(line) = &*self.line() {
            // One that is gone has nothing to keep.
            let _ = line.wire.send(&Order::Keep, &Body::default(), NOTHING);
        }
    }

    /// Runs agent code; the output is shown to `sink`, if there is one, as it is made.
    pub fn run_with(
        &mut self,
        request: &RunRequest,
        tools: &mut dyn ToolHost,
        budget: &Budget,
        sink: Option<&mut Sink<'_>>,
    ) -> RunReport {
        if let Some(report) = too_many(self.journal.len()) {
            return report;
        }
        if self.ended.is_some() {
            return over(self.ended);
        }
        // What this thread did before is nobody's cpu time here; tools that it runs for the guest are charged from now on.
        Budget::new(*budget.limits()).enter_thread();
        let budget = budget.child(*budget.limits());
        if let Err(stop) = budget.check() {
            return refused(stop.ending(), stop.to_string());
        }
        let span =
            tracing::debug_span!("session", steps = self.journal.len(), ending = tracing::field::Empty);
        let _entered = span.enter();
        let line = match self.alive() {
            Ok(line) => line,
            // Nothing has run, and another time it may.
            Err(error) => return refused(EndingKind::Trapped, error.to_string()),
        };
        let mut run = Run::new(&line, &self.store, &budget, self.branch.clone());
        let ended = run.all(request, tools, sink);
        let mut usage = budget.usage();
        let (mut report, step) = match ended {
            Ok((report, step, branch)) => {
                if step.is_some() {
                    self.branch = branch;
                }
                *self.line() = Some(line);
                (report, step)
            }
            Err(error) => {
                let reason = line.worker.end(&error);
                let kind = match error {
                    WireError::Stopped(stop) => stop.ending(),
                    _ => EndingKind::Trapped,
                };
                (RunReport { tool_calls: run.tool_calls(), ..refused(kind, reason) }, None)
            }
        };
        // Here the tools' is counted, there what the session took since the last of them.
        usage.memory_bytes = usage.memory_bytes.max(report.usage.memory_bytes);
        report.usage = usage;
        match step {
            Some(step) => self.journal.push(Arc::new(step)),
            None => self.ended = Some(report.ending),
        }
        span.record("ending", tracing::field::display(report.ending.name()));
        report
    }

    /// The way to the live session, taken out; to one that did all steps again, if its process has ended.
    fn alive(&mut self) -> Result<Line, ForkError> {
        let line = self.line.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        match line.filter(|line| line.worker.ended().is_none()) {
            Some(line) => Ok(line),
            None => {
                tracing::debug!(
                    steps = self.journal.len(),
                    "a session comes back by replay: its process had ended"
                );
                self.begin()
            }
        }
    }

    /// A session in the domain's process that has done all steps of this one.
    fn begin(&self) -> Result<Line, ForkError> {
        let mut body = Body::default();
        let mut files = Vec::new();
        for file in self.files.task.entries() {
            let bytes = file.bytes().map_err(|error| instance(format!("/task/{}: {error}", file.name)))?;
            files.push((file.name.clone(), body.put(bytes)));
        }
        let steps = self.journal.iter().map(|step| PackedStep::new(step, &mut body)).collect();
        let order = Order::Begin { seed: self.seed, files, steps };
        let worker = self.domain.worker().map_err(instance)?;
        let wire = worker.open().map_err(|error| instance(error.to_string()))?;
        let line = Line { wire, worker };
        match line.ask(&order, &body, NOTHING, self.replay_time()) {
            Ok(Word::Begun) => Ok(line),
            Ok(other) => Err(refusal(other).into_error()),
            Err(error) => Err(instance(line.worker.end(&error))),
        }
    }

    fn fork_there(&self, line: &Line, by_replay: bool) -> Result<(Line, Made), Away> {
        let gone = |error: std::io::Error| Away::Gone(error.to_string());
        let (wire, theirs) = Worker::socket().map_err(gone)?;
        let order = Order::Fork { by_replay };
        match line.ask(&order, &Body::default(), &[theirs.as_fd()], self.replay_time()) {
            Ok(Word::Forked(made)) => {
                let made = match made {
                    Made::ByReplay(why) => {
                        Made::ByReplay(crate::text::clean_line(&why, limits::MESSAGE_BYTES))
                    }
                    other => other,
                };
                Ok((Line { wire, worker: Arc::clone(&line.worker) }, made))
            }
            Ok(other) => Err(refusal(other)),
            Err(error) => Err(Away::Gone(line.worker.end(&error))),
        }
    }

    fn forked(&self, line: Line, made: Made) -> Self {
        Self {
            domain: Arc::clone(&self.domain),
            line: Mutex::new(Some(line)),
            seed: self.seed,
            files: self.files.clone(),
            store: self.store.clone(),
            branch: self.branch.clone(),
            journal: self.journal.clone(),
            ended: None,
            made,
        }
    }

    /// How long it may take to do all steps again.
    fn replay_time(&self) -> Duration {
        let steps = u32::try_from(self.journal.len()).unwrap_or(u32::MAX);
        timeouts::WORKER_START + timeouts::REPLAY_WALL.saturating_mul(steps)
    }

    fn line(&self) -> MutexGuard<'_, Option<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a fork could not be had from a live session.
enum Away {
    /// It said so.
    Refused(ForkError),
    /// Its process has ended.
    Gone(String),
}

impl Away {
    fn into_error(self) -> ForkError {
        match self {
            Self::Refused(error) => error,
            Self::Gone(reason) => instance(reason),
        }
    }
}

/// A worker's answer that is not what was hoped for.
fn refusal(word: Word) -> Away {
    let Word::Failed { step, reason } = word else {
        return Away::Refused(instance("its process answered something else".to_owned()));
    };
    let reason = crate::text::clean_line(&reason, limits::MESSAGE_BYTES);
    Away::Refused(match step {
        Some(step) => ForkError::ReplayDiverged { step, reason },
        None => ForkError::Instance(reason),
    })
}

fn instance(reason: String) -> ForkError {
    ForkError::Instance(reason)
}

impl Line {
    /// Asks for one thing, between runs.
    fn ask(
        &self,
        order: &Order,
        body: &Body,
        descriptors: &[std::os::fd::BorrowedFd<'_>],
        within: Duration,
    ) -> Result<Word, WireError<()>> {
        let until = Instant::now() + within;
        self.wire.send(order, body, descriptors)?;
        let mut wait = || if Instant::now() < until { Ok(()) } else { Err(()) };
        Ok(self.wire.receive_from_stranger(&mut wait)?.message)
    }
}
