//! The state of a session's store, and the host functions that a session answers itself.
//!
//! While a run is live, what comes from outside is asked of the caller and recorded. While a step is replayed, the same
//! functions answer from the record and check that the guest asks for the same, in the same order; no tool is called.

use std::sync::Arc;

use serde_json::Value;
use wasmtime_wasi::{WasiCtxView, WasiView};

use super::caller::Caller;
use super::journal::{Call, Invoke, Step};
use crate::artifacts::ArtifactStore;
use crate::branch::Branch;
use crate::budget::{Budget, Resource, Stop};
use crate::contract::imports::{context, output, tools};
use crate::contract::{base, lift, lower};
use crate::files::FileView;
use crate::files::scratch::Scratch;
use crate::host::context::remaining;
use crate::host::{HostCx, HostState, LogTail, Reach};
use crate::judging::ToolInfo;
use crate::limits;
use crate::types::{Content, Failure, FailureKind, Outcome, ToolCall};
use crate::wasi::descriptor::{self, Held};
use crate::wasi::stdio::{Channel, Output};
use crate::wasi::{self, AtRest, WasiCx, WasiState};

/// The state of a session's store.
pub(crate) struct SessionState {
    host: HostCx,
    pub(super) wasi: WasiCx,
    /// None between runs.
    pub(super) run: Option<Run>,
}

/// The host's side of a session at rest, as a fork goes on from it.
pub(crate) struct Carried {
    machine: AtRest,
    reach: Reach,
    /// Linear memory in bytes.
    memory: u64,
}

/// The run at hand.
#[derive(Default)]
pub(crate) struct Run {
    pub source: Source,
    /// What is recorded for forks.
    pub calls: Vec<Call>,
    /// What goes into the report.
    pub tool_calls: Vec<ToolCall>,
    /// The list of tools as the guest was last given it: a guest may ask again and again, and every answer is recorded.
    pub listed: Arc<Vec<ToolInfo>>,
}

/// Where answers come from.
#[derive(Default)]
pub(crate) enum Source {
    /// Nowhere.
    #[default]
    None,
    /// The caller.
    Live(Caller),
    /// The record of this step; `next` is the next call to come.
    Replay { step: Arc<Step>, next: usize },
}

/// The guest did something else than what was recorded.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Diverged(pub String);

/// A call from the guest while no run is under way.
#[derive(Debug, thiserror::Error)]
#[error("the interpreter called the host outside of a run")]
struct Idle;

impl SessionState {
    /// A fresh state.
    pub fn new(budget: Budget, store: ArtifactStore, digest: &str, files: FileView, seed: u64) -> Self {
        let mut host = HostCx::new(budget, store, digest, limits::SESSION_MEMORY_BYTES);
        host.log.rename("interpreter");
        Self { host, wasi: WasiCx::new(files, seed, Arc::new(Output::default())), run: None }
    }

    /// The branch as it is now.
    pub fn branch(&self) -> Branch {
        Branch { files: self.wasi.files.lock().view.clone(), state: self.host.state.clone() }
    }

    /// Puts an equal branch in place of this one, to share its memory.
    pub fn set_branch(&mut self, branch: &Branch) {
        self.wasi.files.lock().view = branch.files.clone();
        self.host.state = branch.state.clone();
    }

    /// The handles that the guest holds.
    pub fn held(&mut self) -> Vec<Held> {
        descriptor::held(&mut self.host.table)
    }

    /// What of the host's side goes on in a fork, besides the branch.
    pub fn carried(&self) -> Carried {
        Carried {
            machine: self.wasi.at_rest(),
            reach: self.host.reach.clone(),
            memory: self.host.limiter.memory(),
        }
    }

    /// Goes on where the other session was; fails when there is no room for its memory.
    pub fn carry_on(&mut self, carried: &Carried) -> Result<(), Stop> {
        self.host.limiter.hold(carried.memory)?;
        self.host.log = LogTail::new("interpreter");
        self.wasi.go_on_from(&carried.machine);
        self.host.reach = carried.reach.clone();
        Ok(())
    }

    fn running(&mut self) -> wasmtime::Result<&mut Run> {
        self.run.as_mut().ok_or_else(|| Idle.into())
    }

