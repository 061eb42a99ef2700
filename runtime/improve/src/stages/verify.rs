//! Judgements and winners.
//!
//! A verifier sees the step with its candidates in an order shuffled by seed, so that no place is favoured. What
//! it cannot judge is dropped with its reason; that never turns into a vote for anybody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::json;
use sport_sandbox::{Budget, Limits};

use super::execute::Live;
use super::{Context, judge, needs, pool};
use crate::equipment::Equipment;
use crate::error::Error;
use crate::observation;
use crate::observer::Stage;
use crate::seed::{Purpose, order};
use crate::store::{CandidateRow, Decision, Folder, JudgementRow, StepOutcome, StepRow};
use crate::task::Split;

/// Time spent judging, over all threads.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    pub fn add(&self, since: Instant) {
        self.0.fetch_add(since.elapsed().as_micros() as u64, Ordering::Relaxed);
    }

    /// Seconds of wall time, when `threads` worked side by side.
    pub fn seconds(&self, threads: usize) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e6 / threads.max(1) as f64
    }
}

/// Judges one executed step. What the task's ending is, the caller adds.
pub(super) fn decide(
    folder: &Folder,
    equipment: &Equipment,
    live: &Live,
    step: &StepRow,
    candidates: &[CandidateRow],
) -> Result<Decision, Error> {
    let ids = [live.task.id.as_str(), &step.depth.to_string()];
    let places = order(candidates.len(), folder.config.run.seed, Purpose::JudgeOrder, &ids);
    let view = observation::step_view(
        equipment,
        &live.task,
        &live.history,
        places.iter().map(|&place| &candidates[place]),
        (step.depth, folder.config.explore.max_depth),
    )?;
    let budget = Budget::new(Limits::verifier());
    let given = equipment.verifier.judge(&view, &equipment.verifier_config, &equipment.artifacts, &budget);
    let given = match given {
        Ok(given) if given.len() == candidates.len() => given,
        Ok(given) => {
            let reason =
                format!("the verifier gave {} judgements for {} candidates", given.len(), candidates.len());
            return Ok(dropped(reason));
        }
        Err(failure) => return Ok(dropped(format!("the verifier failed: {failure}"))),
    };
    // back into the candidates' own order
    let mut judgements = given.clone();
    let mut rows = Vec::with_capacity(given.len());
    for (shown, (&place, judgement)) in places.iter().zip(given).enumerate() {
        rows.push(JudgementRow {
            candidate: candidates[place].number,
            verifier: equipment.verifier.digest().to_owned(),
            place: shown as u32,
            verdict: judgement.verdict,
            score: judgement.score,
            rationale: judgement.rationale.clone(),
            evidence: judgement.evidence.clone(),
        });
        judgements[place] = judgement;
    }
    let ranking = judge::rank(candidates, &judgements);
    Ok(Decision {
        outcome: if ranking.winner.is_some() { StepOutcome::Winner } else { StepOutcome::NoWinner },
        reason: ranking.reason,
        winner: ranking.winner.map(|place| candidates[place].number),
        standings: ranking.standings,
        judgements: rows,
        task_ending: None,
    })
}

fn dropped(reason: String) -> Decision {
    Decision {
        outcome: StepOutcome::Dropped,
        reason: Some(reason),
        winner: None,
        standings: Vec::new(),
        judgements: Vec::new(),
        task_ending: None,
    }
}

/// Judges what ran and is not judged yet, for example because a run was stopped between the two, and closes the
/// stage. Within the loop exploring has judged every step by then: the next step needs the winner.
pub fn verify(context: &mut Context<'_>, iteration: u32) -> Result<(), Error> {
    let store = &context.folder.store;
    if store.stage_done(iteration, Stage::Verify)? {
        return Ok(());
    }
    needs(store, iteration, Stage::Synthesize)?;
    let began = Instant::now();
    let mut open = Vec::new();
    for (task, ending) in store.tasks(iteration, Split::Train)? {
        if ending.is_none() {
            let live = Live::load(store, task)?;
            if live.open.is_some() && live.executed(store)? {
                open.push(live);
            }
        }
    }
    let total = open.len() as u64;
    context.observer.begin(iteration, Stage::Verify, total, "steps");
    let (folder, equipment, mut done) = (context.folder, context.equipment, 0);
    let clock = Clock::default();
    pool::each(
        &mut open,
        equipment.threads,
        |live| live.judge(folder, equipment, &clock),
        || {
            done += 1;
            context.observer.advance(iteration, Stage::Verify, done, total);
            !context.observer.stop()
        },
    )?;
    let seconds = began.elapsed().as_secs_f64();
    if store.stage_done(iteration, Stage::Explore)? {
        let verdicts = store.verdicts(iteration)?;
        let result = json!({ "pass": verdicts.pass, "fail": verdicts.fail, "abstain": verdicts.abstain });
        store.end_stage(iteration, Stage::Verify, seconds, &result)?;
        let line = format!(
            "{} judgements: {} pass, {} fail, {} abstain",
            verdicts.pass + verdicts.fail + verdicts.abstain,
            verdicts.pass,
            verdicts.fail,
            verdicts.abstain
        );
        context.observer.end(iteration, Stage::Verify, &line);
    } else {
        store.add_seconds(iteration, Stage::Verify, seconds)?;
        context.observer.end(
            iteration,
            Stage::Verify,
            &format!("{total} open steps judged; exploring goes on"),
        );
    }
    Ok(())
}
