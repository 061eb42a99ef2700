//! Steps, candidates and judgements in the store.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;
use sport_policy::types::{Finish, Sample};
use sport_sandbox::{Dependence, RunReport, Verdict};

use super::Store;
use super::records::{
    CandidateRow, JudgementRow, Standing, StepOutcome, StepRow, TaskEnding, Verdicts, last_words,
};
use super::rows::{floats, from_floats, from_ids, from_json, ids, json};
use crate::error::Error;
use crate::judging::Asking;
use crate::swap::State;
use crate::swap::trial::TrialRow;

/// A step that was sampled and is not yet in the store.
#[derive(Clone, Debug)]
pub(crate) struct NewStep {
    pub task: String,
    pub depth: u32,
    pub prompt: String,
    pub prompt_tokens: Vec<u32>,
    pub candidates: Vec<CandidateRow>,
}

/// What a judged step came to.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub outcome: StepOutcome,
    pub reason: Option<String>,
    pub winner: Option<u32>,
    pub standings: Vec<Standing>,
    pub judgements: Vec<JudgementRow>,
    pub askings: Vec<Asking>,
    /// Set when the task ends with this step.
    pub task_ending: Option<TaskEnding>,
    /// What two panels said of it, and those panels.
    pub trial: Option<(Arc<State>, TrialRow)>,
}

