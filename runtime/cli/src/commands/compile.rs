//! `sport compile-component`: the worker that the sandbox starts to compile a component within limits. Not for people.

use clap::Args;

use crate::exit::{CommandError, Exit};

/// What it is called.
pub const NAME: &str = "compile-component";

/// Compile a component from standard input to standard output
#[derive(Debug, Args)]
pub struct CompileComponent {
    arguments: Vec<String>,
}

impl CompileComponent {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let code = sport_sandbox::compile_worker(&self.arguments);
        Ok(Exit::Code(u8::try_from(code).unwrap_or(u8::MAX)))
    }
}
