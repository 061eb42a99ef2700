//! A component from a Python project, by componentize-py.
//!
//! componentize-py (17 MB, once) goes into a folder of its own in the cache, checked by digest and named after what is in it,
//! the same folder that Sport's own interpreter is built with. The rest is done by the project's copy of the SDK.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sport_sandbox::digest_of;

use super::{Project, process, travels};
use crate::exit::{CommandError, Exit};
use crate::paths;

/// The module that declares the plugin.
pub const MODULE: &str = "plugin.py";

/// The oldest Python that the SDK is written for.
const OLDEST: (u32, u32) = (3, 10);

/// Python itself: `$SPORT_PYTHON`, else `python3`.
pub fn python() -> Command {
    Command::new(std::env::var_os("SPORT_PYTHON").unwrap_or_else(|| "python3".into()))
}

/// The folder of the project's copy of the SDK.
pub fn sdk(project: &Project) -> PathBuf {
    project.folder.join(travels::FOLDER).join("sdk/python")
}

/// Builds the component to `output`.
pub fn build(project: &Project, output: &Path) -> Result<(), CommandError> {
    check_python()?;
    let sdk = sdk(project);
    let script = sdk.join("componentize.py");
    if !script.is_file() {
        let message = format!(
            "no {}; `sport plugin new` makes a project with the SDK in it, copy its {} folder here",
            Project::show(&script),
            travels::FOLDER
        );
        return Err(CommandError::new(Exit::BadInput, "sdk-missing", message));
    }
    let tools = tools(&sdk.join("requirements.txt"))?;
    let mut command = python();
    command.arg(script).arg(tools).arg(&project.folder).arg(&project.name).arg(output);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let mut error = None;
    let status = process::run(&mut command, process::BUILD, |line| {
        let told = serde_json::from_str::<Value>(line).ok();
        match told.as_ref().and_then(|told| told["error"].as_str()) {
            Some(message) => error = Some(message.to_owned()),
            // what the plugin's module prints while it is imported
            None => eprintln!("{line}"),
        }
    })?;
    if status.success() {
        return Ok(());
    }
    let reason = error.unwrap_or_else(|| "python says why above".to_owned());
    let message = format!("{} does not build: {reason}", project.name);
    Err(CommandError::new(Exit::BadInput, "build-failed", message))
}

fn check_python() -> Result<(), CommandError> {
    let version = process::ask(python().args(["-c", "import sys; print(*sys.version_info[:2])"]))?;
    let mut numbers = version.split(' ').filter_map(|number| number.parse::<u32>().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found >= OLDEST {
        return Ok(());
    }
    let message = format!(
        "python3 is {}.{}, the SDK needs {}.{} or later; name another with SPORT_PYTHON",
        found.0, found.1, OLDEST.0, OLDEST.1
    );
    Err(CommandError::new(Exit::NotSetUp, "python-too-old", message))
}

/// The folder that componentize-py is installed in; installs it if it is not there.
fn tools(requirements: &Path) -> Result<PathBuf, CommandError> {
    let bytes = std::fs::read(requirements).map_err(|error| {
        let message = format!("cannot read {}: {error}", Project::show(requirements));
        CommandError::new(Exit::BadInput, "sdk-missing", message)
    })?;
    // The name that scripts/python-component.sh gives it.
    let plain = |digest: String| digest.trim_start_matches("sha256:").to_owned();
    let listed = format!("requirements.txt {}\n", plain(digest_of(&bytes)));
    let digest = plain(digest_of(listed.as_bytes()));
    let cache = paths::cache();
    let folder = cache.join(format!("componentize-py-{}", digest.get(..12).unwrap_or(&digest)));
    if folder.is_dir() {
        return Ok(folder);
    }
    eprintln!("installing componentize-py into {}", folder.display());
    std::fs::create_dir_all(&cache)?;
    let made = tempfile::Builder::new().prefix(".componentize-py.").tempdir_in(&cache)?;
    let mut pip = python();
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.arg("--root-user-action=ignore");
    pip.args(["--only-binary=:all:", "--require-hashes", "--target"]);
    pip.arg(made.path()).arg("-r").arg(requirements);
    let status = process::run(&mut pip, process::BUILD, |line| eprintln!("{line}"))?;
    if !status.success() {
        let message =
            "componentize-py could not be installed; pip says why above, correct that and build again";
        return Err(CommandError::new(Exit::NotSetUp, "componentize-py-missing", message));
    }
    // Another build may have been quicker; then ours goes.
    if !folder.is_dir() {
        std::fs::rename(made.keep(), &folder)?;
    }
    Ok(folder)
}
