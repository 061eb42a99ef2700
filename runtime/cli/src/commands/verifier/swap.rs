//! `sport verifier swap | rollback`: what is asked of a run that goes on.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use sport_improve::swap::protocol::{Newcomer, Reply, Request};
use sport_improve::swap::trial::Bounds;
use sport_improve::swap::{Plan, client};

use crate::commands;
use crate::exit::{CommandError, Exit};

/// `sport verifier swap`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport verifier swap rules --config rules.toml --run runs/first --allow-unaudited \"trying it out\"
  sport verifier swap build/strict.wasm --run runs/first --shadow 40 --canary 40 --share 0.25 --allow-unaudited \"as above\"
  sport verifier swap rules --run runs/first --now --allow-unaudited \"the old one cannot read this family\"

Exit codes: 0 it is on its way, 1 refused and nothing changed, 6 no process works on the run.")]
pub struct Swap {
    /// The name of an installed verifier or of one of Sport's own, or a path
    verifier: String,
    /// The run directory
    #[arg(long)]
    run: PathBuf,
    /// Its config: a TOML or JSON file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Grant a verifier that is given by its path this host interface (`chat`)
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// Whose place it takes in a panel, counted from 0
    #[arg(long, default_value_t = 0)]
    member: u32,
    /// What its word counts where words are weighed
    #[arg(long, default_value_t = 1.0)]
    weight: f64,
    /// Steps that it judges beside the incumbent
    #[arg(long, value_name = "STEPS", default_value_t = Plan::default().shadow)]
    shadow: u32,
    /// Steps after that of which it decides a share
    #[arg(long, value_name = "STEPS", default_value_t = Plan::default().canary)]
    canary: u32,
    /// That share
    #[arg(long, default_value_t = Plan::default().share)]
    share: f64,
    /// Steps after that which it decides with its predecessor beside it
    #[arg(long, value_name = "STEPS", default_value_t = Plan::default().probation)]
    probation: u32,
    /// Let it decide at once, with nobody beside
    #[arg(long, conflicts_with_all = ["shadow", "canary", "probation"])]
    now: bool,
    /// It goes when it cannot judge more than this share of the steps
    #[arg(long, value_name = "SHARE", default_value_t = Bounds::default().errors)]
    max_errors: f64,
    /// It goes when it abstains from more than this share of the candidates
    #[arg(long, value_name = "SHARE", default_value_t = Bounds::default().abstentions)]
    max_abstentions: f64,
    /// It goes when it chooses another winner in more than this share of the steps
    #[arg(long, value_name = "SHARE", default_value_t = Bounds::default().disagreement)]
    max_disagreement: f64,
    /// Why it may judge without an audit that it passed; kept with the revision
    #[arg(long, value_name = "REASON")]
    allow_unaudited: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// `sport verifier rollback`
#[derive(Debug, Args)]
pub struct Rollback {
    /// The run directory
    #[arg(long)]
    run: PathBuf,
    /// The revision to go back to; a newcomer on trial, else the one before, when not given
    #[arg(long, value_name = "REVISION")]
    to: Option<u32>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

impl Swap {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        for (flag, share) in [
            ("--share", self.share),
            ("--max-errors", self.max_errors),
            ("--max-abstentions", self.max_abstentions),
            ("--max-disagreement", self.max_disagreement),
        ] {
            if !(0.0..=1.0).contains(&share) {
                let message = format!("{flag} is {share}; a share is from 0 to 1");
                return Err(CommandError::new(Exit::Usage, "bad-share", message));
            }
        }
        let newcomer = Newcomer {
            plugin: commands::named(&self.verifier)?,
            grants: self.grants,
            config: self.config.as_deref().map(read_config).transpose()?.unwrap_or_default(),
            weight: self.weight,
        };
        let plan = match self.now {
            true => Plan { shadow: 0, canary: 0, share: 0.0, probation: 0 },
            false => Plan {
                shadow: self.shadow,
                canary: self.canary,
                share: self.share,
                probation: self.probation,
            },
        };
        let bounds = Bounds {
            errors: self.max_errors,
            abstentions: self.max_abstentions,
            disagreement: self.max_disagreement,
            ..Bounds::default()
        };
        let request =
            Request::Swap { newcomer, member: self.member, plan, bounds, unaudited: self.allow_unaudited };
        ask(&self.run, &request, self.json)
    }
}

impl Rollback {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        ask(&self.run, &Request::Rollback { to: self.to }, self.json)
    }
}

/// Asks, and prints what comes of it.
fn ask(run: &Path, request: &Request, json: bool) -> Result<Exit, CommandError> {
    let Some(reply) = client::ask(run, request)? else {
        let message = format!(
            "no process works on {}; start it (`sport improve --resume`), and swap while it runs",
            run.display()
        );
        return Err(CommandError::new(Exit::RunUnusable, "run-not-live", message));
    };
    match reply {
        Reply::Refused { code, message } => Err(CommandError::new(Exit::Negative, &code, message)),
        reply if json => commands::print_json(&reply).map(|()| Exit::Done),
        Reply::Done { message, .. } => {
            println!("{message}");
            Ok(Exit::Done)
        }
        _ => Err(CommandError::new(
            Exit::Internal,
            "control",
            "the run gave another answer than was asked for",
        )),
    }
}

/// A verifier's config from a file.
fn read_config(path: &Path) -> Result<Map<String, Value>, CommandError> {
    let bad = |reason: String| {
        let message = format!("{}: {reason}; the config is a TOML or JSON file", path.display());
        CommandError::new(Exit::BadInput, "bad-config", message)
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let value: Value = if path.extension().is_some_and(|ending| ending == "json") {
        serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?
    } else {
        toml::from_str(&text).map_err(|error| bad(error.message().to_owned()))?
    };
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(bad("it is no table".to_owned())),
    }
}
