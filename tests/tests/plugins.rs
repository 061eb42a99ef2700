//! `sport plugin` through the binary: installing, granting, approving.
//!
//! * add, list, use by name in `exec` and `plugin run`, remove; the grants' file is the operator's own
//! * a plugin that asks for what it is not granted is not added; the message says what to grant
//! * only the granted tools are there
//! * a folder of plugins
//! * a component that changed is refused until it is approved; the changes are shown; nobody to ask
//! * a name of one of sport's own is refused
//! * `inspect` shows what is granted, before anything is compiled
//! * agent code has no way to the grants
//! * a run uses what is installed, and stops when it is no longer what was approved

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sport_tests::{assert_one_line_error, component, photograph, root, run, sport, write};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// A copy of a first-party component under another name.
    fn copy(&self, of: &str, name: &str) -> String {
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::copy(component(of), &path).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn sport(&self, arguments: &[&str]) -> Command {
        let mut command = sport(arguments);
        command.env("SPORT_CONFIG", self.config());
        command
    }

    fn plugin(&self, arguments: &[&str]) -> (i32, String, String) {
        run(&mut self.sport(&[&["plugin"], arguments].concat()))
    }

    fn plugins(&self) -> String {
        std::fs::read_to_string(self.config().join("plugins.toml")).unwrap()
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn installed_plugins_are_used_by_name() {
    let place = Place::new();
    let (exit, stdout, _) = place.plugin(&["list"]);
    assert_eq!(exit, 0);
    assert!(stdout.contains("no plugin is installed") && !place.config().exists(), "{stdout}");

    let path = place.copy("image", "pictures");
    let (exit, _, stderr) = place.plugin(&["add", &path]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "sport:host/artifacts");
    assert!(!place.config().join("plugins.toml").exists());

    let (exit, stdout, stderr) =
        place.plugin(&["add", &path, "--grant", "artifacts", "--tool", "image_info", "--tool", "mean_color"]);
    assert_eq!(exit, 0, "{stderr}");
    assert!(stdout.starts_with("added pictures: tools ") && stdout.contains("granted artifacts"), "{stdout}");
    assert!(place.plugins().contains("tools = [\"image_info\", \"mean_color\"]"), "{}", place.plugins());

    let photo = photograph("coffee.png");
    let arguments = ["run", "pictures", "image_info", "{\"image\": \"coffee.png\"}", "--json", "--file"];
    let (exit, stdout, stderr) = place.plugin(&[&arguments[..], &[photo.to_str().unwrap()]].concat());
    assert_eq!(exit, 0, "{stderr}");
    assert_eq!(json(&stdout)["structured"]["width"], 600);

    let code = "final_answer([image_info(image='coffee.png')['height'], 'crop_image' in dir()])";
    let code = write(place.folder.path(), "code.py", code);
    let arguments = ["exec", code.to_str().unwrap(), "--tool", "pictures", "--file", photo.to_str().unwrap()];
    let (_, stdout, stderr) = run(&mut place.sport(&arguments));
    assert_eq!(stdout, "final answer: [400,false]\n", "{stderr}");

    let (_, stdout, _) = place.plugin(&["list"]);
    assert!(stdout.contains("pictures  ready") && stdout.contains("granted  artifacts"), "{stdout}");
    let listed = json(&place.plugin(&["list", "--json"]).1);
    assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&"pictures".into(), &"ready".into()));
    assert!(listed[0]["receipt"]["digest"].as_str().unwrap().starts_with("sha256:"));

    let (exit, stdout, _) = place.plugin(&["remove", "pictures"]);
    assert_eq!((exit, stdout.as_str()), (0, "removed pictures and its grants\n"));
    assert!(Path::new(&path).exists());
    let (exit, _, stderr) = place.plugin(&["run", "pictures", "image_info"]);
    assert_eq!(exit, 4);
    assert_one_line_error(&stderr, "sport plugin list");
}

#[test]
fn a_folder_is_added_at_once() {
    let place = Place::new();
    place.copy("calculator", "counts");
    place.copy("execution-facts", "judges");
    let folder = place.folder.path().to_str().unwrap();
    let (exit, stdout, stderr) = place.plugin(&["add", folder]);
    assert_eq!(exit, 0, "{stderr}");
    assert!(
        stdout.contains("added counts: tool calculate") && stdout.contains("added judges: verifier"),
        "{stdout}"
    );
    let (exit, _, stderr) = place.plugin(&["add", folder, "--name", "one"]);
    assert_eq!(exit, 2);
    assert_one_line_error(&stderr, "--name is for one");
    let empty = tempfile::tempdir().unwrap();
    let (exit, _, stderr) = place.plugin(&["add", empty.path().to_str().unwrap()]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "no component");
    let (exit, _, stderr) = place.plugin(&["run", "judges"]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "is not a tool");
}

