//! The checks of a verifier.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Budget, Error, Failure, FailureKind, Grants, Judgement, Limits, Sandbox, Schema, StepView,
    Verdict, Verifier,
};

use super::draw::Draw;
use super::generate::Generator;
use super::report::Report;
use super::tools::shown;
use super::{cases, steps};

/// Steps that are made up.
const STEPS: usize = 15;

/// Configs that are tried.
const CONFIGS: usize = 4;

/// Runs them all.
pub fn check(
    sandbox: &Sandbox,
    component: &Path,
    grants: &Grants,
    cases: &[Value],
    report: &mut Report,
) -> Result<(), Error> {
    let verifier = sandbox.verifier(component, grants)?;
    let again = sandbox.verifier(component, grants)?;
    report.described(verifier.descriptor() == again.descriptor());
    if verifier.descriptor().description.trim().is_empty() {
        report.mend("describe", None, "it has no description", "say what it judges by");
    }
    cases::verifier(&verifier, cases, report);
    let mut draw = Draw::new(verifier.digest(), "steps");
    let configs = configs(&verifier, cases, &mut draw, report)?;
    let mut made: Vec<StepView> = cases.iter().filter_map(|case| cases::step(case).ok()).collect();
    made.extend(steps::made_up(STEPS, &mut draw));
    let mut run = Run { verifier: &verifier, store: ArtifactStore::new_in_memory(), report };
    let judged = run.judgements(&made, &configs);
    run.permutation(&judged, &mut draw);
    run.deterministic(&judged);
    Ok(())
}

/// Configs that its schema takes; the host refuses the others, which is tried too.
fn configs(
    verifier: &Arc<Verifier>,
    cases: &[Value],
    draw: &mut Draw,
    report: &mut Report,
) -> Result<Vec<Value>, Error> {
    let Some(raw) = &verifier.descriptor().config_schema else {
        report.ok("config", None, "it takes none");
        return Ok(vec![json!({})]);
    };
    let schema = match Schema::parse(&raw.to_string(), None) {
        Ok(schema) => schema,
        Err(reason) => {
            return Err(Error::Describe {
                name: verifier.name().to_owned(),
                reason: format!("config schema: {reason}"),
            });
        }
    };
    let generator = Generator::new(&schema, &[]);
    let mut configs: Vec<Value> = cases.iter().filter_map(|case| case.get("config")).cloned().collect();
    configs.extend(Some(json!({})).filter(|empty| schema.check(empty).is_ok()));
    configs.extend(generator.valid(CONFIGS, draw));
    configs.retain(|config| schema.check(config).is_ok());
    match configs.first() {
        None => {
            let mend = "give every field of the config a default, or `examples` to its schema";
            report.note("config", None, "no config that it takes could be made up", mend);
        }
        Some(right) if generator.takes_unknown(right) => {
            let mend = "set additionalProperties to false (`deny_unknown_fields`): a misspelled setting should be heard of";
            report.note("config", None, "its schema takes fields of any name", mend);
        }
        Some(_) => report.ok("config", None, format!("{} configs that its schema takes", configs.len())),
    }
    Ok(configs)
}

struct Run<'a> {
    verifier: &'a Verifier,
    store: ArtifactStore,
    report: &'a mut Report,
}

/// A step that was judged.
struct Judged<'a> {
    step: &'a StepView,
    config: &'a Value,
    judgements: Vec<Judgement>,
}

