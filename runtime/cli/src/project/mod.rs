//! A plugin's project: made from a template, found again, built.
//!
//! # Layout
//!
//! * `travels`: the SDKs, contracts and templates inside this binary;
//! * `make`: a new project; `name`: what it may be called;
//! * `build`: the component of a project, by way of `rust`, `python` or `javascript`;
//! * `watch`: waits for its sources to change;
//! * `tests`: the author's own tests; `process`: running the programs that all this takes.
//!
//! Invariants: nothing that exists is overwritten by `make`; a component under its final name is whole.

use std::path::{Path, PathBuf};

use crate::exit::{CommandError, Exit};

pub mod build;
mod javascript;
pub mod make;
mod name;
mod process;
mod python;
mod rust;
pub mod tests;
mod travels;
pub mod watch;

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Built by cargo.
    Rust,
    /// Built by componentize-py.
    Python,
    /// Built by componentize-js.
    #[value(name = "js", alias = "javascript")]
    JavaScript,
}

impl Language {
    /// Its name, as in the templates and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "js",
        }
    }
}

/// A folder that holds a plugin.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// What it is written in.
    pub language: Language,
    /// The plugin's name: the package's in Rust, the folder's in Python and JavaScript.
    pub name: String,
}

impl Project {
    /// The project in a folder.
    pub fn find(folder: &Path) -> Result<Self, CommandError> {
        let bad = |code: &str, message: String| CommandError::new(Exit::BadInput, code, message);
        let folder = folder
            .canonicalize()
            .map_err(|error| bad("project-missing", format!("no folder {}: {error}", folder.display())))?;
        if folder.join("Cargo.toml").is_file() {
            let name = rust::package_name(&folder)?;
            return Ok(Self { folder, language: Language::Rust, name });
        }
        let modules = [(python::MODULE, Language::Python), (javascript::MODULE, Language::JavaScript)];
        if let Some((_, language)) = modules.into_iter().find(|(module, _)| folder.join(module).is_file()) {
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name::check(&name).map_err(|reason| {
                bad("bad-name", format!("the folder {} names the plugin: {reason}", folder.display()))
            })?;
            return Ok(Self { folder, language, name });
        }
        let message = format!(
            "no plugin in {}: none of Cargo.toml, {} and {} is there; `sport plugin new NAME` makes one",
            folder.display(),
            python::MODULE,
            javascript::MODULE
        );
        Err(bad("project-missing", message))
    }

    /// Where its component is put.
    pub fn component(&self) -> PathBuf {
        self.folder.join("target").join(format!("{}.wasm", self.name))
    }

    /// Where its cases are, if it has any.
    pub fn cases(&self) -> Option<PathBuf> {
        let path = self.folder.join("cases.json");
        path.is_file().then_some(path)
    }

    /// A path for messages: relative to where the command was run, where it lies below it.
    pub fn show(path: &Path) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    }
}
