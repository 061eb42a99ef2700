//! Candidates for tasks of the audit split: images and phrasings that no training task has.
//!
//! They are sampled with the run's policy as it stands, executed, and judged by the run's verifier only to know with which winner
//! a task goes on. Everything is stored as steps of training tasks are, under tasks of another split, so nothing that counts or
//! learns from training tasks sees them, and a run that was stopped goes on.

use crate::error::Error;
use crate::observer::Stage;
use crate::stages::{Context, explore, synthesize};
use crate::task::Split;

/// Explores up to `tasks` audit tasks; says how many there are. None where no image of the folder is of the audit split.
pub(crate) fn explore(context: &mut Context<'_>, iteration: u32, tasks: u32) -> Result<u64, Error> {
    let store = &context.folder.store;
    if store.tasks(0, Split::Audit)?.is_empty() {
        let made = synthesize::audit_tasks(context.folder, context.equipment, context.observer, tasks)?;
        store.put_tasks(0, Split::Audit, &made)?;
        store.fail_points.pass("audit-tasks-stored")?;
    }
    let made = store.tasks(0, Split::Audit)?;
    let open = made.iter().filter(|(_, ending)| ending.is_none()).count();
    if open > 0 {
        let total = made.len() as u64;
        context.observer.begin(iteration, Stage::Explore, total, "audit tasks");
        explore::explore_beside(context, iteration, made)?;
        context.observer.end(iteration, Stage::Explore, &format!("{total} audit tasks"));
        return Ok(total);
    }
    Ok(made.len() as u64)
}
