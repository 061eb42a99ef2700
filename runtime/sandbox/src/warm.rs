//! The warm start of a tool: what its `warm` leaves in memory is what every call begins with.
//!
//! A component that exports `sport:tool/warm` is rewritten once. It is instantiated with doors into its memories and
//! globals, `warm` is run, and what they hold then becomes their beginning: data and initial values of a new component, with
//! the same code, imports and exports. That one is compiled and kept like any other, and the engine maps its data
//! copy-on-write for every call, so a call pays for the pages that it touches. The rewriting is that of `wasmtime-wizer`.
//!
//! # Why a copy is as good as the real thing
//!
//! * All of a guest's state is memories, mutable globals and tables. The rewriting takes the first two, and refuses
//!   components with instructions that change a table.
//! * No handle of the host outlives `warm`: it may call `artifacts.read` and `log` alone, which give none.
//! * What is left depends on the component and on the granted artifacts only, so their digests name it in the cache.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sha2::{Digest as _, Sha256};
use wasmtime::Store;
use wasmtime::component::{Instance, Lift, Linker, WasmList};
use wasmtime_wizer::{ComponentContext, ComponentInstanceState, Wizer};

use crate::admission::{self, Admitted};
use crate::aot::AotCache;
use crate::artifacts::ArtifactStore;
use crate::budget::Budget;
use crate::call;
use crate::compile::Profile;
use crate::contract::warm::Warm;
use crate::contract::{lift, lower, version};
use crate::engine::{self, CallComponent, CallEngine, SessionEngine};
use crate::error::Error;
use crate::host::{self, HostCx, Phase, Reach};
use crate::inspect::{self, Inspection};
use crate::limits::{self, Limits};
use crate::{stack, text};

/// The interface that says that a component has a warm start.
const INTERFACE: &str = "sport:tool/warm";

/// Part of what a warmed component is kept under: changes when the way of warming does.
const WAY: &str = "warm 1";

/// Whether a component wants a warm start.
pub(crate) fn wanted(inspection: &Inspection) -> bool {
    inspection.exports.iter().any(|export| inspect::unversioned(export) == INTERFACE)
}

/// The component after its warm start, from the cache or made now.
pub(crate) fn component(
    call: &CallEngine,
    session: &SessionEngine,
    aot: &AotCache,
    admitted: &Admitted,
) -> Result<CallComponent, Error> {
    let Admitted { name, inspection, source, .. } = admitted;
    check_version(name, inspection)?;
    let bytes = || warmed(session, aot, admitted, source.bytes()?).map(Cow::Owned);
    aot.component(call.engine(), Profile::Call, name, &key(admitted), bytes).map(CallComponent)
}

fn check_version(name: &str, inspection: &Inspection) -> Result<(), Error> {
    let found = inspection.exports.iter().filter(|export| inspect::unversioned(export) == INTERFACE);
    let mut foreign = found.filter(|export| {
        !admission::version_of(export).is_some_and(|version| version::takes("sport:tool", version))
    });
    match foreign.next().cloned() {
        Some(found) => {
            Err(Error::ContractUnsupported { name: name.to_owned(), found, takes: version::taken() })
        }
        None => Ok(()),
    }
}

