//! `sport verifier list | history`: of a run that goes on, and of one that does not.

use std::path::{Path, PathBuf};

use clap::Args;
use sport_improve::store::Folder;
use sport_improve::swap::client;
use sport_improve::swap::protocol::{Reply, Request, Revision, Standing};

use crate::commands;
use crate::exit::{CommandError, Exit};

/// `sport verifier list`
#[derive(Debug, Args)]
pub struct List {
    /// The run directory
    #[arg(long)]
    run: PathBuf,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// `sport verifier history`
#[derive(Debug, Args)]
pub struct History {
    /// The run directory
    #[arg(long)]
    run: PathBuf,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

impl List {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let standing = match client::ask(&self.run, &Request::List)? {
            Some(Reply::Verifiers(standing)) => standing,
            Some(other) => return Err(unexpected(other)),
            None => at_rest(&self.run)?,
        };
        if self.json {
            commands::print_json(&standing)?;
            return Ok(Exit::Done);
        }
        print_revision(&standing.deciding);
        if let Some(beside) = &standing.beside {
            let counts = &beside.counts;
            println!("beside it, {} ({} of {} steps)", beside.stage.name(), counts.steps, beside.of);
            print_revision(&beside.revision);
            println!("  failures       {}", counts.errors);
            println!(
                "  verdicts       kappa {}",
                beside.kappa.map_or("unknown".to_owned(), |kappa| format!("{kappa:.2}"))
            );
            println!("  other winners  {} of {}", counts.disagreements, counts.compared);
            for (task, depth) in &beside.disagreements {
                println!("    task {task}, step {depth}");
            }
        }
        Ok(Exit::Done)
    }
}

impl History {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let revisions = match client::ask(&self.run, &Request::History)? {
            Some(Reply::History(revisions)) => revisions,
            Some(other) => return Err(unexpected(other)),
            None => Folder::open_to_read(&self.run)?.store.revisions()?,
        };
        if self.json {
            commands::print_json(&revisions)?;
        } else {
            for revision in &revisions {
                print_revision(revision);
                println!("  {}", revision.reason);
            }
        }
        Ok(Exit::Done)
    }
}

/// As the store of a run says on which nobody works.
fn at_rest(run: &Path) -> Result<Standing, CommandError> {
    let folder = Folder::open_to_read(run)?;
    let (revisions, deciding) = (folder.store.revisions()?, folder.store.deciding()?);
    let found = revisions.into_iter().find(|revision| Some(revision.number) == deciding);
    let deciding = found.ok_or_else(|| {
        let message = format!("{} has not begun to judge", run.display());
        CommandError::new(Exit::Negative, "no-verifier", message)
    })?;
    Ok(Standing { deciding, beside: None })
}

fn print_revision(revision: &Revision) {
    println!("revision {}  {}", revision.number, revision.state);
    for [name, digest, config] in &revision.identities {
        let short = |digest: &str| digest.trim_start_matches("sha256:").chars().take(12).collect::<String>();
        println!("  {name}  {}  config {}", short(digest), short(config));
    }
}

fn unexpected(reply: Reply) -> CommandError {
    match reply {
        Reply::Refused { code, message } => CommandError::new(Exit::Negative, &code, message),
        _ => CommandError::new(Exit::Internal, "control", "the run gave another answer than was asked for"),
    }
}
