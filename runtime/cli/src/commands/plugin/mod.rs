//! `sport plugin`: writing plugins, looking at components, calling their tools, and saying what they may do.

mod build;
mod inspect;
mod installed;
mod new;
mod run;
mod test;
mod watch;

use clap::{Args, Subcommand};

use crate::exit::{CommandError, Exit};

/// Write plugins, look at them, call their tools, grant them what they may use.
#[derive(Debug, Args)]
#[command(after_help = "\
What an installed plugin is granted stands in plugins.toml in the folder SPORT_CONFIG (default ~/.config/sport), which is \
yours to edit. A grant is bound to the component's file, to what it asks for and to what it says of itself; when any of \
these changes it is not loaded until you approve it again.")]
pub struct Plugin {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// Make a project: one example, its tests, the SDK
    New(new::New),
    /// Build a project's component
    Build(build::Build),
    /// Run a project's own tests, then try its component out in the sandbox and say what to mend
    Test(test::Test),
    /// Build and test again whenever a source changes
    Watch(watch::Watch),
    /// Show what a component is, what it asks for and what it is granted, without compiling or running it
    Inspect(inspect::Inspect),
    /// Call one tool of a plugin with JSON arguments
    Run(run::Run),
    /// Install a plugin, or all those in a folder, with what you grant
    Add(installed::Add),
    /// List the installed plugins and what they are granted
    List(installed::List),
    /// Approve a plugin that changed, after a look at what changed
    Approve(installed::Approve),
    /// Take a plugin and its grants out; its file stays
    Remove(installed::Remove),
}

impl Plugin {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        match self.command {
            PluginCommand::New(command) => command.run(),
            PluginCommand::Build(command) => command.run(),
            PluginCommand::Test(command) => command.run(),
            PluginCommand::Watch(command) => command.run(),
            PluginCommand::Inspect(command) => command.run(),
            PluginCommand::Run(command) => command.run(),
            PluginCommand::Add(command) => command.run(),
            PluginCommand::List(command) => command.run(),
            PluginCommand::Approve(command) => command.run(),
            PluginCommand::Remove(command) => command.run(),
        }
    }
}