impl Run<'_> {
    fn judge(&mut self, step: &StepView, config: &Value) -> Result<Vec<Judgement>, Failure> {
        let budget = Budget::new(Limits::verifier());
        let judged = self.verifier.judge(step, config, &self.store, &budget);
        self.report.used(&budget.usage());
        judged
    }

    /// One judgement per candidate, scores in range, quotes that occur: the host checks all of it, and its word is in the failure.
    fn judgements<'s>(&mut self, made: &'s [StepView], configs: &'s [Value]) -> Vec<Judged<'s>> {
        let mut judged = Vec::new();
        let mut failed = Vec::new();
        for (index, step) in made.iter().enumerate() {
            let Some(config) = configs.get(index % configs.len().max(1)) else { break };
            match self.judge(step, config) {
                Ok(judgements) => judged.push(Judged { step, config, judgements }),
                Err(failure) => failed.push((config, failure)),
            }
        }
        let most = self.report.most;
        self.report.ok(
            "limits",
            None,
            format!("at most {} ms and {} MB for a step", most.wall_us / 1000, most.memory_bytes >> 20),
        );
        let broken = |failure: &Failure| failure.kind == FailureKind::Internal;
        let tried = judged.len() + failed.len();
        if let Some((config, failure)) = failed.iter().find(|(_, failure)| broken(failure)) {
            let found = format!("{} ({}) with config {}", failure.message, failure.code, shown(config));
            let mend = "give one judgement per candidate in their order, scores from 0 to 1, and quotes that occur; what cannot \
                        be judged is a failure with a kind and a code";
            self.report.mend("judgements", None, found, mend);
        } else if let (true, Some((config, failure))) = (judged.is_empty(), failed.first()) {
            let found = format!(
                "none of {tried} steps was judged: {} with config {}",
                failure.message,
                shown(config)
            );
            self.report.note("judgements", None, found, "add a case that it can judge to cases.json");
        } else if tried > 0 {
            let found = format!(
                "{} of {tried} steps judged, one judgement per candidate, scores in range",
                judged.len()
            );
            self.report.ok("judgements", None, found);
        }
        if let Some((_, failure)) = failed.iter().find(|(_, failure)| failure.code == "unnamed") {
            let found = format!("a failure without a code: {}", failure.message);
            self.report.mend("failures", None, found, "give every failure a kebab-case code and a sentence");
        }
        judged
    }

    /// A candidate is judged the same wherever it stands: the host shuffles.
    fn permutation(&mut self, judged: &[Judged<'_>], draw: &mut Draw) {
        let mut tried = 0;
        for one in judged.iter().filter(|one| steps::has_an_order(one.step)) {
            let (other, order) = steps::permuted(one.step, draw);
            let Ok(judgements) = self.judge(&other, one.config) else { continue };
            tried += 1;
            for (place, from) in order.iter().enumerate() {
                let (Some(now), Some(then)) = (judgements.get(place), one.judgements.get(*from)) else {
                    continue;
                };
                if verdict(now) == verdict(then) {
                    continue;
                }
                let found = format!(
                    "the same candidate got {} at place {from} and {} at place {place}",
                    said(then),
                    said(now)
                );
                let mend = "judge each candidate by what it did; the host shuffles, and drops what depends on the order";
                // a model's word may change by itself
                if self.verifier.descriptor().uses_model {
                    return self.report.note("permutation", None, found, mend);
                }
                return self.report.mend("permutation", None, found, mend);
            }
        }
        if tried > 0 {
            self.report.ok(
                "permutation",
                None,
                format!("{tried} steps shuffled, every candidate judged as before"),
            );
        }
    }

    fn deterministic(&mut self, judged: &[Judged<'_>]) {
        if !self.verifier.descriptor().deterministic {
            return;
        }
        for one in judged {
            if self.judge(one.step, one.config).as_ref() != Ok(&one.judgements) {
                let found = "the same step was judged differently the second time";
                return self.report.mend(
                    "deterministic",
                    None,
                    found,
                    "take the trait off, or what changes between calls out",
                );
            }
        }
        if !judged.is_empty() {
            self.report.ok(
                "deterministic",
                None,
                format!("{} steps judged again with the same result", judged.len()),
            );
        }
    }
}

fn verdict(judgement: &Judgement) -> (Verdict, Option<u64>) {
    (judgement.verdict, judgement.score.map(f64::to_bits))
}

fn said(judgement: &Judgement) -> String {
    let verdict = serde_json::to_value(judgement.verdict).unwrap_or_default();
    let verdict = verdict.as_str().unwrap_or_default().to_owned();
    judgement.score.map_or(verdict.clone(), |score| format!("{verdict} {score}"))
}
