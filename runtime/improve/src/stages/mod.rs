//! The stages of an iteration; each reads what it builds on from the store and can be run alone.

pub mod evaluate;
mod execute;
pub mod explore;
pub mod pair;
pub(crate) mod pool;
pub mod synthesize;
pub mod tune;
pub mod verify;

use sport_policy::Policy;

use crate::equipment::Equipment;
use crate::error::Error;
use crate::observer::{Observer, Stage};
use crate::prompt::PromptForm;
use crate::store::{Folder, Store};

/// What a stage that samples and executes works with.
pub struct Context<'run> {
    /// The run directory.
    pub folder: &'run Folder,
    /// The sandboxed side.
    pub equipment: &'run Equipment,
    /// The policy.
    pub policy: &'run mut dyn Policy,
    /// How a step becomes text.
    pub form: &'run PromptForm,
    /// Who watches.
    pub observer: &'run mut dyn Observer,
}

/// Refuses a stage when the one it builds on is not done.
pub(crate) fn needs(store: &Store, iteration: u32, stage: Stage) -> Result<(), Error> {
    if store.stage_done(iteration, stage)? {
        Ok(())
    } else {
        Err(Error::StageOrder { iteration, needs: stage.name() })
    }
}

/// Puts on the adapter that an iteration acts with: the one that the iteration before made, or none.
/// Says whether there is one.
pub(crate) fn put_on_adapter(folder: &Folder, policy: &mut dyn Policy, made_by: u32) -> Result<bool, Error> {
    let rows = folder.store.iterations()?;
    let adapter = rows.iter().filter(|row| row.number <= made_by).rev().find_map(|row| row.adapter.clone());
    match adapter {
        Some(adapter) => {
            policy.load_adapter(&folder.path().join(adapter))?;
            Ok(true)
        }
        None => {
            policy.drop_adapter()?;
            Ok(false)
        }
    }
}

/// A cancelled policy call is an interrupted run.
pub(crate) fn interrupted(error: sport_policy::Error) -> Error {
    match error {
        sport_policy::Error::Cancelled => Error::Interrupted,
        other => other.into(),
    }
}
