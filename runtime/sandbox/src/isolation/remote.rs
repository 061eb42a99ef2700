//! A session in another process, with the interface of one in this.
//!
//! The host keeps what it needs to do without the process: the branch after the last committed step, and the journal. So a
//! session whose process ended comes back by replay, and `/scratch` can be looked at without asking anybody.

use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::check::{self, Unbelievable};
use super::domain::{Domain, NOTHING, Worker};
use super::ledger::Ledger;
use super::message::{CallNote, Done, Invoke, Invoked, Order, Word};
use super::pack::{PackedChange, PackedOutcome, PackedRequest, PackedStep, value_of};
use super::wire::{Body, Received, Taken, Wire, WireError};
use crate::artifacts::ArtifactStore;
use crate::branch::{Branch, ToolHost};
use crate::budget::{Budget, Resource, Stop};
use crate::error::Error;
use crate::files::FileView;
use crate::files::scratch::Scratch;
use crate::judging::ToolInfo;
use crate::limits;
use crate::session::caller::Sink;
use crate::session::journal::{Call, Invoke as Recorded, Step};
use crate::session::run::{over, refused, too_many};
use crate::session::{Channel, ForkError, Made};
use crate::state::PluginState;
use crate::timeouts;
use crate::types::{EndingKind, RunReport, RunRequest, ToolCall};

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
struct Line {
    wire: Wire,
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

    /// Runs agent code.
    pub fn run(&mut self, request: &RunRequest, tools: &mut dyn ToolHost, budget: &Budget) -> RunReport {
        self.run_with(request, tools, budget, None)
    }

    /// The same, with the output shown to `sink` as it is made.
    pub fn run_live(
        &mut self,
        request: &RunRequest,
        tools: &mut dyn ToolHost,
        budget: &Budget,
        sink: &mut dyn FnMut(Channel, &[u8]),
    ) -> RunReport {
        self.run_with(request, tools, budget, Some(sink))
    }

    fn run_with(
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
        let mut run = Run {
            line: &line,
            store: &self.store,
            ledger: Ledger::new(budget.clone()),
            budget: &budget,
            branch: self.branch.clone(),
            lists: Vec::new(),
            calls: Vec::new(),
            shown: 0,
            grace: None,
        };
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
                let tool_calls =
                    std::mem::take(&mut run.calls).into_iter().map(Recorded::into_call).collect();
                (RunReport { tool_calls, ..refused(kind, reason) }, None)
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

impl Recorded {
    fn into_call(self) -> ToolCall {
        ToolCall { name: self.name, arguments: self.arguments, outcome: self.outcome }
    }
}

/// A run under way.
struct Run<'a> {
    line: &'a Line,
    store: &'a ArtifactStore,
    ledger: Ledger,
    budget: &'a Budget,
    /// As the worker last said it is.
    branch: Branch,
    /// What was answered, in order.
    lists: Vec<Arc<Vec<ToolInfo>>>,
    calls: Vec<Recorded>,
    /// Bytes that were shown.
    shown: u64,
    /// When patience ends, once the budget has.
    grace: Option<(Instant, Stop)>,
}

type Came = (RunReport, Option<Step>, Branch);

impl Run<'_> {
    fn all(
        &mut self,
        request: &RunRequest,
        tools: &mut dyn ToolHost,
        mut sink: Option<&mut Sink<'_>>,
    ) -> Result<Came, WireError<Stop>> {
        let strange = |error: &dyn std::fmt::Display| WireError::Strange(error.to_string());
        let mut body = Body::default();
        let order = Order::Run {
            request: PackedRequest::new(request, &mut body),
            limits: Box::new(self.limits()),
            wall_left_us: u64::try_from(self.budget.wall_left().as_micros()).unwrap_or(u64::MAX),
            live: sink.is_some(),
        };
        self.line.wire.send(&order, &body, NOTHING)?;
        loop {
            let Received { message, mut body, .. } = self.next()?;
            match message {
                Word::Tools => {
                    let infos = Arc::new(tools.tools());
                    self.line.wire.send(&Order::Tools(infos.to_vec()), &Body::default(), NOTHING)?;
                    self.lists.push(infos);
                }
                Word::Invoke(invoke) => {
                    let (answer, bytes) =
                        self.invoke(*invoke, &mut body, tools).map_err(|error| strange(&error))?;
                    self.line.wire.send(&Order::Invoked(Box::new(answer)), &bytes, NOTHING)?;
                }
                Word::Show(channel) => {
                    let bytes = body.rest();
                    self.shown = self.shown.saturating_add(bytes.len() as u64);
                    if self.shown > self.budget.limits().output_bytes {
                        return Err(strange(&"there is more output than there may be"));
                    }
                    if let Some(sink) = &mut sink {
                        sink(channel, bytes);
                    }
                }
                Word::Done(done) => {
                    return self.done(*done, &mut body, request).map_err(|error| strange(&error));
                }
                _ => return Err(strange(&"it is out of place in a run")),
            }
        }
    }

    /// What the worker may use: the run's limits, or what is left above it.
    fn limits(&self) -> limits::Limits {
        let left = |resource: Resource| self.budget.left(resource);
        limits::Limits {
            cpu: self.budget.cpu_left(),
            memory_bytes: left(Resource::Memory),
            table_elements: left(Resource::Tables),
            host_calls: left(Resource::HostCalls),
            tool_calls: left(Resource::ToolCalls),
            output_bytes: left(Resource::Output),
            log_bytes: left(Resource::Log),
            artifact_bytes: left(Resource::Artifacts),
            random_bytes: left(Resource::Random),
            ..*self.budget.limits()
        }
    }

