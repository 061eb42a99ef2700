//! One call of a tool or a verifier: a fresh store, the guest, and a judgement of how it ended.
//!
//! The store lives only here. Whatever happens in it (a trap, a stop, a bad value), it is dropped before this
//! returns, so no guest is ever entered again after it went wrong.

use std::sync::Arc;

use wasmtime::component::{InstancePre, Linker};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};

use crate::admission::Admitted;
use crate::budget::{Resource, Stop};
use crate::chat::Models;
use crate::engine::{self, CallComponent, CallEngine};
use crate::error::Error;
use crate::fetch::Network;
use crate::host::{self, Asked, Forbidden, HostCx, HostState};
use crate::types::{Failure, FailureKind};
use crate::{limits, stack, text};

/// Links what was granted and nothing else.
pub(crate) fn link(
    engine: &CallEngine,
    component: &CallComponent,
    admitted: &Admitted,
) -> Result<InstancePre<HostCx>, Error> {
    let bad = |error: wasmtime::Error| Error::compile(&admitted.name, &error);
    let mut linker = Linker::<HostCx>::new(engine.engine());
    for interface in &admitted.interfaces {
        host::link(&mut linker, interface).map_err(bad)?;
    }
    linker.instantiate_pre(&component.0).map_err(bad)
}

/// The span of a call. [`run`] fills in how long it waited before its guest began, and how often the guest called the host.
pub(crate) fn span(kind: &'static str, plugin: &str, what: &str) -> tracing::Span {
    let empty = tracing::field::Empty;
    tracing::debug_span!("call", %kind, %plugin, %what, queue_us = empty, host_calls = empty)
}

/// The way outside of an admitted component; none if it asks for none.
pub(crate) fn network(engine: &CallEngine, admitted: &Admitted) -> Result<Option<Arc<Network>>, Error> {
    let asks = |interface: &String| interface == "fetch" || interface == "secrets";
    if !admitted.interfaces.iter().any(asks) {
        return Ok(None);
    }
    let grants = &admitted.grants;
    Network::new(grants.egress(), grants.secrets(), engine.lookups()).map(|network| Some(Arc::new(network)))
}

/// The models that an admitted component may ask; none if it asks for none.
pub(crate) fn asked(models: &Models, admitted: &Admitted) -> Result<Option<Arc<Asked>>, Error> {
    if !admitted.interfaces.iter().any(|interface| interface == "chat") {
        return Ok(None);
    }
    let allowed = admitted.grants.models().cloned();
    let missing = allowed.iter().flat_map(|allowed| allowed.iter()).find(|role| models.get(role).is_none());
    if let Some(missing) = missing {
        let there: Vec<String> = models.roles().map(str::to_owned).collect();
        let there = if there.is_empty() { "none".to_owned() } else { text::listed(&there) };
        return Err(Error::Invalid {
            what: format!("the grants of {}", admitted.name),
            reason: format!("it is granted the model `{missing}`, which is not set up; there are: {there}"),
        });
    }
    Ok(Some(Arc::new(Asked::new(models.clone(), allowed))))
}

/// A guest's work in a call, in a store of this state.
pub(crate) trait Work<S>: Send {
    /// What it gives back.
    type Result: Send;

    /// Instantiates the component in `store` and calls it.
    fn run(self, store: &mut Store<S>) -> wasmtime::Result<Self::Result>;
}

impl<S, R: Send, F: FnOnce(&mut Store<S>) -> wasmtime::Result<R> + Send> Work<S> for F {
    type Result = R;

    fn run(self, store: &mut Store<S>) -> wasmtime::Result<R> {
        self(store)
    }
}