    /// The next recorded call of a replay; none when the run is live.
    fn recorded(&mut self, what: &str) -> wasmtime::Result<Option<Call>> {
        let run = self.running()?;
        let Source::Replay { step, next } = &mut run.source else { return Ok(None) };
        let call = step.calls.get(*next).cloned();
        *next += 1;
        call.map(Some).ok_or_else(|| Diverged(format!("it made one more call than recorded: {what}")).into())
    }

    fn invoke(&mut self, name: String, arguments: &str) -> wasmtime::Result<Result<Outcome, Failure>> {
        self.host.enter()?;
        // A name or a text that is no JSON fails the same way in every replay, so it needs no record.
        let arguments = match lift::json(arguments, "arguments") {
            Ok(arguments) => arguments,
            Err(failure) => return Ok(Err(failure)),
        };
        if name.len() > limits::NAME_BYTES {
            return Ok(Err(Failure::new(
                FailureKind::NotFound,
                "no-such-tool",
                "no tool has so long a name",
            )));
        }
        let invoke = match self.recorded(&format!("tool {name}"))? {
            Some(Call::Invoke(recorded)) => {
                if recorded.name != name || recorded.arguments != arguments {
                    let reason = format!(
                        "it called {name} with {arguments}, recorded is {} with {}",
                        recorded.name, recorded.arguments
                    );
                    return Err(Diverged(crate::text::clean_line(&reason, limits::MESSAGE_BYTES)).into());
                }
                self.wasi.files.lock().view.scratch.apply(&recorded.files);
                self.host.state = recorded.state.clone();
                recorded
            }
            Some(_) => {
                return Err(Diverged(format!("it called tool {name}, recorded is another call")).into());
            }
            None => self.call_tool(name, arguments)?,
        };
        if let Ok(outcome) = &invoke.outcome {
            for content in &outcome.content {
                if let Content::Artifact(artifact) = content
                    && let Err(failure) = self.host.reach.add(artifact)
                {
                    return Ok(Err(failure));
                }
            }
        }
        // The record is kept as long as the session, so it counts as the session's memory: a number that is one byte of
        // JSON is a whole value here.
        let kept = weight(&invoke.arguments) + invoke.outcome.as_ref().map_or(0, weight_of_outcome);
        self.host.limiter.grow_to(self.host.limiter.memory().saturating_add(kept))?;
        let outcome = invoke.outcome.clone();
        let run = self.running()?;
        run.tool_calls.push(ToolCall {
            name: invoke.name.clone(),
            arguments: invoke.arguments.clone(),
            outcome: outcome.clone(),
        });
        run.calls.push(Call::Invoke(invoke));
        Ok(outcome)
    }

    /// Calls a tool for real.
    fn call_tool(&mut self, name: String, arguments: serde_json::Value) -> wasmtime::Result<Box<Invoke>> {
        let before = self.branch();
        let charged = self.host.budget.charge(Resource::ToolCalls, 1);
        let (outcome, after) = match charged {
            Err(stop) => (Err(stop.failure()), before.clone()),
            Ok(()) => {
                let budget = self.host.budget.clone();
                let Source::Live(caller) = &self.running()?.source else { return Err(Idle.into()) };
                caller.invoke(name.clone(), arguments.clone(), before.clone(), budget)?
            }
        };
        let files = Scratch::change(&before.files.scratch, &after.files.scratch);
        self.set_branch(&after);
        // Time ran on while the tool worked.
        self.host.budget.check()?;
        Ok(Box::new(Invoke { name, arguments, outcome, files, state: after.state }))
    }
}

impl HostState for SessionState {
    fn host(&mut self) -> &mut HostCx {
        &mut self.host
    }
}

impl WasiState for SessionState {
    fn parts(&mut self) -> (&mut HostCx, &mut WasiCx) {
        (&mut self.host, &mut self.wasi)
    }
}

impl WasiView for SessionState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        wasi::view(self)
    }
}

