//! Makes the table of files that travel inside the binary: what `sport plugin new` writes into a project, so that a plugin is
//! built where there is no checkout of this repository.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Folders and files of the repository; each is in the table under its own path.
const TRAVELS: &[&str] = &[
    "sdk/templates",
    "sdk/rust/Cargo.toml",
    "sdk/rust/src",
    "sdk/rust/macro",
    "sdk/python/componentize.py",
    "sdk/python/sport_sdk",
    "sdk/js/package.json",
    "sdk/js/src",
    "sdk/js/builder",
    "plugins/Cargo.lock",
    "plugins/interpreters/python/requirements.txt",
    "scripts/guest-env.sh",
    "wit/base",
    "wit/host",
    "wit/interpreter",
    "wit/tool",
    "wit/verifier",
];

fn main() -> io::Result<()> {
    let crate_folder = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let root = crate_folder.join("../..").canonicalize()?;
    let mut files = Vec::new();
    for path in TRAVELS {
        // A file that is added is seen by the folder's time; one that changes, by `include_bytes`.
        println!("cargo::rerun-if-changed={}", root.join(path).display());
        collect(&root.join(path), &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&root).map_err(io::Error::other)?;
        writeln!(table, "    ({:?}, include_bytes!({:?})),", name.display(), file.display())
            .map_err(io::Error::other)?;
    }
    table.push_str("]\n");
    fs::write(Path::new(&variable("OUT_DIR")?).join("travels.rs"), table)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // what tools leave behind
        let left = ["target", "__pycache__", "node_modules"];
        if !left.iter().any(|name| entry.file_name() == *name) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}
