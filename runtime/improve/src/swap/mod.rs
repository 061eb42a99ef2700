//! Other verifiers for a run that goes on.
//!
//! A run's panel of verifiers can be changed while steps are judged. A newcomer is loaded and tried on a small step first; one that
//! does not load, is of another contract or fails there leaves everything as it is. Then it has to earn its place:
//!
//! ```text
//! loaded ──▶ shadow ──────────▶ canary ──────────▶ probation ──────────▶ deciding
//!            judges beside,     decides a share    decides all steps,
//!            decides nothing    of the steps       its predecessor beside
//! ```
//!
//! and decides nothing before its audit passed, or the operator said why it may without one. In each of these stages
//! [`trial::Counts`] are kept of failures, abstentions and of what the two disagreed about; beyond a bound the newcomer is dropped, or
//! its predecessor put back, and the reason recorded.
//!
//! A step is judged by the [`State`] that it began with, whatever is swapped meanwhile: no step is judged by parts of two panels.
//! Which panel judged stands in every judgement ([`crate::store::JudgementRow`]).

pub mod client;
pub mod control;
pub mod newcomer;
pub mod protocol;
pub mod trial;
mod watched;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use sport_sandbox::Sandbox;

use crate::config::Verifier as VerifierSection;
use crate::error::Error;
use crate::judging::Panel;
use crate::store::Store;
use protocol::{Newcomer, Revision};
use trial::{Bounds, Counts, Stage, TrialRow};

/// Who judges now.
#[derive(Clone, Debug)]
pub struct State {
    /// Whose word counts.
    pub deciding: Arc<Panel>,
    /// A newcomer beside it, or a predecessor.
    pub trial: Option<Arc<Trial>>,
}

/// Two panels side by side.
#[derive(Debug)]
pub struct Trial {
    /// The one of the two that does not decide (but a share of the steps, as a canary).
    pub beside: Arc<Panel>,
    /// Where the newcomer stands.
    pub stage: Stage,
    /// How many steps there still are in this stage and the next ones.
    pub plan: Plan,
    /// What it must not exceed.
    pub bounds: Bounds,
    counts: Mutex<Counts>,
}

/// How many steps a newcomer spends where.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// Steps that it judges beside the incumbent, and decides nothing.
    pub shadow: u32,
    /// Steps after that of which it decides a share.
    pub canary: u32,
    /// That share.
    pub share: f64,
    /// Steps after that which it decides, with its predecessor beside.
    pub probation: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self { shadow: 20, canary: 0, share: 0.2, probation: 20 }
    }
}

/// What a newcomer came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It stands somewhere else now.
    Moved(Stage),
    /// It decides, and nobody is beside it any more.
    Settled,
    /// It is gone, and this is why.
    Dropped(String),
    /// Its predecessor is back, and this is why.
    RolledBack(String),
}

/// The verifiers of a run, shared by those who judge and those who swap.
#[derive(Debug)]
pub struct Verifiers {
    state: RwLock<Arc<State>>,
}

impl Verifiers {
    /// With this panel.
    pub fn new(panel: Panel) -> Self {
        Self { state: RwLock::new(Arc::new(State { deciding: Arc::new(panel), trial: None })) }
    }

    /// Who judges now: what a step goes by from its beginning to its end.
    pub fn now(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a panel in the place of the one that decides, and ends any trial.
    pub fn replace(&self, panel: Panel) {
        self.put(State { deciding: Arc::new(panel), trial: None });
    }

    /// Begins a trial of a newcomer beside whoever decides; one that was under way is over. Gives back where it begins.
    pub fn try_out(&self, newcomer: Panel, plan: Plan, bounds: Bounds) -> Stage {
        let deciding = Arc::clone(&self.now().deciding);
        let newcomer = Arc::new(newcomer);
        let stage = Stage::first(&plan);
        let (deciding, beside) = match stage {
            Stage::Shadow | Stage::Canary => (deciding, Some(newcomer)),
            Stage::Probation => (newcomer, Some(deciding)),
            Stage::Settled => (newcomer, None),
        };
        let trial = beside.map(|beside| Arc::new(Trial::new(beside, stage, plan, bounds)));
        self.put(State { deciding, trial });
        stage
    }

    /// Ends a trial: the newcomer goes, whether it decided already or not. None when there was no trial.
    pub fn end_trial(&self) -> Option<Stage> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let trial = state.trial.clone()?;
        let deciding = match trial.stage {
            Stage::Probation => Arc::clone(&trial.beside),
            _ => Arc::clone(&state.deciding),
        };
        *state = Arc::new(State { deciding, trial: None });
        Some(trial.stage)
    }