/// What the warmed component is kept under: everything that it depends on.
fn key(admitted: &Admitted) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    part(WAY);
    part(&admitted.inspection.digest);
    for artifact in admitted.grants.artifacts() {
        part(&artifact.name);
        part(&artifact.digest);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs `warm` and gives back the component that begins where it ended.
fn warmed(
    session: &SessionEngine,
    aot: &AotCache,
    admitted: &Admitted,
    bytes: &[u8],
) -> Result<Vec<u8>, Error> {
    let name = &admitted.name;
    let bad = |reason: String| Error::Warm { name: name.clone(), reason };
    // The library checks what it is given, but was not made for components that mean harm.
    let guarded = catch_unwind(AssertUnwindSafe(|| {
        let wizer = Wizer::new();
        let (context, open) = wizer
            .instrument_component(bytes)
            .map_err(|error| bad(format!("its memory cannot be copied: {}", line(&error))))?;
        let component = aot.uncached(session.engine(), Profile::Session, name, &open)?;
        let mut linker = Linker::<HostCx>::new(session.engine());
        let failed = |error: wasmtime::Error| Error::compile(name, &error);
        for interface in &admitted.interfaces {
            host::link(&mut linker, interface).map_err(failed)?;
        }
        let linked = linker.instantiate_pre(&component).map_err(failed)?;
        let room = limits::SESSION_WASM_STACK + limits::HOST_STACK;
        stack::with_room(room, || {
            let mut store = Store::new(session.engine(), state(admitted)?);
            let ran = run(&mut store, admitted, |store| linked.instantiate(store));
            let host = store.data_mut();
            host.budget.charge_cpu();
            let instance = ran.map_err(|stopped| match stopped {
                Stopped::Failed(reason) => bad(reason),
                Stopped::Trapped(error) => bad(call::judge(&error, host).message),
            })?;
            snapshot(&wizer, &context, &mut Doors { store, instance, broken: None }).map_err(bad)
        })
        .map_err(|error| Error::Engine { reason: format!("cannot start a thread: {error}") })?
    }));
    let unusual = |_| Err(bad("its memory cannot be copied: the component has an unusual form".to_owned()));
    let made = guarded.unwrap_or_else(unusual)?;
    if made.len() as u64 > limits::COMPONENT_BYTES {
        let size = made.len();
        return Err(bad(format!(
            "with what it left it has {size} bytes, the most is {}",
            limits::COMPONENT_BYTES
        )));
    }
    Ok(made)
}

/// The store's state: the granted artifacts within reach, and nothing else that could be reached.
fn state(admitted: &Admitted) -> Result<HostCx, Error> {
    let store = ArtifactStore::new_in_memory();
    let mut reach = Reach::default();
    for artifact in admitted.grants.artifacts() {
        let reference = store.put(&artifact.bytes, artifact.media_type(), Some(&artifact.name))?;
        reach
            .add(&reference)
            .map_err(|failure| Error::Warm { name: admitted.name.clone(), reason: failure.message })?;
    }
    let budget = Budget::new(Limits::warm());
    budget.enter_thread();
    let mut host = HostCx::new(budget, store, &admitted.inspection.digest, limits::WARM_MEMORY_BYTES);
    host.log.rename(&admitted.name);
    host.reach = reach;
    host.phase = Phase::Warm;
    Ok(host)
}

/// Why there is no warm instance.
enum Stopped {
    /// It said so itself.
    Failed(String),
    /// It trapped or was stopped.
    Trapped(wasmtime::Error),
}

/// Instantiates the component and runs its `warm`.
fn run(
    store: &mut Store<HostCx>,
    admitted: &Admitted,
    instantiate: impl FnOnce(&mut Store<HostCx>) -> wasmtime::Result<Instance>,
) -> Result<Instance, Stopped> {
    engine::arm(store);
    let instance = instantiate(store).map_err(Stopped::Trapped)?;
    let handed: Vec<_> =
        admitted.grants.artifacts().iter().map(|artifact| lower::artifact(artifact.reference())).collect();
    let bindings = Warm::new(&mut *store, &instance).map_err(Stopped::Trapped)?;
    match bindings.sport_tool_warm().call_warm(&mut *store, &handed).map_err(Stopped::Trapped)? {
        Ok(()) => Ok(instance),
        Err(failure) => Err(Stopped::Failed(lift::failure(failure).to_string())),
    }
}

/// Reads the instance and writes the new component.
fn snapshot(wizer: &Wizer, context: &ComponentContext<'_>, doors: &mut Doors) -> Result<Vec<u8>, String> {
    // To look at a memory the engine lifts it as a list.
    doors.store.set_hostcall_fuel(usize::MAX);
    let written = {
        let mut work = pin!(wizer.snapshot_component(context, doors));
        match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(written) => written,
            // Its waits are those of `Doors`, which has none.
            Poll::Pending => return Err("its memory cannot be copied: the copy waits".to_owned()),
        }
    };
    if let Some(reason) = doors.broken.take() {
        return Err(format!("its memory cannot be copied: {reason}"));
    }
    written.map_err(|error| format!("its memory cannot be copied: {}", line(&error)))
}

/// The ways into an instance's memories and globals that the rewriting made.
struct Doors {
    store: Store<HostCx>,
    instance: Instance,
    /// The first thing that went wrong: the library has no place for it.
    broken: Option<String>,
}

impl Doors {
    fn ask<R: Lift + Send + Sync + 'static>(&mut self, interface: &str, function: &str) -> Option<R> {
        let asked = self.try_ask(interface, function);
        asked.inspect_err(|error| self.broken = self.broken.take().or_else(|| Some(line(error)))).ok()
    }

    fn try_ask<R: Lift + Send + Sync + 'static>(
        &mut self,
        interface: &str,
        function: &str,
    ) -> wasmtime::Result<R> {
        let missing = || wasmtime::Error::msg(format!("{function} is missing"));
        let (_, interface) =
            self.instance.get_export(&mut self.store, None, interface).ok_or_else(missing)?;
        let (_, function) =
            self.instance.get_export(&mut self.store, Some(&interface), function).ok_or_else(missing)?;
        let function = self.instance.get_typed_func::<(), (R,)>(&mut self.store, function)?;
        Ok(function.call(&mut self.store, ())?.0)
    }
}

impl ComponentInstanceState for Doors {
    async fn call_func_ret_list_u8(
        &mut self,
        interface: &str,
        function: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        // Nothing after this can be right, but every memory is asked for once.
        match self.ask::<WasmList<u8>>(interface, function) {
            Some(list) => contents(list.as_le_slice(&self.store)),
            None => contents(&[]),
        }
    }

    async fn call_func_ret_s32(&mut self, interface: &str, function: &str) -> i32 {
        self.ask(interface, function).unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, interface: &str, function: &str) -> i64 {
        self.ask(interface, function).unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, interface: &str, function: &str) -> u32 {
        self.ask(interface, function).map(f32::to_bits).unwrap_or_default()
    }

    async fn call_func_ret_f64(&mut self, interface: &str, function: &str) -> u64 {
        self.ask(interface, function).map(f64::to_bits).unwrap_or_default()
    }
}

/// What the engine or the library says, which may quote the component, as one line.
fn line(error: &wasmtime::Error) -> String {
    text::clean_line(&format!("{error:#}"), limits::SHORT_TEXT_BYTES)
}
