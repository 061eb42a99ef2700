//! The audit that a run makes by itself before its first tuning.

use super::examine::{Examined, Subject, examine, planned};
use super::explore;
use super::gather::of_run;
use super::record::{Identity, Record, Settings};
use super::recorded::Recorded;
use super::shelf::{Shelf, in_run, put_in_run};
use crate::error::Error;
use crate::judging::{Member, Panel};
use crate::stages::{Context, put_on_adapter};

/// Makes it for every member of the panel that decides and has none in this run yet, unless nothing may be known
/// (`label_free`). The same steps give the same record, so what lies on the shelf is taken. Says whether there was anything to
/// compare.
pub(crate) fn by_itself(
    context: &mut Context<'_>,
    shelf: Option<&Shelf>,
    panel: &Panel,
    iteration: u32,
) -> Result<bool, Error> {
    let (folder, equipment) = (context.folder, context.equipment);
    let wishes = &folder.config.audit;
    let mut missing = Vec::new();
    for member in &panel.members {
        let identity = Identity::of(&member.verifier, &member.config);
        if in_run(folder.path(), &identity)?.is_none() {
            missing.push((member, identity));
        }
    }
    if wishes.label_free || missing.is_empty() {
        return Ok(true);
    }
    if wishes.tasks > 0 {
        put_on_adapter(folder, context.policy, iteration.saturating_sub(1))?;
        explore(context, iteration, wishes.tasks)?;
    }
    let (steps, truth) = of_run(folder, equipment, None)?;
    let settings = Settings {
        quick: wishes.quick,
        seed: folder.config.run.seed,
        margin: panel.margin,
        thresholds: wishes.thresholds.clone(),
        truth,
        family: None,
    };
    let (chosen, steps_digest) = planned(&steps, &settings)?;
    if chosen.is_empty() {
        return Ok(false);
    }
    for (member, identity) in missing {
        let kept = match shelf {
            Some(shelf) => shelf.made_from(&identity, &settings, &steps_digest)?,
            None => None,
        };
        let record = match kept {
            Some(record) => record,
            None => make(context, shelf, member, &steps, &settings)?,
        };
        put_in_run(folder, &record)?;
        folder.store.put_event("audit", &record.line())?;
        context.observer.note(&record.line());
    }
    Ok(true)
}

fn make(
    context: &mut Context<'_>,
    shelf: Option<&Shelf>,
    member: &Member,
    steps: &[Recorded],
    settings: &Settings,
) -> Result<Record, Error> {
    let equipment = context.equipment;
    let examined = Examined {
        subject: Subject { verifier: &member.verifier, config: &member.config },
        panel: Vec::new(),
        steps: steps.to_vec(),
        labels: None,
        artifacts: &equipment.artifacts,
        last: shelf.map(|shelf| shelf.last(&member.verifier.descriptor().name)).transpose()?.flatten(),
        settings: settings.clone(),
        threads: equipment.threads,
    };
    let record = examine(examined, || !context.observer.stop())?;
    if let Some(shelf) = shelf {
        shelf.put(&record)?;
    }
    Ok(record)
}
