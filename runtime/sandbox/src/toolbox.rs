//! Tools of several plugins under one roof: what agent code calls.
//!
//! Agent code names files, components get references. The toolbox stands between: names in arguments are
//! resolved through the *caller's* view of files, and artifacts that come back appear under
//! `/scratch/artifacts/`, named by their paths in the result. Agent code never sees a digest, so it cannot
//! ask for a file that it cannot see.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::artifacts::ArtifactStore;
use crate::branch::{Branch, ToolHost};
use crate::budget::Budget;
use crate::error::Error;
use crate::host::{Nested, Reach};
use crate::judging::ToolInfo;
use crate::limits;
use crate::schema;
use crate::state::PluginState;
use crate::text;
use crate::tool::{Caller, Tool};
use crate::types::{ArtifactRef, Content, Failure, FailureKind, Outcome, ToolDescriptor};

/// The tools of several plugins. Clones are the same toolbox.
#[derive(Clone, Debug)]
pub struct Toolbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    plugins: Vec<Arc<Tool>>,
    /// From a tool's name to its plugin and its place in it; ordered, so that lists are the same in every
    /// run.
    index: BTreeMap<String, (usize, usize)>,
    store: ArtifactStore,
}

impl Toolbox {
    /// Joins plugins. Two tools of one name are an error.
    pub fn new(plugins: Vec<Arc<Tool>>, store: ArtifactStore) -> Result<Self, Error> {
        let mut index = BTreeMap::new();
        for (plugin, tool) in plugins.iter().enumerate() {
            for (place, descriptor) in tool.descriptors().iter().enumerate() {
                if let Some((first, _)) = index.insert(descriptor.name.clone(), (plugin, place)) {
                    return Err(Error::DuplicateTool {
                        tool: descriptor.name.clone(),
                        first: plugins.get(first).map_or(String::new(), |tool| tool.name().to_owned()),
                        second: tool.name().to_owned(),
                    });
                }
            }
        }
        Ok(Self { inner: Arc::new(Inner { plugins, index, store }) })
    }

    /// What a tool says of itself.
    pub fn descriptor(&self, name: &str) -> Option<&ToolDescriptor> {
        let (plugin, place) = self.inner.index.get(name)?;
        self.inner.plugins.get(*plugin)?.descriptors().get(*place)
    }

    /// The plugins.
    pub fn plugins(&self) -> &[Arc<Tool>] {
        &self.inner.plugins
    }

    /// The store that its artifacts are in.
    pub fn store(&self) -> &ArtifactStore {
        &self.inner.store
    }

    fn infos(&self) -> Vec<ToolInfo> {
        let descriptors = self.inner.index.keys().filter_map(|name| self.descriptor(name));
        descriptors
            .map(|descriptor| ToolInfo {
                name: descriptor.name.clone(),
                description: descriptor.description.clone(),
                input_schema: descriptor.input_schema.clone(),
            })
            .collect()
    }

    fn plugin(&self, name: &str) -> Result<&Arc<Tool>, Failure> {
        let found = self.inner.index.get(name).and_then(|(plugin, _)| self.inner.plugins.get(*plugin));
        found.ok_or_else(|| {
            let names: Vec<&str> = self.inner.index.keys().map(String::as_str).collect();
            let there = if names.is_empty() { "there are none".to_owned() } else { names.join(", ") };
            let name = text::clean_line(name, limits::NAME_BYTES);
            let message = format!("there is no tool {name:?}; tools: {there}");
            Failure::new(FailureKind::NotFound, "no-such-tool", message)
        })
    }

    /// What a plugin that is called may call in its turn.
    fn nested(&self, plugin: &Tool, before: &[String]) -> Option<Box<dyn Nested>> {
        plugin.nests().then(|| {
            let mut chain = before.to_vec();
            chain.push(plugin.digest().to_owned());
            let only = plugin.calls().cloned();
            Box::new(NestedTools { toolbox: self.clone(), chain, only }) as Box<dyn Nested>
        })
    }
}

impl ToolHost for Toolbox {
    fn tools(&self) -> Vec<ToolInfo> {
        self.infos()
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        (&*self).invoke(name, arguments, branch, budget)
    }
}

impl ToolHost for &Toolbox {
    fn tools(&self) -> Vec<ToolInfo> {
        self.infos()
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        let plugin = self.plugin(name)?;
        let store = &self.inner.store;
        let arguments = with_references(plugin, name, arguments, branch, store)?;
        let caller = Caller::Agent(self.nested(plugin, &[]));
        let outcome = plugin.call_from(caller, name, &arguments, store, &mut branch.state, budget)?;
        with_paths(plugin, name, outcome, branch, store)
    }
}

