//! The `sport` command: parses, calls, prints. All work is done by the libraries.
//!
//! # Layout
//!
//! * `commands/`: one file per command; `budget.rs`: the flags that several of them share;
//! * `project/`: a plugin's project, made, built and tested;
//! * `conformance/`: whether a plugin keeps the contract, tried out in the sandbox;
//! * `serve/`: the sandbox driven by another program; `mcp/`: the same for any client of MCP;
//! * `paths.rs`: where the cache, the components and the torch backend lie;
//! * `exit.rs`: exit codes and how errors become them;
//! * `progress.rs`: bars on a terminal, plain lines elsewhere.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use tracing_chrome::{ChromeLayerBuilder, FlushGuard};
use tracing_subscriber::filter::LevelFilter;

use crate::exit::{CommandError, Exit};

mod budget;
mod commands;
mod conformance;
mod exit;
mod mcp;
mod paths;
mod progress;
mod project;
mod serve;

/// Where `--help` lists the options that every command has.
const EVERYWHERE: &str = "Everywhere";

/// A runtime in which an agent improves itself without human labels.
///
/// `improve` runs the loop: it makes tasks about images, tries several actions at every step, each in its own
/// fork of a sandbox, lets a verifier compare what happened, and tunes the policy on those comparisons. Tools,
/// agent code and verifiers are WASM components with nothing granted by default.
#[derive(Debug, Parser)]
#[command(name = "sport", version, max_term_width = 100, after_help = exit::TABLE, disable_help_subcommand = true)]
struct Cli {
    /// Say more: warnings and what the sandbox does (also by SPORT_LOG=debug)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = EVERYWHERE)]
    verbose: u8,
    /// Write what the sandbox did and how long it took to this file, in Chrome's trace format (ui.perfetto.dev shows it)
    #[arg(long, global = true, value_name = "FILE", help_heading = EVERYWHERE)]
    trace: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Improve(commands::improve::Improve),
    #[command(flatten)]
    Stage(commands::improve::Stage),
    Exec(commands::exec::Exec),
    Mcp(commands::mcp::Mcp),
    Plugin(commands::plugin::Plugin),
    Run(commands::run::Run),
    Verifier(commands::verifier::Verifier),
    Doctor(commands::doctor::Doctor),
    Version(commands::doctor::Version),
    #[command(name = commands::compile::NAME, hide = true)]
    Compile(commands::compile::CompileComponent),
    #[command(name = commands::session::NAME, hide = true)]
    RunSessions(commands::session::RunSessions),
}

fn main() -> std::process::ExitCode {
    // before there is a second thread: libtorch's threads must not spin on a shared machine
    sport_policy::prepare_environment(0);
    let cli = Cli::parse();
    let json = wants_json();
    let trace = match start_log(cli.verbose, cli.trace.as_deref()) {
        Ok(trace) => trace,
        Err(error) => {
            report(&error, json);
            return std::process::ExitCode::from(error.exit.number());
        }
    };
    let result = match cli.command {
        Command::Improve(command) => command.run(),
        Command::Stage(command) => command.run(),
        Command::Exec(command) => command.run(),
        Command::Mcp(command) => command.run(),
        Command::Plugin(command) => command.run(),
        Command::Run(command) => command.run(),
        Command::Verifier(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Version(command) => command.run(),
        Command::Compile(command) => command.run(),
        Command::RunSessions(command) => command.run(),
    };
    let exit = result.unwrap_or_else(|error| {
        report(&error, json);
        error.exit
    });
    drop(trace);
    std::process::ExitCode::from(exit.number())
}

/// Errors of a command that was asked for JSON are JSON too, on standard error.
fn report(error: &CommandError, json: bool) {
    if json {
        let value = serde_json::json!({ "error": { "code": error.code, "message": error.message } });
        eprintln!("{value}");
    } else {
        eprintln!("error: {error}");
    }
}

fn wants_json() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// Not what the bindings say of each call: the guest's arguments, whole, before any limit was asked.
fn is_bounded(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.is_span() || !metadata.target().starts_with("sport_sandbox::contract")
}

/// Starts the log on standard error and, where it is asked for, the trace. What it gives back writes the trace's end.
fn start_log(verbose: u8, trace: Option<&Path>) -> Result<Option<FlushGuard>, CommandError> {
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
    use tracing_subscriber::prelude::*;
    let level = ["error", "info", "debug", "trace"][usize::from(verbose.min(3))];
    let filter = EnvFilter::try_from_env("SPORT_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time().with_filter(filter);
    let Some(path) = trace else {
        tracing_subscriber::registry().with(log).init();
        return Ok(None);
    };
    let file = File::create(path).map_err(|error| {
        let message = format!("cannot write the trace to {}: {error}", path.display());
        CommandError::new(Exit::BadInput, "trace-file", message)
    })?;
    let builder = ChromeLayerBuilder::new().writer(file).include_args(true).include_locations(false);
    let (chrome, guard) = builder.build();
    // the sandbox's own spans and the guests' logs, not those of every library
    let targets = Targets::new().with_target("sport", LevelFilter::TRACE);
    let targets = targets.and(filter_fn(is_bounded));
    tracing_subscriber::registry().with(log).with(chrome.with_filter(targets)).init();
    Ok(Some(guard))
}
