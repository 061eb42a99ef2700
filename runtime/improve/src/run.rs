//! The loop: base evaluation, then iterations of all stages, resumable at any point.
//!
//! Everything that can be wrong from outside (config, plugins, model, form, images) is found out before the run
//! directory is made. Within the loop every stage looks into the store for what is done and goes on from there, so
//! a new run and a resumed one take the same path.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sport_policy::Policy;
use sport_policy::types::PolicyConfig;
use sport_sandbox::Sandbox;

use crate::audit::{self, Identity, Permit, Shelf, Wanted};
use crate::config::{Backend, Config, PolicySection};
use crate::equipment::{Admitted, Equipment};
use crate::error::Error;
use crate::judging::Member;
use crate::observer::{Observer, Stage};
use crate::prompt::PromptForm;
use crate::report;
use crate::stages::tune::Tuning;
use crate::stages::{Context, evaluate, explore, needs, pair, synthesize, tune, verify};
use crate::store::Folder;
use crate::store::manifest::Manifest;
use crate::summary::Summary;
use crate::swap::control::Control;

/// Opens the policy that a config names; `torch_backend` is the native library.
pub fn open_policy(section: &PolicySection, torch_backend: &Path) -> Result<Box<dyn Policy>, Error> {
    match (section.backend, &section.model, &section.actions) {
        (Backend::Scripted, _, Some(actions)) => Ok(Box::new(sport_policy::ScriptedPolicy::open(actions)?)),
        (Backend::Torch, Some(model), _) => Ok(sport_policy::load_native(
            torch_backend,
            &PolicyConfig {
                model: model.clone(),
                device: section.device.clone(),
                dtype: section.dtype.clone(),
                threads: section.threads,
            },
        )?),
        _ => Err(Error::Internal("a policy section without what its backend needs".to_owned())),
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// All iterations are done.
    Finished,
    /// There was nothing to learn from.
    NoSignal {
        /// In which iteration.
        iteration: u32,
        /// What was missing and what to do.
        reason: String,
    },
}

/// A run that is worked on.
pub struct Run {
    /// Ends before the folder's lock is given back.
    _control: Control,
    folder: Folder,
    equipment: Equipment,
    policy: Box<dyn Policy>,
    form: PromptForm,
    /// The operator's audits, where this run may read and add to them.
    shelf: Option<Shelf>,
    /// Why the verifier's word is taken without an audit.
    unaudited: Option<String>,
}

impl Run {
    /// Makes a new run in `path`.
    pub fn create(
        path: &Path,
        config: Config,
        sandbox: &Sandbox,
        policy: Box<dyn Policy>,
    ) -> Result<Self, Error> {
        let form = PromptForm::load(&config.policy.form)?.for_model(policy.info());
        synthesize::check_images(&config.synthesize.images)?;
        let admitted = Admitted::new(sandbox, &config)?;
        let facts = facts(&admitted, &form, policy.as_ref());
        let folder = Folder::create(path, config, &facts)?;
        let equipment = admitted.equip(&folder.blobs())?;
        Self::assemble(folder, equipment, policy, form, sandbox)
    }

    /// With the verifiers that decide by now, and open to those who want others.
    fn assemble(
        folder: Folder,
        equipment: Equipment,
        policy: Box<dyn Policy>,
        form: PromptForm,
        sandbox: &Sandbox,
    ) -> Result<Self, Error> {
        let verifiers = &equipment.verifiers;
        verifiers.restore(&folder.store, sandbox, &folder.config.verifier)?;
        let control = Control::start(
            folder.path(),
            folder.second_store()?,
            Arc::clone(verifiers),
            sandbox.clone(),
            folder.config.verifier.watch.as_deref(),
        )?;
        Ok(Self { _control: control, folder, equipment, policy, form, shelf: None, unaudited: None })
    }

    /// Opens a run to go on with it. `open_policy` gets the run's own config.
    pub fn open(
        path: &Path,
        sandbox: &Sandbox,
        open_policy: impl FnOnce(&PolicySection) -> Result<Box<dyn Policy>, Error>,
    ) -> Result<Self, Error> {
        let folder = Folder::open(path)?;
        let policy = open_policy(&folder.config.policy)?;
        let form = PromptForm::load(&folder.config.policy.form)?.for_model(policy.info());
        let admitted = Admitted::new(sandbox, &folder.config)?;
        for (key, is) in facts(&admitted, &form, policy.as_ref()) {
            let was = folder.store.meta(&key)?.unwrap_or_else(|| "nothing".to_owned());
            // another version of a backend may go on with a run; another model may not
            if was != is && key.starts_with("digest:") {
                return Err(Error::Changed {
                    what: key.trim_start_matches("digest:").replace(':', " "),
                    was,
                    is,
                });
            }
        }
        folder.store.put_event("resumed", "the run was opened again")?;
        let equipment = admitted.equip(&folder.blobs())?;
        Self::assemble(folder, equipment, policy, form, sandbox)
    }

    /// The run directory.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Lets the run use audits that were made elsewhere, and keep its own for others.
    pub fn use_audits(&mut self, shelf: Shelf) {
        self.shelf = Some(shelf);
    }

    /// Lets the run tune though its verifier has no passing audit. The reason goes into manifests and report.
    pub fn allow_unaudited(&mut self, reason: &str) {
        self.unaudited = Some(reason.to_owned());
    }

    /// Explores tasks of the audit split with the policy of the last iteration that made one, so that there is something to
    /// audit verifiers on. Says how many there are; a run's audit tasks are made once.
    pub fn explore_for_audit(&mut self, tasks: u32, observer: &mut dyn Observer) -> Result<u64, Error> {
        let last = self
            .folder
            .store
            .iterations()?
            .iter()
            .filter(|row| row.adapter.is_some())
            .map(|row| row.number)
            .max();
        self.folder.store.begin_iteration(0)?;
        audit::explore(&mut self.context(observer), last.map_or(0, |last| last + 1), tasks)
    }

    /// The sandboxed side.
    pub fn equipment(&self) -> &Equipment {
        &self.equipment
    }

    /// Sets the point at which a test stops this run: `[abort:]name[:count]`.
    pub fn fail_at(&mut self, point: &str) {
        self.folder.fail_at(point);
    }

    /// Does everything that is not done yet.
    pub fn improve(&mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        if let Some(outcome) = self.ended()? {
            return Ok(outcome);
        }
        self.iteration_zero(observer)?;
        for iteration in 1..=self.folder.config.run.iterations {
            if self.is_over(iteration)? {
                continue;
            }
            self.folder.store.begin_iteration(iteration)?;
            for stage in [Stage::Synthesize, Stage::Explore, Stage::Verify, Stage::Pair] {
                self.stage(iteration, stage, observer)?;
            }
            if let Some(reason) = self.lack_of_signal(iteration)? {
                self.folder.store.set_meta("reason", &reason)?;
                self.folder.store.set_meta("outcome", "no-signal")?;
                self.close(iteration, "no-signal")?;
                observer.note(&reason);
                return Ok(Outcome::NoSignal { iteration, reason });
            }
            for stage in [Stage::Sft, Stage::Evaluate] {
                self.stage(iteration, stage, observer)?;
            }
            self.close(iteration, "done")?;
        }
        self.folder.store.set_meta("outcome", "finished")?;
        self.write_report()?;
        Ok(Outcome::Finished)
    }

    /// Runs one stage alone. `Sft` and `Dpo` both mean tuning, which does what the config says of the two.
    pub fn stage(&mut self, iteration: u32, stage: Stage, observer: &mut dyn Observer) -> Result<(), Error> {
        let last = self.folder.config.run.iterations;
        let of_iteration_zero = matches!(stage, Stage::Synthesize | Stage::Evaluate);
        if iteration > last || (iteration == 0 && !of_iteration_zero) {
            return Err(Error::Refused(format!(
                "there is no {stage} stage of iteration {iteration}: the run has iterations 1 to {last}, and 0 (the \
                 base) with synthesize and evaluate only"
            )));
        }
        self.folder.store.begin_iteration(iteration)?;
        let permit = match stage {
            Stage::Sft | Stage::Dpo => self.permit(iteration, observer)?,
            _ => None,
        };
        let mut context = self.context(observer);
        match stage {
            Stage::Synthesize => {
                synthesize::synthesize(context.folder, context.equipment, context.observer, iteration)
            }
            Stage::Explore => explore::explore(&mut context, iteration),
            Stage::Verify => verify::verify(&mut context, iteration),
            Stage::Pair => pair::pair(context.folder, context.observer, iteration),
            Stage::Sft | Stage::Dpo => match permit {
                Some(permit) => tune::tune(Tuning {
                    folder: context.folder,
                    policy: context.policy,
                    observer: context.observer,
                    iteration,
                    permit,
                }),
                None => Ok(()),
            },
            Stage::Evaluate => evaluate::evaluate(&mut context, iteration),
        }
    }

    fn context<'run>(&'run mut self, observer: &'run mut dyn Observer) -> Context<'run> {
        Context {
            folder: &self.folder,
            equipment: &self.equipment,
            policy: self.policy.as_mut(),
            form: &self.form,
            observer,
        }
    }

    /// Leave to tune an iteration on what the run's verifier said; none where that is done already. A verifier without an audit
    /// in this run is audited first, where truth is to be had.
    fn permit(&mut self, iteration: u32, observer: &mut dyn Observer) -> Result<Option<Permit>, Error> {
        let store = &self.folder.store;
        if store.iterations()?.iter().any(|row| row.number == iteration && row.adapter.is_some()) {
            return Ok(None);
        }
        needs(store, iteration, Stage::Pair)?;
        let judges = store.judges(iteration)?;
        if let Some(permit) = audit::again(&self.folder, iteration, &judges)? {
            return Ok(Some(permit));
        }
        let panel = Arc::clone(&self.equipment.verifiers.now().deciding);
        let (shelf, unaudited) = (self.shelf.take(), self.unaudited.clone());
        let audited = match unaudited {
            Some(_) => Ok(true),
            None => audit::by_itself(&mut self.context(observer), shelf.as_ref(), &panel, iteration),
        };
        self.shelf = shelf;
        let comparable = audited?;
        let member = |member: &Member| {
            (Identity::of(&member.verifier, &member.config), member.verifier.descriptor().name.clone())
        };
        let members: Vec<(Identity, String)> = panel.members.iter().map(member).collect();
        let wanted = Wanted {
            judges: &judges,
            members: &members,
            pairs: self.folder.config.tune.dpo.rate.epochs > 0,
            comparable,
            margin: panel.margin,
            unaudited: unaudited.as_deref(),
        };
        audit::permit(&self.folder, self.shelf.as_ref(), &wanted).map(Some)
    }

    fn iteration_zero(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        if self.is_over(0)? {
            return Ok(());
        }
        for stage in [Stage::Synthesize, Stage::Evaluate] {
            self.stage(0, stage, observer)?;
        }
        self.close(0, "done")
    }

    /// How the run ended, if it did.
    fn ended(&self) -> Result<Option<Outcome>, Error> {
        let store = &self.folder.store;
        Ok(match store.meta("outcome")?.as_deref() {
            Some("finished") => Some(Outcome::Finished),
            Some("no-signal") => {
                let iterations = store.iterations()?;
                let stopped = iterations.iter().find(|row| row.outcome.as_deref() == Some("no-signal"));
                stopped
                    .map(|row| row.number)
                    .zip(store.meta("reason")?)
                    .map(|(iteration, reason)| Outcome::NoSignal { iteration, reason })
            }
            _ => None,
        })
    }

    fn is_over(&self, iteration: u32) -> Result<bool, Error> {
        let rows = self.folder.store.iterations()?;
        Ok(rows.iter().any(|row| row.number == iteration && row.outcome.is_some()))
    }

    /// Why an iteration has nothing to learn from, if it has not.
    fn lack_of_signal(&self, iteration: u32) -> Result<Option<String>, Error> {
        let (store, config) = (&self.folder.store, &self.folder.config.tune);
        let nothing = if config.dpo.rate.epochs > 0 {
            store.pairs(iteration)?.is_empty()
        } else {
            tune::imitated(&self.folder, iteration)?.is_empty()
        };
        if !nothing {
            return Ok(None);
        }
        let steps = store.step_outcomes(iteration)?;
        let winners = steps.iter().find(|(outcome, _)| outcome == "winner").map_or(0, |(_, count)| *count);
        let found = if winners == 0 {
            "no step had a winner".to_owned()
        } else {
            format!("{winners} steps had a winner, but none had another candidate that looked wrong")
        };
        let advice = if winners > 0 {
            "the policy is uniformly right on these tasks: give it harder families or a higher temperature"
        } else {
            "look at a few steps in report.html; most often the prompt form does not suit the model, or the tasks are \
             too hard for it"
        };
        Ok(Some(format!("no signal in iteration {iteration}: {found}; {advice}")))
    }

    /// Writes the manifest and the report, then records that the iteration is over.
    fn close(&self, iteration: u32, outcome: &str) -> Result<(), Error> {
        let summary = Summary::read(&self.folder)?;
        let row = self.folder.store.iterations()?.into_iter().find(|row| row.number == iteration);
        let result = summary.iterations.iter().find(|found| found.number == iteration);
        let mut digests = Map::new();
        for key in self.folder.store.meta_keys("digest:")? {
            let value = self.folder.store.meta(&key)?.unwrap_or_default();
            digests.insert(key.trim_start_matches("digest:").to_owned(), Value::String(value));
        }
        digests.insert("config".to_owned(), Value::String(summary.config_digest.clone()));
        let manifest = Manifest {
            version: 1,
            iteration,
            seed: summary.seed,
            digests,
            adapter: row.as_ref().and_then(|row| row.adapter.clone()),
            adapter_digest: row.and_then(|row| row.adapter_digest),
            audit: self.folder.store.grounds(iteration)?,
            result: serde_json::to_value(result).map_err(|error| Error::Internal(error.to_string()))?,
        };
        manifest.write(&self.folder.manifest(iteration))?;
        self.folder.store.fail_points.pass("manifest")?;
        self.folder.store.end_iteration(iteration, outcome)?;
        self.write_report()
    }

    fn write_report(&self) -> Result<(), Error> {
        let summary = Summary::read(&self.folder)?;
        let info = self.policy.info();
        let millions = info.parameters / 1_000_000;
        let policy = format!("{millions} M parameters, {}, {} on {}", info.backend, info.dtype, info.device);
        let verifier = self.equipment.verifiers.now().deciding.name();
        let view = report::collect(&self.folder.store, summary, policy, verifier)?;
        report::write(&view, &self.folder.path().join("report.html"))
    }
}

/// What a run is made of and must still be made of when it is resumed (`digest:`), and what else to remember.
fn facts(admitted: &Admitted, form: &PromptForm, policy: &dyn Policy) -> Vec<(String, String)> {
    let info = policy.info();
    let mut facts = admitted.digests();
    facts.push(("digest:form".to_owned(), form.digest().to_owned()));
    facts.push(("digest:model".to_owned(), info.model_digest.clone()));
    facts.push(("policy-backend".to_owned(), info.backend.clone()));
    facts.push(("policy-device".to_owned(), info.device.clone()));
    facts.push(("policy-dtype".to_owned(), info.dtype.clone()));
    facts
}