    /// The worker's next word. When the budget is at its end the worker, which has the same one, ends the run; the host ends
    /// the worker if it does not.
    fn next(&mut self) -> Result<Received<Word>, WireError<Stop>> {
        let Self { line, budget, grace, .. } = self;
        let mut wait = || {
            if let Some((until, stop)) = *grace {
                return if Instant::now() < until { Ok(()) } else { Err(stop) };
            }
            if let Err(stop) = budget.check() {
                *grace = Some((Instant::now() + timeouts::WORKER_GRACE, stop));
                if stop == Stop::Cancelled {
                    // One that is gone is found out by the next reading.
                    let _ = line.wire.send(&Order::Cancel, &Body::default(), NOTHING);
                }
            }
            Ok(())
        };
        line.wire.receive_from_stranger(&mut wait)
    }

    fn invoke(
        &mut self,
        invoke: Invoke,
        body: &mut Taken,
        tools: &mut dyn ToolHost,
    ) -> Result<(Invoked, Body), Unbelievable> {
        let Invoke { name, arguments, files, spent, memory } = invoke;
        check::json(&arguments)?;
        if name.len() > limits::NAME_BYTES {
            return Err(Unbelievable("a tool's name is longer than one may be"));
        }
        let before = self.changed(files, body)?;
        self.ledger.hear(&spent);
        let mut after = before.clone();
        // What the session holds is not there for its tools.
        let held = self.budget.charge_up_to(Resource::Memory, memory);
        let outcome = tools.invoke(&name, &arguments, &mut after, self.budget);
        self.budget.release(Resource::Memory, held);
        self.budget.charge_cpu();
        let change = Scratch::change(&before.files.scratch, &after.files.scratch);
        self.branch = after;
        let state = self.branch.state.clone();
        let mut body = Body::default();
        let files = PackedChange::new(&change, &mut body);
        let answer = Invoked { outcome: PackedOutcome::new(&outcome), files, spent: self.ledger.tell() };
        self.calls.push(Recorded { name, arguments, outcome, files: change, state });
        Ok((answer, body))
    }

    /// The branch with a change from the worker.
    fn changed(&self, files: PackedChange, body: &mut Taken) -> Result<Branch, Unbelievable> {
        let change = files.unpack(body).map_err(|error| Unbelievable(error.0))?;
        let mut branch = self.branch.clone();
        branch.files.scratch.apply(&change);
        branch.files.scratch.sound().map_err(|error| Unbelievable(error.0))?;
        Ok(branch)
    }

    fn done(&mut self, done: Done, body: &mut Taken, request: &RunRequest) -> Result<Came, Unbelievable> {
        let Done { mut report, output, answer, value, tool_calls, step, displayed, spent } = done;
        report.answer = value_of(answer);
        if let Some(shown) = &mut report.value {
            shown.json = value_of(value);
        }
        self.ledger.hear(&spent);
        let branch = match &step {
            Some(_) if !report.ending.may_commit() => {
                return Err(Unbelievable("a run that ended badly left a state"));
            }
            None if report.ending.may_commit() => {
                return Err(Unbelievable("a run that ended well left no state"));
            }
            _ => self.branch.clone(),
        };
        let mut calls = Vec::with_capacity(tool_calls.len());
        let mut asked = std::mem::take(&mut self.calls).into_iter();
        let mut state = PluginState::new();
        for call in tool_calls {
            let call = match call {
                None => asked.next().ok_or(Unbelievable("it called no such tool"))?,
                // Only one that was refused for want of budget is not asked for.
                Some(ToolCall { name, arguments, outcome: Err(failure) }) => {
                    check::json(&arguments)?;
                    let name = crate::text::clean_line(&name, limits::NAME_BYTES);
                    let files = Scratch::change(&branch.files.scratch, &branch.files.scratch);
                    let outcome = Err(check::failure(&failure));
                    Recorded { name, arguments, outcome, files, state: state.clone() }
                }
                Some(_) => return Err(Unbelievable("a tool that nobody called gave something")),
            };
            state = call.state.clone();
            calls.push(call);
        }
        let tool_calls = calls.iter().cloned().map(Recorded::into_call).collect();
        let (step, branch) = match step {
            None => (None, branch),
            Some(step) => {
                let mut lists = self.lists.iter();
                let mut calls = calls.into_iter();
                let mut recorded = Vec::with_capacity(step.calls.len());
                for note in step.calls {
                    recorded.push(match note {
                        CallNote::ListTools => {
                            let list = lists.next().ok_or(Unbelievable("it was given no such list"))?;
                            Call::ListTools(Arc::clone(list))
                        }
                        CallNote::Invoke => {
                            let call = calls.next().ok_or(Unbelievable("it called no such tool"))?;
                            Call::Invoke(Box::new(call))
                        }
                        CallNote::Remaining { wall_ms, calls } => Call::Remaining { wall_ms, calls },
                    });
                }
                let branch = self.changed(step.files, body)?;
                let limits = step.limits;
                let mark = step.mark.unpack();
                (Some(Step { request: request.clone(), limits, calls: recorded, mark }), branch)
            }
        };
        let report = check::report(report, &displayed, body, self.store)?;
        let [stdout, stderr] = check::output(output, body, self.budget.limits())?;
        Ok((RunReport { tool_calls, stdout, stderr, ..report }, step, branch))
    }
}
