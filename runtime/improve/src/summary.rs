//! The whole run for a program: what `sport run show RUN --json` prints and the report is made of.
//!
//! The names here are promised: a program may rely on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sport_policy::types::StepMetrics;

use crate::answers;
use crate::config::Config;
use crate::error::Error;
use crate::observer::Stage;
use crate::seed::{Purpose, stream};
use crate::stats::{Share, paired_bootstrap, sign_test};
use crate::store::{Folder, Store, Verdicts};
use crate::synthesize::{Set, set_of};
use crate::task::{Split, Task};

/// Resamples of the paired bootstrap: the interval's ends move by less than half a point between seeds.
const RESAMPLES: usize = 10_000;

/// A run in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Name of the run directory.
    pub run: String,
    /// The run's seed.
    pub seed: u64,
    /// Digest of the resolved config.
    pub config_digest: String,
    /// `finished`, `no-signal`, or `unfinished`.
    pub outcome: String,
    /// Why, where there is more to say.
    pub reason: Option<String>,
    /// The base as number 0, then the iterations that have begun.
    pub iterations: Vec<Iteration>,
    /// The last evaluated iteration against the base.
    pub comparison: Option<Comparison>,
}

/// One iteration in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    /// 0 is the base.
    pub number: u32,
    /// Held-out tasks answered rightly. Of the families that the run counts: the config's, or the `demo` set.
    pub held_out: Share,
    /// The same by family, of all families that were evaluated.
    pub families: BTreeMap<String, Count>,
    /// The same by set: `demo`, and beside it `hard` and `multi-step` where they were evaluated.
    pub sets: BTreeMap<String, Share>,
    /// Training tasks.
    pub tasks: u64,
    /// How exploring them ended.
    pub task_endings: BTreeMap<String, u64>,
    /// Steps.
    pub steps: u64,
    /// What became of the steps.
    pub step_outcomes: BTreeMap<String, u64>,
    /// Candidates.
    pub candidates: u64,
    /// How they ended.
    pub endings: BTreeMap<String, u64>,
    /// Judgements.
    pub judgements: u64,
    /// Their verdicts.
    pub verdicts: Verdicts,
    /// Steps with a winner.
    pub winners: u64,
    /// Share of the winners with an answer whose answer is the known one: measured, never fed back.
    pub winners_precision: Option<f64>,
    /// The counts behind it.
    pub winners_right: Count,
    /// Pairs.
    pub pairs: u64,
    /// The SFT stage.
    pub sft: Option<Tuned>,
    /// The DPO stage.
    pub dpo: Option<Tuned>,
    /// Estimate of the KL to the base model in nats per token, on greedy held-out actions.
    pub kl_to_base: Option<f64>,
    /// On what grounds the verifier's word was learned from: its audit, or somebody's reason to do without.
    #[serde(default)]
    pub audit: Option<Value>,
    /// Working time of each stage.
    pub seconds: BTreeMap<String, f64>,
    /// Adapter folder, relative to the run directory.
    pub adapter: Option<String>,
    /// Its digest.
    pub adapter_digest: Option<String>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "so many of so many")]
pub struct Count {
    pub correct: u64,
    pub total: u64,
}

/// A tuning stage in figures; means over its last pass through the items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// Items: winners or pairs.
    pub items: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Loss of the first step.
    pub first_loss: f64,
    /// Mean loss.
    pub loss: f64,
    /// Mean reward margin.
    pub margin: f64,
    /// Mean reward accuracy.
    pub accuracy: f64,
    /// Mean-token NLL of the winners or the chosen.
    pub nll: f64,
    /// Mean change of the chosen's log-probability against the reference.
    pub chosen_drift: f64,
    /// The same of the rejected.
    pub rejected_drift: f64,
    /// Tokens computed.
    pub tokens: u64,
}

