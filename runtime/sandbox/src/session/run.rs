//! A session: run agent code in it, step by step.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use super::caller::{Sink, line};
use super::fork::{self, Checkpoint, ForkError, Made, diverged};
use super::idle::Idle;
use super::interpreter::{Instance, LocalInterpreter};
use super::journal::{Call, Mark, Step};
use super::snapshot::Snapshot;
use super::state::{Run, SessionState, Source, stop_of};
use crate::artifacts::ArtifactStore;
use crate::branch::{Branch, ToolHost};
use crate::budget::{Budget, Resource};
use crate::contract::interpreter::exports::sport::interpreter::interpreter as guest;
use crate::contract::lift;
use crate::error::Error;
use crate::files::FileView;
use crate::host::{HostCx, HostState as _};
use crate::limits::{self, Limits};
use crate::types::{
    CodeValue, EndingKind, Failure, FailureKind, Raised, RunReport, RunRequest, ToolCall, Usage,
};
use crate::wasi::stdio::Taken;
use crate::{call, text};

/// One instance of an interpreter and everything its code has made so far.
pub(crate) struct LocalSession {
    pub(super) interpreter: Arc<LocalInterpreter>,
    /// None after a run whose state must not be gone on with. A run has the session to itself; the lock is for the threads
    /// that fork it at once, of which the first takes the checkpoint.
    pub(super) instance: Mutex<Option<Instance>>,
    /// The state after the last committed step, once somebody forked it. It outlives a later run that ends badly.
    pub(super) checkpoint: Mutex<Option<Arc<Checkpoint>>>,
    /// How the last run ended, when `instance` is gone.
    ended: Option<EndingKind>,
    /// The branch after the last committed step.
    branch: Branch,
    pub(super) origin: Origin,
    /// The committed steps. Forks share them.
    pub(super) journal: Vec<Arc<Step>>,
    made: Made,
}

/// What the first instance was made from; a replay starts there again.
#[derive(Clone)]
pub(super) struct Origin {
    pub seed: u64,
    pub files: FileView,
    pub store: ArtifactStore,
    /// Instances that the session and its forks are done with.
    pub idle: Arc<Idle>,
}

impl fmt::Debug for LocalSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSession")
            .field("interpreter", &self.interpreter)
            .field("steps", &self.steps())
            .field("healthy", &self.healthy())
            .finish_non_exhaustive()
    }
}

impl LocalSession {
    /// A session of which nothing has run.
    pub fn open(
        interpreter: Arc<LocalInterpreter>,
        seed: u64,
        files: FileView,
        store: ArtifactStore,
    ) -> Result<Self, Error> {
        let _span = tracing::debug_span!("open").entered();
        let origin = Origin { seed, files, store, idle: Arc::default() };
        let instance = origin.instantiate(&interpreter, None).map_err(|error| Error::Engine {
            reason: format!("cannot start an interpreter session: {error:#}"),
        })?;
        Ok(Self::with(interpreter, origin, instance, Vec::new()))
    }

    /// A session in which these steps, recorded of another, were done again.
    pub fn restored(
        interpreter: Arc<LocalInterpreter>,
        seed: u64,
        files: FileView,
        store: ArtifactStore,
        steps: Vec<Arc<Step>>,
    ) -> Result<Self, ForkError> {
        let origin = Origin { seed, files, store, idle: Arc::default() };
        let instance = fork::replayed(&interpreter, &origin, &steps)?;
        Ok(Self::with(interpreter, origin, instance, steps))
    }

    fn with(
        interpreter: Arc<LocalInterpreter>,
        origin: Origin,
        instance: Instance,
        journal: Vec<Arc<Step>>,
    ) -> Self {
        let branch = instance.store.data().branch();
        Self {
            interpreter,
            instance: Mutex::new(Some(instance)),
            checkpoint: Mutex::default(),
            ended: None,
            branch,
            origin,
            journal,
            made: Made::Opened,
        }
    }

    /// A session with this instance, whose state is that of `parent` after its last committed step.
    pub(super) fn forked(parent: &Self, mut instance: Instance, made: Made) -> Self {
        // After a replay they are equal by its own checks; this makes them share memory.
        instance.store.data_mut().set_branch(&parent.branch);
        Self {
            interpreter: Arc::clone(&parent.interpreter),
            instance: Mutex::new(Some(instance)),
            checkpoint: Mutex::default(),
            ended: None,
            branch: parent.branch.clone(),
            origin: parent.origin.clone(),
            journal: parent.journal.clone(),
            made,
        }
    }

    /// How many steps were committed.
    pub fn steps(&self) -> usize {
        self.journal.len()
    }

