//! `sport plugin inspect`: what a component is and asks for.

use clap::Args;
use serde::Serialize;
use sport_sandbox::{Grants, Inspection, Kind, inspect};

use crate::commands;
use crate::exit::{CommandError, Exit};

/// `sport plugin inspect`
#[derive(Debug, Args)]
pub struct Inspect {
    /// The name of an installed plugin or of one of Sport's own, or a path
    plugin: String,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Seen<'a> {
    #[serde(flatten)]
    inspection: &'a Inspection,
    /// The interfaces of `sport:host` that it is granted.
    granted: Vec<&'a str>,
}

impl Inspect {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let (path, grants) = commands::where_and_what(&self.plugin)?;
        let inspection = inspect(&path)?;
        if self.json {
            commands::print_json(&Seen { inspection: &inspection, granted: grants.names().collect() })?;
        } else {
            print(&inspection, &grants);
        }
        Ok(Exit::Done)
    }
}

fn print(inspection: &Inspection, grants: &Grants) {
    println!("kind      {}", inspection.kind.map_or("none of Sport's", |kind| kind.name()));
    println!("digest    {}", inspection.digest);
    println!("size      {} bytes", inspection.size);
    match &inspection.contract {
        Some(contract) => {
            let packages: Vec<String> =
                contract.packages.iter().map(|(name, version)| format!("{name}@{version}")).collect();
            println!("contract  {} (written by {})", packages.join(", "), contract.sdk);
        }
        None if inspection.kind == Some(Kind::Foreign) => {
            println!("contract  none: its own functions are its tools");
        }
        None => println!("contract  none declared: it will be refused"),
    }
    println!("asks for");
    for import in &inspection.imports {
        println!("  {:<44} {}", import, inspection.answer(import, grants));
    }
    if inspection.imports.is_empty() {
        println!("  nothing");
    }
    println!("exports");
    for export in &inspection.exports {
        println!("  {export}");
    }
}
