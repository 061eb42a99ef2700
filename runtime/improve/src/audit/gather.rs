//! Recorded steps from a run's database, with the truth that is known by program or said by people.

use std::collections::BTreeSet;

use serde_json::Value;
use sport_sandbox::{Candidate, EndingKind};

use super::labels::Labels;
use super::recorded::{Recorded, Truth};
use crate::answers;
use crate::equipment::Equipment;
use crate::error::Error;
use crate::observation;
use crate::stages::verify;
use crate::store::{CandidateRow, Folder};
use crate::task::{Split, Task};

/// With fewer tasks of the audit split that tell good from bad, those of the train split are taken as well.
const ENOUGH_TASKS: usize = 20;

/// What a verifier can be audited on in a run. Labels count alone where there are any. Else truth is what is
/// known by program, of the audit split and, where that is too little, of the train split; a run that is `label_free` has none.
pub fn of_run(
    folder: &Folder,
    equipment: &Equipment,
    labels: Option<&Labels>,
) -> Result<(Vec<Recorded>, Truth), Error> {
    let mut steps = gather(folder, equipment, Split::Audit)?;
    if let Some(labels) = labels {
        steps.extend(gather(folder, equipment, Split::Train)?);
        labels.apply(&mut steps)?;
        steps.retain(|step| step.truths.iter().any(Option::is_some));
        return Ok((steps, Truth::People));
    }
    if folder.config.audit.label_free {
        return Err(Error::Refused(
            "this run is label-free (audit.label_free = true): answers known by program may not be used; give --labels FILE \
             with what people said of its candidates"
                .to_owned(),
        ));
    }
    let telling: BTreeSet<&str> =
        steps.iter().filter(|step| step.contrasts()).map(|step| step.task.as_str()).collect();
    if telling.len() < ENOUGH_TASKS {
        steps.extend(gather(folder, equipment, Split::Train)?);
    }
    Ok((steps, Truth::Program))
}

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
                    let mut view = verify::view(folder, equipment, &task, &history, step.depth)?;
                    view.candidates = candidates.iter().map(observation::candidate).collect();
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