    /// Whether more can be run. When not, [`Self::fork`] gives the state before the run that ended badly.
    pub fn healthy(&self) -> bool {
        self.ended.is_none()
    }

    /// Files and plugin state after the last committed step.
    pub fn branch(&self) -> &Branch {
        &self.branch
    }

    /// Where what it displays is kept.
    pub(crate) fn store(&self) -> &ArtifactStore {
        &self.origin.store
    }

    /// The last committed step.
    pub(crate) fn last_step(&self) -> Option<&Arc<Step>> {
        self.journal.last()
    }

    /// How it came to be.
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// A session with the state that this one has after its last committed step. The two share nothing from then on.
    ///
    /// No tool is called for it, and nothing is shown. Made from this session's memory where that is all there is to it, else
    /// by doing its steps again; [`Self::made`] of the fork tells.
    pub fn fork(&self) -> Result<Self, ForkError> {
        fork::fork(self)
    }

    /// Keeps the state after the last committed step, so that a fork is quick also after a later run that ended badly (which
    /// takes the instance with it). Forking keeps it too. Without it such a fork does the steps again.
    pub fn keep(&self) {
        fork::keep(self);
    }

    /// [`Self::fork`], always by doing the steps again: for comparing the two.
    pub fn fork_by_replay(&self) -> Result<Self, ForkError> {
        fork::by_replay(self, "it was asked for")
    }

    fn instance(&mut self) -> &mut Option<Instance> {
        self.instance.get_mut().unwrap_or_else(PoisonError::into_inner)
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
        let Some(mut instance) = self.instance().take() else { return over(self.ended) };
        // What this thread did before is nobody's cpu time here; tools that it runs for the guest are charged from now on.
        Budget::new(*budget.limits()).enter_thread();
        // A node of its own: what this run uses, and what it was refused, is this run's.
        let budget = budget.child(*budget.limits());
        if let Err(stop) = instance.bind(&budget) {
            *self.instance() = Some(instance);
            return refused(stop.ending(), stop.to_string());
        }
        let span =
            tracing::debug_span!("session", steps = self.journal.len(), ending = tracing::field::Empty);
        let entered = span.enter();
        let asked = std::time::Instant::now();
        let (caller, desk) = line();
        let watcher = sink.is_some().then(|| Box::new(caller.shower()) as Box<_>);
        instance.store.data().wasi.output.begin(budget.clone(), watcher);
        // The instance goes along, so that a panic there drops it, and with it the guest's end of the line.
        let guest = move || {
            let queue_us = call::micros(asked);
            let _run = tracing::trace_span!("run", queue_us).entered();
            let ended = instance.execute(request, Source::Live(caller));
            (instance, ended)
        };
        let (instance, ended) = match on_guest_thread(guest, || desk.serve(tools, sink)) {
            Ok(done) => done,
            Err(error) => {
                self.ended = Some(EndingKind::Trapped);
                return refused(EndingKind::Trapped, format!("cannot start a thread for the run: {error}"));
            }
        };
        span.record("ending", tracing::field::display(ended.ending.kind.name()));
        drop(entered);
        let usage = budget.usage();
        self.settle(instance, request, &budget, ended, usage)
    }

    /// Commits the run's state, or drops it.
    fn settle(
        &mut self,
        mut instance: Instance,
        request: &RunRequest,
        budget: &Budget,
        ended: Ended,
        usage: Usage,
    ) -> RunReport {
        let Ended { ending, written, calls, tool_calls, limits } = ended;
        if ending.kind.may_commit() {
            let state = instance.store.data();
            self.branch = state.branch();
            let mark = Mark::new(&ending.fingerprint(), &written, state.wasi.marks());
            *self.checkpoint.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
            self.journal.push(Arc::new(Step { request: request.clone(), limits, calls, mark }));
            instance.unbind(budget);
            *self.instance() = Some(instance);
        } else {
            self.ended = Some(ending.kind);
        }
        let Ending { kind, answer, value, raised, exit_code, reason } = ending;
        RunReport {
            ending: kind,
            answer,
            value,
            raised,
            exit_code,
            reason,
            stdout: String::from_utf8_lossy(&written.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&written.stderr).into_owned(),
            displays: written.displays,
            tool_calls,
            usage,
        }
    }
}

impl Drop for LocalSession {
    fn drop(&mut self) {
        // Nobody is left who could use it when this was the last of its family.
        let family = Arc::strong_count(&self.origin.idle) > 1;
        if let Some(instance) = self.instance().take().filter(|_| family) {
            self.origin.idle.retire(instance);
        }
    }
}