#[test]
fn what_changed_needs_approval() {
    let place = Place::new();
    let path = place.copy("calculator", "counts");
    assert_eq!(place.plugin(&["add", &path, "--pin"]).0, 0);
    assert_eq!(place.plugin(&["approve", "counts"]).1, "counts is what was approved\n");
    // another component takes its place
    std::fs::copy(component("image"), &path).unwrap();
    let (exit, _, stderr) = place.plugin(&["run", "counts", "calculate"]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "sport plugin approve counts");
    assert!(place.plugin(&["list"]).1.contains("NOT LOADED until you approve it: what it asks for"));

    let (exit, _, stderr) = place.plugin(&["approve", "counts"]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "imports what it was not granted");
    let (exit, stdout, stderr) = place.plugin(&["approve", "counts", "--grant", "artifacts"]);
    assert_eq!(exit, 2);
    assert_one_line_error(&stderr, "nobody is there to ask");
    for line in ["what it asks for", "tool calculate", "    - Calculates", "tool image_info", "its digest"] {
        assert!(stdout.contains(line), "no {line} in {stdout}");
    }
    assert_eq!(place.plugin(&["run", "counts"]).0, 3, "a look approves nothing");
    let (exit, stdout, stderr) = place.plugin(&["approve", "counts", "--grant", "artifacts", "--yes"]);
    assert_eq!(exit, 0, "{stderr}");
    assert!(stdout.contains("approved counts: tools ") && stdout.contains("pinned"), "{stdout}");
    assert_eq!(place.plugin(&["run", "counts"]).0, 0);
}

#[test]
fn names_of_our_own_are_kept() {
    let place = Place::new();
    let path = place.copy("calculator", "image");
    let (exit, _, stderr) = place.plugin(&["add", &path]);
    assert_eq!(exit, 2);
    assert_one_line_error(&stderr, "--name");
    assert_eq!(place.plugin(&["add", &path, "--name", "counts"]).0, 0);
    let (exit, _, stderr) = place.plugin(&["add", &path, "--name", "Counts!"]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "is no plugin name");
}

#[test]
fn inspect_shows_what_is_granted() {
    let place = Place::new();
    let path = place.copy("image", "pictures");
    assert!(place.plugin(&["inspect", &path]).1.contains("NOT GRANTED"));
    assert_eq!(place.plugin(&["add", &path, "--grant", "artifacts"]).0, 0);
    let (_, stdout, _) = place.plugin(&["inspect", "pictures"]);
    let line = stdout.lines().find(|line| line.contains("sport:host/artifacts")).unwrap();
    assert!(line.ends_with(" granted"), "{line}");
    let (_, stdout, _) = place.plugin(&["inspect", "python"]);
    assert!(stdout.contains("answered by the sandbox"), "{stdout}");
    assert_eq!(json(&place.plugin(&["inspect", "pictures", "--json"]).1)["granted"][0], "artifacts");
}

#[test]
fn agent_code_has_no_way_to_the_grants() {
    let place = Place::new();
    let path = place.copy("calculator", "counts");
    assert_eq!(place.plugin(&["add", &path]).0, 0);
    let before = place.plugins();
    let file = place.config().join("plugins.toml");
    let code = format!(
        "import os\nfor path in [{file:?}, '/task/plugins.toml', '/task/../plugins.toml']:\n    for mode in ['w', 'a', 'r+']:\n        \
         try:\n            open(path, mode).write('x')\n            print('wrote', path)\n        except OSError: pass\n\
         print(sorted(name for name in dir() if 'grant' in name or 'plugin' in name))"
    );
    let code = write(place.folder.path(), "code.py", &code);
    let arguments = ["exec", code.to_str().unwrap(), "--tool", "counts", "--file", file.to_str().unwrap()];
    let (_, stdout, stderr) = run(&mut place.sport(&arguments));
    assert_eq!(stdout, "[]\n", "{stderr}");
    assert_eq!(place.plugins(), before);
}

#[test]
fn a_run_uses_what_is_installed() {
    let place = Place::new();
    let path = place.copy("calculator", "counts");
    let text = std::fs::read_to_string(root().join("examples/scripted.toml")).unwrap();
    let examples = root().join("examples").canonicalize().unwrap();
    let text = text
        .replace("\"forms/", &format!("\"{}/forms/", examples.display()))
        .replace("\"scripted.jsonl\"", &format!("\"{}/scripted.jsonl\"", examples.display()));
    assert!(text.contains("plugin = \"calculator\""), "{text}");
    let installed = text.replace("plugin = \"calculator\"", "plugin = \"installed:counts\"");
    let config = write(place.folder.path(), "run.toml", &installed);
    let folder = place.folder.path().join("run");
    let arguments = ["improve", "--config", config.to_str().unwrap(), "--run", folder.to_str().unwrap()];
    let (exit, _, stderr) = run(&mut place.sport(&arguments));
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "sport plugin add");
    assert!(!folder.exists());

    assert_eq!(place.plugin(&["add", &path]).0, 0);
    let granted = installed
        .replace("plugin = \"installed:counts\"", "plugin = \"installed:counts\"\ngrants = [\"kv\"]");
    let both = write(place.folder.path(), "both.toml", &granted);
    let (exit, _, stderr) = run(&mut place.sport(&[
        "improve",
        "--config",
        both.to_str().unwrap(),
        "--run",
        folder.to_str().unwrap(),
    ]));
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "stands in plugins.toml");

    let (exit, stdout, stderr) = run(&mut place.sport(&arguments));
    assert_eq!(exit, 0, "{stdout}{stderr}");
    assert!(std::fs::read_to_string(folder.join("sport.toml")).unwrap().contains("installed:counts"));
    // what it was approved as is what it must be when the run goes on
    std::fs::copy(component("image"), &path).unwrap();
    let (exit, _, stderr) = run(place.sport(&arguments).arg("--resume"));
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "sport plugin approve counts");
}
