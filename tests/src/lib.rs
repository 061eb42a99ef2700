//! What the end-to-end tests share: finding the binary, the components and the downloads, and running `sport`.
//!
//! Nothing is skipped but what needs Node.js (`authoring`): where a part is missing, the test fails and says which make target provides it.

#![expect(clippy::unwrap_used, reason = "a helper of tests: a panic is a failed test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sport_sandbox::{Isolation, SessionWorker};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The built binary.
pub fn binary() -> PathBuf {
    // A test binary lies in `target/release/deps`, the command two folders up from it.
    let test = std::env::current_exe().unwrap();
    existing(test.parent().unwrap().parent().unwrap().join("sport"), "make sport")
}

/// The process that runs an interpreter behind a second wall.
pub fn session_worker() -> Isolation {
    Isolation::Process(SessionWorker { program: binary(), arguments: vec!["run-sessions".to_owned()] })
}

/// Where sessions run: with `SPORT_TEST_ISOLATION=process` behind a second wall, where everything must be the same.
pub fn isolation() -> Isolation {
    match std::env::var("SPORT_TEST_ISOLATION").as_deref() {
        Ok("process") => session_worker(),
        _ => Isolation::None,
    }
}

/// A built component.
pub fn component(name: &str) -> PathBuf {
    let folder =
        std::env::var_os("SPORT_COMPONENTS").map_or_else(|| root().join("target/components"), PathBuf::from);
    existing(folder.join(format!("{name}.wasm")), "make components")
}

/// The folder of downloads.
pub fn cache() -> PathBuf {
    sport_improve::config::cache_folder()
}

/// One of the photographs.
pub fn photograph(name: &str) -> PathBuf {
    existing(cache().join("images").join(name), "make images")
}

/// The small model.
pub fn model() -> PathBuf {
    existing(cache().join("models/SmolLM2-135M-Instruct.Q4_1.gguf"), "make model")
}

fn existing(path: PathBuf, remedy: &str) -> PathBuf {
    assert!(path.exists(), "{} is missing; run `{remedy}`", path.display());
    path
}

/// `sport` with these arguments, ready to run from the repository's root.
pub fn sport<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(root()).stdin(std::process::Stdio::null());
    command
}

/// Runs it and gives exit code, stdout, stderr.
pub fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (
        status.code().unwrap_or(-1),
        String::from_utf8_lossy(&stdout).into_owned(),
        String::from_utf8_lossy(&stderr).into_owned(),
    )
}

/// Writes `text` to a file of this name in `folder`.
pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Asserts that `stderr` is one line, begins with `error: ` and contains `needle`.
pub fn assert_one_line_error(stderr: &str, needle: &str) {
    assert_eq!(stderr.trim_end().lines().count(), 1, "not one line: {stderr}");
    assert!(stderr.starts_with("error: "), "no `error: ` in front: {stderr}");
    assert!(stderr.contains(needle), "no `{needle}` in: {stderr}");
}
