//! `sport plugin new`: a project to begin with.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{CommandError, Exit};
use crate::project::make::{self, PluginKind};
use crate::project::{Language, Project};

/// `sport plugin new`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport plugin new hello
  sport plugin new strict --lang python --kind verifier
  sport plugin new greet --lang js")]
pub struct New {
    /// The plugin's name, and its folder's
    name: String,
    /// What it is written in
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// What it is for
    #[arg(long, value_enum, default_value = "tool")]
    kind: PluginKind,
    /// Make its folder in this one
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    path: PathBuf,
}

impl New {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let made = make::make(&self.path, &self.name, self.lang, self.kind)?;
        let shown = Project::show(&made);
        let shown = shown.trim_start_matches("./");
        println!("made {shown}; next: cd {shown} && sport plugin test");
        Ok(Exit::Done)
    }
}
