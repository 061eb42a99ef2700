//! Recorded steps from a run's database, with the truth that is known by program.

use serde_json::Value;
use sport_sandbox::{Candidate, EndingKind};

use super::recorded::Recorded;
use crate::answers;
use crate::equipment::Equipment;
use crate::error::Error;
use crate::observation;
use crate::store::{CandidateRow, Folder};
use crate::task::{Split, Task};

/// The steps of a split that have run, every iteration's. Truth is what is known by program; it goes into audits only.
pub fn gather(folder: &Folder, equipment: &Equipment, split: Split) -> Result<Vec<Recorded>, Error> {
    let store = &folder.store;
    let mut steps = Vec::new();
    for iteration in store.iterations()? {
        for (task, _) in store.tasks(iteration.number, split)? {
            let mut history: Vec<CandidateRow> = Vec::new();
            for step in store.steps(&task.id)? {
                let candidates = store.candidates(step.id)?;
                if candidates.iter().all(|candidate| candidate.report.is_some()) {
                    let view = observation::step_view(
                        equipment,
                        &task,
                        &history,
                        candidates.iter(),
                        (step.depth, folder.config.explore.max_depth),
                    )?;
                    steps.push(Recorded {
                        task: task.id.clone(),
                        step: format!("{}/{}", task.id, step.depth),
                        truths: view.candidates.iter().map(|candidate| truth(&task, candidate)).collect(),
                        families: Vec::new(),
                        view,
                    });
                }
                let won = |row: &CandidateRow| Some(row.number) == step.winner;
                history.extend(candidates.into_iter().find(won));
            }
        }
    }
    Ok(steps)
}

/// An answer is right or wrong; without one a candidate is bad when it came to nothing, else it may be a step on the way.
fn truth(task: &Task, candidate: &Candidate) -> Option<bool> {
    let right = |answer: &Value| answers::is_right(task, answer);
    match (&candidate.answer, candidate.execution.ending) {
        (Some(answer), _) => Some(right(answer)),
        (None, EndingKind::Value | EndingKind::Exited) => None,
        (None, _) => Some(false),
    }
}
