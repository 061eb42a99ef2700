//! Iterations, stages and events in the store.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Store;
use super::records::IterationRow;
use super::rows::{from_json, json};
use crate::error::Error;
use crate::observer::Stage;

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since 1970.
    pub at: u64,
    /// What kind of thing.
    pub kind: String,
    /// In words.
    pub text: String,
}

impl Store {
    /// Makes an iteration known; nothing happens when it is.
    pub fn begin_iteration(&self, number: u32) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.execute("INSERT OR IGNORE INTO iteration (number) VALUES (?1)", [number]).map(drop)
        })
    }

    /// Records the adapter that an iteration made.
    pub fn set_adapter(&self, number: u32, folder: &str, digest: &str) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .execute(
                    "UPDATE iteration SET adapter = ?2, adapter_digest = ?3 WHERE number = ?1",
                    params![number, folder, digest],
                )
                .map(drop)
        })
    }

    /// Records how an iteration ended.
    pub fn end_iteration(&self, number: u32, outcome: &str) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .execute("UPDATE iteration SET outcome = ?2 WHERE number = ?1", params![number, outcome])
                .map(drop)
        })
    }

    /// All iterations.
    pub fn iterations(&self) -> Result<Vec<IterationRow>, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT number, adapter, adapter_digest, outcome FROM iteration ORDER BY number")?
                .query_map([], |row| {
                    Ok(IterationRow {
                        number: row.get(0)?,
                        adapter: row.get(1)?,
                        adapter_digest: row.get(2)?,
                        outcome: row.get(3)?,
                    })
                })?
                .collect()
        })
    }

    /// Whether a stage is done.
    pub fn stage_done(&self, iteration: u32, stage: Stage) -> Result<bool, Error> {
        self.read(|connection| {
            let done = connection
                .query_row(
                    "SELECT done FROM stage WHERE iteration = ?1 AND stage = ?2",
                    params![iteration, stage.name()],
                    |row| row.get::<_, bool>(0),
                )
                .optional()?;
            Ok(done.unwrap_or(false))
        })
    }

    /// Adds working time to a stage.
    pub fn add_seconds(&self, iteration: u32, stage: Stage, seconds: f64) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT INTO stage (iteration, stage, seconds) VALUES (?1, ?2, ?3) \
                     ON CONFLICT DO UPDATE SET seconds = seconds + ?3",
                    params![iteration, stage.name(), seconds],
                )
                .map(drop)
        })
    }

    /// Records that a stage is done, and what came of it.
    pub fn end_stage(&self, iteration: u32, stage: Stage, seconds: f64, result: &Value) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT INTO stage (iteration, stage, done, seconds, result) VALUES (?1, ?2, 1, ?3, ?4) \
                     ON CONFLICT DO UPDATE SET done = 1, seconds = seconds + ?3, result = ?4",
                    params![iteration, stage.name(), seconds, json(result)?],
                )
                .map(drop)
        })
    }

    /// The stages of an iteration that have begun: name, seconds, result when done.
    pub fn stages(&self, iteration: u32) -> Result<Vec<(String, f64, Option<Value>)>, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT stage, seconds, result FROM stage WHERE iteration = ?1 ORDER BY rowid")?
                .query_map([iteration], |row| {
                    let result = row.get::<_, Option<String>>(2)?;
                    Ok((row.get(0)?, row.get(1)?, result.map(|text| from_json(2, &text)).transpose()?))
                })?
                .collect()
        })
    }

    /// Writes down that something happened.
    pub fn put_event(&self, kind: &str, text: &str) -> Result<(), Error> {
        let at = now();
        self.write(|transaction| {
            transaction
                .execute("INSERT INTO event (at, kind, text) VALUES (?1, ?2, ?3)", params![at, kind, text])
                .map(drop)
        })
    }

    /// All events in order.
    pub fn events(&self) -> Result<Vec<Event>, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT at, kind, text FROM event ORDER BY id")?
                .query_map([], |row| {
                    Ok(Event { at: row.get::<_, i64>(0)? as u64, kind: row.get(1)?, text: row.get(2)? })
                })?
                .collect()
        })
    }
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