/// Runs a guest in a fresh store and gives back its result with the store's state.
pub(crate) fn run<S: HostState, W: Work<S>>(
    engine: &CallEngine,
    mut state: S,
    fuel: u64,
    slots: u32,
    work: W,
) -> Result<(W::Result, S), Failure> {
    let asked = std::time::Instant::now();
    let span = tracing::Span::current();
    let Some(slots) = engine.reserve(slots) else {
        let mut failure =
            Failure::new(FailureKind::Unavailable, "pool-exhausted", "too many calls run at once");
        failure.retryable = true;
        return Err(failure);
    };
    state.host().budget.check().map_err(Stop::failure)?;
    let room = limits::CALL_WASM_STACK + limits::HOST_STACK;
    let ended = stack::with_room(room, || {
        span.record("queue_us", micros(asked));
        state.host().budget.enter_thread();
        let mut store = Store::new(engine.engine(), state);
        engine::arm(&mut store);
        let result = store.set_fuel(fuel).and_then(|()| work.run(&mut store));
        let host = store.data_mut().host();
        host.budget.charge_cpu();
        span.record("host_calls", host.budget.used(Resource::HostCalls));
        let result = result.map_err(|error| judge(&error, host));
        result.map(|result| (result, store.into_data()))
    });
    drop(slots);
    ended.unwrap_or_else(|error| {
        let mut failure =
            Failure::new(FailureKind::Unavailable, "no-thread", format!("cannot start a thread: {error}"));
        failure.retryable = true;
        Err(failure)
    })
}

/// How long it is since then, in microseconds.
pub(crate) fn micros(since: std::time::Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Why a guest's call did not come back, as a failure with a stable code.
pub(crate) fn judge(error: &wasmtime::Error, host: &HostCx) -> Failure {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return stop.failure();
    }
    if let Some(forbidden) = error.downcast_ref::<Forbidden>() {
        return Failure::new(FailureKind::Denied, "forbidden-import", forbidden.to_string());
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        let mut failure =
            Failure::new(FailureKind::Unavailable, "pool-exhausted", "too many calls run at once");
        failure.retryable = true;
        return failure;
    }
    let trap = error.downcast_ref::<Trap>().copied();
    match trap {
        Some(Trap::OutOfFuel) => {
            return Failure::new(
                FailureKind::Exhausted,
                "fuel-exhausted",
                "the component ran too many instructions",
            );
        }
        Some(Trap::StackOverflow) => {
            return Failure::new(
                FailureKind::Exhausted,
                "stack-exhausted",
                "the component recursed too deeply",
            );
        }
        Some(Trap::Interrupt) => {
            // The callback answers with a reason; this is for the moment between its answer and the trap.
            let stop = host.budget.check().err().unwrap_or(Stop::Cancelled);
            return stop.failure();
        }
        _ => {}
    }
    let chain = format!("{error:#}");
    if chain.contains("fuel allocated for hostcalls has been exhausted") {
        return Failure::new(
            FailureKind::Exhausted,
            "hostcall-exhausted",
            "the component passed too much at once",
        );
    }
    if chain.contains("store handle limit exceeded") {
        return Failure::new(
            FailureKind::Exhausted,
            "handles-exhausted",
            "the component opened too many handles",
        );
    }
    // A guest that was refused memory usually traps a moment later: its allocator gives up.
    if let Some(stop) = host.budget.refused() {
        return with_log(stop.failure(), host);
    }
    // The root cause says what happened; the frames above it are the guest's own names.
    let cause = trap.map_or_else(|| error.root_cause().to_string(), |trap| trap.to_string());
    let cause = text::clean_line(&cause, limits::SHORT_TEXT_BYTES);
    let message = match host.log.last_error() {
        Some(words) => format!("the component trapped ({cause}); it said: {words}"),
        None => format!("the component trapped ({cause})"),
    };
    with_log(Failure::new(FailureKind::Internal, "trapped", message), host)
}

fn with_log(mut failure: Failure, host: &HostCx) -> Failure {
    let lines = host.log.lines();
    if !lines.is_empty() {
        failure.details = Some(serde_json::json!({ "log": lines, "dropped": host.log.dropped() }));
    }
    failure
}
