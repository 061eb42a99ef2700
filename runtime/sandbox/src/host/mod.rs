//! The host functions (`sport:host`), for every kind of component.
//!
//! A store's state holds a [`HostCx`] and says so by implementing [`HostState`]; the functions here are
//! generic over that, so tool calls, verifier calls and interpreter sessions link the same code. Every
//! function begins with [`HostCx::enter`]: it traps during `describe`, charges the call, and stops at the
//! deadline.

pub mod artifacts;
pub mod chat;
pub mod context;
pub mod fetch;
pub mod kv;
pub mod log;
pub mod secrets;
pub mod tools;

use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker, ResourceTable};

use crate::artifacts::ArtifactStore;
use crate::budget::Budget;
use crate::contract::imports;
use crate::fetch::Network;
use crate::limiter::Limiter;
use crate::state::PluginState;

pub use artifacts::Reach;
pub use chat::Asked;
pub use log::LogTail;
pub use tools::Nested;

/// The state of a store whose guest may call the host.
pub trait HostState: Send + 'static {
    /// What the shared host functions work on.
    fn host(&mut self) -> &mut HostCx;
}

impl HostState for HostCx {
    fn host(&mut self) -> &mut HostCx {
        self
    }
}

/// What a guest is doing, which decides what it may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `describe`: every import traps.
    Describe,
    /// `warm`: every import traps, but for the reading of what it was handed, and the log.
    Warm,
    /// Its work.
    Work,
}

/// A call into the host that the guest's phase does not allow; becomes a trap.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Forbidden(pub &'static str);

/// What the shared host functions work on: one per store.
pub struct HostCx {
    /// The budget of the call or run at hand.
    pub budget: Budget,
    /// The store's aggregate limiter.
    pub limiter: Limiter,
    /// Where artifacts are.
    pub store: ArtifactStore,
    /// Which of them this guest may read.
    pub reach: Reach,
    /// Whose state `kv` is about: the component's digest.
    pub plugin: String,
    /// The branch's plugin state, as this call sees it.
    pub state: PluginState,
    /// The guest's log.
    pub log: LogTail,
    /// Host resources that the guest holds handles of.
    pub table: ResourceTable,
    /// What the guest is doing.
    pub phase: Phase,
    /// What `context.run-id` answers.
    pub run_id: String,
    /// The guest calls itself deterministic: what differs from run to run traps.
    pub deterministic: bool,
    /// Other tools, where they are granted.
    pub nested: Option<Box<dyn Nested>>,
    /// Hosts and secrets, where they are granted.
    pub network: Option<Arc<Network>>,
    /// Models, where they are granted.
    pub chat: Option<Arc<Asked>>,
    /// How many handles of secrets the guest holds.
    pub secret_handles: usize,
}

impl HostCx {
    /// The state of a call on `budget`, with nothing granted.
    pub fn new(budget: Budget, store: ArtifactStore, plugin: &str, memory_cap: u64) -> Self {
        Self {
            limiter: Limiter::new(budget.clone(), memory_cap),
            budget,
            store,
            reach: Reach::default(),
            plugin: plugin.to_owned(),
            state: PluginState::new(),
            log: LogTail::new(plugin),
            table: ResourceTable::new(),
            phase: Phase::Work,
            run_id: String::new(),
            deterministic: false,
            nested: None,
            network: None,
            chat: None,
            secret_handles: 0,
        }
    }

    /// Every host function calls this first.
    pub fn enter(&mut self) -> wasmtime::Result<()> {
        if self.phase == Phase::Warm {
            let what = "warm called an import; it may only read the artifacts that it is handed, and log";
            return Err(Forbidden(what).into());
        }
        self.enter_in_warm()
    }

    /// The same for what `warm` may call.
    pub fn enter_in_warm(&mut self) -> wasmtime::Result<()> {
        if self.phase == Phase::Describe {
            return Err(Forbidden("describe called an import; it must only return constants").into());
        }
        self.budget.enter_host()?;
        Ok(())
    }
}

/// Links one `sport:host` interface by its name, for example `kv`; `false` when this module has none of that
/// name (`output` belongs to the sessions).
pub fn link<T: HostState>(linker: &mut Linker<T>, interface: &str) -> wasmtime::Result<bool> {
    match interface {
        "log" => imports::log::add_to_linker::<T, HasSelf<HostCx>>(linker, T::host)?,
        "context" => imports::context::add_to_linker::<T, HasSelf<HostCx>>(linker, T::host)?,
        "artifacts" => imports::artifacts::add_to_linker::<T, HasSelf<HostCx>>(linker, T::host)?,
        "kv" => imports::kv::add_to_linker::<T, HasSelf<HostCx>>(linker, T::host)?,
        "secrets" => imports::secrets::add_to_linker::<T, HasSelf<HostCx>>(linker, T::host)?,
        "fetch" => imports::fetch::add_to_linker::<T, HasSelf<HostCx>>(linker, T::host)?,
        "chat" => imports::chat::add_to_linker::<T, HasSelf<HostCx>>(linker, T::host)?,
        "tools" => imports::tools::add_to_linker::<T, HasSelf<HostCx>>(linker, T::host)?,
        _ => return Ok(false),
    }
    Ok(true)
}
