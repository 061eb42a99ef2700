//! A component from a Rust project, by cargo.
//!
//! Where the machine's toolchain has the standard library of `wasm32-unknown-unknown`, that is used. Else the recipe that
//! Sport's own components are built with (`scripts/guest-env.sh`) provides a compiler, on the machines that it knows; the
//! standard library is then built from source, once for all projects, in a folder of the cache.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Project, name, process, travels};
use crate::exit::{CommandError, Exit};
use crate::paths;

const TARGET: &str = "wasm32-unknown-unknown";

/// What the recipe ends with when there is no compiler to be had.
const NO_COMPILER: i32 = 4;

/// The name of the package in a folder.
pub fn package_name(folder: &Path) -> Result<String, CommandError> {
    let path = folder.join("Cargo.toml");
    let bad = |reason: String| {
        let message = format!("{}: {reason}", Project::show(&path));
        CommandError::new(Exit::BadInput, "bad-manifest", message)
    };
    let text = std::fs::read_to_string(&path).map_err(|error| bad(error.to_string()))?;
    let manifest: toml::Table =
        toml::from_str(&text).map_err(|error| bad(error.to_string().replace('\n', " ")))?;
    let package =
        manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let package = package
        .ok_or_else(|| bad("it has no [package] with a name; give the folder of one package".to_owned()))?;
    name::check(package).map_err(bad)?;
    Ok(package.to_owned())
}

/// What a build tells of itself.
#[derive(Debug, Default)]
struct Told {
    /// Where the component is.
    made: Option<PathBuf>,
    /// The first error: where, and what.
    error: Option<String>,
}

/// Builds the component and gives its path in cargo's own folder.
pub fn build(project: &Project) -> Result<PathBuf, CommandError> {
    let mut command = cargo(project)?;
    command.current_dir(&project.folder);
    let mut told = Told::default();
    let status = process::run(&mut command, process::BUILD, |line| told.hear(line, project))?;
    if let Some(error) = told.error {
        let message = format!("{} does not build: {error}; correct it and build again", project.name);
        return Err(CommandError::new(Exit::BadInput, "build-failed", message));
    }
    if status.code() == Some(NO_COMPILER) {
        let message = format!("there is no compiler for {TARGET}; run: rustup target add {TARGET}");
        return Err(CommandError::new(Exit::NotSetUp, "target-missing", message));
    }
    if !status.success() {
        let message = format!("{} does not build; cargo says why above", project.name);
        return Err(CommandError::new(Exit::BadInput, "build-failed", message));
    }
    told.made.ok_or_else(|| {
        let message = format!(
            "{}: cargo made no component; the [lib] needs crate-type = [\"cdylib\", \"rlib\"]",
            Project::show(&project.folder.join("Cargo.toml"))
        );
        CommandError::new(Exit::BadInput, "no-component", message)
    })
}

/// Cargo, with a compiler that can.
fn cargo(project: &Project) -> Result<Command, CommandError> {
    let sysroot =
        process::ask(Command::new("rustc").args(["--print", "sysroot"]).current_dir(&project.folder))
            .map_err(|error| {
                let message = format!("{}; Rust 1.95 or later is needed", error.message);
                CommandError { message, ..error }
            })?;
    let format = if std::io::stderr().is_terminal() { "json-diagnostic-rendered-ansi" } else { "json" };
    let arguments = ["build", "--release", "--lib", "--target", TARGET, "--message-format", format];
    let mut command = if Path::new(&sysroot).join("lib/rustlib").join(TARGET).is_dir() {
        Command::new("cargo")
    } else {
        let mut command = Command::new("sh");
        // what the recipe says goes where cargo's own words go; standard output is for cargo's messages
        let script = format!("set -eu\nexec 3>&1 1>&2\n{}\nexec \"$@\" 1>&3 3>&-\n", travels::guest_env());
        command.args(["-c", &script, "sport-build", "cargo"]);
        command.env("SPORT_CACHE", paths::cache());
        if std::env::var_os("CARGO_TARGET_DIR").is_none() {
            command.env("CARGO_TARGET_DIR", paths::cache().join("guest-target"));
        }
        command
    };
    command.args(arguments);
    // A project that was not made by `sport plugin new` may not say so itself.
    let linker = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER";
    if std::env::var_os(linker).is_none() {
        command.env(linker, "wasm-component-ld");
    }
    Ok(command)
}

impl Told {
    /// One of cargo's messages.
    fn hear(&mut self, line: &str, project: &Project) {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return };
        let own = message["manifest_path"].as_str().map(Path::new)
            == Some(project.folder.join("Cargo.toml").as_path());
        match message["reason"].as_str() {
            Some("compiler-message") => {
                let said = &message["message"];
                if let Some(rendered) = said["rendered"].as_str() {
                    eprint!("{rendered}");
                }
                if said["level"] == "error" && self.error.is_none() {
                    let summary = summary(said, &project.folder);
                    // the paths of another package are from its own folder
                    let package = message["target"]["name"].as_str().unwrap_or("a dependency");
                    self.error = Some(if own { summary } else { format!("in {package}: {summary}") });
                }
            }
            Some("compiler-artifact") => {
                let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
                if own
                    && let Some(made) =
                        files.map(Path::new).find(|path| path.extension().is_some_and(|end| end == "wasm"))
                {
                    self.made = Some(made.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// `src/lib.rs:5, in fn hello: mismatched types`.
fn summary(message: &Value, folder: &Path) -> String {
    let what = message["message"].as_str().unwrap_or("an error").lines().next().unwrap_or_default();
    let spans = message["spans"].as_array();
    let span = spans.and_then(|spans| spans.iter().find(|span| span["is_primary"] == true));
    let Some((file, line)) =
        span.and_then(|span| Some((span["file_name"].as_str()?, span["line_start"].as_u64()?)))
    else {
        return what.to_owned();
    };
    let function = std::fs::read_to_string(folder.join(file))
        .ok()
        .and_then(|text| function_at(&text, usize::try_from(line).unwrap_or(1)))
        .map_or(String::new(), |name| format!(", in fn {name}"));
    format!("{file}:{line}{function}: {what}")
}

/// The function that a line belongs to: its own, or the last one that begins above it.
fn function_at(text: &str, line: usize) -> Option<String> {
    let lines: Vec<&str> = text.lines().take(line).collect();
    lines.iter().rev().find_map(|line| {
        let (before, after) = line.split_once("fn ")?;
        let begins = before.split_whitespace().all(|word| {
            word.starts_with("pub") || matches!(word, "async" | "const" | "unsafe" | "extern" | "\"C\"")
        });
        let name: String =
            after.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '#')).collect();
        (begins && !name.is_empty()).then_some(name)
    })
}
