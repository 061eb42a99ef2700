//! A place outside the repository with the binary on the path.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sport_tests::{binary, root, run, sport, write};

/// An empty folder far from the repository.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `sport plugin …`, run in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = sport(["plugin"]);
        command.args(arguments).current_dir(self.path());
        environment(&mut command);
        command
    }

    pub fn plugin(&self, arguments: &[&str]) -> (i32, String, String) {
        run(&mut self.command(arguments))
    }

    /// A new project; `files` are written over the template's.
    pub fn project(&self, name: &str, options: &[&str], files: &[(&str, &str)]) -> PathBuf {
        let (exit, stdout, stderr) = self.plugin(&[&["new", name], options].concat());
        assert_eq!(exit, 0, "{stdout}{stderr}");
        let folder = self.path().join(name);
        for (file, text) in files {
            write(&folder, file, text);
        }
        folder
    }

    /// The report of `test --json`, with the exit code.
    pub fn tested(&self, name: &str) -> (i32, Value) {
        let (exit, stdout, stderr) = self.plugin(&["test", name, "--json"]);
        let report =
            serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
        (exit, report)
    }
}

/// Whether plugins in JavaScript can be made on this machine; says so where they cannot.
pub fn has_node(test: &str) -> bool {
    let answers = |program: &str| {
        Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success())
    };
    let there = answers("node") && answers("npm");
    if !there {
        // the runner keeps what a test that passes prints, but not this
        let said = "there is no Node.js with npm on the PATH; `make test` provides it";
        let _ = writeln!(std::io::stderr(), "{test} is skipped: {said}");
    }
    there
}

/// What every command here is run with.
pub fn environment(command: &mut Command) {
    let path = std::env::var_os("PATH").unwrap();
    let own = binary().parent().unwrap().canonicalize().unwrap();
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path))).unwrap();
    command.env("PATH", path);
    command.env("CARGO_TARGET_DIR", root().canonicalize().unwrap().join("target/authoring"));
    command.env_remove("CARGO_MANIFEST_DIR");
    command.env_remove("RUSTFLAGS");
}

/// What the report says to mend, as `check` or `tool: check`.
pub fn to_mend(report: &Value) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap();
    let mend = checks.iter().filter(|check| check["status"] == "mend");
    mend.map(|check| match check["tool"].as_str() {
        Some(tool) => format!("{tool}: {}", check["name"].as_str().unwrap()),
        None => check["name"].as_str().unwrap().to_owned(),
    })
    .collect()
}