impl Store {
    /// Everything that one batch of the policy drew, before any of it runs.
    pub(crate) fn put_samples(&self, steps: &[NewStep]) -> Result<(), Error> {
        self.write(|transaction| {
            for step in steps {
                transaction.execute(
                    "INSERT INTO step (task, depth, prompt, prompt_tokens) VALUES (?1, ?2, ?3, ?4)",
                    params![step.task, step.depth, step.prompt, ids(&step.prompt_tokens)],
                )?;
                let id = transaction.last_insert_rowid();
                for candidate in &step.candidates {
                    let sample = &candidate.sample;
                    transaction.execute(
                        "INSERT INTO candidate (step, number, sampling, text, tokens, log_probs, finish, thought, \
                         code) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                        params![
                            id,
                            candidate.number,
                            json(&candidate.sampling)?,
                            sample.text,
                            ids(&sample.tokens),
                            floats(&sample.log_probs),
                            finish_name(sample.finish),
                            candidate.action.thought,
                            candidate.action.code,
                        ],
                    )?;
                }
            }
            Ok(())
        })
    }

    /// What happened when a candidate ran. A candidate that has a report keeps it.
    pub(crate) fn put_execution(
        &self,
        step: i64,
        number: u32,
        report: &RunReport,
        dependences: &[Dependence],
    ) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE candidate SET ending = ?3, report = ?4, dependences = ?5 \
                 WHERE step = ?1 AND number = ?2 AND report IS NULL",
                params![step, number, report.ending.name(), json(report)?, json(&dependences)?],
            )?;
            Ok(())
        })
    }

    /// Judgements, standings, outcome and, where the task ends, its ending: one transaction.
    pub(crate) fn put_decision(&self, task: &str, step: i64, decision: &Decision) -> Result<(), Error> {
        self.write(|transaction| {
            let open = transaction.execute(
                "UPDATE step SET outcome = ?2, reason = ?3, winner = ?4 WHERE id = ?1 AND outcome = 'open'",
                params![step, decision.outcome, decision.reason, decision.winner],
            )?;
            if open == 0 {
                return Ok(()); // decided before
            }
            for (number, standing) in decision.standings.iter().enumerate() {
                transaction.execute(
                    "UPDATE candidate SET standing = ?3 WHERE step = ?1 AND number = ?2",
                    params![step, number as i64, standing],
                )?;
            }
            for judgement in &decision.judgements {
                transaction.execute(
                    "INSERT INTO judgement VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                    params![
                        step,
                        judgement.candidate,
                        judgement.member,
                        judgement.verifier,
                        judgement.config,
                        judgement.revision,
                        judgement.place,
                        verdict_name(judgement.verdict),
                        judgement.score,
                        judgement.rationale,
                        json(&judgement.evidence)?,
                    ],
                )?;
            }
            for asking in &decision.askings {
                let Asking { member, asked, order, given } = asking;
                transaction.execute(
                    "INSERT INTO asking VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![step, member, asked, json(order)?, json(given)?],
                )?;
            }
            if let Some(ending) = decision.task_ending {
                transaction.execute(
                    "UPDATE task SET ending = ?2, reason = ?3 WHERE id = ?1",
                    params![task, ending, decision.reason],
                )?;
            }
            Ok(())
        })
    }

    /// The steps of a task by depth.
    pub fn steps(&self, task: &str) -> Result<Vec<StepRow>, Error> {
        self.read(|connection| {
            connection
                .prepare(&format!("SELECT {STEP} FROM step WHERE task = ?1 ORDER BY depth"))?
                .query_map([task], step_row)?
                .collect()
        })
    }

    /// One step.
    pub fn step(&self, id: i64) -> Result<Option<StepRow>, Error> {
        self.read(|connection| {
            connection.query_row(&format!("SELECT {STEP} FROM step WHERE id = ?1"), [id], step_row).optional()
        })
    }

    /// All steps of an iteration's training tasks, in task order, by depth.
    pub fn steps_of_iteration(&self, iteration: u32) -> Result<Vec<StepRow>, Error> {
        self.read(|connection| {
            connection
                .prepare(&format!(
                    "SELECT {STEP} FROM step JOIN task ON task.id = step.task \
                     WHERE task.iteration = ?1 AND task.split = 'train' ORDER BY task.number, step.depth"
                ))?
                .query_map([iteration], step_row)?
                .collect()
        })
    }

    /// The candidates of a step in sampling order.
    pub fn candidates(&self, step: i64) -> Result<Vec<CandidateRow>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT number, sampling, text, tokens, log_probs, finish, thought, code, report, dependences, \
                     standing FROM candidate WHERE step = ?1 ORDER BY number",
                )?
                .query_map([step], candidate_row)?
                .collect()
        })
    }

    /// The word that counted on each candidate of a step that was shown.
    pub fn last_words(&self, step: i64) -> Result<Vec<JudgementRow>, Error> {
        self.judgements(step).map(last_words)
    }

    /// Every single answer on a step.
    pub fn askings(&self, step: i64) -> Result<Vec<Asking>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT member, asked, shown, given FROM asking WHERE step = ?1 ORDER BY member, asked",
                )?
                .query_map([step], |row| {
                    Ok(Asking {
                        member: row.get(0)?,
                        asked: row.get(1)?,
                        order: from_json(2, &row.get::<_, String>(2)?)?,
                        given: from_json(3, &row.get::<_, String>(3)?)?,
                    })
                })?
                .collect()
        })
    }

    /// The words of all verifiers on a step by candidate, and where there are several of all together last.
    pub fn judgements(&self, step: i64) -> Result<Vec<JudgementRow>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT candidate, member, verifier, config, revision, place, verdict, score, rationale, evidence \
                     FROM judgement WHERE step = ?1 ORDER BY candidate, member",
                )?
                .query_map([step], |row| {
                    Ok(JudgementRow {
                        candidate: row.get(0)?,
                        member: row.get(1)?,
                        verifier: row.get(2)?,
                        config: row.get(3)?,
                        revision: row.get(4)?,
                        place: row.get(5)?,
                        verdict: verdict(6, &row.get::<_, String>(6)?)?,
                        score: row.get(7)?,
                        rationale: row.get(8)?,
                        evidence: from_json(9, &row.get::<_, String>(9)?)?,
                    })
                })?
                .collect()
        })
    }

    /// Task and answer of every winner that gave one.
    pub fn winners_answers(&self, iteration: u32) -> Result<Vec<(String, Value)>, Error> {
        self.read(|connection| {
            connection
                .prepare(
                    "SELECT task.id, report -> '$.answer' \
                     FROM candidate JOIN step ON step.id = candidate.step AND step.winner = candidate.number \
                     JOIN task ON task.id = step.task WHERE task.iteration = ?1 AND task.split = 'train' \
                     AND candidate.ending = 'answered' ORDER BY task.number, step.depth",
                )?
                .query_map([iteration], |row| Ok((row.get(0)?, from_json(1, &row.get::<_, String>(1)?)?)))?
                .collect()
        })
    }

    /// Candidates of an iteration.
    pub fn candidate_count(&self, iteration: u32) -> Result<u64, Error> {
        self.read(|connection| {
            connection.query_row(
                "SELECT count(*) FROM candidate JOIN step ON step.id = candidate.step \
                 JOIN task ON task.id = step.task WHERE task.iteration = ?1 AND task.split = 'train'",
                [iteration],
                |row| row.get::<_, i64>(0).map(|count| count as u64),
            )
        })
    }

    /// How candidates of an iteration ended, as counts.
    pub fn candidate_endings(&self, iteration: u32) -> Result<Vec<(String, u64)>, Error> {
        self.count_by("candidate.ending", "ending NOT NULL", iteration)
    }

    /// What became of the steps of an iteration, as counts.
    pub fn step_outcomes(&self, iteration: u32) -> Result<Vec<(String, u64)>, Error> {
        self.read(|connection| {
            count(
                connection,
                "SELECT outcome, count(*) FROM step JOIN task ON task.id = step.task \
                 WHERE task.iteration = ?1 AND task.split = 'train' GROUP BY 1 ORDER BY 1",
                iteration,
            )
        })
    }

    /// Where the candidates of an iteration stand, as counts.
    pub fn standings(&self, iteration: u32) -> Result<Vec<(String, u64)>, Error> {
        self.count_by("candidate.standing", "standing NOT NULL", iteration)
    }

    /// Verdicts of an iteration, as counts.
    pub fn verdicts(&self, iteration: u32) -> Result<Verdicts, Error> {
        let counts = self.read(|connection| {
            count(
                connection,
                "SELECT verdict, count(*) FROM judgement JOIN step ON step.id = judgement.step \
                 JOIN task ON task.id = step.task WHERE task.iteration = ?1 AND task.split = 'train' \
                 AND member = (SELECT max(member) FROM judgement AS other WHERE other.step = judgement.step) \
                 GROUP BY 1 ORDER BY 1",
                iteration,
            )
        })?;
        let of = |name: &str| counts.iter().find(|(found, _)| found == name).map_or(0, |(_, count)| *count);
        Ok(Verdicts { pass: of("pass"), fail: of("fail"), abstain: of("abstain") })
    }

    fn count_by(&self, column: &str, filter: &str, iteration: u32) -> Result<Vec<(String, u64)>, Error> {
        self.read(|connection| {
            count(
                connection,
                &format!(
                    "SELECT {column}, count(*) FROM candidate JOIN step ON step.id = candidate.step \
                     JOIN task ON task.id = step.task WHERE task.iteration = ?1 AND task.split = 'train' \
                     AND candidate.{filter} GROUP BY 1 ORDER BY 1"
                ),
                iteration,
            )
        })
    }
}

