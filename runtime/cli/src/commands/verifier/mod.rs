//! `sport verifier`: the verifiers of a run, and whether their word may shape a policy.

mod audit;
mod show;
mod swap;

use clap::{Args, Subcommand};

use crate::exit::{CommandError, Exit};

/// Audit verifiers; see who judges a run, swap its verifiers while it goes on, take a swap back.
#[derive(Debug, Args)]
#[command(after_help = "\
A newcomer is loaded and tried on a small step first; when that fails, nothing changes. Then it judges beside the incumbent \
(shadow), decides a share of the steps if so asked (canary), and decides with its predecessor beside it (probation). Too many \
failures, abstentions or disagreements end its trial by themselves. docs/judging.md has the whole of it.")]
pub struct Verifier {
    #[command(subcommand)]
    command: VerifierCommand,
}

#[derive(Debug, Subcommand)]
enum VerifierCommand {
    /// Ask a verifier about recorded steps whose truth is known, and say whether its pairs may tune a policy
    Audit(Box<audit::Audit>),
    /// Show who judges a run now, and how a newcomer does
    List(show::List),
    /// Show all revisions of a run's verifiers, and why each is where it is
    History(show::History),
    /// Try another verifier in a run that goes on
    Swap(swap::Swap),
    /// Take a newcomer back, or go back to an earlier revision
    Rollback(swap::Rollback),
}

impl Verifier {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        match self.command {
            VerifierCommand::Audit(command) => command.run(),
            VerifierCommand::List(command) => command.run(),
            VerifierCommand::History(command) => command.run(),
            VerifierCommand::Swap(command) => command.run(),
            VerifierCommand::Rollback(command) => command.run(),
        }
    }
}
