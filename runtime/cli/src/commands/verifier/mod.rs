//! `sport verifier`: whether a verifier's word may shape a policy.

mod audit;

use clap::{Args, Subcommand};

use crate::exit::{CommandError, Exit};

/// Audit verifiers.
#[derive(Debug, Args)]
pub struct Verifier {
    #[command(subcommand)]
    command: VerifierCommand,
}

#[derive(Debug, Subcommand)]
enum VerifierCommand {
    /// Ask a verifier about recorded steps whose truth is known, and say whether its pairs may tune a policy
    Audit(Box<audit::Audit>),
}

impl Verifier {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        match self.command {
            VerifierCommand::Audit(command) => command.run(),
        }
    }
}
