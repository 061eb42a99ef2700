//! The audit that a run makes by itself before its first tuning.

use super::examine::{Examined, Subject, examine, planned};
use super::record::{Identity, Record, Settings};
use super::explore;
use super::gather::of_run;
use super::recorded::Recorded;
use super::shelf::{Shelf, in_run, put_in_run};
use crate::error::Error;
use crate::stages::{Context, put_on_adapter};

/// Makes it, unless the run has one already or nothing may be known (`label_free`). The same steps give the same record, so
/// what lies on the shelf is taken.
pub(crate) fn by_itself(
    context: &mut Context<'_>,
    shelf: Option<&Shelf>,
    identity: &Identity,
    iteration: u32,
) -> Result<(), Error> {
    let (folder, equipment) = (context.folder, context.equipment);
    let wishes = &folder.config.audit;
    if wishes.label_free || in_run(folder, identity)?.is_some() {
        return Ok(());
    }
    if wishes.tasks > 0 {
        put_on_adapter(folder, context.policy, iteration.saturating_sub(1))?;
        explore(context, iteration, wishes.tasks)?;
    }
    let (steps, truth) = of_run(folder, equipment, None)?;
    let settings = Settings {
        quick: wishes.quick,
        seed: folder.config.run.seed,
        margin: 0.0,
        thresholds: wishes.thresholds.clone(),
        truth,
        family: None,
    };
    let (chosen, steps_digest) = planned(&steps, &settings)?;
    if chosen.is_empty() {
        return Ok(());
    }
    let kept = match shelf {
        Some(shelf) => shelf.made_from(identity, &settings, &steps_digest)?,
        None => None,
    };
    let record = match kept {
        Some(record) => record,
        None => make(context, shelf, steps, settings)?,
    };
    put_in_run(folder, &record)?;
    folder.store.put_event("audit", &record.line())?;
    context.observer.note(&record.line());
    Ok(())
}

fn make(
    context: &mut Context<'_>,
    shelf: Option<&Shelf>,
    steps: Vec<Recorded>,
    settings: Settings,
) -> Result<Record, Error> {
    let equipment = context.equipment;
    let examined = Examined {
        subject: Subject { verifier: &equipment.verifier, config: &equipment.verifier_config },
        panel: Vec::new(),
        steps,
        labels: None,
        artifacts: &equipment.artifacts,
        last: shelf.map(|shelf| shelf.last(&equipment.verifier.descriptor().name)).transpose()?.flatten(),
        settings,
        threads: equipment.threads,
    };
    let record = examine(examined, || !context.observer.stop())?;
    if let Some(shelf) = shelf {
        shelf.put(&record)?;
    }
    Ok(record)
}