/// The last evaluated iteration against the base.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Which iteration.
    pub iteration: u32,
    /// Share now minus share of the base.
    pub difference: f64,
    /// Lower end of the paired bootstrap's 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Tasks that became right.
    pub tasks_up: u64,
    /// Tasks that became wrong.
    pub tasks_down: u64,
    /// Families that became better.
    pub families_up: u64,
    /// Families that became worse.
    pub families_down: u64,
    /// Two-sided sign test over families.
    pub sign_test_p: f64,
}

impl Summary {
    /// Reads a run.
    pub fn read(folder: &Folder) -> Result<Self, Error> {
        let store = &folder.store;
        let rows = store.iterations()?;
        let mut iterations = Vec::new();
        for row in &rows {
            iterations.push(iteration(folder, row)?);
        }
        let evaluated = |iteration: &&Iteration| iteration.held_out.total > 0;
        let last = iterations.iter().rfind(evaluated).map_or(0, |iteration| iteration.number);
        let comparison = if last > 0 { Some(compare(folder, last)?) } else { None };
        Ok(Self {
            run: folder
                .path()
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            seed: folder.config.run.seed,
            config_digest: store.meta("config-digest")?.unwrap_or_default(),
            outcome: store.meta("outcome")?.unwrap_or_else(|| "unfinished".to_owned()),
            reason: store.meta("reason")?,
            iterations,
            comparison,
        })
    }
}

fn iteration(folder: &Folder, row: &crate::store::IterationRow) -> Result<Iteration, Error> {
    let (store, number) = (&folder.store, row.number);
    let results = store.correct(number)?;
    let mut families: BTreeMap<String, Count> = BTreeMap::new();
    let mut sets: BTreeMap<String, Count> = BTreeMap::new();
    let mut held_out = Count::default();
    for (_, family, correct) in &results {
        let set = set_of(family).map_or("other", |set| set.name());
        let counted = counts(&folder.config, family).then_some(&mut held_out);
        let others = [families.entry(family.clone()).or_default(), sets.entry(set.to_owned()).or_default()];
        for count in others.into_iter().chain(counted) {
            count.total += 1;
            count.correct += u64::from(*correct);
        }
    }
    let step_outcomes: BTreeMap<_, _> = store.step_outcomes(number)?.into_iter().collect();
    let verdicts = store.verdicts(number)?;
    let winners_right = winners_right(store, number)?;
    let stages = store.stages(number)?;
    let result = |stage: Stage, key: &str| {
        stages
            .iter()
            .find(|(name, ..)| name == stage.name())
            .and_then(|(.., result)| result.as_ref()?.get(key).cloned())
    };
    let items = |stage| result(stage, "items").and_then(|items| items.as_u64()).unwrap_or(0);
    Ok(Iteration {
        number,
        held_out: Share::wilson(held_out.correct, held_out.total),
        families,
        sets: sets.into_iter().map(|(set, count)| (set, Share::wilson(count.correct, count.total))).collect(),
        tasks: store.tasks(number, Split::Train)?.len() as u64,
        task_endings: store
            .task_endings(number)?
            .into_iter()
            .map(|(ending, count)| (ending.name().to_owned(), count))
            .collect(),
        steps: step_outcomes.values().sum(),
        winners: step_outcomes.get("winner").copied().unwrap_or(0),
        step_outcomes,
        candidates: store.candidate_count(number)?,
        endings: store.candidate_endings(number)?.into_iter().collect(),
        judgements: verdicts.pass + verdicts.fail + verdicts.abstain,
        verdicts,
        winners_precision: (winners_right.total > 0)
            .then(|| winners_right.correct as f64 / winners_right.total as f64),
        winners_right,
        pairs: store.pairs(number)?.len() as u64,
        sft: tuned(
            &store.metrics(number, Stage::Sft)?,
            items(Stage::Sft),
            folder.config.tune.sft.rate.epochs,
            0.0,
        ),
        dpo: tuned(
            &store.metrics(number, Stage::Dpo)?,
            items(Stage::Dpo),
            folder.config.tune.dpo.rate.epochs,
            folder.config.tune.dpo.beta,
        ),
        kl_to_base: result(Stage::Evaluate, "kl_to_base").as_ref().and_then(Value::as_f64),
        audit: store.grounds(number)?,
        seconds: stages.iter().map(|(name, seconds, _)| (name.clone(), *seconds)).collect(),
        adapter: row.adapter.clone(),
        adapter_digest: row.adapter_digest.clone(),
    })
}

