//! `sport verifier audit`.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;
use serde_json::{Map, Value};
use sport_improve::audit::{
    Examined, Identity, Labels, Outcome, Record, Recorded, Settings, Shelf, Subject, Thresholds, Truth,
    examine, of_run, page, planned, put_in_run, read_steps, text,
};
use sport_improve::equipment::{Admitted, Equipment};
use sport_improve::files::write_atomically;
use sport_improve::store::Folder;
use sport_sandbox::{ArtifactStore, Sandbox, Verifier};

use crate::commands::{self, IsolationFlag, improve};
use crate::exit::{CommandError, Exit};
use crate::paths;
use crate::progress::{Progress, interrupt_flag};

/// Ask a verifier about recorded steps whose truth is known.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 0: it passed, 1: it is blocked (every gate is listed). The audit is kept beside your grants (SPORT_CONFIG), and \
with --run in the run directory; `sport tune` looks for it there.

Examples:
  sport verifier audit --run runs/mine                                   # the run's own verifier
  sport verifier audit --run runs/mine --explore 60 --html audit.html    # on tasks that nothing learns from
  sport verifier audit judge.wasm --config 'strict = true' --run runs/mine --labels people.jsonl
  sport verifier audit judge.wasm --steps steps.jsonl --json")]
pub struct Audit {
    /// An installed verifier, one of sport's own, or a component's path [default: the run's own, with the run's config]
    verifier: Option<String>,
    /// Its config: a file (TOML or JSON), or the text itself
    #[arg(long, value_name = "FILE|TEXT")]
    config: Option<String>,
    /// What a component given by path is granted (repeat it)
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// Take the steps of this run
    #[arg(long, value_name = "DIR", required_unless_present = "steps")]
    run: Option<PathBuf>,
    /// Before that, explore up to so many tasks of the run's audit split
    #[arg(long, value_name = "N", requires = "run")]
    explore: Option<u32>,
    /// Take the steps of this file, one JSON object a line
    #[arg(long, value_name = "FILE", conflicts_with = "run", requires = "verifier")]
    steps: Option<PathBuf>,
    /// What people said of candidates, one JSON object a line; nothing else counts as truth then
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Two minutes at most: fewer steps, orders and resamples; an equal one made before is shown again
    #[arg(long)]
    quick: bool,
    /// Take preferences with a smaller margin for ties [default: the run's verifier.margin, else 0]; a run may lean on the audit
    /// only if it does so too
    #[arg(long, value_name = "0..1")]
    margin: Option<f64>,
    /// The family of the model that the verifier asks, for self-preference; candidates' families stand in the labels
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Another verifier to compare with, NAME or NAME=CONFIG (repeat it)
    #[arg(long, value_name = "VERIFIER")]
    panel: Vec<String>,
    /// What every draw comes from [default: the run's, else 0]
    #[arg(long)]
    seed: Option<u64>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    /// Write a page for people, whole in one file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the same as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    #[command(flatten)]
    isolation: IsolationFlag,
}

/// Steps, and where what they name is.
struct Material {
    steps: Vec<Recorded>,
    truth: Truth,
    artifacts: ArtifactStore,
    /// The run, with what it works with.
    run: Option<(Folder, Equipment)>,
}