impl Origin {
    /// A fresh instance as the session's first one was; its memory is made for the snapshot, if there is one.
    pub fn instantiate(
        &self,
        interpreter: &LocalInterpreter,
        snapshot: Option<&Arc<Snapshot>>,
    ) -> wasmtime::Result<Instance> {
        // Its first run brings the budget that it is charged to; until then the store's own cap bounds it.
        let budget =
            Budget::new(Limits { memory_bytes: u64::MAX, table_elements: u64::MAX, ..Limits::interpreter() });
        let store = self.store.clone();
        let state = SessionState::new(budget, store, interpreter.digest(), self.files.clone(), self.seed);
        interpreter.instantiate(state, snapshot)
    }
}

/// How a run came out, before it is known whether its state is kept.
pub(super) struct Ended {
    pub ending: Ending,
    pub written: Taken,
    /// What is recorded for forks.
    pub calls: Vec<Call>,
    /// What goes into the report.
    tool_calls: Vec<ToolCall>,
    /// The limits that the run really had: those of its budget, narrowed by what was left above it.
    pub limits: Limits,
}

/// How agent code ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub kind: EndingKind,
    answer: Option<serde_json::Value>,
    value: Option<CodeValue>,
    raised: Option<Raised>,
    exit_code: Option<i32>,
    pub reason: Option<String>,
}

impl Ending {
    fn of(kind: EndingKind) -> Self {
        Self { kind, answer: None, value: None, raised: None, exit_code: None, reason: None }
    }

    fn stopped(kind: EndingKind, reason: String) -> Self {
        Self { reason: Some(reason), ..Self::of(kind) }
    }

    /// A text that differs when the ending does.
    pub fn fingerprint(&self) -> String {
        format!("{self:?}")
    }
}

impl Instance {
    /// Charges the instance to the budget of a run from now on.
    pub(super) fn bind(&mut self, budget: &Budget) -> Result<(), crate::budget::Stop> {
        budget.check()?;
        let host = self.store.data_mut().host();
        host.limiter.rebind(budget.clone())?;
        host.limiter.set_cap(limits::session_memory(budget.limits()));
        host.budget = budget.clone();
        self.store.set_hostcall_fuel(budget.limits().hostcall_fuel);
        self.store.set_epoch_deadline(1);
        Ok(())
    }

    /// Charges an idle instance to itself, so that the budget of its last run ends with the run.
    fn unbind(&mut self, budget: &Budget) {
        let idle =
            Budget::new(Limits { memory_bytes: u64::MAX, table_elements: u64::MAX, ..*budget.limits() });
        let host = self.store.data_mut().host();
        if host.limiter.rebind(idle.clone()).is_ok() {
            host.budget = idle;
        }
    }

    /// Runs one request on the budget that the instance is bound to. On the thread of the guest.
    pub(super) fn execute(&mut self, request: &RunRequest, source: Source) -> Ended {
        let budget = self.store.data_mut().host().budget.clone();
        let held = self.store.data_mut().host().limiter.memory();
        let memory_bytes = budget.left(Resource::Memory).saturating_add(held);
        let limits = Limits { memory_bytes, ..*budget.limits() };
        budget.enter_thread();
        let state = self.store.data_mut();
        state.run = Some(Run { source, ..Run::default() });
        let lowered = guest::Request {
            code: request.code.clone(),
            stdin: request.stdin.clone(),
            arguments: request.arguments.clone(),
        };
        let result = self.bindings.sport_interpreter_interpreter().call_run(&mut self.store, &lowered);
        budget.charge_cpu();
        let state = self.store.data_mut();
        let written = state.wasi.output.end();
        // Set a few lines above, and nothing in between takes it.
        let Run { calls, tool_calls, .. } = state.run.take().unwrap_or_default();
        let ending = match result {
            Ok(Ok(ending)) => finished(ending, state.host(), &tool_calls),
            Ok(Err(failure)) => broken(lift::failure(failure)),
            Err(error) => trapped(&error, state.host()),
        };
        Ended { ending, written, calls, tool_calls, limits }
    }
}

