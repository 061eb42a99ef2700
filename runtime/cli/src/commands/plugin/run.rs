//! `sport plugin run`: calls one tool by hand.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Content, Grants, Limits, Outcome, TaskFile, ToolHost, Toolbox,
};

use crate::budget::BudgetFlags;
use crate::commands::artifact::{self, GrantedFile};
use crate::commands::{self, IsolationFlag};
use crate::exit::{CommandError, Exit};

/// `sport plugin run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport plugin run calculator calculate '{\"expression\": \"6*7\"}'
  sport plugin run image image_info '{\"image\": \"photo.jpg\"}' --file photo.jpg")]
pub struct Run {
    /// The name of an installed plugin or of one of Sport's own, or a path
    plugin: String,
    /// The tool's name; without it the plugin's tools are listed
    tool: Option<String>,
    /// The arguments as a JSON object
    #[arg(default_value = "{}")]
    arguments: String,
    /// Grant a plugin that is given by its path this host interface (`artifacts`, `kv`)
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// Hand a plugin that is given by its path this file for its warm start; the name is the file's unless it is given; can be
    /// given again
    #[arg(long = "artifact", value_name = "[NAME=]PATH")]
    artifacts: Vec<GrantedFile>,
    /// A file that the arguments may name
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    budget: BudgetFlags,
}

impl Run {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let arguments = parse_arguments(&self.arguments)?;
        let limits = self.budget.apply(Limits::tool())?;
        let grants = artifact::with_artifacts(Grants::new(&self.grants)?, &self.artifacts)?;
        let sandbox = commands::sandbox(IsolationFlag::default())?;
        let tool = commands::tool_granted(&sandbox, &self.plugin, &grants)?;
        let mut toolbox = Toolbox::new(vec![tool], ArtifactStore::new_in_memory())?;
        let Some(name) = &self.tool else {
            return list(&toolbox, self.json);
        };
        let files =
            self.files.iter().map(|path| commands::task_file(path)).collect::<Result<Vec<TaskFile>, _>>()?;
        let mut branch = Branch::open(&files)?;
        match toolbox.invoke(name, &arguments, &mut branch, &Budget::new(limits)) {
            Ok(outcome) if self.json => commands::print_json(&outcome).map(|()| Exit::Done),
            Ok(outcome) => {
                print_outcome(&outcome);
                Ok(Exit::Done)
            }
            Err(failure) if self.json => commands::print_json(&failure).map(|()| Exit::Negative),
            Err(failure) => Err(CommandError::new(Exit::Negative, &failure.code, failure.message)),
        }
    }
}

/// Arguments as they were typed.
pub fn parse_arguments(text: &str) -> Result<Value, CommandError> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("the arguments are not JSON ({error}); write them as '{{\"name\": value}}'");
        CommandError::new(Exit::Usage, "bad-arguments", message)
    })
}

/// What came of a call, for people.
pub fn print_outcome(outcome: &Outcome) {
    for content in &outcome.content {
        println!("{}", describe(content));
    }
    if let Some(structured) = &outcome.structured {
        println!("{structured:#}");
    }
}

fn list(toolbox: &Toolbox, json: bool) -> Result<Exit, CommandError> {
    let tools = toolbox.tools();
    if json {
        commands::print_json(&tools)?;
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
