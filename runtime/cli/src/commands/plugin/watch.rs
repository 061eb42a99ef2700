//! `sport plugin watch`: the work again at every change.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use sport_sandbox::{ArtifactStore, Branch, Budget, Grants, Limits, ToolHost, Toolbox};

use super::{build as build_command, run, test};
use crate::commands::artifact::{self, GrantedFile};
use crate::commands::{self, IsolationFlag};
use crate::exit::{CommandError, Exit};
use crate::project::{Project, build, watch};

/// `sport plugin watch`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport plugin watch
  sport plugin watch --call hello '{\"name\": \"Ada\"}'

It goes on until it is interrupted.")]
pub struct Watch {
    /// The project's folder
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    path: PathBuf,
    /// After every build call this tool, in place of the tests
    #[arg(long, value_name = "TOOL")]
    call: Option<String>,
    /// The arguments of that call as a JSON object
    #[arg(requires = "call", default_value = "{}")]
    arguments: String,
    /// Grant the plugin this host interface for that call (`artifacts`, `kv`)
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// Hand it this file for its warm start; the name is the file's unless it is given; can be given again
    #[arg(long = "artifact", value_name = "[NAME=]PATH")]
    artifacts: Vec<GrantedFile>,
    /// A file that the arguments of that call may name
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
}

impl Watch {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let project = Project::find(&self.path)?;
        let arguments = run::parse_arguments(&self.arguments)?;
        let call = self.call.as_deref().map(|tool| (tool, arguments));
        let work = WatchedRun {
            project: &project,
            call,
            grants: &self.grants,
            artifacts: &self.artifacts,
            files: &self.files,
        };
        let mut changes = watch::Watch::new(&project.folder)?;
        loop {
            // an error is the author's to mend, and then this goes on
            if let Err(error) = work.once() {
                println!("error: {error}");
            }
            changes.done()?;
            println!("watching {}; interrupt to end", Project::show(&project.folder));
            let changed = changes.wait()?;
            println!("\nchanged: {}", changed.join(", "));
        }
    }
}

/// What is done at every change.
struct WatchedRun<'a> {
    project: &'a Project,
    call: Option<(&'a str, Value)>,
    grants: &'a [String],
    artifacts: &'a [GrantedFile],
    files: &'a [PathBuf],
}

impl WatchedRun<'_> {
    fn once(&self) -> Result<(), CommandError> {
        let Some((tool, arguments)) = &self.call else {
            print!("{}", test::project(self.project, self.artifacts)?.text());
            return Ok(());
        };
        let built = build::build(self.project)?;
        println!("{}", build_command::said(&built));
        // admitted anew, as any component is
        let grants = artifact::with_artifacts(Grants::new(self.grants)?, self.artifacts)?;
        let plugin = commands::sandbox(IsolationFlag::default())?.tool(&built.path, &grants)?;
        // read anew, since they may be what changed
        let files = self.files.iter().map(|path| commands::task_file(path)).collect::<Result<Vec<_>, _>>()?;
        let mut branch = Branch::open(&files)?;
        let mut toolbox = Toolbox::new(vec![plugin], ArtifactStore::new_in_memory())?;
        let outcome = toolbox
            .invoke(tool, arguments, &mut branch, &Budget::new(Limits::tool()))
            .map_err(|failure| CommandError::new(Exit::Negative, &failure.code, failure.message))?;
        run::print_outcome(&outcome);
        Ok(())
    }
}
