//! Tasks in the store.

use rusqlite::params;

use super::Store;
use super::records::TaskEnding;
use super::rows::{from_json, json};
use crate::error::Error;
use crate::task::{Split, Task};

impl Store {
    /// Puts the tasks of a split into an iteration, all in one transaction.
    pub fn put_tasks(&self, iteration: u32, split: Split, tasks: &[Task]) -> Result<(), Error> {
        self.write(|transaction| {
            let mut insert = transaction.prepare(
                "INSERT INTO task (id, iteration, split, number, family, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for (number, task) in tasks.iter().enumerate() {
                insert.execute(params![task.id, iteration, split.name(), number as i64, task.family, json(task)?])?;
            }
            Ok(())
        })
    }

    /// The tasks of a split in their order, with how exploring them ended.
    pub fn tasks(&self, iteration: u32, split: Split) -> Result<Vec<(Task, Option<TaskEnding>)>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT record, ending FROM task WHERE iteration = ?1 AND split = ?2 ORDER BY number",
                )?
                .query_map(params![iteration, split.name()], |row| {
                    Ok((from_json(0, &row.get::<_, String>(0)?)?, row.get(1)?))
                })?
                .collect()
        })
    }

    /// How exploring tasks ended, with the reason where there is one, as counts.
    pub fn task_endings(&self, iteration: u32) -> Result<Vec<(TaskEnding, u64)>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT ending, count(*) FROM task WHERE iteration = ?1 AND split = 'train' AND ending NOT NULL \
                     GROUP BY ending ORDER BY ending",
                )?
                .query_map([iteration], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
                .collect()
        })
    }

    /// Ends a task without deciding a step, for example because its session cannot be rebuilt.
    pub fn drop_task(&self, task: &str, reason: &str) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE step SET outcome = 'dropped', reason = ?2 WHERE task = ?1 AND outcome = 'open'",
                [task, reason],
            )?;
            transaction.execute(
                "UPDATE task SET ending = 'dropped', reason = ?2 WHERE id = ?1 AND ending IS NULL",
                [task, reason],
            )?;
            Ok(())
        })
    }
}