/// The guest came back with an ending.
fn finished(ending: guest::Ending, host: &HostCx, tool_calls: &[ToolCall]) -> Ending {
    match ending {
        guest::Ending::Value(value) => {
            let value = value.map(|value| CodeValue {
                // What is no JSON (a NaN) or too large to be passed on is shown by its own form only.
                json: value.json.and_then(|json| lift::json(&json, "value").ok()),
                repr: text::clean(&value.repr, limits::VALUE_BYTES),
            });
            Ending { value, ..Ending::of(EndingKind::Value) }
        }
        guest::Ending::Answered(answer) => match lift::json(&answer, "answer") {
            Ok(answer) => Ending { answer: Some(answer), ..Ending::of(EndingKind::Answered) },
            Err(failure) => {
                let raised =
                    Raised { class: "ValueError".to_owned(), message: failure.message, traceback: None };
                Ending { raised: Some(raised), ..Ending::of(EndingKind::Raised) }
            }
        },
        guest::Ending::Raised(raised) => {
            let raised = Raised {
                class: text::clean_line(&raised.class, limits::NAME_BYTES),
                message: text::clean(&raised.message, limits::MESSAGE_BYTES),
                traceback: raised.traceback.map(|trace| text::clean(&trace, limits::VALUE_BYTES)),
            };
            let used_up = used_up(&raised, host, tool_calls);
            let kind = if used_up.is_some() { EndingKind::Exhausted } else { EndingKind::Raised };
            Ending { raised: Some(raised), reason: used_up, ..Ending::of(kind) }
        }
        guest::Ending::Exited(code) => Ending { exit_code: Some(code), ..Ending::of(EndingKind::Exited) },
    }
}

/// Whether an exception is only how the code noticed that its budget was used up.
fn used_up(raised: &Raised, host: &HostCx, tool_calls: &[ToolCall]) -> Option<String> {
    if raised.class == "MemoryError" {
        return host.budget.refused().map(|stop| stop.to_string());
    }
    let last = tool_calls.last()?.outcome.as_ref().err()?;
    let ours = last.kind == FailureKind::Exhausted && last.code == "tool-calls-exhausted";
    (ours && host.budget.left(Resource::ToolCalls) == 0 && raised.message.contains(&last.message))
        .then(|| last.message.clone())
}

/// The interpreter itself could not run the code.
fn broken(failure: Failure) -> Ending {
    Ending::stopped(EndingKind::Trapped, format!("the interpreter failed: {failure}"))
}

/// The guest did not come back.
fn trapped(error: &wasmtime::Error, host: &HostCx) -> Ending {
    if let Some(stop) = stop_of(error) {
        return Ending::stopped(stop.ending(), stop.to_string());
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        let reason = format!("the code ended the interpreter's process with status {code}; use `exit()`");
        return Ending::stopped(EndingKind::Trapped, reason);
    }
    if let Some(Trap::StackOverflow) = error.downcast_ref::<Trap>() {
        return Ending::stopped(EndingKind::Trapped, "the code recursed too deeply".to_owned());
    }
    if let Some(reason) = diverged(error) {
        return Ending::stopped(EndingKind::Trapped, reason);
    }
    let failure = call::judge(error, host);
    let kind = match failure.kind {
        FailureKind::Deadline => EndingKind::Deadline,
        FailureKind::Exhausted => EndingKind::Exhausted,
        FailureKind::Cancelled => EndingKind::Cancelled,
        _ => EndingKind::Trapped,
    };
    Ending::stopped(kind, failure.message)
}

/// Runs `work` on a thread with a stack for a guest, and `meanwhile` on this one.
pub(super) fn on_guest_thread<R: Send>(
    work: impl FnOnce() -> R + Send,
    meanwhile: impl FnOnce(),
) -> std::io::Result<R> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("sport-session".to_owned())
            .stack_size(limits::SESSION_WASM_STACK + 2 * limits::HOST_STACK)
            .spawn_scoped(scope, work)?;
        meanwhile();
        match thread.join() {
            Ok(result) => Ok(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The report of a run in a session that has had all the steps that it may have.
pub(crate) fn too_many(steps: usize) -> Option<RunReport> {
    let most = limits::SESSION_STEPS;
    (steps >= most).then(|| {
        let reason = format!("the session has had {most} steps, the most there may be");
        refused(EndingKind::Exhausted, reason)
    })
}

/// The report of a run in a session whose last run ended badly.
pub(crate) fn over(ended: Option<EndingKind>) -> RunReport {
    let last = ended.map_or("badly", EndingKind::name);
    let reason =
        format!("the session is over: its last run ended as {last}; fork it to go on from before that");
    refused(EndingKind::Trapped, reason)
}

/// The report of a run that did not take place.
pub(crate) fn refused(ending: EndingKind, reason: String) -> RunReport {
    RunReport {
        ending,
        answer: None,
        value: None,
        raised: None,
        exit_code: None,
        reason: Some(reason),
        stdout: String::new(),
        stderr: String::new(),
        displays: Vec::new(),
        tool_calls: Vec::new(),
        usage: Usage::default(),
    }
}