impl Audit {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        if let Some(margin) = self.margin.filter(|margin| !(0.0..=1.0).contains(margin)) {
            let message = format!("--margin is {margin}: from 0 to 1 is possible");
            return Err(CommandError::new(Exit::Usage, "bad-margin", message));
        }
        let stop = interrupt_flag();
        let sandbox = commands::sandbox(self.isolation)?;
        let labels = self.labels.as_deref().map(Labels::read).transpose()?;
        if let (Some(folder), Some(tasks)) = (&self.run, self.explore) {
            let mut progress = Progress::new(self.json, Arc::clone(&stop));
            improve::open(folder, self.isolation)?.explore_for_audit(tasks, &mut progress)?;
        }
        let material = self.material(&sandbox, labels.as_ref())?;
        let (verifier, config) =
            self.verifier(&sandbox, material.run.as_ref().map(|(_, equipment)| equipment))?;
        let panel = self.panel.iter().map(|typed| member(&sandbox, typed)).collect::<Result<Vec<_>, _>>()?;
        let shelf = Shelf::open(&paths::config())?;
        let run_config = material.run.as_ref().map(|(folder, _)| &folder.config);
        let settings = Settings {
            quick: self.quick,
            seed: self.seed.or(run_config.map(|config| config.run.seed)).unwrap_or(0),
            margin: self.margin.or(run_config.map(|config| config.verifier.margin)).unwrap_or(0.0),
            thresholds: run_config.map_or_else(Thresholds::default, |config| config.audit.thresholds.clone()),
            truth: material.truth,
            family: self.family.clone(),
        };
        let kept = match self.quick && panel.is_empty() {
            true => {
                let (_, digest) = planned(&material.steps, &settings)?;
                shelf.made_from(&Identity::of(&verifier, &config), &settings, &digest)?
            }
            false => None,
        };
        let record = match kept {
            Some(record) => record,
            None => {
                let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
                let examined = Examined {
                    subject: Subject { verifier: &verifier, config: &config },
                    panel: panel.iter().map(|(verifier, config)| Subject { verifier, config }).collect(),
                    steps: material.steps,
                    labels: labels.as_ref(),
                    artifacts: &material.artifacts,
                    last: shelf.last(&verifier.descriptor().name)?,
                    settings,
                    threads: cores,
                };
                let record = examine(examined, || !stop.load(Ordering::Relaxed))?;
                shelf.put(&record)?;
                record
            }
        };
        if let Some((folder, _)) = &material.run {
            put_in_run(folder, &record)?;
        }
        self.show(&record)?;
        Ok(if record.outcome == Outcome::Passed { Exit::Done } else { Exit::Negative })
    }

    fn material(&self, sandbox: &Sandbox, labels: Option<&Labels>) -> Result<Material, CommandError> {
        if let Some(path) = &self.run {
            let folder = Folder::open_to_read(path)?;
            let equipment = Admitted::new(sandbox, &folder.config)?.equip(&folder.blobs())?;
            let (steps, truth) = of_run(&folder, &equipment, labels)?;
            let artifacts = equipment.artifacts.clone();
            return Ok(Material { steps, truth, artifacts, run: Some((folder, equipment)) });
        }
        let mut steps = self.steps.as_deref().map(read_steps).transpose()?.unwrap_or_default();
        let truth = match labels {
            Some(labels) => {
                labels.apply(&mut steps)?;
                Truth::People
            }
            None => Truth::Steps,
        };
        Ok(Material { steps, truth, artifacts: ArtifactStore::new_in_memory(), run: None })
    }

    /// The verifier with its config. One that the run's panel has gets the config that it has there, where no other is given.
    fn verifier(
        &self,
        sandbox: &Sandbox,
        run: Option<&Equipment>,
    ) -> Result<(Arc<Verifier>, Value), CommandError> {
        let panel = run.map(|run| Arc::clone(&run.verifiers.now().deciding));
        let members = panel.as_ref().map(|panel| panel.members.as_slice()).unwrap_or_default();
        let verifier = match (&self.verifier, members) {
            (Some(name), _) => commands::verifier(sandbox, name, &self.grants)?,
            (None, [only]) => Arc::clone(&only.verifier),
            (None, members) => {
                let names: Vec<&str> =
                    members.iter().map(|member| member.verifier.descriptor().name.as_str()).collect();
                let message = format!("which verifier? the run has {}: name one", names.join(", "));
                return Err(CommandError::new(Exit::Usage, "no-verifier", message));
            }
        };
        let member = members.iter().find(|member| member.verifier.digest() == verifier.digest());
        let config = match (&self.config, member) {
            (Some(typed), _) => read_config(typed)?,
            (None, Some(member)) => member.config.clone(),
            (None, None) => Value::Object(Map::new()),
        };
        Ok((verifier, config))
    }

    fn show(&self, record: &Record) -> Result<(), CommandError> {
        if let Some(path) = &self.html {
            write_atomically(path, page::render(record)?.as_bytes())?;
        }
        if let Some(path) = &self.markdown {
            write_atomically(path, text::markdown(record).as_bytes())?;
        }
        if self.json { commands::print_json(record) } else { print(record) }
    }
}

/// `NAME` or `NAME=CONFIG`.
fn member(sandbox: &Sandbox, typed: &str) -> Result<(Arc<Verifier>, Value), CommandError> {
    let (name, config) = match typed.split_once('=') {
        Some((name, config)) => (name, read_config(config)?),
        None => (typed, Value::Object(Map::new())),
    };
    Ok((commands::verifier(sandbox, name, &[])?, config))
}

/// A file, or the text itself; TOML, or JSON when it begins with a brace.
fn read_config(typed: &str) -> Result<Value, CommandError> {
    let text = if Path::new(typed).is_file() { std::fs::read_to_string(typed)? } else { typed.to_owned() };
    let bad = |error: String| {
        let message = format!(
            "the verifier's config is neither a file nor TOML nor JSON ({}): check --config",
            error.replace('\n', " ").trim()
        );
        CommandError::new(Exit::BadInput, "bad-config", message)
    };
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(&text).map_err(|error| bad(error.to_string()));
    }
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| bad(error.message().to_owned()))?;
    serde_json::to_value(table).map_err(|error| bad(error.to_string()))
}

fn print(record: &Record) -> Result<(), CommandError> {
    use std::io::Write;
    let mut text = format!("{}\n\n", record.line());
    for gate in &record.gates {
        let value = gate.value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
        let mark = if gate.blocks() { "BLOCKS" } else { "" };
        text += &format!("{:<34} {value:>8}  {:<10} {mark:<6} {}\n", gate.name, gate.state.name(), gate.rule);
    }
    text.push('\n');
    for (name, figure) in text::figures(record) {
        let shown = figure.map_or_else(
            || "not measured".to_owned(),
            |figure| {
                format!("{:.3}  [{:.3}, {:.3}] of {}", figure.value, figure.low, figure.high, figure.count)
            },
        );
        text += &format!("{name:<48} {shown}\n");
    }
    text += &format!("\n{}\n", text::forecast(record));
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
