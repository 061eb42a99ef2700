//! A verifier: judges the candidates of a step.
//!
//! A verifier sees what [`StepView`] holds and nothing else; its fuel is counted, so that the same step ends
//! the same way on every machine. What it says is checked: one judgement per candidate, scores within 0 to 1,
//! quotes that occur.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::admission::Admitted;
use crate::artifacts::ArtifactStore;
use crate::budget::Budget;
use crate::call;
use crate::chat::Models;
use crate::contract::judging::{lift_judgements, lower_step};
use crate::contract::lift;
use crate::contract::verifier::VerifierPre;
use crate::contract::verifier::exports::sport::verifier::verifier as wire;
use crate::engine::{CallComponent, CallEngine};
use crate::error::Error;
use crate::fetch::Network;
use crate::host::{Asked, HostCx, Phase, Reach};
use crate::judging::{Judgement, StepView, VerifierDescriptor};
use crate::limits::{self, Limits};
use crate::schema::Schema;
use crate::text;
use crate::types::{Content, Failure, FailureKind};

/// An admitted verifier. Every judgement runs in a fresh instance.
pub struct Verifier {
    name: String,
    digest: String,
    descriptor: VerifierDescriptor,
    config: Option<Schema>,
    engine: CallEngine,
    pre: VerifierPre<HostCx>,
    network: Option<Arc<Network>>,
    chat: Option<Arc<Asked>>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Links the component and asks it what it is.
    pub(crate) fn load(
        engine: &CallEngine,
        component: CallComponent,
        admitted: &Admitted,
        models: &Models,
    ) -> Result<Self, Error> {
        let name = admitted.name.clone();
        let bad = |reason: String| Error::Describe { name: name.clone(), reason };
        let pre = call::link(engine, &component, admitted)?;
        let pre = VerifierPre::new(pre).map_err(|error| Error::compile(&name, &error))?;
        let network = call::network(engine, admitted)?;
        let chat = call::asked(models, admitted)?;
        let digest = admitted.inspection.digest.clone();

        let budget = Budget::new(Limits::describe());
        let mut host =
            HostCx::new(budget, ArtifactStore::new_in_memory(), &digest, limits::POOL_MEMORY_BYTES as u64);
        host.phase = Phase::Describe;
        let describe = |store: &mut wasmtime::Store<HostCx>| {
            let instance = pre.instantiate(&mut *store)?;
            instance.sport_verifier_verifier().call_describe(store)
        };
        let (described, _) = call::run(engine, host, u64::MAX, 1, describe)
            .map_err(|failure| bad(format!("describe failed: {failure}")))?;
        let (descriptor, config) = lift_descriptor(described).map_err(bad)?;
        Ok(Self { name, digest, descriptor, config, engine: engine.clone(), pre, network, chat })
    }

    /// The component's file name without its ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The component's digest.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What it says of itself.
    pub fn descriptor(&self) -> &VerifierDescriptor {
        &self.descriptor
    }

    /// The models that it may ask, by role, each with what tells it from others.
    pub fn models(&self) -> BTreeMap<String, String> {
        self.chat.as_ref().map(|asked| asked.identities()).unwrap_or_default()
    }

    /// Judges a step: one judgement per candidate, in their order. A failure means that the step could not be
    /// judged.
    pub fn judge(
        &self,
        step: &StepView,
        config: &Value,
        store: &ArtifactStore,
        budget: &Budget,
    ) -> Result<Vec<Judgement>, Failure> {
        if let Some(schema) = &self.config {
            schema.check(config).map_err(|reason| {
                Failure::new(
                    FailureKind::InvalidInput,
                    "bad-config",
                    format!("config of {}: {reason}", self.name),
                )
            })?;
        }
        if step.candidates.len() > limits::STEP_CANDIDATES || step.history.len() > limits::STEP_CANDIDATES {
            let message = format!("a step has at most {} candidates", limits::STEP_CANDIDATES);
            return Err(Failure::new(FailureKind::InvalidInput, "step-too-big", message));
        }
        let mut host = HostCx::new(
            budget.child(Limits::verifier()),
            store.clone(),
            &self.digest,
            limits::POOL_MEMORY_BYTES as u64,
        );
        host.log.rename(&self.name);
        host.network = self.network.clone();
        host.chat = self.chat.clone();
        host.deterministic = self.descriptor.deterministic;
        host.reach = reach_of(step)?;
        let (wire_step, config) = (lower_step(step), config.to_string());
        let _span = call::span("verifier", &self.name, "judge").entered();
        let work = move |store: &mut wasmtime::Store<HostCx>| {
            let instance =
                tracing::trace_span!("instantiate").in_scope(|| self.pre.instantiate(&mut *store))?;
            let _run = tracing::trace_span!("run").entered();
            instance.sport_verifier_verifier().call_judge(store, &wire_step, &config)
        };
        let (judged, _) = call::run(&self.engine, host, limits::VERIFIER_FUEL, 1, work)?;
        lift_judgements(judged.map_err(lift::failure)?, step)
    }
}

/// A verifier may read the artifacts of the step that it judges.
fn reach_of(step: &StepView) -> Result<Reach, Failure> {
    let mut reach = Reach::default();
    let observed = step.history.iter().map(|past| &past.observation);
    let observed = observed.chain(step.candidates.iter().map(|candidate| &candidate.observation)).flatten();
    let shown = observed.filter_map(|content| match content {
        Content::Artifact(artifact) => Some(artifact),
        _ => None,
    });
    for artifact in step.files.iter().chain(shown) {
        reach.add(artifact)?;
    }
    Ok(reach)
}

fn lift_descriptor(wire: wire::Descriptor) -> Result<(VerifierDescriptor, Option<Schema>), String> {
    let config = wire
        .config_schema
        .map(|schema| Schema::parse(&schema, None))
        .transpose()
        .map_err(|reason| format!("config schema: {reason}"))?;
    let name = text::clean_line(&wire.name, limits::NAME_BYTES);
    if name.is_empty() {
        return Err("it has no name".to_owned());
    }
    let has = |trait_| wire.traits.contains(trait_);
    let descriptor = VerifierDescriptor {
        name,
        description: text::clean(&wire.description, limits::DESCRIPTION_BYTES),
        config_schema: config.as_ref().map(|schema| schema.raw().clone()),
        deterministic: has(wire::Traits::DETERMINISTIC),
        uses_model: has(wire::Traits::USES_MODEL),
        uses_network: has(wire::Traits::USES_NETWORK),
        runs_code: has(wire::Traits::RUNS_CODE),
    };
    Ok((descriptor, config))
}
