//! A run in another process, from the request to the report: the host answers what the code asks for, and keeps what a replay
//! would need.

use std::sync::Arc;
use std::time::Instant;

use super::check::{self, Unbelievable};
use super::domain::NOTHING;
use super::ledger::Ledger;
use super::message::{CallNote, Done, Invoke, Invoked, Order, Word};
use super::pack::{PackedChange, PackedOutcome, PackedRequest, value_of};
use super::remote::Line;
use super::wire::{Body, Received, Taken, WireError};
use crate::artifacts::ArtifactStore;
use crate::branch::{Branch, ToolHost};
use crate::budget::{Budget, Resource, Stop};
use crate::files::scratch::Scratch;
use crate::judging::ToolInfo;
use crate::limits;
use crate::session::caller::Sink;
use crate::session::journal::{Call, Invoke as Recorded, Step};
use crate::state::PluginState;
use crate::timeouts;
use crate::types::{RunReport, RunRequest, ToolCall};

impl Recorded {
    /// As the report has it.
    pub(super) fn into_call(self) -> ToolCall {
        ToolCall { name: self.name, arguments: self.arguments, outcome: self.outcome }
    }
}

/// A run under way.
pub(super) struct Run<'a> {
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

impl<'a> Run<'a> {
    /// One of which nothing was sent yet, on this branch.
    pub fn new(line: &'a Line, store: &'a ArtifactStore, budget: &'a Budget, branch: Branch) -> Self {
        let ledger = Ledger::new(budget.clone());
        Self {
            line,
            store,
            ledger,
            budget,
            branch,
            lists: Vec::new(),
            calls: Vec::new(),
            shown: 0,
            grace: None,
        }
    }

    /// The tool calls that were answered so far.
    pub fn tool_calls(self) -> Vec<ToolCall> {
        self.calls.into_iter().map(Recorded::into_call).collect()
    }
}

/// A report; the step and the branch after it, if it was committed.
pub(super) type Came = (RunReport, Option<Step>, Branch);

impl Run<'_> {
    /// All of it.
    pub fn all(
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
                    // What ended while the tool worked ends before the code gets its answer.
                    self.look().map_err(WireError::Stopped)?;
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
        let line = self.line;
        line.wire.receive_from_stranger(&mut || self.look())
    }

    /// Looks whether the run may go on; tells the worker when it was cancelled, and gives up when the worker had its time.
    fn look(&mut self) -> Result<(), Stop> {
        if let Some((until, stop)) = self.grace {
            return if Instant::now() < until { Ok(()) } else { Err(stop) };
        }
        if let Err(stop) = self.budget.check() {
            self.grace = Some((Instant::now() + timeouts::WORKER_GRACE, stop));
            if stop == Stop::Cancelled {
                // One that is gone is found out by the next reading.
                let _ = self.line.wire.send(&Order::Cancel, &Body::default(), NOTHING);
            }
        }
        Ok(())
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
