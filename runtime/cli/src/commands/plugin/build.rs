//! `sport plugin build`: the component of a project.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::commands;
use crate::exit::{CommandError, Exit};
use crate::project::Project;
use crate::project::build::{self, Built};

/// `sport plugin build`
#[derive(Debug, Args)]
pub struct Build {
    /// The project's folder
    #[arg(default_value = ".")]
    project: PathBuf,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

impl Build {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let built = build::build(&Project::find(&self.project)?)?;
        if self.json {
            commands::print_json(&json!({ "component": built.path, "inspection": built.inspection }))?;
        } else {
            println!("{}", said(&built));
        }
        Ok(Exit::Done)
    }
}

/// `built target/hello.wasm: a tool of 93 KB that asks for nothing`.
pub fn said(built: &Built) -> String {
    let asks = build::asks_for(&built.inspection);
    let asks = if asks.is_empty() { "nothing".to_owned() } else { asks.join(", ") };
    let kind = built.inspection.kind.map_or("component", |kind| kind.name());
    let size = built.inspection.size.div_ceil(1000);
    format!("built {}: a {kind} of {size} KB that asks for {asks}", Project::show(&built.path))
}
