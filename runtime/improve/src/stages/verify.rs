//! Judgements and winners, by the protocol of [`judging`]. A step that cannot be judged is dropped with its reason.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::json;
use sport_sandbox::StepView;

use super::execute::Live;
use super::{Context, needs, pool};
use crate::equipment::Equipment;
use crate::error::Error;
use crate::judging::{self, Case, Judged};
use crate::observation;
use crate::observer::Stage;
use crate::seed::{Purpose, seed};
use crate::store::{CandidateRow, Decision, Folder, StepOutcome, StepRow};
use crate::swap::trial::{Stage as TrialStage, TrialRow};
use crate::task::{Split, Task};

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
    let depth = step.depth.to_string();
    let case = Case {
        step: view(folder, equipment, &live.task, &live.history, step.depth)?,
        candidates,
        seed: (folder.config.run.seed, [&live.task.id, &depth]),
        artifacts: &equipment.artifacts,
    };
    // whatever is swapped meanwhile, this step is judged by those that are there now
    let state = equipment.verifiers.now();
    let judged = judging::judge(&state.deciding, &case);
    let Some(trial) = &state.trial else { return Ok(decision(judged, candidates)) };
    let other = judging::judge(&trial.beside, &case);
    let numbers: Vec<u32> = candidates.iter().map(|candidate| candidate.number).collect();
    let row = |revision, decided, incumbent, newcomer| {
        TrialRow::new(revision, trial.stage, decided, &numbers, incumbent, newcomer)
    };
    let (row, judged) = match trial.stage {
        TrialStage::Probation => (row(state.deciding.revision, true, &other, &judged), judged),
        stage => {
            let drawn = seed(folder.config.run.seed, Purpose::Canary, &case.seed.1) as f64;
            let share = drawn / i64::MAX as f64;
            let decides = stage == TrialStage::Canary && share < trial.plan.share;
            let row = row(trial.beside.revision, decides, &judged, &other);
            (row, if decides { other } else { judged })
        }
    };
    Ok(Decision { trial: Some((state, row)), ..decision(judged, candidates) })
}

/// What was judged as what is stored; what could not be judged is dropped with its reason.
fn decision(judged: Result<Judged, String>, candidates: &[CandidateRow]) -> Decision {
    match judged {
        Ok(judged) => Decision {
            outcome: if judged.ranking.winner.is_some() {
                StepOutcome::Winner
            } else {
                StepOutcome::NoWinner
            },
            reason: judged.ranking.reason,
            winner: judged.ranking.winner.map(|place| candidates[place].number),
            standings: judged.ranking.standings,
            judgements: judged.rows,
            askings: judged.askings,
            task_ending: None,
            trial: None,
        },
        Err(reason) => Decision {
            outcome: StepOutcome::Dropped,
            reason: Some(reason),
            winner: None,
            standings: Vec::new(),
            judgements: Vec::new(),
            askings: Vec::new(),
            task_ending: None,
            trial: None,
        },
    }
}

/// A step as verifiers see it, without its candidates.
pub(crate) fn view(
    folder: &Folder,
    equipment: &Equipment,
    task: &Task,
    history: &[CandidateRow],
    depth: u32,
) -> Result<StepView, Error> {
    Ok(StepView {
        query: task.query.clone(),
        files: equipment.artifacts_of(task)?,
        captions: task.captions(),
        tools: equipment.tool_infos(),
        history: history.iter().map(observation::past_step).collect(),
        candidates: Vec::new(),
        depth,
        max_depth: folder.config.explore.max_depth,
    })
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
