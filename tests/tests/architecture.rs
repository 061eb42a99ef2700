//! What must be absent, checked on the tree and on the built binary.
//!
//! * only `runtime/sandbox` depends on wasmtime, only `runtime/torch` on tch
//! * `sandbox` and `policy` do not depend on each other
//! * `ldd` of the binary shows no libtorch
//! * only `sport mcp` starts an asynchronous runtime
//! * every source file of the runtime stays under 700 lines
//! * guests are not members of the host's workspace

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::path::PathBuf;
use std::process::Command;

use sport_tests::{binary, root};

const CRATES: [&str; 5] = ["sandbox", "policy", "torch", "improve", "cli"];

/// Names in `[dependencies]` of one of the runtime's crates.
fn dependencies(name: &str) -> Vec<String> {
    let manifest = std::fs::read_to_string(root().join("runtime").join(name).join("Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn one_crate_links_wasmtime_and_one_libtorch() {
    for name in CRATES {
        let names = dependencies(name);
        assert!(!names.is_empty(), "{name} has no dependencies: is the manifest read rightly?");
        let has = |wanted: &str| names.iter().any(|name| name.starts_with(wanted));
        assert_eq!(has("wasmtime"), name == "sandbox", "wasmtime in {name}: {names:?}");
        assert_eq!(has("tch"), name == "torch", "tch in {name}: {names:?}");
    }
}

#[test]
fn sandbox_and_policy_do_not_know_each_other() {
    assert!(!dependencies("sandbox").contains(&"sport-policy".to_owned()));
    assert!(!dependencies("policy").contains(&"sport-sandbox".to_owned()));
}

#[test]
fn the_binary_links_no_libtorch() {
    let output = Command::new("ldd").arg(binary()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("libc.so"), "{text}");
    assert!(!text.contains("torch") && !text.contains("libc10"), "{text}");
}

#[test]
fn one_command_starts_an_asynchronous_runtime() {
    let users: Vec<(PathBuf, String)> =
        sources().into_iter().filter(|(_, text)| text.contains("tokio::runtime")).collect();
    assert_eq!(users.len(), 1, "{:?}", users.iter().map(|(path, _)| path).collect::<Vec<_>>());
    assert!(users[0].0.ends_with("runtime/cli/src/mcp/mod.rs"), "{}", users[0].0.display());
}

#[test]
fn files_stay_readable() {
    let sources = sources();
    for (path, text) in &sources {
        let lines = text.lines().count();
        assert!(lines < 700, "{} has {lines} lines: one subject per file", path.display());
    }
    assert!(sources.len() > 50, "only {} files seen", sources.len());
}

/// The runtime's source files.
fn sources() -> Vec<(PathBuf, String)> {
    let mut sources = Vec::new();
    let mut folders: Vec<PathBuf> =
        CRATES.iter().map(|name| root().join("runtime").join(name).join("src")).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push((path, text));
            }
        }
    }
    sources
}

#[test]
fn guests_live_in_a_workspace_of_their_own() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.split("members").nth(1).unwrap().split(']').next().unwrap();
    assert!(!members.contains("plugins") && !members.contains("sdk"), "{members}");
    assert!(root().join("plugins/Cargo.toml").exists());
}
