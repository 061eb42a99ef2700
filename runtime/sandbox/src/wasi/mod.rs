//! What an interpreter's language runtime sees of WASI 0.2: a small, deterministic machine.
//!
//! * files ([`filesystem`], [`descriptor`], [`streams`]): `/task` and `/scratch` of the session's branch, nothing else;
//! * time ([`clock`]): virtual. It starts at a fixed date, a reading moves it a little, sleeping moves it without waiting;
//! * random: a stream that the session's seed decides;
//! * standard output and error ([`stdio`]): into the run's output, on the run's budget; standard input is empty;
//! * everything else (streams, polling, environment, exit, sockets) is `wasmtime-wasi` with an empty context: no
//!   variables, no arguments, every address denied.
//!
//! So a guest that is started with the same seed and files and told the same does the same, which is what forks by replay
//! rest on. Our instances shadow those of `wasmtime-wasi`, whose resource types for descriptors are kept as plain handle
//! types: the handle's number leads to our own entry in the resource table.

pub(crate) mod clock;
pub(crate) mod descriptor;
mod filesystem;
mod random;
pub(crate) mod stdio;
mod streams;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::{HasData, Linker};
use wasmtime_wasi::p2::bindings::sync::filesystem::types as filesystem_types;
use wasmtime_wasi::p2::bindings::{
    cli, clocks, filesystem as filesystem_bindings, random as random_bindings,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::files::FileView;
use crate::files::scratch::Inode;
use crate::host::{HostCx, HostState};
use clock::Clock;
use random::SeededRandom;
use stdio::Output;

/// The WASI side of a session's store.
pub(crate) struct WasiCx {
    /// What `wasmtime-wasi` works on; empty.
    context: WasiCtx,
    /// The branch's files, shared with the open streams.
    pub files: SharedFiles,
    /// Virtual time, shared with the pollables.
    pub clock: Arc<Clock>,
    /// The descriptor that the guest has just asked the identity of.
    hashed: Option<u32>,
    /// The seeded stream.
    random: SeededRandom,
    /// Where standard output and error go, shared with the open streams.
    pub output: Arc<Output>,
}

/// The files of a running session. Behind a lock because the engine's streams are shared objects; one thread runs a
/// session, so nobody ever waits for it.
#[derive(Clone, Debug)]
pub(crate) struct SharedFiles(Arc<Mutex<LiveFiles>>);

/// The branch's files and which of them are open.
#[derive(Debug)]
pub(crate) struct LiveFiles {
    /// The files.
    pub view: FileView,
    /// Descriptors per scratch node.
    open: BTreeMap<Inode, u32>,
}

impl SharedFiles {
    fn new(view: FileView) -> Self {
        Self(Arc::new(Mutex::new(LiveFiles { view, open: BTreeMap::new() })))
    }

    /// The files, for the time of one operation.
    pub fn lock(&self) -> MutexGuard<'_, LiveFiles> {
        // Nothing under this lock runs foreign code; a panic there would be a bug of ours, and the tree is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveFiles {
    fn opened(&mut self, inode: Inode) {
        *self.open.entry(inode).or_default() += 1;
    }

    fn closed(&mut self, inode: Inode) {
        let Some(count) = self.open.get_mut(&inode) else { return };
        *count -= 1;
        if *count == 0 {
            self.open.remove(&inode);
            self.view.scratch.forget(inode);
        }
    }
}

impl WasiCx {
    /// A fresh machine.
    pub fn new(files: FileView, seed: u64, output: Arc<Output>) -> Self {
        Self {
            context: WasiCtx::builder().build(),
            files: SharedFiles::new(files),
            clock: Arc::default(),
            hashed: None,
            random: SeededRandom::new(seed),
            output,
        }
    }

    /// What goes on in a fork, besides the files.
    pub fn at_rest(&self) -> AtRest {
        AtRest { clock: self.clock.peek(), hashed: self.hashed, random: self.random.clone() }
    }

    /// Goes on where another machine was.
    pub fn go_on_from(&mut self, other: &AtRest) {
        self.clock.set(other.clock);
        self.hashed = other.hashed;
        self.random = other.random.clone();
    }

    /// Two numbers that differ if two machines did not do the same: the virtual time and the place in the random stream.
    pub fn marks(&self) -> (u64, u128) {
        (self.clock.peek(), self.random.position())
    }
}

/// A machine between two runs: time and random numbers, files left out.
pub(crate) struct AtRest {
    clock: u64,
    hashed: Option<u32>,
    random: SeededRandom,
}

/// A store whose guest sees this machine.
pub(crate) trait WasiState: HostState {
    /// The shared host state and the machine.
    fn parts(&mut self) -> (&mut HostCx, &mut WasiCx);
}

/// What our WASI functions work on.
pub(crate) struct Machine<'a> {
    host: &'a mut HostCx,
    wasi: &'a mut WasiCx,
}

impl Machine<'_> {
    /// Charges one call into the host and stops at the deadline. Unlike `sport:host`, WASI may be called while the guest
    /// describes itself: a language runtime needs it to start.
    fn enter(&mut self) -> wasmtime::Result<()> {
        self.host.budget.enter_host()?;
        Ok(())
    }
}

struct HasMachine;

impl HasData for HasMachine {
    type Data<'a> = Machine<'a>;
}

fn machine<T: WasiState>(state: &mut T) -> Machine<'_> {
    let (host, wasi) = state.parts();
    Machine { host, wasi }
}

/// A store's state as `wasmtime-wasi` wants to see it.
pub(crate) fn view<T: WasiState>(state: &mut T) -> WasiCtxView<'_> {
    let (host, wasi) = state.parts();
    WasiCtxView { ctx: &mut wasi.context, table: &mut host.table }
}

/// Links all of WASI 0.2 but `wasi:http`.
pub(crate) fn link<T: WasiState + WasiView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    filesystem_types::add_to_linker::<T, HasMachine>(linker, machine)?;
    filesystem_bindings::preopens::add_to_linker::<T, HasMachine>(linker, machine)?;
    clocks::wall_clock::add_to_linker::<T, HasMachine>(linker, machine)?;
    clocks::monotonic_clock::add_to_linker::<T, HasMachine>(linker, machine)?;
    random_bindings::random::add_to_linker::<T, HasMachine>(linker, machine)?;
    random_bindings::insecure::add_to_linker::<T, HasMachine>(linker, machine)?;
    random_bindings::insecure_seed::add_to_linker::<T, HasMachine>(linker, machine)?;
    cli::stdout::add_to_linker::<T, HasMachine>(linker, machine)?;
    cli::stderr::add_to_linker::<T, HasMachine>(linker, machine)?;
    linker.allow_shadowing(false);
    Ok(())
}
