//! A component from a JavaScript project, by componentize-js.
//!
//! componentize-js and esbuild (some 110 MB, once) go into a folder of their own in the cache, in the versions and with the digests
//! of the lock file in the project's copy of the SDK, and named after it. No script of a package is run, and npm's own cache is
//! left alone. The rest is done by the SDK's copy.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sport_sandbox::digest_of;

use super::{Project, process, travels};
use crate::exit::{CommandError, Exit};
use crate::paths;

/// The module that declares the plugin.
pub const MODULE: &str = "plugin.js";

/// The oldest Node.js that the SDK and its builder are written for.
const OLDEST: u32 = 20;

/// What the builder is installed from.
const LISTS: &[&str] = &["package.json", "package-lock.json"];

/// The folder of what makes components, in the project's copy of the SDK.
fn builder(project: &Project) -> PathBuf {
    project.folder.join(travels::FOLDER).join("sdk/js/builder")
}

/// Builds the component to `output`.
pub fn build(project: &Project, output: &Path) -> Result<(), CommandError> {
    check_node()?;
    let builder = builder(project);
    let script = builder.join("componentize.mjs");
    if !script.is_file() {
        let message = format!(
            "no {}; `sport plugin new` makes a project with the SDK in it, copy its {} folder here",
            Project::show(&script),
            travels::FOLDER
        );
        return Err(CommandError::new(Exit::BadInput, "sdk-missing", message));
    }
    let tools = tools(&builder)?;
    let mut command = Command::new("node");
    command.arg(script).arg(tools).arg(&project.folder).arg(&project.name).arg(output);
    let mut error = None;
    let status = process::run(&mut command, process::BUILD, |line| {
        let told = serde_json::from_str::<Value>(line).ok();
        match told.as_ref().and_then(|told| told["error"].as_str()) {
            Some(message) => error = Some(message.replace('\n', " ")),
            // what the plugin's module prints while it is imported
            None => eprintln!("{line}"),
        }
    })?;
    if status.success() {
        return Ok(());
    }
    let reason = error.unwrap_or_else(|| "node says why above".to_owned());
    let message = format!("{} does not build: {reason}", project.name);
    Err(CommandError::new(Exit::BadInput, "build-failed", message))
}

/// The command that runs the author's own tests, if there are any.
pub fn tests(project: &Project) -> Option<Command> {
    let entries = std::fs::read_dir(project.folder.join("tests")).into_iter().flatten().flatten();
    let named = entries.map(|entry| entry.file_name()).filter(|name| {
        let name = name.to_string_lossy();
        name.ends_with(".test.js") || name.ends_with(".test.mjs")
    });
    // one by one: what a folder means to `node --test` differs from version to version
    let mut files: Vec<OsString> = named.map(|name| Path::new("tests").join(name).into()).collect();
    files.sort();
    if files.is_empty() {
        return None;
    }
    let mut command = Command::new("node");
    // read by a person, even where it does not go to a terminal
    command.args(["--test", "--test-reporter=spec"]).args(files);
    Some(command)
}

fn check_node() -> Result<(), CommandError> {
    let needed = format!("Node.js {OLDEST} or later, with npm, is needed for plugins in JavaScript");
    let version = process::ask(Command::new("node").arg("--version")).map_err(|error| {
        let message = format!("{}; {needed}", error.message);
        CommandError { message, ..error }
    })?;
    let major =
        version.trim_start_matches('v').split('.').next().and_then(|number| number.parse::<u32>().ok());
    if major.is_some_and(|major| major >= OLDEST) {
        return Ok(());
    }
    let message = format!("node is {version}; {needed}: put a newer one on the PATH");
    Err(CommandError::new(Exit::NotSetUp, "node-too-old", message))
}

/// The folder that the builder is installed in; installs it if it is not there.
fn tools(builder: &Path) -> Result<PathBuf, CommandError> {
    let mut listed = String::new();
    for name in LISTS {
        let path = builder.join(name);
        let bytes = std::fs::read(&path).map_err(|error| {
            let message = format!("cannot read {}: {error}", Project::show(&path));
            CommandError::new(Exit::BadInput, "sdk-missing", message)
        })?;
        listed += &format!("{name} {}\n", digest_of(&bytes));
    }
    let digest = digest_of(listed.as_bytes());
    let digest = digest.trim_start_matches("sha256:");
    let cache = paths::cache();
    let folder = cache.join(format!("componentize-js-{}", digest.get(..12).unwrap_or(digest)));
    if folder.is_dir() {
        return Ok(folder);
    }
    eprintln!("installing componentize-js into {}", folder.display());
    std::fs::create_dir_all(&cache)?;
    let made = tempfile::Builder::new().prefix(".componentize-js.").tempdir_in(&cache)?;
    for name in LISTS {
        std::fs::copy(builder.join(name), made.path().join(name))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]);
    // npm's cache and its logs are the author's; these go away again
    let scratch = made.path().join(".npm");
    npm.arg("--cache").arg(&scratch).current_dir(made.path());
    let status = process::run(&mut npm, process::BUILD, |line| eprintln!("{line}"))?;
    if !status.success() {
        let message =
            "componentize-js could not be installed; npm says why above, correct that and build again";
        return Err(CommandError::new(Exit::NotSetUp, "componentize-js-missing", message));
    }
    std::fs::remove_dir_all(&scratch)?;
    // Another build may have been quicker; then ours goes.
    if !folder.is_dir() {
        std::fs::rename(made.keep(), &folder)?;
    }
    Ok(folder)
}
