//! A plugin of tools.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::admission::Admitted;
use crate::artifacts::ArtifactStore;
use crate::budget::Budget;
use crate::call;
use crate::chat::Models;
use crate::contract::tool::ToolPre;
use crate::contract::tool::exports::sport::tool::tool as wire;
use crate::contract::{lift, lower};
use crate::engine::{CallComponent, CallEngine};
use crate::error::Error;
use crate::fetch::Network;
use crate::foreign::Foreign;
use crate::host::{Asked, HostCx, Nested, Phase, Reach};
use crate::inspect::Kind;
use crate::limits::{self, Limits};
use crate::schema::{self, Schema};
use crate::state::PluginState;
use crate::text;
use crate::types::{Failure, FailureKind, Hints, Outcome, ToolDescriptor};
use crate::warm;

/// An admitted plugin of tools. Every call runs in a fresh instance.
pub struct Tool {
    name: String,
    digest: String,
    /// Of what its warm start was handed, by name.
    artifacts: BTreeMap<String, String>,
    descriptors: Vec<ToolDescriptor>,
    schemas: HashMap<String, Schemas>,
    engine: CallEngine,
    guest: Guest,
    network: Option<Arc<Network>>,
    chat: Option<Arc<Asked>>,
    /// Pool slots of a call: more than one when it may call other tools.
    slots: u32,
    nests: bool,
    /// The tools of other plugins that it may call; none means all.
    calls: Option<Arc<BTreeSet<String>>>,
}

/// What is called.
enum Guest {
    /// A component of the contract.
    Contract(ToolPre<HostCx>),
    /// One that knows nothing of it.
    Foreign(Foreign),
}

/// Who calls a tool, with the other tools that the callee may call in its turn.
pub(crate) enum Caller {
    /// The operator's program.
    Host,
    /// Agent code.
    Agent(Option<Box<dyn Nested>>),
    /// Another tool.
    Tool(Option<Box<dyn Nested>>),
}

