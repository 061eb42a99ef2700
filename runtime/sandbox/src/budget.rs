//! What a call may still use: one shared object that nested calls only narrow.
//!
//! A budget is a chain of nodes. Everything is charged to a node and to all its ancestors, so a nested call
//! can never get more than its caller has left, whatever its own limits say. The clock starts when a node is
//! made and runs on inside host calls. Who stops a guest: the epoch callback and every host function call
//! [`Budget::check`].

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::limits::Limits;
use crate::types::{EndingKind, Failure, FailureKind, Usage};

/// Why a guest must stop now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// Its wall time is up.
    #[error("the wall time of {} is up", show(*.0))]
    Wall(Duration),
    /// Its cpu time is up.
    #[error("the cpu time of {} is up", show(*.0))]
    Cpu(Duration),
    /// Somebody cancelled it.
    #[error("the call was cancelled")]
    Cancelled,
    /// Something else is used up.
    #[error("{} used up: the limit is {limit}", .resource.describe())]
    Exhausted {
        /// What.
        resource: Resource,
        /// How much there was.
        limit: u64,
    },
}

fn show(duration: Duration) -> String {
    if duration.as_millis().is_multiple_of(1000) {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

/// A countable part of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the fields of `Limits`")]
pub enum Resource {
    Memory,
    Tables,
    HostCalls,
    ToolCalls,
    Output,
    Log,
    Artifacts,
    Random,
    Fetches,
    Fetched,
    ModelCalls,
    Tokens,
}

const RESOURCES: usize = 12;

impl Resource {
    fn code(self) -> &'static str {
        match self {
            Self::Memory => "memory-exhausted",
            Self::Tables => "tables-exhausted",
            Self::HostCalls => "host-calls-exhausted",
            Self::ToolCalls => "tool-calls-exhausted",
            Self::Output => "output-exhausted",
            Self::Log => "log-exhausted",
            Self::Artifacts => "artifacts-exhausted",
            Self::Random => "random-exhausted",
            Self::Fetches => "fetches-exhausted",
            Self::Fetched => "fetched-exhausted",
            Self::ModelCalls => "model-calls-exhausted",
            Self::Tokens => "tokens-exhausted",
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Memory => "memory (bytes)",
            Self::Tables => "table elements",
            Self::HostCalls => "host calls",
            Self::ToolCalls => "tool calls",
            Self::Output => "output (bytes)",
            Self::Log => "log (bytes)",
            Self::Artifacts => "artifacts (bytes)",
            Self::Random => "random bytes",
            Self::Fetches => "requests",
            Self::Fetched => "network traffic (bytes)",
            Self::ModelCalls => "questions to models",
            Self::Tokens => "tokens",
        }
    }
}

impl Stop {
    /// The stop as the failure of a call.
    pub fn failure(self) -> Failure {
        let (kind, code) = match self {
            Self::Wall(_) => (FailureKind::Deadline, "wall-deadline"),
            Self::Cpu(_) => (FailureKind::Deadline, "cpu-deadline"),
            Self::Cancelled => (FailureKind::Cancelled, "cancelled"),
            Self::Exhausted { resource, .. } => (FailureKind::Exhausted, resource.code()),
        };
        Failure::new(kind, code, self.to_string())
    }

    /// The stop as the ending of a run of agent code.
    pub fn ending(self) -> EndingKind {
        match self {
            Self::Wall(_) | Self::Cpu(_) => EndingKind::Deadline,
            Self::Cancelled => EndingKind::Cancelled,
            Self::Exhausted { .. } => EndingKind::Exhausted,
        }
    }
}

/// A shared budget. Clones are the same budget; [`Budget::child`] makes a narrower one.
#[derive(Clone, Debug)]
pub struct Budget {
    node: Arc<Node>,
}

#[derive(Debug)]
struct Node {
    parent: Option<Budget>,
    limits: Limits,
    started: Instant,
    /// The earliest deadline of the chain, known when the node is made.
    deadline: Instant,
    /// The limit that `deadline` came from, for the message.
    wall: Duration,
    cancelled: AtomicBool,
    cpu_ns: AtomicU64,
    used: [AtomicU64; RESOURCES],
    memory_peak: AtomicU64,
    /// Memory or table growth was refused; explains a trap that follows.
    refused: [AtomicBool; RESOURCES],
}

impl Budget {
    /// A budget that starts now.
    pub fn new(limits: Limits) -> Self {
        Self::make(None, limits, limits.wall)
    }

    /// A budget of whose wall time only `wall_left` is left.
    pub(crate) fn resumed(limits: Limits, wall_left: Duration) -> Self {
        Self::make(None, limits, wall_left)
    }

    /// A budget within this one: it ends no later and may use no more than this one has left.
    #[must_use]
    pub fn child(&self, limits: Limits) -> Self {
        Self::make(Some(self.clone()), limits, limits.wall)
    }

    fn make(parent: Option<Self>, limits: Limits, wall_left: Duration) -> Self {
        let started = Instant::now();
        // A wall limit beyond what the clock can hold is a year.
        let own = started.checked_add(wall_left).unwrap_or(started + Duration::from_secs(31_536_000));
        let (deadline, wall) = match &parent {
            Some(parent) if parent.node.deadline < own => (parent.node.deadline, parent.node.wall),
            _ => (own, limits.wall),
        };
        Self {
            node: Arc::new(Node {
                parent,
                limits,
                started,
                deadline,
                wall,
                cancelled: AtomicBool::new(false),
                cpu_ns: AtomicU64::new(0),
                used: Default::default(),
                memory_peak: AtomicU64::new(0),
                refused: Default::default(),
            }),
        }
    }

    /// The limits this node was made with (its ancestors may be narrower).
    pub fn limits(&self) -> &Limits {
        &self.node.limits
    }

    /// Stops whatever runs on this budget and on its children, within a tick.
    pub fn cancel(&self) {
        self.node.cancelled.store(true, Relaxed);
    }

    /// What has been used so far.
    pub fn usage(&self) -> Usage {
        let node = &self.node;
        Usage {
            wall_us: u64::try_from(node.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            cpu_us: node.cpu_ns.load(Relaxed) / 1_000,
            memory_bytes: node.memory_peak.load(Relaxed),
            host_calls: self.used(Resource::HostCalls),
            tool_calls: self.used(Resource::ToolCalls),
            output_bytes: self.used(Resource::Output),
            log_bytes: self.used(Resource::Log),
            artifact_bytes: self.used(Resource::Artifacts),
            random_bytes: self.used(Resource::Random),
            model_calls: self.used(Resource::ModelCalls),
            tokens: self.used(Resource::Tokens),
        }
    }

    /// How much of something this node and its children have used.
    pub fn used(&self, resource: Resource) -> u64 {
        self.node.used[resource as usize].load(Relaxed)
    }

    /// How much of something is left, over the whole chain.
    pub fn left(&self, resource: Resource) -> u64 {
        self.chain()
            .map(|node| node.limit(resource).saturating_sub(node.used[resource as usize].load(Relaxed)))
            .min()
            .unwrap_or(0)
    }

    /// Wall time that is left.
    pub fn wall_left(&self) -> Duration {
        self.node.deadline.saturating_duration_since(Instant::now())
    }

    /// Cpu time that is left, over the whole chain.
    pub(crate) fn cpu_left(&self) -> Duration {
        let left =
            |node: &Node| node.limits.cpu.saturating_sub(Duration::from_nanos(node.cpu_ns.load(Relaxed)));
        self.chain().map(left).min().unwrap_or_default()
    }

    /// When the wall time ends, for host functions that wait.
    pub fn deadline(&self) -> Instant {
        self.node.deadline
    }

    /// Whether the guest may go on: not cancelled, and wall and cpu time left.
    pub fn check(&self) -> Result<(), Stop> {
        self.charge_cpu();
        for node in self.chain() {
            if node.cancelled.load(Relaxed) {
                return Err(Stop::Cancelled);
            }
            let cpu = node.limits.cpu;
            if u128::from(node.cpu_ns.load(Relaxed)) >= cpu.as_nanos() {
                return Err(Stop::Cpu(cpu));
            }
        }
        if Instant::now() >= self.node.deadline {
            return Err(Stop::Wall(self.node.wall));
        }
        Ok(())
    }

    /// Uses up some of a countable resource; on refusal nothing is charged.
    pub fn charge(&self, resource: Resource, amount: u64) -> Result<(), Stop> {
        for (charged, node) in self.chain().enumerate() {
            let limit = node.limit(resource);
            let took = node.used[resource as usize]
                .fetch_update(Relaxed, Relaxed, |used| used.checked_add(amount).filter(|sum| *sum <= limit));
            if took.is_err() {
                for node in self.chain().take(charged) {
                    node.used[resource as usize].fetch_sub(amount, Relaxed);
                }
                self.node.refused[resource as usize].store(true, Relaxed);
                return Err(Stop::Exhausted { resource, limit });
            }
        }
        if resource == Resource::Memory {
            for node in self.chain() {
                node.memory_peak.fetch_max(node.used[resource as usize].load(Relaxed), Relaxed);
            }
        }
        Ok(())
    }

    /// Uses up as much as is left, at most `amount`, and says how much that was: for streams that are cut.
    pub fn charge_up_to(&self, resource: Resource, amount: u64) -> u64 {
        let mut amount = amount.min(self.left(resource));
        // Only a thread that shares the budget can make this miss; then the rest is halved until it fits.
        while amount > 0 && self.charge(resource, amount).is_err() {
            amount /= 2;
        }
        amount
    }

    /// Gives back what a dropped store had taken.
    pub(crate) fn release(&self, resource: Resource, amount: u64) {
        for node in self.chain() {
            node.used[resource as usize].fetch_sub(amount, Relaxed);
        }
    }

    /// Charges one call from the guest into the host and checks the deadline. Every host function starts with
    /// it.
    pub fn enter_host(&self) -> Result<(), Stop> {
        self.check()?;
        self.charge(Resource::HostCalls, 1)
    }

    /// Remembers that growth was refused for a reason outside the budget (a cap of one store).
    pub(crate) fn mark_refused(&self, resource: Resource) {
        self.node.refused[resource as usize].store(true, Relaxed);
    }

    /// A resource whose growth was refused on this node, if any: the likely reason of a trap.
    pub fn refused(&self) -> Option<Stop> {
        [Resource::Memory, Resource::Tables]
            .into_iter()
            .find(|resource| self.node.refused[*resource as usize].load(Relaxed))
            .map(|resource| Stop::Exhausted { resource, limit: self.node.limit(resource) })
    }

    /// Starts charging this thread's cpu time to this budget; call it right before entering a guest. What the
    /// thread used since the last charge belongs to the caller if the caller runs on the same tree of
    /// budgets, else to nobody.
    pub fn enter_thread(&self) {
        let root = self.root();
        let (spent, before) = thread_cpu_delta(Some(root));
        if let (true, Some(parent)) = (before == Some(root), &self.node.parent) {
            parent.add_cpu(spent);
        }
    }

    /// Charges the cpu time of this thread since the last charge, if the thread has entered this tree of
    /// budgets.
    pub fn charge_cpu(&self) {
        let (spent, tree) = thread_cpu_delta(None);
        if tree == Some(self.root()) {
            self.add_cpu(spent);
        }
    }

    /// What tells one tree of budgets from another, also after it is gone.
    fn root(&self) -> Tree {
        let root = self.chain().last().unwrap_or(&self.node);
        (std::ptr::from_ref(root) as usize, root.started)
    }

    /// Charges cpu time that was measured elsewhere.
    pub(crate) fn add_cpu(&self, ns: u64) {
        for node in self.chain() {
            node.cpu_ns.fetch_add(ns, Relaxed);
        }
    }

    fn chain(&self) -> impl Iterator<Item = &Node> {
        std::iter::successors(Some(&*self.node), |node| node.parent.as_ref().map(|parent| &*parent.node))
    }
}

impl Node {
    fn limit(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Memory => self.limits.memory_bytes,
            Resource::Tables => self.limits.table_elements,
            Resource::HostCalls => self.limits.host_calls,
            Resource::ToolCalls => self.limits.tool_calls,
            Resource::Output => self.limits.output_bytes,
            Resource::Log => self.limits.log_bytes,
            Resource::Artifacts => self.limits.artifact_bytes,
            Resource::Random => self.limits.random_bytes,
            Resource::Fetches => self.limits.fetches,
            Resource::Fetched => self.limits.fetched_bytes,
            Resource::ModelCalls => self.limits.model_calls,
            Resource::Tokens => self.limits.tokens,
        }
    }
}

/// Address and birth of the outermost node: the address alone may be used again.
type Tree = (usize, Instant);

/// The cpu time that this thread used since this function was last called on it, and the tree that it has
/// entered; then enters `tree`, if there is one.
fn thread_cpu_delta(tree: Option<Tree>) -> (u64, Option<Tree>) {
    thread_local! {
        static LAST: Cell<(u64, Option<Tree>)> = const { Cell::new((0, None)) };
    }
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let now =
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0);
    let (last, before) = LAST.get();
    LAST.set((now, tree.or(before)));
    (now.saturating_sub(last), before)
}
