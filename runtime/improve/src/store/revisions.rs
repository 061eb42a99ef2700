//! The run's revisions of verifiers, and what was compared between two of them.

use rusqlite::{OptionalExtension as _, params};

use super::Store;
use super::rows::{from_json, json};
use super::stages::now;
use crate::error::Error;
use crate::swap::protocol::Revision;
use crate::swap::trial::TrialRow;

impl Store {
    /// A new revision; the time is set here.
    pub(crate) fn put_revision(&self, revision: &Revision) -> Result<(), Error> {
        let Revision { number, state, members, identities, at: _, reason } = revision;
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT INTO revision VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![number, state, json(members)?, json(identities)?, now(), reason],
                )
                .map(drop)
        })
    }

    /// Where a revision stands now, and why.
    pub(crate) fn set_revision(&self, number: u32, state: &str, reason: &str) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .execute(
                    "UPDATE revision SET state = ?2, reason = ?3 WHERE number = ?1",
                    params![number, state, reason],
                )
                .map(drop)
        })?;
        self.put_event("verifier", &format!("revision {number} is {state}: {reason}"))
    }

    /// All of them, oldest first.
    pub fn revisions(&self) -> Result<Vec<Revision>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT number, state, members, identities, at, reason FROM revision ORDER BY number",
                )?
                .query_map([], |row| {
                    Ok(Revision {
                        number: row.get(0)?,
                        state: row.get(1)?,
                        members: from_json(2, &row.get::<_, String>(2)?)?,
                        identities: from_json(3, &row.get::<_, String>(3)?)?,
                        at: row.get::<_, i64>(4)? as u64,
                        reason: row.get(5)?,
                    })
                })?
                .collect()
        })
    }

    /// What two panels said of a step; a step that is known stays as it is.
    pub(crate) fn put_trial(&self, step: i64, row: &TrialRow) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT OR IGNORE INTO trial VALUES (?1, ?2, ?3, ?4)",
                    params![step, row.revision, row.disagree(), json(row)?],
                )
                .map(drop)
        })
    }

    /// What was compared of a newcomer, in the order of the steps.
    pub fn trial(&self, revision: u32) -> Result<Vec<TrialRow>, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT row FROM trial WHERE revision = ?1 ORDER BY step")?
                .query_map([revision], |row| from_json(0, &row.get::<_, String>(0)?))?
                .collect()
        })
    }

    /// The last steps in which a newcomer chose another winner: task and depth.
    pub fn disagreements(&self, revision: u32, most: u32) -> Result<Vec<(String, u32)>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT step.task, step.depth FROM trial JOIN step ON step.id = trial.step \
                     WHERE trial.revision = ?1 AND disagree ORDER BY step.id DESC LIMIT ?2",
                )?
                .query_map(params![revision, most], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// The revision that decides by the store; none in a run that nobody began to judge.
    pub fn deciding(&self) -> Result<Option<u32>, Error> {
        self.read(|connection| {
            connection
                .query_row(
                    "SELECT number FROM revision WHERE state IN ('deciding', 'probation') ORDER BY number DESC LIMIT 1",
                    [],
                    |row| row.get(0),
                )
                .optional()
        })
    }
}
