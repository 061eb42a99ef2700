//! `sport plugin`: looking at a component, and calling one of its tools by hand.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Content, Grants, Inspection, Limits, TaskFile, ToolHost, Toolbox, inspect,
};

use crate::exit::{CommandError, Exit};
use crate::paths;

/// Look at plugins and call their tools.
#[derive(Debug, Args)]
pub struct Plugin {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// Show what a component is and what it asks for, without compiling or running it
    Inspect(Inspect),
    /// Call one tool of a plugin with JSON arguments
    Run(Run),
}

/// `sport plugin inspect`
#[derive(Debug, Args)]
struct Inspect {
    /// A first-party name or a path
    plugin: String,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// `sport plugin run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport plugin run calculator calculate '{\"expression\": \"6*7\"}'
  sport plugin run image image_info '{\"image\": \"photo.jpg\"}' --file photo.jpg")]
struct Run {
    /// A first-party name or a path
    plugin: String,
    /// The tool's name; without it the plugin's tools are listed
    tool: Option<String>,
    /// The arguments as a JSON object
    #[arg(default_value = "{}")]
    arguments: String,
    /// Grant the plugin this host interface (`artifacts`, `kv`)
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// A file that the arguments may name
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

impl Plugin {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        match self.command {
            PluginCommand::Inspect(command) => command.run(),
            PluginCommand::Run(command) => command.run(),
        }
    }
}

impl Inspect {
    fn run(self) -> Result<Exit, CommandError> {
        let inspection = inspect(&super::component(&self.plugin)?)?;
        if self.json {
            super::print_json(&inspection)?;
        } else {
            print(&inspection);
        }
        Ok(Exit::Done)
    }
}

fn print(inspection: &Inspection) {
    let kind = inspection
        .kind
        .map_or_else(|| "none of Sport's".to_owned(), |kind| format!("{kind:?}").to_lowercase());
    println!("kind      {kind}");
    println!("digest    {}", inspection.digest);
    println!("size      {} bytes", inspection.size);
    match &inspection.contract {
        Some(contract) => {
            let packages: Vec<String> =
                contract.packages.iter().map(|(name, version)| format!("{name}@{version}")).collect();
            println!("contract  {} (written by {})", packages.join(", "), contract.sdk);
        }
        None => println!("contract  none declared: it will be refused"),
    }
    println!("asks for");
    for import in &inspection.imports {
        println!("  {import}");
    }
    if inspection.imports.is_empty() {
        println!("  nothing");
    }
    println!("exports");
    for export in &inspection.exports {
        println!("  {export}");
    }
}

impl Run {
    fn run(self) -> Result<Exit, CommandError> {
        let arguments: Value = serde_json::from_str(&self.arguments).map_err(|error| {
            let message =
                format!("the arguments are not JSON ({error}); write them as '{{\"name\": value}}'");
            CommandError::new(Exit::Usage, "bad-arguments", message)
        })?;
        let grants = if paths::is_first_party(&self.plugin) {
            Grants::new(super::FIRST_PARTY_GRANTS)?
        } else {
            Grants::new(self.grants.iter().map(String::as_str))?
        };
        let tool = super::sandbox()?.tool(&super::component(&self.plugin)?, &grants)?;
        let mut toolbox = Toolbox::new(vec![tool], ArtifactStore::new_in_memory())?;
        let Some(name) = &self.tool else {
            return list(&toolbox, self.json);
        };
        let files =
            self.files.iter().map(|path| super::task_file(path)).collect::<Result<Vec<TaskFile>, _>>()?;
        let mut branch = Branch::open(&files)?;
        match toolbox.invoke(name, &arguments, &mut branch, &Budget::new(Limits::tool())) {
            Ok(outcome) if self.json => super::print_json(&outcome).map(|()| Exit::Done),
            Ok(outcome) => {
                for content in &outcome.content {
                    println!("{}", describe(content));
                }
                if let Some(structured) = &outcome.structured {
                    println!("{structured:#}");
                }
                Ok(Exit::Done)
            }
            Err(failure) if self.json => super::print_json(&failure).map(|()| Exit::Negative),
            Err(failure) => Err(CommandError::new(Exit::Negative, &failure.code, failure.message)),
        }
    }
}

fn list(toolbox: &Toolbox, json: bool) -> Result<Exit, CommandError> {
    let tools = toolbox.tools();
    if json {
        super::print_json(&tools)?;
    } else {
        for tool in tools {
            println!("{}\n  {}\n  {}", tool.name, tool.description.replace('\n', "\n  "), tool.input_schema);
        }
    }
    Ok(Exit::Done)
}

fn describe(content: &Content) -> String {
    match content {
        Content::Text { text } => text.clone(),
        Content::Artifact(artifact) => format!(
            "[{} {}, {} bytes, {}]",
            artifact.media_type,
            artifact.name.as_deref().unwrap_or("without a name"),
            artifact.size,
            artifact.digest
        ),
        Content::Other { kind, value } => format!("[{kind}] {value}"),
    }
}
