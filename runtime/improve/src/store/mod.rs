//! The run directory: one SQLite database, blobs, adapters, manifests, a lock.
//!
//! ```text
//! sport.toml                  the config as resolved
//! run.sqlite                  every record
//! blobs/                      content-addressed artifacts
//! adapters/iteration-N/       adapters and checkpoints
//! manifests/iteration-N.json  what an iteration was made of and what came of it
//! audits/                     audits of verifiers
//! report.html  lock  control.sock
//! ```
//!
//! Records are exactly-once: each has a UNIQUE key, what belongs together is one transaction, and a
//! transaction is on disk before the work that builds on it begins (WAL with `synchronous = FULL`).

mod evaluations;
mod folder;
pub mod manifest;
mod records;
mod revisions;
mod rows;
mod stages;
mod steps;
mod tasks;
mod tuning;

pub use folder::Folder;
pub use records::{
    Action, CandidateRow, Checkpoint, EvaluatedStep, EvaluationRow, IterationRow, JudgementRow, PairRow,
    Standing, StepOutcome, StepRow, TaskEnding, Verdicts, last_words,
};
pub use stages::Event;
pub use steps::verdict_name;
pub(crate) use steps::{Decision, NewStep};

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::Error;
use crate::failpoint::FailPoints;

/// Version of the run directory; a run of another version is refused.
pub const VERSION: i64 = 2;

/// How long a writer waits for a reader such as `run show`.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);

/// The open database of a run. All threads of a run share it.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    path: PathBuf,
    /// Where tests may stop a run.
    pub(crate) fail_points: FailPoints,
}

impl Store {
    /// Makes the database of a new run.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        store.write(|transaction| {
            transaction.execute_batch(include_str!("schema.sql"))?;
            transaction.pragma_update(None, "user_version", VERSION)
        })?;
        Ok(store)
    }

    /// Opens the database of the run in `folder`.
    pub(crate) fn open(path: &Path, folder: &Path, write: bool) -> Result<Self, Error> {
        let mode = if write { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
        let store = Self::connect(path, mode)?;
        let found =
            store.read(|connection| connection.pragma_query_value(None, "user_version", |row| row.get(0)))?;
        if found != VERSION {
            return Err(Error::Version { path: folder.to_owned(), found, expected: VERSION });
        }
        Ok(store)
    }

    fn connect(path: &Path, mode: OpenFlags) -> Result<Self, Error> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(BUSY)?;
            if mode.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
                connection.pragma_update(None, "journal_mode", "WAL")?;
                connection.pragma_update(None, "synchronous", "FULL")?;
                connection.pragma_update(None, "foreign_keys", true)?;
            }
            Ok(connection)
        };
        let connection = open().map_err(Error::database(path))?;
        Ok(Self {
            connection: Mutex::new(connection),
            path: path.to_owned(),
            fail_points: FailPoints::none(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // a panic while the lock was held has rolled its transaction back
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        work(&self.lock()).map_err(Error::database(&self.path))
    }

    /// Writes in one transaction.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut connection = self.lock();
        let run = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let made = work(&transaction)?;
            transaction.commit()?;
            Ok(made)
        };
        run().map_err(Error::database(&self.path))
    }

    /// A fact about the whole run.
    pub fn meta(&self, key: &str) -> Result<Option<String>, Error> {
        use rusqlite::OptionalExtension;
        self.read(|connection| {
            connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
        })
    }

    /// Sets a fact about the whole run.
    pub fn set_meta(&self, key: &str, value: &str) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
                    [key, value],
                )
                .map(drop)
        })
    }

    /// The known facts whose key begins so.
    pub fn meta_keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT key FROM meta WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key")?
                .query_map([prefix], |row| row.get(0))?
                .collect()
        })
    }
}
