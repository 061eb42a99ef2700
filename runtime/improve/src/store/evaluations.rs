//! Results of held-out tasks in the store.

use rusqlite::params;

use super::Store;
use super::records::EvaluationRow;
use super::rows::{from_json, json};
use crate::error::Error;

impl Store {
    /// The results of one wave in one transaction.
    pub fn put_evaluations(&self, iteration: u32, results: &[EvaluationRow]) -> Result<(), Error> {
        self.write(|transaction| {
            let mut insert = transaction.prepare(
                "INSERT INTO evaluation (iteration, task, correct, ending, answer, record) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for result in results {
                let answer = result.answer.as_ref().map(json).transpose()?;
                insert.execute(params![
                    iteration,
                    result.task,
                    result.correct,
                    result.ending,
                    answer,
                    json(&result.steps)?
                ])?;
            }
            Ok(())
        })
    }

    /// The results of an iteration in task order.
    pub fn evaluations(&self, iteration: u32) -> Result<Vec<EvaluationRow>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT evaluation.task, family, correct, evaluation.ending, answer, evaluation.record \
                     FROM evaluation JOIN task ON task.id = evaluation.task WHERE evaluation.iteration = ?1 \
                     ORDER BY task.number",
                )?
                .query_map([iteration], |row| {
                    let answer = row.get::<_, Option<String>>(4)?;
                    Ok(EvaluationRow {
                        task: row.get(0)?,
                        family: row.get(1)?,
                        correct: row.get(2)?,
                        ending: row.get(3)?,
                        answer: answer.map(|text| from_json(4, &text)).transpose()?,
                        steps: from_json(5, &row.get::<_, String>(5)?)?,
                    })
                })?
                .collect()
        })
    }

    /// Task, family and whether it was right, in task order, without the paths.
    pub fn correct(&self, iteration: u32) -> Result<Vec<(String, String, bool)>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT evaluation.task, family, correct FROM evaluation \
                     JOIN task ON task.id = evaluation.task WHERE evaluation.iteration = ?1 ORDER BY task.number",
                )?
                .query_map([iteration], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect()
        })
    }
}
