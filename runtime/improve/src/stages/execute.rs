//! One task that is being explored: its live session, its open step, its winners.
//!
//! Every candidate runs in a fork of the parent. The winner's fork becomes the parent of the next step. After a
//! resume there is no live session: it is made again by running the winners in order, and must come out the same.

use std::collections::BTreeMap;
use std::time::Instant;

use sport_sandbox::{Budget, EndingKind, Limits, RunReport, RunRequest, Session};

use super::verify::{self, Clock};
use crate::counterfactual;
use crate::equipment::Equipment;
use crate::error::Error;
use crate::observation::{self, Past};
use crate::store::{Action, CandidateRow, Decision, Folder, StepOutcome, StepRow, Store, TaskEnding};
use crate::task::Task;

/// A task under way.
pub(super) struct Live {
    pub task: Task,
    /// Winners so far.
    pub history: Vec<CandidateRow>,
    /// The step that is not decided yet.
    pub open: Option<StepRow>,
    /// Steps so far, the open one not counted.
    pub decided: u32,
    /// Steps in a row without a winner.
    pub without_winner: u32,
    /// Whether it is over.
    pub ended: bool,
    session: Option<Session>,
}

impl Live {
    /// As the store knows it.
    pub fn load(store: &Store, task: Task) -> Result<Self, Error> {
        let mut live = Self {
            history: Vec::new(),
            open: None,
            decided: 0,
            without_winner: 0,
            ended: false,
            session: None,
            task,
        };
        for step in store.steps(&live.task.id)? {
            match (step.outcome, step.winner) {
                (StepOutcome::Open, _) => live.open = Some(step),
                (_, Some(winner)) => {
                    live.decided += 1;
                    live.without_winner = 0;
                    let candidates = store.candidates(step.id)?;
                    live.history.extend(candidates.into_iter().find(|candidate| candidate.number == winner));
                }
                (_, None) => {
                    live.decided += 1;
                    live.without_winner += 1;
                }
            }
        }
        Ok(live)
    }

    /// The history as the prompt form sees it.
    pub fn past(&self) -> Vec<Past> {
        self.history
            .iter()
            .map(|row| Past {
                action: row.action.clone(),
                observation: row.report.as_ref().map(observation::text).unwrap_or_default(),
            })
            .collect()
    }

    /// Whether every candidate of the open step has run.
    pub fn executed(&self, store: &Store) -> Result<bool, Error> {
        let Some(step) = &self.open else { return Ok(false) };
        Ok(store.candidates(step.id)?.iter().all(|candidate| candidate.report.is_some()))
    }

    /// Runs and judges the open step, and stores both as they come.
    pub fn advance(&mut self, folder: &Folder, equipment: &Equipment, clock: &Clock) -> Result<(), Error> {
        let Some(step) = self.open.clone() else { return Ok(()) };
        match self.run_candidates(folder, equipment, &step)? {
            Ok(sessions) => self.judge_with(folder, equipment, clock, sessions),
            Err(reason) => self.give_up(&folder.store, &reason),
        }
    }

    /// Judges the open step, whose candidates have all run.
    pub fn judge(&mut self, folder: &Folder, equipment: &Equipment, clock: &Clock) -> Result<(), Error> {
        self.judge_with(folder, equipment, clock, BTreeMap::new())
    }

    fn give_up(&mut self, store: &Store, reason: &str) -> Result<(), Error> {
        store.drop_task(&self.task.id, reason)?;
        self.open = None;
        self.session = None;
        self.ended = true;
        Ok(())
    }

