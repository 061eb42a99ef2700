//! `sport:host/tools` for components that were granted other tools.
//!
//! (Sessions have their own: there the caller of the run answers, and the answers are recorded for forks.)

use serde_json::Value;

use crate::budget::{Budget, Resource};
use crate::contract::imports::tools;
use crate::contract::{base, lift, lower};
use crate::host::{HostCx, Reach};
use crate::judging::ToolInfo;
use crate::state::PluginState;
use crate::types::{Failure, FailureKind, Outcome};

/// Other tools, as a component may call them.
pub trait Nested: Send {
    /// What there is.
    fn tools(&self) -> Vec<ToolInfo>;

    /// Calls one on the caller's budget. Artifacts in the arguments must be within the caller's reach; those
    /// in the result come within it.
    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        reach: &mut Reach,
        state: &mut PluginState,
        budget: &Budget,
    ) -> Result<Outcome, Failure>;
}

impl tools::Host for HostCx {
    fn list_tools(&mut self) -> wasmtime::Result<Vec<tools::ToolInfo>> {
        self.enter()?;
        let infos = self.nested.as_ref().map(|nested| nested.tools()).unwrap_or_default();
        Ok(infos.iter().map(lower::tool_info).collect())
    }

    fn invoke(
        &mut self,
        name: String,
        arguments: String,
    ) -> wasmtime::Result<Result<tools::Outcome, base::Failure>> {
        self.enter()?;
        Ok(invoke(self, &name, &arguments).map(lower::tools_outcome).map_err(lower::failure))
    }
}

fn invoke(host: &mut HostCx, name: &str, arguments: &str) -> Result<Outcome, Failure> {
    let arguments = lift::json(arguments, "arguments")?;
    let Some(nested) = host.nested.as_mut() else {
        return Err(Failure::new(FailureKind::NotFound, "no-such-tool", "there are no tools here"));
    };
    host.budget.charge(Resource::ToolCalls, 1).map_err(|stop| stop.failure())?;
    nested.invoke(name, &arguments, &mut host.reach, &mut host.state, &host.budget)
}
