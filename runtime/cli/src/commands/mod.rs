//! One file per command, and what they share.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sport_sandbox::{Sandbox, SandboxOptions, TaskFile};

use crate::exit::{CommandError, Exit};
use crate::paths;

pub mod doctor;
pub mod exec;
pub mod improve;
pub mod plugin;
pub mod run;

/// The sandbox with its compiled-code cache.
pub fn sandbox() -> Result<Sandbox, CommandError> {
    let sandbox = Sandbox::new(SandboxOptions { aot_dir: paths::cache().join("aot") })?;
    if std::io::stderr().is_terminal() {
        sandbox.on_compile(say_compiling);
    }
    Ok(sandbox)
}

/// The interpreter takes some ten seconds the first time; somebody who watches should know what for.
fn say_compiling(name: &str, bytes: usize) {
    if bytes > 4 << 20 {
        eprintln!("compiling {name} for this machine ({} MB), once", bytes >> 20);
    }
}

/// The path of a component as typed; an error that says how to get it when it is not there.
pub fn component(typed: &str) -> Result<PathBuf, CommandError> {
    let path = paths::plugin(typed);
    if path.is_file() {
        return Ok(path);
    }
    Err(if paths::is_first_party(typed) {
        let message =
            format!("no component `{typed}` at {}; run `make components`, or give a path", path.display());
        CommandError::new(Exit::NotSetUp, "component-missing", message)
    } else {
        let message = format!("no component at {}; check the path", path.display());
        CommandError::new(Exit::BadInput, "component-missing", message)
    })
}

/// What a first-party tool needs: reading the artifacts that it is handed.
pub const FIRST_PARTY_GRANTS: [&str; 1] = ["artifacts"];

/// A file given with `--file`, under its own name.
pub fn task_file(path: &Path) -> Result<TaskFile, CommandError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        let message = format!("{} has no file name that the code could use", path.display());
        return Err(CommandError::new(Exit::BadInput, "file-name", message));
    };
    if !path.is_file() {
        let message = format!("no file at {}; check the path given with --file", path.display());
        return Err(CommandError::new(Exit::BadInput, "file-missing", message));
    }
    Ok(TaskFile { name: name.to_owned(), path: path.to_owned() })
}

/// Prints `value` as indented JSON with a newline.
pub fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CommandError::new(Exit::Internal, "json", error.to_string()))?;
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