    /// Counts what came of a step that was judged in `seen`, and moves the newcomer on or out. None when nothing changes, or when
    /// the trial that the step belongs to is over already.
    pub fn note(&self, seen: &State, row: &TrialRow) -> Option<Event> {
        let trial = seen.trial.as_ref()?;
        let counts = {
            let mut counts = trial.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.add(row);
            counts.clone()
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if !state.trial.as_ref().is_some_and(|there| Arc::ptr_eq(there, trial)) {
            return None;
        }
        if let Some(reason) = counts.beyond(&trial.bounds) {
            let (deciding, event) = match trial.stage {
                Stage::Probation => (Arc::clone(&trial.beside), Event::RolledBack(reason)),
                _ => (Arc::clone(&state.deciding), Event::Dropped(reason)),
            };
            *state = Arc::new(State { deciding, trial: None });
            return Some(event);
        }
        if counts.steps < trial.plan.steps(trial.stage) {
            return None;
        }
        let next = trial.stage.next(&trial.plan);
        let newcomer_decides = matches!(next, Stage::Probation | Stage::Settled);
        let did_decide = trial.stage == Stage::Probation;
        let (deciding, beside) = match (newcomer_decides, did_decide) {
            (true, false) => (Arc::clone(&trial.beside), Arc::clone(&state.deciding)),
            _ => (Arc::clone(&state.deciding), Arc::clone(&trial.beside)),
        };
        let trial =
            (next != Stage::Settled).then(|| Arc::new(Trial::new(beside, next, trial.plan, trial.bounds)));
        *state = Arc::new(State { deciding, trial });
        Some(if next == Stage::Settled { Event::Settled } else { Event::Moved(next) })
    }

    /// The same with what it comes to in the store.
    pub(crate) fn count(&self, store: &Store, seen: &State, row: &TrialRow) -> Result<(), Error> {
        let Some(trial) = &seen.trial else { return Ok(()) };
        let (newcomer, other) = match trial.stage {
            Stage::Probation => (&seen.deciding, &trial.beside),
            _ => (&trial.beside, &seen.deciding),
        };
        let (newcomer, other) = (newcomer.revision, other.revision);
        match self.note(seen, row) {
            None => Ok(()),
            Some(Event::Moved(stage)) => {
                if stage == Stage::Probation {
                    store.set_revision(other, "replaced", &format!("revision {newcomer} took its place"))?;
                }
                let done = trial.stage.name();
                store.set_revision(newcomer, stage.name(), &format!("its {done} stage went well"))
            }
            Some(Event::Settled) => {
                store.set_revision(other, "replaced", &format!("revision {newcomer} took its place"))?;
                store.set_revision(newcomer, "deciding", "its trial went well")
            }
            Some(Event::Dropped(reason)) => store.set_revision(newcomer, "dropped", &reason),
            Some(Event::RolledBack(reason)) => {
                store.set_revision(newcomer, "rolled-back", &reason)?;
                store.set_revision(other, "deciding", &format!("revision {newcomer} was rolled back"))
            }
        }
    }

    /// Takes up what the store says, when a run is opened: the config's panel is revision 1, and another may decide by now. A trial
    /// that was under way ended with the process that it was in.
    pub(crate) fn restore(
        &self,
        store: &Store,
        sandbox: &Sandbox,
        section: &VerifierSection,
    ) -> Result<(), Error> {
        let config = Arc::clone(&self.now().deciding);
        let revisions = store.revisions()?;
        if revisions.is_empty() {
            return store.put_revision(&Revision {
                number: config.revision,
                state: Stage::Settled.name().to_owned(),
                members: members_of(section)?,
                identities: control::identities(&config.members),
                at: 0,
                reason: "the config's".to_owned(),
            });
        }
        for revision in &revisions {
            if ["shadow", "canary"].contains(&revision.state.as_str()) {
                store.set_revision(
                    revision.number,
                    "dropped",
                    "the run was stopped in its trial; swap it in again",
                )?;
            }
            if revision.state == "probation" {
                store.set_revision(revision.number, "deciding", "the run was stopped in its probation")?;
            }
        }
        let deciding = store.deciding()?;
        let Some(revision) = revisions.iter().find(|one| Some(one.number) == deciding) else {
            return Err(Error::Internal("no revision of the run's verifiers decides".to_owned()));
        };
        if revision.number != config.revision {
            self.replace(control::load_panel(sandbox, revision, &config)?);
        }
        Ok(())
    }

    fn put(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }
}

/// The verifiers of a config, as they are named over the control socket.
fn members_of(section: &VerifierSection) -> Result<Vec<Newcomer>, Error> {
    let member = |plugin: &Path, grants: &[String], config: &toml::Table, weight: f64| {
        let config = serde_json::to_value(config).map_err(|error| Error::Internal(error.to_string()))?;
        let plugin = plugin.to_string_lossy().into_owned();
        let config = config.as_object().cloned().unwrap_or_default();
        Ok(Newcomer { plugin, grants: grants.to_vec(), config, weight })
    };
    let first = member(&section.plugin, &section.grants, &section.config, section.weight);
    let others = section.panel.iter().map(|one| member(&one.plugin, &one.grants, &one.config, one.weight));
    std::iter::once(first).chain(others).collect()
}

impl Trial {
    fn new(beside: Arc<Panel>, stage: Stage, plan: Plan, bounds: Bounds) -> Self {
        Self { beside, stage, plan, bounds, counts: Mutex::default() }
    }

    /// What was counted in this stage so far.
    pub fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Plan {
    /// Steps of a stage.
    fn steps(&self, stage: Stage) -> u32 {
        match stage {
            Stage::Shadow => self.shadow,
            Stage::Canary => self.canary,
            Stage::Probation => self.probation,
            Stage::Settled => 0,
        }
    }
}
