//! One budget in two processes: each keeps a half, and tells the other what was used since it last did.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::budget::{Budget, Resource};

/// What is counted. Memory and tables are held, not used up, so each side holds its own.
const COUNTED: [Resource; 10] = [
    Resource::HostCalls,
    Resource::ToolCalls,
    Resource::Output,
    Resource::Log,
    Resource::Artifacts,
    Resource::Random,
    Resource::Fetches,
    Resource::Fetched,
    Resource::ModelCalls,
    Resource::Tokens,
];

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spent {
    cpu_us: u64,
    counts: [u64; COUNTED.len()],
}

impl Spent {
    fn of(budget: &Budget) -> Self {
        Self { cpu_us: budget.usage().cpu_us, counts: COUNTED.map(|resource| budget.used(resource)) }
    }
}

/// One half of a budget.
pub(super) struct Ledger {
    budget: Budget,
    /// What the other half knows.
    told: Spent,
}

impl Ledger {
    /// A half of which nothing was used yet.
    pub fn new(budget: Budget) -> Self {
        let told = Spent::of(&budget);
        Self { budget, told }
    }

    /// What the other half does not know yet. It does from now on.
    pub fn tell(&mut self) -> Spent {
        let now = Spent::of(&self.budget);
        let told = std::mem::replace(&mut self.told, now);
        let mut counts = now.counts;
        counts.iter_mut().zip(told.counts).for_each(|(now, told)| *now = now.saturating_sub(told));
        Spent { cpu_us: now.cpu_us.saturating_sub(told.cpu_us), counts }
    }

    /// Charges what the other half used; no more than there is.
    pub fn hear(&mut self, spent: &Spent) {
        for (resource, amount) in COUNTED.into_iter().zip(spent.counts) {
            self.budget.charge_up_to(resource, amount);
        }
        // A year of it ends any budget, and sums stay within their range.
        let most = Duration::from_secs(31_536_000);
        let cpu = Duration::from_micros(spent.cpu_us).min(most);
        self.budget.add_cpu(u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX));
        self.told = Spent::of(&self.budget);
    }
}