/// The compiled schemas of one tool.
#[derive(Debug)]
pub(crate) struct Schemas {
    pub input: Schema,
    pub output: Option<Schema>,
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Tool {
    /// Links the component and asks it what it offers.
    pub(crate) fn load(
        engine: &CallEngine,
        component: CallComponent,
        admitted: &Admitted,
        models: &Models,
    ) -> Result<Self, Error> {
        if admitted.inspection.kind == Some(Kind::Foreign) {
            return Self::load_foreign(engine, &component, admitted);
        }
        let name = admitted.name.clone();
        let bad = |reason: String| Error::Describe { name: name.clone(), reason };
        let pre = call::link(engine, &component, admitted)?;
        let pre = ToolPre::new(pre).map_err(|error| Error::compile(&name, &error))?;
        let network = call::network(engine, admitted)?;
        let chat = call::asked(models, admitted)?;
        let digest = admitted.inspection.digest.clone();

        let mut most = Limits::describe();
        if warm::wanted(&admitted.inspection) {
            // it begins with what its warm start left
            most.memory_bytes += limits::WARM_MEMORY_BYTES;
        }
        let budget = Budget::new(most);
        let mut host =
            HostCx::new(budget, ArtifactStore::new_in_memory(), &digest, limits::POOL_MEMORY_BYTES as u64);
        host.phase = Phase::Describe;
        let describe = |store: &mut wasmtime::Store<HostCx>| {
            let instance = pre.instantiate(&mut *store)?;
            instance.sport_tool_tool().call_describe(store)
        };
        let (described, _) = call::run(engine, host, u64::MAX, 1, describe)
            .map_err(|failure| bad(format!("describe failed: {failure}")))?;

        if described.is_empty() || described.len() > limits::TOOLS_PER_PLUGIN {
            return Err(bad(format!(
                "{} tools; 1 to {} are taken",
                described.len(),
                limits::TOOLS_PER_PLUGIN
            )));
        }
        let mut descriptors = Vec::with_capacity(described.len());
        let mut schemas = HashMap::new();
        for wire in described {
            let (descriptor, compiled) = lift_descriptor(wire).map_err(bad)?;
            if schemas.insert(descriptor.name.clone(), compiled).is_some() {
                return Err(bad(format!("two tools are called {}", descriptor.name)));
            }
            descriptors.push(descriptor);
        }
        let nests = admitted.interfaces.iter().any(|interface| interface == "tools");
        let slots = if nests { limits::NESTING_DEPTH as u32 } else { 1 };
        let (engine, calls) = (engine.clone(), admitted.grants.calls().cloned());
        let guest = Guest::Contract(pre);
        let artifacts = admitted.grants.artifact_digests();
        Ok(Self {
            name,
            digest,
            artifacts,
            descriptors,
            schemas,
            engine,
            guest,
            network,
            chat,
            slots,
            nests,
            calls,
        })
    }

    /// Takes the component's own functions as tools.
    fn load_foreign(
        engine: &CallEngine,
        component: &CallComponent,
        admitted: &Admitted,
    ) -> Result<Self, Error> {
        let (foreign, found) = Foreign::load(engine, component, admitted)?;
        let mut descriptors = Vec::with_capacity(found.len());
        let mut schemas = HashMap::new();
        for (descriptor, compiled) in found {
            schemas.insert(descriptor.name.clone(), compiled);
            descriptors.push(descriptor);
        }
        Ok(Self {
            name: admitted.name.clone(),
            digest: admitted.inspection.digest.clone(),
            artifacts: BTreeMap::new(),
            descriptors,
            schemas,
            engine: engine.clone(),
            guest: Guest::Foreign(foreign),
            network: None,
            chat: None,
            slots: 1,
            nests: false,
            calls: None,
        })
    }

    /// The component's file name without its ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The component's digest.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digests of the files that its warm start was handed, by name.
    pub fn artifacts(&self) -> &BTreeMap<String, String> {
        &self.artifacts
    }

    /// What it offers.
    pub fn descriptors(&self) -> &[ToolDescriptor] {
        &self.descriptors
    }

    /// Leaves only these tools; the others are no longer there for anybody.
    pub(crate) fn only(&mut self, names: &[String]) -> Result<(), Error> {
        if let Some(missing) = names.iter().find(|name| !self.schemas.contains_key(*name)) {
            let there: Vec<&str> = self.descriptors.iter().map(|tool| tool.name.as_str()).collect();
            return Err(Error::Invalid {
                what: format!("tool {:?} of {}", text::clean_line(missing, limits::NAME_BYTES), self.name),
                reason: format!("there is none of that name; its tools are {}", there.join(", ")),
            });
        }
        self.descriptors.retain(|tool| names.contains(&tool.name));
        self.schemas.retain(|name, _| names.contains(name));
        Ok(())
    }

    /// The tools of other plugins that it may call, where it may call any; none means all.
    pub(crate) fn calls(&self) -> Option<&Arc<BTreeSet<String>>> {
        self.calls.as_ref()
    }

    /// Whether it may call other tools.
    pub(crate) fn nests(&self) -> bool {
        self.nests
    }

    pub(crate) fn schemas(&self, tool: &str) -> Option<&Schemas> {
        self.schemas.get(tool)
    }

    /// Calls one of its tools. Files in `arguments` are references (objects with a digest), as the tool's
    /// schema places them. The plugin's state changes only if the call came back.
    pub fn call(
        &self,
        tool: &str,
        arguments: &Value,
        store: &ArtifactStore,
        state: &mut PluginState,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        self.call_from(Caller::Host, tool, arguments, store, state, budget)
    }

    /// Calls one of its tools with arguments that nobody checked, and with no file within reach: how a conformance test sees whether
    /// the component itself refuses what its schema refuses. What comes back is checked as ever.
    pub fn call_unchecked(
        &self,
        tool: &str,
        arguments: &Value,
        store: &ArtifactStore,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        let prepared = (arguments.clone(), Reach::default());
        self.work(Caller::Host, tool, prepared, store, &mut PluginState::new(), budget)
    }

    /// The same for another caller.
    pub(crate) fn call_from(
        &self,
        caller: Caller,
        tool: &str,
        arguments: &Value,
        store: &ArtifactStore,
        state: &mut PluginState,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        let prepared = prepare(tool, self.known(tool)?, arguments, store)?;
        self.work(caller, tool, prepared, store, state, budget)
    }

    fn known(&self, tool: &str) -> Result<&Schemas, Failure> {
        self.schemas.get(tool).ok_or_else(|| {
            let message =
                format!("{} has no tool {:?}", self.name, text::clean_line(tool, limits::NAME_BYTES));
            Failure::new(FailureKind::NotFound, "no-such-tool", message)
        })
    }

    /// Runs the component on arguments in the contract's form, with these files within reach.
    fn work(
        &self,
        caller: Caller,
        tool: &str,
        (arguments, reach): (Value, Reach),
        store: &ArtifactStore,
        state: &mut PluginState,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        let schemas = self.known(tool)?;
        let text = written(tool, &arguments)?;
        let mut host = HostCx::new(
            budget.child(Limits::tool()),
            store.clone(),
            &self.digest,
            limits::POOL_MEMORY_BYTES as u64,
        );
        host.log.rename(&self.name);
        host.network = self.network.clone();
        host.chat = self.chat.clone();
        host.reach = reach;
        host.state = state.clone();
        // The slots of a whole tree of calls are taken by its root, so that no call waits for its own
        // ancestors.
        let slots = if matches!(caller, Caller::Tool(_)) { 0 } else { self.slots };
        host.nested = match caller {
            Caller::Host => None,
            Caller::Agent(nested) | Caller::Tool(nested) => nested,
        };
        let _span = call::span("tool", &self.name, tool).entered();
        let pre = match &self.guest {
            Guest::Contract(pre) => pre,
            Guest::Foreign(foreign) => {
                let (outcome, host) = foreign.call(&self.engine, host, slots, tool, &arguments)?;
                let structured = check_structured(schemas, outcome.structured, &host.reach, store)?;
                return Ok(Outcome { structured, ..outcome });
            }
        };
        let work = |store: &mut wasmtime::Store<HostCx>| {
            let instance = tracing::trace_span!("instantiate").in_scope(|| pre.instantiate(&mut *store))?;
            let _run = tracing::trace_span!("run").entered();
            instance.sport_tool_tool().call_call(store, tool, &text)
        };
        let (result, host) = call::run(&self.engine, host, u64::MAX, slots, work)?;
        let HostCx { state: new_state, mut reach, .. } = host;
        *state = new_state;
        let outcome = result.map_err(lift::failure)?;
        let content = lift::contents(outcome.content, &mut reach, store)?;
        let structured = outcome.structured.map(|text| lift::json(&text, "structured result")).transpose()?;
        let structured = check_structured(schemas, structured, &reach, store)?;
        Ok(Outcome { content, structured })
    }
}

/// Checks arguments against the schema, and puts the files among them within reach.
fn prepare(
    tool: &str,
    schemas: &Schemas,
    arguments: &Value,
    store: &ArtifactStore,
) -> Result<(Value, Reach), Failure> {
    let bad = |message: String| Failure::new(FailureKind::InvalidInput, "bad-arguments", message);
    if lift::depth_of(arguments) > limits::JSON_DEPTH {
        return Err(bad(format!("{tool}: the arguments are nested deeper than {}", limits::JSON_DEPTH)));
    }
    schemas.input.check(arguments).map_err(|reason| bad(format!("{tool}: {reason}")))?;
    let mut arguments = arguments.clone();
    let mut reach = Reach::default();
    schemas.input.artifacts(&mut arguments, &mut |value| {
        let reference = schema::artifact_of(value)
            .ok_or_else(|| bad(format!("{tool}: {value} is a file name where a reference belongs")))?;
        if !store.contains(&reference.digest) {
            let message =
                format!("{tool}: artifact {} is not in the store", text::clean_line(&reference.digest, 80));
            return Err(Failure::new(FailureKind::NotFound, "artifact-missing", message));
        }
        reach.add(&reference)
    })?;
    Ok((arguments, reach))
}

/// The arguments as text.
fn written(tool: &str, arguments: &Value) -> Result<String, Failure> {
    let text = lower::json(arguments);
    if text.len() > limits::JSON_BYTES {
        let message =
            format!("{tool}: the arguments have {} bytes, the most is {}", text.len(), limits::JSON_BYTES);
        return Err(Failure::new(FailureKind::InvalidInput, "bad-arguments", message));
    }
    Ok(text)
}

/// Checks the structured result against the schema, and that the files in it are the guest's to give.
fn check_structured(
    schemas: &Schemas,
    structured: Option<Value>,
    reach: &Reach,
    store: &ArtifactStore,
) -> Result<Option<Value>, Failure> {
    let Some(schema) = &schemas.output else {
        return Ok(structured);
    };
    let Some(mut structured) = structured else {
        return Err(lift::broken("result", "it has an output schema but gave no structured result"));
    };
    schema.check(&structured).map_err(|reason| lift::broken("structured result", reason))?;
    schema.artifacts(&mut structured, &mut |value| {
        let reference = schema::artifact_of(value)
            .ok_or_else(|| lift::broken("structured result", "a file is no reference"))?;
        let wire = lower::artifact(reference);
        *value = schema::artifact_value(&lift::artifact(wire, reach, store)?);
        Ok(())
    })?;
    Ok(Some(structured))
}

fn lift_descriptor(wire: wire::Descriptor) -> Result<(ToolDescriptor, Schemas), String> {
    let name = lift::name(&wire.name, "tool name").map_err(|failure| failure.message)?;
    let input = Schema::parse(&wire.input_schema, Some("object"))
        .map_err(|reason| format!("input schema of {name}: {reason}"))?;
    let output = wire
        .output_schema
        .map(|text| Schema::parse(&text, None))
        .transpose()
        .map_err(|reason| format!("output schema of {name}: {reason}"))?;
    let has = |hint| wire.hints.contains(hint);
    let descriptor = ToolDescriptor {
        name,
        title: wire.title.map(|title| text::clean_line(&title, limits::SHORT_TEXT_BYTES)),
        description: text::clean(&wire.description, limits::DESCRIPTION_BYTES),
        input_schema: input.raw().clone(),
        output_schema: output.as_ref().map(|schema| schema.raw().clone()),
        hints: Hints {
            read_only: has(wire::Hints::READ_ONLY),
            destructive: has(wire::Hints::DESTRUCTIVE),
            idempotent: has(wire::Hints::IDEMPOTENT),
            open_world: has(wire::Hints::OPEN_WORLD),
            deterministic: has(wire::Hints::DETERMINISTIC),
        },
    };
    Ok((descriptor, Schemas { input, output }))
}
