//! `sport improve` and the stages one by one.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sport_improve::audit::Shelf;
use sport_improve::{Config, Outcome, Places, Run, Stage as StageName, Summary, open_policy};

use super::IsolationFlag;
use crate::exit::{CommandError, Exit};
use crate::paths;
use crate::progress::{Progress, interrupt_flag};

/// Run the whole loop, or go on with a run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport improve --config examples/quickstart.toml --run runs/first
  sport improve --config examples/quickstart.toml --run runs/first --resume    # after an interrupt, a crash, kill -9
  sport improve --config examples/quickstart.toml --run runs/other --seed 2")]
pub struct Improve {
    /// The config; `docs/config.md` explains its keys
    #[arg(long)]
    config: PathBuf,
    /// The run directory [default: runs/NAME, after the config's name]
    #[arg(long)]
    run: Option<PathBuf>,
    /// Go on with the run when the directory is one; its own config counts then
    #[arg(long)]
    resume: bool,
    /// Another seed than the config's
    #[arg(long)]
    seed: Option<u64>,
    /// Print the summary as JSON at the end, and no progress
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    unaudited: Unaudited,
    #[command(flatten)]
    isolation: IsolationFlag,
}

/// Learning from a verifier that no audit speaks for.
#[derive(Debug, Args)]
pub struct Unaudited {
    /// Tune though the verifier has no passing audit; the reason goes into the manifests and the report
    #[arg(long, value_name = "REASON")]
    allow_unaudited: Option<String>,
}

/// The stages of an iteration, each alone over a run directory.
#[derive(Debug, Subcommand)]
pub enum Stage {
    /// Make the tasks of an iteration (0: the held-out tasks); makes the run when it gets --config
    Synthesize(StageArgs),
    /// Sample and run the candidates of an iteration's tasks
    Explore(StageArgs),
    /// Judge what was explored and not judged yet, with the run's verifier
    Verify(StageArgs),
    /// Make pairs of winners and losers
    Pair(StageArgs),
    /// Tune the policy: SFT on winners, then step-wise DPO
    Tune(TuneArgs),
    /// Evaluate on the held-out tasks (0: the base model)
    Evaluate(StageArgs),
}

/// What every stage takes.
#[derive(Debug, Args)]
pub struct StageArgs {
    /// The run directory
    #[arg(long)]
    run: PathBuf,
    /// The config of a new run (`synthesize` only)
    #[arg(long)]
    config: Option<PathBuf>,
    /// Which iteration
    #[arg(long, default_value_t = 1)]
    iteration: u32,
    /// Print the summary as JSON at the end, and no progress
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    isolation: IsolationFlag,
}

/// What `tune` takes.
#[derive(Debug, Args)]
pub struct TuneArgs {
    #[command(flatten)]
    stage: StageArgs,
    #[command(flatten)]
    unaudited: Unaudited,
}

impl Improve {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let folder = self.run.clone().unwrap_or_else(|| default_run(&self.config));
        let mut progress = Progress::new(self.json, interrupt_flag());
        let mut run = if self.resume && is_run(&folder) {
            open(&folder, self.isolation)?
        } else {
            create(&self.config, &folder, self.seed, self.isolation)?
        };
        learn_from(&mut run, &self.unaudited)?;
        let outcome = run.improve(&mut progress)?;
        let summary = Summary::read(run.folder())?;
        if self.json {
            super::print_json(&summary)?;
        } else {
            super::run::print(&summary, run.folder().path());
        }
        Ok(match outcome {
            Outcome::Finished => Exit::Done,
            Outcome::NoSignal { .. } => Exit::Negative,
        })
    }
}

impl Stage {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let mut unaudited = Unaudited { allow_unaudited: None };
        let (stage, arguments) = match self {
            Self::Synthesize(arguments) => (StageName::Synthesize, arguments),
            Self::Explore(arguments) => (StageName::Explore, arguments),
            Self::Verify(arguments) => (StageName::Verify, arguments),
            Self::Pair(arguments) => (StageName::Pair, arguments),
            Self::Tune(arguments) => {
                unaudited = arguments.unaudited;
                (StageName::Sft, arguments.stage)
            }
            Self::Evaluate(arguments) => (StageName::Evaluate, arguments),
        };
        let isolation = arguments.isolation;
        let mut progress = Progress::new(arguments.json, interrupt_flag());
        let mut run = match &arguments.config {
            Some(_) if stage != StageName::Synthesize => {
                let message = format!(
                    "--config makes a new run and belongs to `synthesize`; {stage} works on one that is there"
                );
                return Err(CommandError::new(Exit::Usage, "config-not-taken", message));
            }
            Some(config) if !is_run(&arguments.run) => create(config, &arguments.run, None, isolation)?,
            _ => open(&arguments.run, isolation)?,
        };
        learn_from(&mut run, &unaudited)?;
        run.stage(arguments.iteration, stage, &mut progress)?;
        if arguments.json {
            super::print_json(&Summary::read(run.folder())?)?;
        }
        Ok(Exit::Done)
    }
}

fn create(
    config: &Path,
    folder: &Path,
    seed: Option<u64>,
    isolation: IsolationFlag,
) -> Result<Run, CommandError> {
    let mut config = Config::read(config, &Places::with_components(paths::components()))?;
    if let Some(seed) = seed {
        config.run.seed = seed;
    }
    if is_run(folder) {
        // said before a model is loaded, which takes a while
        let message = format!(
            "{} is a run already: go on with `--resume`, or give another directory",
            folder.display()
        );
        return Err(CommandError::new(Exit::RunUnusable, "bad-run", message));
    }
    let policy = open_policy(&config.policy, &paths::torch_backend())?;
    Ok(Run::create(folder, config, &super::sandbox(isolation)?, policy)?)
}

/// Lets a run look at the operator's audits, and tune without one where somebody says why.
fn learn_from(run: &mut Run, unaudited: &Unaudited) -> Result<(), CommandError> {
    run.use_audits(Shelf::open(&paths::config())?);
    match &unaudited.allow_unaudited {
        Some(reason) if reason.trim().is_empty() => {
            let message = "--allow-unaudited needs a reason; it goes into the manifests and the report";
            Err(CommandError::new(Exit::Usage, "no-reason", message))
        }
        Some(reason) => {
            run.allow_unaudited(reason.trim());
            Ok(())
        }
        None => Ok(()),
    }
}

/// Opens a run to go on with it.
pub fn open(folder: &Path, isolation: IsolationFlag) -> Result<Run, CommandError> {
    let sandbox = super::sandbox(isolation)?;
    Ok(Run::open(folder, &sandbox, |section| open_policy(section, &paths::torch_backend()))?)
}

fn is_run(folder: &Path) -> bool {
    folder.join("run.sqlite").exists()
}

fn default_run(config: &Path) -> PathBuf {
    Path::new("runs").join(config.file_stem().unwrap_or_default())
}
