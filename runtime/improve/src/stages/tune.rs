//! Tuning: SFT on winners, then step-wise DPO with an SFT term.
//!
//! The host drives optimiser steps one by one and saves a checkpoint (adapter and optimiser) every few of them,
//! together with the metrics of the steps in between: a resumed run goes on from the last checkpoint and comes to
//! the same numbers. The reference of DPO is scored once, before the first step, and kept in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use sport_policy::Policy;
use sport_policy::types::{Completion, Pair, StepMetrics, TrainBatch};

use super::{interrupted, needs};
use crate::audit::Permit;
use crate::config::{Rate, Reference, Start, Winners, digest};
use crate::error::Error;
use crate::observer::{Observer, Stage};
use crate::seed::{Purpose, order};
use crate::store::{Checkpoint, Folder, PairRow, Standing};

/// What tuning works with.
pub struct Tuning<'run> {
    /// The run directory.
    pub folder: &'run Folder,
    /// The policy.
    pub policy: &'run mut dyn Policy,
    /// Who watches.
    pub observer: &'run mut dyn Observer,
    /// The iteration.
    pub iteration: u32,
    /// Leave to learn from what the run's verifier said.
    pub permit: Permit,
}

/// Tunes on the winners and pairs of an iteration and records the adapter that comes out.
pub fn tune(mut tuning: Tuning<'_>) -> Result<(), Error> {
    let (folder, iteration) = (tuning.folder, tuning.iteration);
    let store = &folder.store;
    if store.iterations()?.iter().any(|row| row.number == iteration && row.adapter.is_some()) {
        return Ok(());
    }
    needs(store, iteration, Stage::Pair)?;
    store.set_grounds(iteration, tuning.permit.grounds())?;
    let config = &folder.config.tune;
    if config.sft.rate.epochs > 0 && !store.stage_done(iteration, Stage::Sft)? {
        let items = imitated(folder, iteration)?;
        let batch = |places: &[usize]| TrainBatch::Sft {
            items: places.iter().map(|&place| items[place].clone()).collect(),
        };
        tuning.stage(Stage::Sft, &config.sft.rate, items.len(), &batch)?;
    }
    if config.dpo.rate.epochs > 0 && !store.stage_done(iteration, Stage::Dpo)? {
        let pairs = tuning.pairs()?;
        let batch = |places: &[usize]| TrainBatch::Dpo {
            pairs: places.iter().map(|&place| pairs[place].clone()).collect(),
            beta: config.dpo.beta,
            sft_weight: config.dpo.sft_weight,
        };
        tuning.stage(Stage::Dpo, &config.dpo.rate, pairs.len(), &batch)?;
    }
    let made = match store.checkpoint(iteration, Stage::Dpo)? {
        Some(checkpoint) => Some(checkpoint),
        None => store.checkpoint(iteration, Stage::Sft)?,
    };
    let Some(made) = made else {
        return Err(Error::Internal(format!("iteration {iteration} was tuned on nothing")));
    };
    store.set_adapter(iteration, &made.folder, &made.digest)
}