impl tools::Host for SessionState {
    fn list_tools(&mut self) -> wasmtime::Result<Vec<tools::ToolInfo>> {
        self.host.enter()?;
        let infos = match self.recorded("the list of tools")? {
            Some(Call::ListTools(infos)) => infos,
            Some(_) => {
                return Err(
                    Diverged("it asked for the list of tools, recorded is another call".to_owned()).into()
                );
            }
            None => {
                let Source::Live(caller) = &self.running()?.source else { return Err(Idle.into()) };
                let infos = caller.tools()?;
                let run = self.running()?;
                if *run.listed != infos {
                    run.listed = Arc::new(infos);
                }
                Arc::clone(&run.listed)
            }
        };
        let lowered = infos.iter().map(lower::tool_info).collect();
        self.running()?.calls.push(Call::ListTools(infos));
        Ok(lowered)
    }

    fn invoke(
        &mut self,
        name: String,
        arguments: String,
    ) -> wasmtime::Result<Result<tools::Outcome, base::Failure>> {
        let outcome = Self::invoke(self, name, &arguments)?;
        Ok(outcome.map(lower::tools_outcome).map_err(lower::failure))
    }
}

impl context::Host for SessionState {
    fn run_id(&mut self) -> wasmtime::Result<String> {
        context::Host::run_id(&mut self.host)
    }

    fn remaining(&mut self) -> wasmtime::Result<context::Budget> {
        self.host.enter()?;
        let (wall_ms, calls) = match self.recorded("what is left of the budget")? {
            Some(Call::Remaining { wall_ms, calls }) => (wall_ms, calls),
            Some(_) => {
                return Err(Diverged("it asked for its budget, recorded is another call".to_owned()).into());
            }
            None => {
                let left = remaining(&self.host);
                (left.wall_ms_left, left.calls_left)
            }
        };
        self.running()?.calls.push(Call::Remaining { wall_ms, calls });
        Ok(context::Budget { wall_ms_left: wall_ms, calls_left: calls, tokens_left: None })
    }

    fn progress(&mut self, done: f64, message: String) -> wasmtime::Result<()> {
        context::Host::progress(&mut self.host, done, message)
    }
}

impl output::Host for SessionState {
    fn write(
        &mut self,
        channel: output::Channel,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), output::WriteError>> {
        self.host.enter()?;
        let channel = match channel {
            output::Channel::Stdout => Channel::Stdout,
            output::Channel::Stderr => Channel::Stderr,
        };
        self.wasi.output.write(channel, &bytes)?;
        Ok(Ok(()))
    }

    fn display(&mut self, content: base::Content) -> wasmtime::Result<Result<(), output::WriteError>> {
        self.host.enter()?;
        if let base::Content::Image(blob) | base::Content::Audio(blob) = &content {
            self.host.budget.charge(Resource::Artifacts, blob.bytes.len() as u64)?;
        }
        let lifted = lift::content(content, &mut self.host.reach, &self.host.store);
        match lifted {
            Ok(content) => {
                self.wasi.output.display(content)?;
                Ok(Ok(()))
            }
            Err(failure) => {
                tracing::debug!(%failure, "a piece of displayed content was refused");
                let closed = failure.kind != FailureKind::Exhausted;
                Ok(Err(if closed { output::WriteError::Closed } else { output::WriteError::OverLimit }))
            }
        }
    }
}

/// What a value takes of the host's memory, about.
fn weight(value: &Value) -> u64 {
    let below: u64 = match value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| FIELD + key.len() as u64 + weight(value)).sum()
        }
        _ => 0,
    };
    size_of::<Value>() as u64 + below
}

/// What a field's name takes beside its letters: a text's own size and a place in the index.
const FIELD: u64 = 48;

fn weight_of_outcome(outcome: &Outcome) -> u64 {
    let content = outcome.content.iter().map(|content| match content {
        Content::Text { text } => text.len() as u64,
        Content::Artifact(_) => 256,
        Content::Other { value, .. } => weight(value),
    });
    content.sum::<u64>() + outcome.structured.as_ref().map_or(0, weight)
}

/// Why a run stopped, where the budget stopped it.
pub(super) fn stop_of(error: &wasmtime::Error) -> Option<Stop> {
    error.downcast_ref::<Stop>().copied()
}
