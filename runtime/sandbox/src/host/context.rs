//! `sport:host/context`: what a guest may know about its call.

use crate::budget::Resource;
use crate::contract::imports::context;
use crate::host::{Forbidden, HostCx};
use crate::text;

impl context::Host for HostCx {
    fn run_id(&mut self) -> wasmtime::Result<String> {
        self.enter()?;
        Ok(self.run_id.clone())
    }

    fn remaining(&mut self) -> wasmtime::Result<context::Budget> {
        self.enter()?;
        if self.deterministic {
            return Err(Forbidden("context.remaining in a component that calls itself deterministic").into());
        }
        Ok(remaining(self))
    }

    fn progress(&mut self, done: f64, message: String) -> wasmtime::Result<()> {
        self.enter()?;
        let done = if done.is_finite() { done.clamp(0.0, 1.0) } else { 0.0 };
        let message = text::clean(&message, crate::limits::SHORT_TEXT_BYTES);
        tracing::debug!(target: "sport::guest", plugin = %self.plugin, done, "{message}");
        Ok(())
    }
}

/// What is left of the budget, in the contract's form.
pub fn remaining(host: &HostCx) -> context::Budget {
    context::Budget {
        wall_ms_left: u64::try_from(host.budget.wall_left().as_millis()).unwrap_or(u64::MAX),
        calls_left: u32::try_from(host.budget.left(Resource::ToolCalls)).unwrap_or(u32::MAX),
        tokens_left: Some(host.budget.left(Resource::Tokens)),
    }
}