/// Whether a family is one that the run is measured by, rather than one that is reported beside.
pub(crate) fn counts(config: &Config, family: &str) -> bool {
    let beside = matches!(set_of(family), Some(Set::Hard | Set::MultiStep));
    if config.synthesize.families.is_empty() {
        !beside
    } else {
        config.synthesize.families.iter().any(|name| name == family)
    }
}

/// Of the winners that gave an answer, how many gave the known one.
fn winners_right(store: &Store, iteration: u32) -> Result<Count, Error> {
    let tasks: BTreeMap<String, Task> =
        store.tasks(iteration, Split::Train)?.into_iter().map(|(task, _)| (task.id.clone(), task)).collect();
    let mut count = Count::default();
    for (task, answer) in store.winners_answers(iteration)? {
        if let Some(task) = tasks.get(&task) {
            count.total += 1;
            count.correct += u64::from(answers::is_right(task, &answer));
        }
    }
    Ok(count)
}

fn tuned(metrics: &[StepMetrics], items: u64, epochs: u32, beta: f64) -> Option<Tuned> {
    let first = metrics.first()?;
    let pass = &metrics[metrics.len() - metrics.len().div_ceil(epochs.max(1) as usize)..];
    let mean = |figure: fn(&StepMetrics) -> f64| pass.iter().map(figure).sum::<f64>() / pass.len() as f64;
    let drift = |reward: f64| if beta > 0.0 { reward / beta } else { 0.0 };
    Some(Tuned {
        items,
        steps: metrics.len() as u64,
        first_loss: first.loss,
        loss: mean(|metric| metric.loss),
        margin: mean(|metric| metric.rewards_margins),
        accuracy: mean(|metric| metric.rewards_accuracies),
        nll: mean(|metric| metric.nll),
        chosen_drift: drift(mean(|metric| metric.rewards_chosen)),
        rejected_drift: drift(mean(|metric| metric.rewards_rejected)),
        tokens: metrics.iter().map(|metric| metric.tokens).sum(),
    })
}

fn compare(folder: &Folder, iteration: u32) -> Result<Comparison, Error> {
    let (store, seed) = (&folder.store, folder.config.run.seed);
    let after: BTreeMap<String, bool> =
        store.correct(iteration)?.into_iter().map(|(task, _, correct)| (task, correct)).collect();
    let mut families: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let (mut was, mut is) = (Vec::new(), Vec::new());
    for (task, family, before) in store.correct(0)? {
        // only tasks that both have: an evaluation that was stopped half-way compares what it has
        let Some(&now) = after.get(&task).filter(|_| counts(&folder.config, &family)) else { continue };
        was.push(before);
        is.push(now);
        let family = families.entry(family).or_default();
        family.0 += i64::from(before);
        family.1 += i64::from(now);
    }
    let mut random = stream(seed, Purpose::Bootstrap, &[&iteration.to_string()]);
    let difference = paired_bootstrap(&was, &is, RESAMPLES, &mut random);
    let families_up = families.values().filter(|(before, now)| now > before).count() as u64;
    let families_down = families.values().filter(|(before, now)| now < before).count() as u64;
    Ok(Comparison {
        iteration,
        difference: difference.difference,
        low: difference.low,
        high: difference.high,
        tasks_up: was.iter().zip(&is).filter(|(before, now)| !**before && **now).count() as u64,
        tasks_down: was.iter().zip(&is).filter(|(before, now)| **before && !**now).count() as u64,
        families_up,
        families_down,
        sign_test_p: sign_test(families_up, families_down),
    })
}