/// The arguments with file names turned into references, by the caller's own view of files.
fn with_references(
    plugin: &Tool,
    name: &str,
    arguments: &Value,
    branch: &Branch,
    store: &ArtifactStore,
) -> Result<Value, Failure> {
    let Some(schemas) = plugin.schemas(name) else {
        return Ok(arguments.clone());
    };
    let bad = |reason: String| {
        Failure::new(FailureKind::InvalidInput, "bad-arguments", format!("{name}: {reason}"))
    };
    schemas.input.resolve_files(arguments, bad, |file| {
        Ok(schema::artifact_value(&branch.files.artifact(file, store)?))
    })
}

/// The outcome with its artifacts placed under `/scratch/artifacts/` and named by their paths.
fn with_paths(
    plugin: &Tool,
    name: &str,
    mut outcome: Outcome,
    branch: &mut Branch,
    store: &ArtifactStore,
) -> Result<Outcome, Failure> {
    let mut paths = HashMap::new();
    let mut order = Vec::new();
    let mut place = |artifact: &ArtifactRef| -> Result<String, Failure> {
        if let Some(path) = paths.get(&artifact.digest) {
            return Ok(String::clone(path));
        }
        let path = branch.files.add_artifact(artifact, store)?;
        paths.insert(artifact.digest.clone(), path.clone());
        order.push(Value::from(path.clone()));
        Ok(path)
    };
    for content in &mut outcome.content {
        if let Content::Artifact(artifact) = content {
            let path = place(artifact)?;
            artifact.name = path.rsplit('/').next().map(str::to_owned);
        }
    }
    let schema = plugin.schemas(name).and_then(|schemas| schemas.output.as_ref());
    match (&mut outcome.structured, schema) {
        (Some(structured), Some(schema)) => schema.artifacts(structured, &mut |value| {
            if let Some(artifact) = schema::artifact_of(value) {
                *value = Value::from(place(&artifact)?);
            }
            Ok(())
        })?,
        // Agent code gets the structured result; where there is none but files came back, it gets their
        // names.
        (none @ None, _) if order.len() == 1 => *none = order.pop(),
        (none @ None, _) if !order.is_empty() => *none = Some(Value::Array(order)),
        _ => {}
    }
    Ok(outcome)
}

/// The toolbox as a tool sees it that was called through it.
struct NestedTools {
    toolbox: Toolbox,
    /// The plugins being called, by digest, the outermost first.
    chain: Vec<String>,
    /// What the calling plugin was granted of them; none means all.
    only: Option<Arc<BTreeSet<String>>>,
}

impl NestedTools {
    fn may_call(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(name))
    }
}

impl Nested for NestedTools {
    fn tools(&self) -> Vec<ToolInfo> {
        let mut infos = self.toolbox.infos();
        infos.retain(|info| self.may_call(&info.name));
        infos
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        reach: &mut Reach,
        state: &mut PluginState,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        let plugin = self.toolbox.plugin(name)?;
        if !self.may_call(name) {
            let message = format!("{name} is not among the tools that the calling plugin was granted");
            return Err(Failure::new(FailureKind::Denied, "tool-not-granted", message));
        }
        if self.chain.iter().any(|digest| digest == plugin.digest()) {
            let message = format!("{name} is of a plugin that is being called already");
            return Err(Failure::new(FailureKind::Denied, "tool-cycle", message));
        }
        if self.chain.len() >= limits::NESTING_DEPTH {
            let message = format!("tools may call each other {} levels deep", limits::NESTING_DEPTH);
            return Err(Failure::new(FailureKind::Denied, "nesting-too-deep", message));
        }
        let mut arguments = arguments.clone();
        if let Some(schemas) = plugin.schemas(name) {
            schemas.input.check(&arguments).map_err(|reason| {
                Failure::new(FailureKind::InvalidInput, "bad-arguments", format!("{name}: {reason}"))
            })?;
            schemas.input.artifacts(&mut arguments, &mut |value| {
                let digest = value.get("digest").and_then(Value::as_str);
                if digest.is_some_and(|digest| reach.allows(digest)) {
                    return Ok(());
                }
                let message =
                    format!("{name}: a file among the arguments is none that the calling tool was given");
                Err(Failure::new(FailureKind::Denied, "artifact-out-of-reach", message))
            })?;
        }
        let caller = Caller::Tool(self.toolbox.nested(plugin, &self.chain));
        let store = &self.toolbox.inner.store;
        let mut outcome = plugin.call_from(caller, name, &arguments, store, state, budget)?;
        for content in &outcome.content {
            if let Content::Artifact(artifact) = content {
                reach.add(artifact)?;
            }
        }
        let schema = plugin.schemas(name).and_then(|schemas| schemas.output.as_ref());
        if let (Some(structured), Some(schema)) = (&mut outcome.structured, schema) {
            schema.artifacts(structured, &mut |value| {
                schema::artifact_of(value).map_or(Ok(()), |artifact| reach.add(&artifact))
            })?;
        }
        Ok(outcome)
    }
}
