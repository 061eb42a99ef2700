//! The two engines, as types of their own so that they cannot be mixed up.
//!
//! * [`CallEngine`]: tools and verifiers. Instances come from a pool, a fresh store per call, fuel compiled
//!   in.
//! * [`SessionEngine`]: interpreters. Instances on demand, with the memory creator of the sessions (forks
//!   need it), and without the engine's own copy-on-write images, which do not go together with a creator.
//!
//! Both are strict: component-model async, GC, exceptions, threads, memory64 and every other proposal that
//! the SDKs do not need are off, because most of the engine's advisories were in them. Both are interrupted
//! by one epoch ticker, which holds them only weakly: when the last sandbox is dropped, the thread ends.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, MemoryCreator, PoolingAllocationConfig,
    Store, UpdateDeadline,
};

use crate::error::Error;
use crate::host::HostState;
use crate::{limits, timeouts};

/// The engine of tools and verifiers.
#[derive(Clone)]
pub struct CallEngine {
    engine: Engine,
    slots: Arc<AtomicU32>,
    lookups: Arc<AtomicU32>,
}

/// The engine of interpreters.
#[derive(Clone)]
pub struct SessionEngine {
    engine: Engine,
}

/// A component compiled for calls.
#[derive(Clone)]
pub struct CallComponent(pub(crate) Component);

impl CallEngine {
    /// Sets the engine up, with bounds checks by address space where the machine gives enough of it.
    pub fn new() -> Result<Self, Error> {
        // 4 GiB and a guard per slot lets the compiler leave out bounds checks. A machine with little address
        // space (`ulimit -v`, some containers) gets slots of the memory limit itself, with checks.
        let roomy = Engine::new(&call_config(4 << 30));
        let engine = roomy
            .or_else(|_| Engine::new(&call_config(limits::POOL_MEMORY_BYTES as u64)))
            .map_err(|error| Error::Engine { reason: format!("{error:#}") })?;
        let slots = Arc::new(AtomicU32::new(limits::POOL_SLOTS));
        Ok(Self { engine, slots, lookups: Arc::new(AtomicU32::new(limits::LOOKUPS)) })
    }

    /// The engine itself.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How many names may still be looked up at once.
    pub(crate) fn lookups(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.lookups)
    }

    /// Takes slots of the pool for a call and whatever it may nest; `None` when there are not enough right
    /// now.
    pub(crate) fn reserve(&self, count: u32) -> Option<Slots> {
        self.slots
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(count))
            .ok()
            .map(|_| Slots { free: Arc::clone(&self.slots), count })
    }
}

/// Slots that a running call holds.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Arc<AtomicU32>,
    count: u32,
}

impl Drop for Slots {
    fn drop(&mut self) {
        self.free.fetch_add(self.count, Ordering::Relaxed);
    }
}

impl SessionEngine {
    /// Sets the engine up; `creator` makes the sessions' memories.
    pub fn new(creator: Option<Arc<dyn MemoryCreator>>) -> Result<Self, Error> {
        let mut config = strict();
        config.max_wasm_stack(limits::SESSION_WASM_STACK);
        config.async_stack_size(limits::SESSION_WASM_STACK + limits::HOST_STACK);
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        config.memory_init_cow(false);
        if let Some(creator) = creator {
            config.with_host_memory(creator);
        }
        let engine = Engine::new(&config).map_err(|error| Error::Engine { reason: format!("{error:#}") })?;
        Ok(Self { engine })
    }

    /// The engine itself.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// What both profiles have in common.
fn strict() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .gc_support(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .shared_memory(false)
        .wasm_shared_everything_threads(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_stack_switching(false)
        .wasm_tail_call(false)
        // The same NaN bits in every run and on every machine.
        .cranelift_nan_canonicalization(true)
        .epoch_interruption(true)
        // A trap names the guest's functions, but never reads files that the guest names.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable)
        .parallel_compilation(true);
    config
}

fn call_config(reservation: u64) -> Config {
    let mut pool = PoolingAllocationConfig::default();
    let slots = limits::POOL_SLOTS;
    pool.total_component_instances(slots)
        .total_core_instances(slots * limits::CALL_CORE_INSTANCES)
        .total_memories(slots)
        .total_tables(slots * 4)
        .total_stacks(slots)
        .total_gc_heaps(0)
        // Sport's own guests have one memory; a second is room for components linked from two languages.
        .max_memories_per_component(2)
        .max_tables_per_component(8)
        .max_core_instances_per_component(limits::CALL_CORE_INSTANCES)
        .max_memories_per_module(1)
        .max_tables_per_module(4)
        .table_elements(usize::try_from(crate::limits::Limits::tool().table_elements).unwrap_or(100_000))
        .max_memory_size(limits::POOL_MEMORY_BYTES)
        .linear_memory_keep_resident(limits::POOL_KEEP_RESIDENT)
        .table_keep_resident(64 << 10)
        .max_unused_warm_slots(slots / 4)
        // Reset only the pages that were written, where the kernel can tell.
        .pagemap_scan(Enabled::Auto);
    let mut config = strict();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(reservation)
        .consume_fuel(true)
        .max_wasm_stack(limits::CALL_WASM_STACK)
        .async_stack_size(limits::CALL_WASM_STACK + limits::HOST_STACK)
        .memory_init_cow(true);
    config
}

/// A stable text for everything that compiled code depends on beyond the component: engine version, settings,
/// target and cpu features. Names a folder in the cache of compiled components.
pub fn fingerprint(engine: &Engine) -> String {
    struct Bytes(Sha256);
    impl Hasher for Bytes {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut bytes = Bytes(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut bytes);
    bytes.0.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Starts the thread that advances the engines' epochs until all are gone.
pub(crate) fn start_ticker(engines: &[&Engine]) -> Result<(), Error> {
    let engines: Vec<EngineWeak> = engines.iter().map(|engine| engine.weak()).collect();
    std::thread::Builder::new()
        .name("sport-epoch".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(timeouts::EPOCH_TICK);
                let mut alive = false;
                for engine in &engines {
                    if let Some(engine) = engine.upgrade() {
                        engine.increment_epoch();
                        alive = true;
                    }
                }
                if !alive {
                    return;
                }
            }
        })
        .map(drop)
        .map_err(|error| Error::Engine { reason: format!("cannot start the epoch thread: {error}") })
}

/// Gives a fresh store its limits: memory and tables through the limiter, host allocations, handles, and the
/// epoch callback that stops the guest when its budget says so.
pub(crate) fn arm<T: HostState>(store: &mut Store<T>) {
    let limits = *store.data_mut().host().budget.limits();
    store.limiter(|state| &mut state.host().limiter);
    store.set_hostcall_fuel(limits.hostcall_fuel);
    store.set_max_component_handles(limits.handles as usize);
    store.data_mut().host().table.set_max_capacity(limits.resources as usize);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| {
        // The budget is asked afresh each tick: a session's store sees the budget of the run at hand.
        context.data_mut().host().budget.check()?;
        Ok(UpdateDeadline::Continue(1))
    });
}
