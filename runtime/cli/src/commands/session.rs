//! `sport run-sessions`: the process that the sandbox starts to run an interpreter behind a second wall. Not for people.

use clap::Args;

use crate::exit::{CommandError, Exit};

/// What it is called.
pub const NAME: &str = "run-sessions";

/// Run an interpreter's sessions for the program that holds standard input's other end
#[derive(Debug, Args)]
pub struct RunSessions {
    /// Only seal this process, say what it has given up, and end
    #[arg(long)]
    probe: bool,
}

impl RunSessions {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        if self.probe {
            let seal = sport_sandbox::probe_seal()
                .map_err(|reason| CommandError::new(Exit::Negative, "isolation", reason))?;
            super::print_json(&seal)?;
            return Ok(Exit::Done);
        }
        let code = sport_sandbox::session_worker();
        Ok(Exit::Code(u8::try_from(code).unwrap_or(u8::MAX)))
    }
}