impl Tuning<'_> {
    /// One stage, from its start or from its last checkpoint.
    fn stage(
        &mut self,
        stage: Stage,
        rate: &Rate,
        items: usize,
        batch: &dyn Fn(&[usize]) -> TrainBatch,
    ) -> Result<(), Error> {
        let (folder, iteration) = (self.folder, self.iteration);
        let store = &folder.store;
        let per_epoch = items.div_ceil(rate.batch as usize) as u64;
        let steps = per_epoch * u64::from(rate.epochs);
        self.observer.begin(iteration, stage, steps, "optimiser steps");
        self.sweep()?;
        let mut step = match store.checkpoint(iteration, stage)? {
            Some(checkpoint) => {
                self.policy.load_adapter(&self.checked(&checkpoint)?)?;
                checkpoint.step
            }
            None => {
                self.put_on_start(stage)?;
                self.policy.reset_optimizer()?;
                0
            }
        };
        let mut began = Instant::now();
        let mut metrics: Vec<(u64, StepMetrics)> = Vec::new();
        while step < steps {
            let epoch = (step / per_epoch).to_string();
            let ids = [&iteration.to_string(), stage.name(), epoch.as_str()];
            let order = order(items, folder.config.run.seed, Purpose::Epoch, &ids);
            let place = (step % per_epoch) as usize;
            let places = order.chunks(rate.batch as usize).nth(place).unwrap_or_default();
            let metric =
                self.policy.train_step(&batch(places), &rate.at(step, steps)).map_err(interrupted)?;
            if !metric.loss.is_finite() {
                return Err(Error::Diverged { iteration, stage, step });
            }
            metrics.push((step, metric));
            step += 1;
            store.fail_points.pass("optimiser-step")?;
            let stop = self.observer.stop();
            if step == steps || stop || step.is_multiple_of(u64::from(folder.config.tune.checkpoint_steps)) {
                self.checkpoint(stage, step, &metrics)?;
                metrics.clear();
                store.add_seconds(iteration, stage, began.elapsed().as_secs_f64())?;
                began = Instant::now();
            }
            self.observer.advance(iteration, stage, step, steps);
            if stop && step < steps {
                return Err(Error::Interrupted);
            }
        }
        let all = store.metrics(iteration, stage)?;
        let result = json!({ "items": items, "steps": steps });
        store.end_stage(iteration, stage, began.elapsed().as_secs_f64(), &result)?;
        let line = match (all.first(), all.last()) {
            (Some(first), Some(last)) => {
                format!("{items} items, {steps} optimiser steps, loss {:.3} to {:.3}", first.loss, last.loss)
            }
            _ => "nothing to learn from".to_owned(),
        };
        self.observer.end(iteration, stage, &line);
        Ok(())
    }

    /// Saves adapter and optimiser, records them with the metrics, then removes the checkpoint before.
    fn checkpoint(&mut self, stage: Stage, step: u64, metrics: &[(u64, StepMetrics)]) -> Result<(), Error> {
        let (folder, iteration) = (self.folder, self.iteration);
        let before = folder.store.checkpoint(iteration, stage)?;
        let parent = folder.adapters(iteration);
        fs::create_dir_all(&parent).map_err(Error::io("create", &parent))?;
        let path = parent.join(format!("{}-{step:05}", stage.name()));
        remove(&path)?; // what a stopped attempt left
        self.policy.save_adapter(&path)?;
        folder.store.fail_points.pass("adapter-saved")?;
        let checkpoint = Checkpoint {
            step,
            folder: path.strip_prefix(folder.path()).unwrap_or(&path).to_string_lossy().into_owned(),
            digest: folder_digest(&path)?,
        };
        folder.store.put_checkpoint(iteration, stage, &checkpoint, metrics)?;
        folder.store.fail_points.pass("checkpoint")?;
        match before {
            Some(before) => remove(&folder.path().join(before.folder)),
            None => Ok(()),
        }
    }

    /// The adapter as it stands when a stage begins.
    fn put_on_start(&mut self, stage: Stage) -> Result<(), Error> {
        let (folder, iteration) = (self.folder, self.iteration);
        if stage == Stage::Dpo
            && let Some(sft) = folder.store.checkpoint(iteration, Stage::Sft)?
        {
            return Ok(self.policy.load_adapter(&self.checked(&sft)?)?);
        }
        let previous = match folder.config.tune.start {
            Start::Base => None,
            Start::Previous => {
                let rows = folder.store.iterations()?;
                rows.into_iter().filter(|row| row.number < iteration).rev().find_map(|row| row.adapter)
            }
        };
        match previous {
            Some(adapter) => self.policy.load_adapter(&folder.path().join(adapter))?,
            None => {
                self.policy.drop_adapter()?;
                self.policy.new_adapter(&folder.config.tune.lora.for_policy(folder.config.run.seed))?;
            }
        }
        Ok(())
    }

    /// The pairs with their reference, scored now if that was not done yet.
    fn pairs(&mut self) -> Result<Vec<Pair>, Error> {
        let (folder, iteration) = (self.folder, self.iteration);
        let rows = folder.store.pairs(iteration)?;
        let mut pairs = rows.iter().map(|row| pair(folder, row)).collect::<Result<Vec<_>, _>>()?;
        if rows.iter().any(|row| row.reference.is_none()) {
            let began = Instant::now();
            let references = self.references(&pairs)?;
            let stored: Vec<(u32, f64, f64)> = rows
                .iter()
                .zip(&references)
                .map(|(row, (chosen, rejected))| (row.number, *chosen, *rejected))
                .collect();
            folder.store.put_references(iteration, &stored)?;
            folder.store.add_seconds(iteration, Stage::Dpo, began.elapsed().as_secs_f64())?;
            folder.store.fail_points.pass("references")?;
            for (pair, (chosen, rejected)) in pairs.iter_mut().zip(references) {
                (pair.reference_chosen, pair.reference_rejected) = (chosen, rejected);
            }
        }
        Ok(pairs)
    }

    /// Log-probabilities of both sides of each pair under the reference; equal actions are scored once.
    fn references(&mut self, pairs: &[Pair]) -> Result<Vec<(f64, f64)>, Error> {
        let mut index: BTreeMap<(&[u32], &[u32]), usize> = BTreeMap::new();
        let mut items = Vec::new();
        for pair in pairs {
            for side in [&pair.chosen, &pair.rejected] {
                index.entry((&pair.prompt, side)).or_insert_with(|| {
                    items.push(Completion { prompt: pair.prompt.clone(), completion: side.clone() });
                    items.len() - 1
                });
            }
        }
        let reference = self.folder.config.tune.dpo.reference;
        match reference {
            Reference::StageStart => self.put_on_start(Stage::Dpo)?,
            Reference::Sft => {
                let first = self.folder.store.checkpoint(1, Stage::Sft)?.ok_or_else(|| {
                    Error::Internal("reference = \"sft\", but iteration 1 has no SFT adapter".to_owned())
                })?;
                let path = self.checked(&first)?;
                self.policy.load_adapter(&path)?;
            }
            Reference::Base => {}
        }
        let (iteration, total) = (self.iteration, items.len() as u64);
        self.observer.begin(iteration, Stage::Dpo, total, "reference scores");
        let observer = &mut *self.observer;
        let scores = self
            .policy
            .score(&items, reference != Reference::Base, &mut |_, _| !observer.stop())
            .map_err(interrupted)?;
        let of = |pair: &Pair, side: &[u32]| {
            index.get(&(pair.prompt.as_slice(), side)).and_then(|place| scores.get(*place)).copied()
        };
        pairs
            .iter()
            .map(|pair| of(pair, &pair.chosen).zip(of(pair, &pair.rejected)))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::Internal(format!("{} scores for {total} items", scores.len())))
    }

    /// The folder of a checkpoint, when it still is what was saved.
    fn checked(&self, checkpoint: &Checkpoint) -> Result<std::path::PathBuf, Error> {
        let path = self.folder.path().join(&checkpoint.folder);
        let found = folder_digest(&path)?;
        if found == checkpoint.digest {
            Ok(path)
        } else {
            Err(Error::Changed {
                what: format!("adapter {}", checkpoint.folder),
                was: checkpoint.digest.clone(),
                is: found,
            })
        }
    }

    /// Removes what stopped attempts left in the adapters' folder.
    fn sweep(&self) -> Result<(), Error> {
        let parent = self.folder.adapters(self.iteration);
        let mut known = BTreeSet::new();
        for stage in [Stage::Sft, Stage::Dpo] {
            known.extend(
                self.folder.store.checkpoint(self.iteration, stage)?.map(|checkpoint| checkpoint.folder),
            );
        }
        let Ok(entries) = fs::read_dir(&parent) else { return Ok(()) };
        for entry in entries {
            let path = entry.map_err(Error::io("read", &parent))?.path();
            let name = path.strip_prefix(self.folder.path()).unwrap_or(&path).to_string_lossy().into_owned();
            if !known.contains(&name) {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

/// What SFT imitates: this iteration's winners and, where the config says so, some of earlier ones.
pub(crate) fn imitated(folder: &Folder, iteration: u32) -> Result<Vec<Completion>, Error> {
    let settings = &folder.config.tune.sft;
    let mut items = winners(folder, iteration)?;
    let wanted = (settings.replay * items.len() as f64).round() as usize;
    if wanted > 0 && iteration > 1 {
        let mut earlier = Vec::new();
        for before in 1..iteration {
            earlier.extend(winners(folder, before)?);
        }
        let ids = [iteration.to_string()];
        let order = order(earlier.len(), folder.config.run.seed, Purpose::Replay, &[ids[0].as_str()]);
        items.extend(order.into_iter().take(wanted).map(|place| earlier[place].clone()));
    }
    Ok(items)
}

fn winners(folder: &Folder, iteration: u32) -> Result<Vec<Completion>, Error> {
    let settings = &folder.config.tune.sft;
    let mut items = Vec::new();
    let mut seen = BTreeSet::new();
    for step in folder.store.steps_of_iteration(iteration)? {
        if step.winner.is_none() {
            continue;
        }
        let candidates = folder.store.candidates(step.id)?;
        let won = |standing| matches!(standing, Some(Standing::Winner | Standing::CoWinner));
        if settings.contested && candidates.iter().all(|candidate| won(candidate.standing)) {
            continue;
        }
        for candidate in candidates {
            let take = match settings.winners {
                Winners::All => won(candidate.standing),
                Winners::One => candidate.standing == Some(Standing::Winner),
            };
            let tokens = candidate.sample.tokens;
            if take && !tokens.is_empty() && seen.insert((step.id, tokens.clone())) {
                items.push(Completion { prompt: step.prompt_tokens.clone(), completion: tokens });
            }
        }
    }
    Ok(items)
}

fn pair(folder: &Folder, row: &PairRow) -> Result<Pair, Error> {
    let gone = || Error::Internal(format!("pair {} names a step or candidate that is not there", row.number));
    let step = folder.store.step(row.step)?.ok_or_else(gone)?;
    let candidates = folder.store.candidates(row.step)?;
    let tokens = |number: u32| {
        candidates
            .iter()
            .find(|candidate| candidate.number == number)
            .map(|candidate| candidate.sample.tokens.clone())
    };
    let (reference_chosen, reference_rejected) = row.reference.unwrap_or_default();
    Ok(Pair {
        prompt: step.prompt_tokens,
        chosen: tokens(row.chosen).ok_or_else(gone)?,
        rejected: tokens(row.rejected).ok_or_else(gone)?,
        reference_chosen,
        reference_rejected,
    })
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Digest over names and contents of a folder's files.
fn folder_digest(path: &Path) -> Result<String, Error> {
    let mut names: Vec<_> = fs::read_dir(path)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .map_err(Error::io("read", path))?;
    names.sort();
    let mut listing = String::new();
    for file in names {
        let bytes = fs::read(&file).map_err(Error::io("read", &file))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        listing.push_str(&format!("{name} {}\n", digest(&bytes)));
    }
    Ok(digest(listing.as_bytes()))
}
