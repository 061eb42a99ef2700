//! The author's own tests, run natively: `cargo test`, `unittest` with the project and the SDK on the path, or `node --test`.

use std::ffi::OsString;
use std::process::Command;

use super::{Language, Project, javascript, process, python};
use crate::exit::CommandError;

/// How they went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Native {
    /// All passed.
    Passed,
    /// Some failed, or they did not build; the runner's own words say which.
    Failed,
    /// The project has none.
    None,
}

/// Runs them; what they print goes to standard error.
pub fn run(project: &Project) -> Result<Native, CommandError> {
    let mut command = match project.language {
        Language::Rust => {
            let mut command = Command::new("cargo");
            command.args(["test", "--quiet"]);
            command
        }
        Language::Python => {
            if !project.folder.join("tests").is_dir() {
                return Ok(Native::None);
            }
            let mut path = OsString::from(project.folder.as_os_str());
            path.push(":");
            path.push(python::sdk(project));
            let mut command = python::python();
            command.args(["-m", "unittest", "discover", "-s", "tests"]).env("PYTHONPATH", path);
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command
        }
        Language::JavaScript => match javascript::tests(project) {
            Some(command) => command,
            None => return Ok(Native::None),
        },
    };
    command.current_dir(&project.folder);
    let status = process::run(&mut command, process::TESTS, |line| eprintln!("{line}"))?;
    Ok(if status.success() { Native::Passed } else { Native::Failed })
}
