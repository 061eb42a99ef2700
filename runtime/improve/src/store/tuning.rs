//! Pairs, checkpoints and metrics in the store.

use rusqlite::{OptionalExtension, params};
use serde_json::Value;
use sport_policy::types::StepMetrics;

use super::Store;
use super::records::{Checkpoint, PairRow};
use super::rows::{from_json, json};
use crate::audit::{Ground, Identity};
use crate::error::Error;
use crate::observer::Stage;

impl Store {
    /// Records on what grounds an iteration learns from its verifier's word.
    pub(crate) fn set_grounds(&self, iteration: u32, grounds: &[Ground]) -> Result<(), Error> {
        let text =
            serde_json::to_string(grounds).map_err(|error| Error::Internal(format!("grounds: {error}")))?;
        self.set_meta(&format!("audit:{iteration}"), &text)
    }

    /// On what grounds an iteration learned from its verifier's word; none before it did.
    pub fn grounds(&self, iteration: u32) -> Result<Option<Value>, Error> {
        let Some(text) = self.meta(&format!("audit:{iteration}"))? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| Error::Internal(format!("grounds: {error}")))
    }

    /// The verifiers whose word decided steps of an iteration: digests of component and config.
    pub fn judges(&self, iteration: u32) -> Result<Vec<(String, String)>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT DISTINCT verifier, config FROM judgement JOIN step ON step.id = judgement.step \
                     JOIN task ON task.id = step.task WHERE task.iteration = ?1 AND task.split = 'train' \
                     AND step.outcome = 'winner' AND verifier LIKE 'sha256:%' ORDER BY verifier, config",
                )?
                .query_map([iteration], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Keeps the reason that somebody gave for swapping in a verifier without an audit.
    pub(crate) fn set_swapped_in_unaudited(&self, identity: &Identity, reason: &str) -> Result<(), Error> {
        self.set_meta(&unaudited(&identity.verifier, &identity.config), reason)
    }

    /// That reason, where there is one.
    pub(crate) fn swapped_in_unaudited(&self, verifier: &str, config: &str) -> Result<Option<String>, Error> {
        self.meta(&unaudited(verifier, config))
    }

    /// All pairs of an iteration in one transaction; they replace what a stopped attempt left.
    pub fn put_pairs(&self, iteration: u32, pairs: &[PairRow]) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM pair WHERE iteration = ?1", [iteration])?;
            let mut insert = transaction.prepare(
                "INSERT INTO pair (iteration, number, step, chosen, rejected) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for pair in pairs {
                insert.execute(params![iteration, pair.number, pair.step, pair.chosen, pair.rejected])?;
            }
            Ok(())
        })
    }

    /// The pairs of an iteration in their order.
    pub fn pairs(&self, iteration: u32) -> Result<Vec<PairRow>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT number, step, chosen, rejected, reference_chosen, reference_rejected FROM pair \
                     WHERE iteration = ?1 ORDER BY number",
                )?
                .query_map([iteration], |row| {
                    let (chosen, rejected) = (row.get::<_, Option<f64>>(4)?, row.get::<_, Option<f64>>(5)?);
                    Ok(PairRow {
                        number: row.get(0)?,
                        step: row.get(1)?,
                        chosen: row.get(2)?,
                        rejected: row.get(3)?,
                        reference: chosen.zip(rejected),
                    })
                })?
                .collect()
        })
    }

    /// Log-probabilities under the reference, of all pairs at once: one reference, one moment.
    pub fn put_references(&self, iteration: u32, references: &[(u32, f64, f64)]) -> Result<(), Error> {
        self.write(|transaction| {
            let mut update = transaction.prepare(
                "UPDATE pair SET reference_chosen = ?3, reference_rejected = ?4 \
                 WHERE iteration = ?1 AND number = ?2 AND reference_chosen IS NULL",
            )?;
            for (number, chosen, rejected) in references {
                update.execute(params![iteration, number, chosen, rejected])?;
            }
            Ok(())
        })
    }

    /// A checkpoint and the metrics of the optimiser steps that led to it: one transaction.
    pub fn put_checkpoint(
        &self,
        iteration: u32,
        stage: Stage,
        checkpoint: &Checkpoint,
        metrics: &[(u64, StepMetrics)],
    ) -> Result<(), Error> {
        self.write(|transaction| {
            // only the latest can be gone on from; its predecessor's folder is removed afterwards
            transaction.execute(
                "DELETE FROM checkpoint WHERE iteration = ?1 AND stage = ?2",
                params![iteration, stage.name()],
            )?;
            transaction.execute(
                "INSERT INTO checkpoint VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    iteration,
                    stage.name(),
                    checkpoint.step as i64,
                    checkpoint.folder,
                    checkpoint.digest
                ],
            )?;
            let mut insert = transaction.prepare("INSERT INTO metric VALUES (?1, ?2, ?3, ?4)")?;
            for (step, metric) in metrics {
                insert.execute(params![iteration, stage.name(), *step as i64, json(metric)?])?;
            }
            Ok(())
        })
    }

    /// The latest checkpoint of a stage.
    pub fn checkpoint(&self, iteration: u32, stage: Stage) -> Result<Option<Checkpoint>, Error> {
        self.read(|connection| {
            connection
                .query_row(
                    "SELECT step, folder, digest FROM checkpoint WHERE iteration = ?1 AND stage = ?2 \
                     ORDER BY step DESC LIMIT 1",
                    params![iteration, stage.name()],
                    |row| {
                        Ok(Checkpoint {
                            step: row.get::<_, i64>(0)? as u64,
                            folder: row.get(1)?,
                            digest: row.get(2)?,
                        })
                    },
                )
                .optional()
        })
    }

    /// Metrics of a stage by optimiser step.
    pub fn metrics(&self, iteration: u32, stage: Stage) -> Result<Vec<StepMetrics>, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT record FROM metric WHERE iteration = ?1 AND stage = ?2 ORDER BY step")?
                .query_map(params![iteration, stage.name()], |row| from_json(0, &row.get::<_, String>(0)?))?
                .collect()
        })
    }
}

fn unaudited(verifier: &str, config: &str) -> String {
    format!("unaudited:{verifier}:{config}")
}