const STEP: &str =
    "step.id, step.task, step.depth, step.prompt, step.prompt_tokens, step.outcome, step.reason, step.winner";

fn step_row(row: &Row<'_>) -> rusqlite::Result<StepRow> {
    Ok(StepRow {
        id: row.get(0)?,
        task: row.get(1)?,
        depth: row.get(2)?,
        prompt: row.get(3)?,
        prompt_tokens: from_ids(&row.get::<_, Vec<u8>>(4)?),
        outcome: row.get(5)?,
        reason: row.get(6)?,
        winner: row.get(7)?,
    })
}

fn candidate_row(row: &Row<'_>) -> rusqlite::Result<CandidateRow> {
    let report = row.get::<_, Option<String>>(8)?;
    let dependences = row.get::<_, Option<String>>(9)?;
    Ok(CandidateRow {
        number: row.get(0)?,
        sampling: from_json(1, &row.get::<_, String>(1)?)?,
        sample: Sample {
            text: row.get(2)?,
            tokens: from_ids(&row.get::<_, Vec<u8>>(3)?),
            log_probs: from_floats(&row.get::<_, Vec<u8>>(4)?),
            finish: if row.get::<_, String>(5)? == "stop" { Finish::Stop } else { Finish::Length },
        },
        action: super::Action { thought: row.get(6)?, code: row.get(7)? },
        report: report.map(|text| from_json(8, &text)).transpose()?,
        dependences: dependences.map_or(Ok(Vec::new()), |text| from_json(9, &text))?,
        standing: row.get(10)?,
    })
}

fn count(connection: &Connection, query: &str, iteration: u32) -> rusqlite::Result<Vec<(String, u64)>> {
    connection
        .prepare(query)?
        .query_map([iteration], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
        .collect()
}

fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
    }
}

/// The name of a verdict, as in the contract.
pub fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Abstain => "abstain",
    }
}

fn verdict(column: usize, name: &str) -> rusqlite::Result<Verdict> {
    match name {
        "pass" => Ok(Verdict::Pass),
        "fail" => Ok(Verdict::Fail),
        "abstain" => Ok(Verdict::Abstain),
        other => Err(rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            format!("unknown verdict {other}").into(),
        )),
    }
}