    /// The sessions of the candidates that may commit, by number; or why the task cannot go on.
    fn run_candidates(
        &mut self,
        folder: &Folder,
        equipment: &Equipment,
        step: &StepRow,
    ) -> Result<Result<BTreeMap<u32, Session>, String>, Error> {
        let mut sessions = BTreeMap::new();
        let rows = folder.store.candidates(step.id)?;
        // equal actions from one parent state do the same: one run serves all of them
        let mut ran: Vec<(Action, RunReport, Vec<sport_sandbox::Dependence>)> = Vec::new();
        for row in rows {
            if let Some(report) = row.report {
                ran.push((row.action, report, row.dependences));
                continue;
            }
            if let Some((_, report, dependences)) = ran.iter().find(|(action, ..)| *action == row.action) {
                folder.store.put_execution(step.id, row.number, report, dependences)?;
                continue;
            }
            let (report, dependences) = if row.action.code.trim().is_empty() {
                (observation::unparsed(), Vec::new())
            } else {
                let parent = match self.parent(equipment)? {
                    Ok(parent) => parent,
                    Err(reason) => return Ok(Err(reason)),
                };
                let mut fork = match parent.fork() {
                    Ok(fork) => fork,
                    Err(error) => return Ok(Err(error.to_string())),
                };
                let report = run(equipment, &mut fork, &row.action.code);
                let dependences = counterfactual::facts(equipment, parent, &row.action.code, &report);
                if report.ending.may_commit() {
                    sessions.insert(row.number, fork);
                }
                (report, dependences)
            };
            folder.store.put_execution(step.id, row.number, &report, &dependences)?;
            folder.store.fail_points.pass("executed")?;
            ran.push((row.action, report, dependences));
        }
        Ok(Ok(sessions))
    }

    fn judge_with(
        &mut self,
        folder: &Folder,
        equipment: &Equipment,
        clock: &Clock,
        mut sessions: BTreeMap<u32, Session>,
    ) -> Result<(), Error> {
        let Some(step) = self.open.take() else { return Ok(()) };
        let began = Instant::now();
        let candidates = folder.store.candidates(step.id)?;
        let mut decision = verify::decide(folder, equipment, self, &step, &candidates)?;
        clock.add(began);
        let winner =
            decision.winner.and_then(|number| candidates.into_iter().find(|row| row.number == number));
        self.decided += 1;
        self.without_winner = if winner.is_some() { 0 } else { self.without_winner + 1 };
        decision.task_ending = self.ending(folder, &decision, winner.as_ref());
        folder.store.fail_points.pass("judged")?;
        folder.store.put_decision(&self.task.id, step.id, &decision)?;
        if let Some((state, row)) = &decision.trial {
            folder.store.put_trial(step.id, row)?;
            equipment.verifiers.count(&folder.store, state, row)?;
        }
        folder.store.fail_points.pass("decided")?;
        self.ended = decision.task_ending.is_some();
        if let Some(winner) = winner {
            self.session = sessions.remove(&winner.number);
            self.history.push(winner);
        }
        if self.ended {
            self.session = None;
        }
        Ok(())
    }

    fn ending(
        &self,
        folder: &Folder,
        decision: &Decision,
        winner: Option<&CandidateRow>,
    ) -> Option<TaskEnding> {
        let explore = &folder.config.explore;
        let answered = |row: &CandidateRow| {
            row.report
                .as_ref()
                .is_some_and(|report| report.ending == EndingKind::Answered || report.answer.is_some())
        };
        if winner.is_some_and(answered) {
            Some(TaskEnding::Answered)
        } else if self.without_winner >= explore.max_steps_without_winner {
            let dropped = decision.outcome == StepOutcome::Dropped;
            Some(if dropped { TaskEnding::Dropped } else { TaskEnding::NoWinner })
        } else if self.decided >= explore.max_depth {
            Some(TaskEnding::MaxDepth)
        } else {
            None
        }
    }

    /// The state that candidates start from: live, or made again from the winners.
    fn parent(&mut self, equipment: &Equipment) -> Result<Result<&Session, String>, Error> {
        if self.session.is_none() {
            let mut session = equipment.open_session(&self.task)?;
            for (number, row) in self.history.iter().enumerate() {
                let report = run(equipment, &mut session, &row.action.code);
                if !row.report.as_ref().is_some_and(|was| same(was, &report)) {
                    return Ok(Err(format!(
                        "replay-diverged: winner {number} did not come out the same again"
                    )));
                }
            }
            self.session = Some(session);
        }
        Ok(self.session.as_ref().ok_or_else(|| "no session".to_owned()))
    }
}

/// Runs code on a session with the run's tools, on a fresh budget.
pub(super) fn run(equipment: &Equipment, session: &mut Session, code: &str) -> RunReport {
    let request = RunRequest { code: code.to_owned(), ..RunRequest::default() };
    session.run(&request, &mut &equipment.toolbox, &Budget::new(Limits::interpreter()))
}

/// Whether two runs are the same but for what they cost.
fn same(left: &RunReport, right: &RunReport) -> bool {
    RunReport { usage: right.usage, ..left.clone() } == *right
}
