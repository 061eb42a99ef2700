//! The aggregate limiter of a store: all memories and all tables together, charged to the budget.
//!
//! `wasmtime::StoreLimits` bounds each memory by itself, so two memories double it. This one adds them up,
//! over the store and, through the budget's chain, over nested calls too. Growth that does not fit is
//! refused, not trapped: CPython turns it into a `MemoryError` that agent code can catch. What was taken goes
//! back when the limiter is dropped with its store.

use wasmtime::ResourceLimiter;

use crate::budget::{Budget, Resource};
use crate::limits;

/// See the module.
#[derive(Debug)]
pub struct Limiter {
    budget: Budget,
    memory: u64,
    tables: u64,
    /// Most memory of this store by itself, whatever the budget would allow.
    memory_cap: u64,
}

impl Limiter {
    /// Charges to `budget`, at most `memory_cap` bytes of memory.
    pub fn new(budget: Budget, memory_cap: u64) -> Self {
        Self { budget, memory: 0, tables: 0, memory_cap }
    }

    /// Charges to another budget from now on: a session's store outlives the budget of a run. What the store
    /// holds is moved over; if the new budget has no room for it, nothing changes and the reason is returned.
    pub fn rebind(&mut self, budget: Budget) -> Result<(), crate::budget::Stop> {
        budget.charge(Resource::Memory, self.memory)?;
        if let Err(stop) = budget.charge(Resource::Tables, self.tables) {
            budget.release(Resource::Memory, self.memory);
            return Err(stop);
        }
        self.budget.release(Resource::Memory, self.memory);
        self.budget.release(Resource::Tables, self.tables);
        self.budget = budget;
        Ok(())
    }

    /// Another cap for the store by itself from now on. What it holds already stays.
    pub fn set_cap(&mut self, memory_cap: u64) {
        self.memory_cap = memory_cap;
    }

    /// Charges for linear memory that the engine did not announce: a fork begins larger than the module says.
    pub fn grow_to(&mut self, memory: u64) -> Result<(), crate::budget::Stop> {
        let grown = memory.saturating_sub(self.memory);
        self.budget.charge(Resource::Memory, grown)?;
        self.memory += grown;
        Ok(())
    }

    /// Makes the charge that of a store that holds so much: of one that goes on as a fork.
    pub fn hold(&mut self, memory: u64) -> Result<(), crate::budget::Stop> {
        self.grow_to(memory)?;
        self.budget.release(Resource::Memory, self.memory - memory);
        self.memory = memory;
        Ok(())
    }

    /// Linear memory that the store holds now.
    pub fn memory(&self) -> u64 {
        self.memory
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.budget.release(Resource::Memory, self.memory);
        self.budget.release(Resource::Tables, self.tables);
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The engine reports growth beyond the maximum (the guest's own or a pool slot's) too; it will fail,
        // so it is not charged.
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.budget.mark_refused(Resource::Memory);
            return Ok(false);
        }
        let grown = desired.saturating_sub(current) as u64;
        if self.memory + grown > self.memory_cap {
            self.budget.mark_refused(Resource::Memory);
            return Ok(false);
        }
        if self.budget.charge(Resource::Memory, grown).is_err() {
            return Ok(false);
        }
        self.memory += grown;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.budget.mark_refused(Resource::Tables);
            return Ok(false);
        }
        let grown = desired.saturating_sub(current) as u64;
        if self.budget.charge(Resource::Tables, grown).is_err() {
            return Ok(false);
        }
        self.tables += grown;
        Ok(true)
    }

    fn instances(&self) -> usize {
        limits::STORE_INSTANCES
    }

    fn tables(&self) -> usize {
        limits::STORE_TABLES
    }

    fn memories(&self) -> usize {
        limits::STORE_MEMORIES
    }
}
