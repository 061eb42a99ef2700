//! `sport plugin test`: the author's own tests, then the conformance kit in the sandbox.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::commands::artifact::GrantedFile;
use crate::commands::{self, IsolationFlag};
use crate::conformance::{self, Report};
use crate::exit::{CommandError, Exit};
use crate::project::tests::{self, Native};
use crate::project::{Project, build};

/// `sport plugin test`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport plugin test
  sport plugin test plugins/weather --json
  sport plugin test target/components/image.wasm

Exit codes: 0 all passed and it conforms, 1 something has to be mended.")]
pub struct Test {
    /// A project's folder, or a component alone
    #[arg(default_value = ".")]
    plugin: PathBuf,
    /// Hand it this file for its warm start; the name is the file's unless it is given; can be given again
    #[arg(long = "artifact", value_name = "[NAME=]PATH")]
    artifacts: Vec<GrantedFile>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON.
#[derive(Serialize)]
pub struct Tested {
    /// `passed`, `failed` or `none`; absent for a component alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<&'static str>,
    #[serde(flatten)]
    report: Report,
}

impl Test {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let tested = if self.plugin.is_dir() {
            project(&Project::find(&self.plugin)?, &self.artifacts)?
        } else {
            if !self.plugin.is_file() {
                let message =
                    format!("no project and no component at {}; check the path", self.plugin.display());
                return Err(CommandError::new(Exit::BadInput, "project-missing", message));
            }
            component(&self.plugin, &self.artifacts)?
        };
        if self.json {
            commands::print_json(&tested)?;
        } else {
            print!("{}", tested.text());
        }
        Ok(if tested.passed() { Exit::Done } else { Exit::Negative })
    }
}

/// A project: what is written is built, tested natively, and tried out in the sandbox.
pub fn project(project: &Project, artifacts: &[GrantedFile]) -> Result<Tested, CommandError> {
    let built = build::build(project)?;
    let native = match tests::run(project)? {
        Native::Passed => "passed",
        Native::Failed => "failed",
        Native::None => "none",
    };
    let report = conformance::conform(
        &commands::sandbox(IsolationFlag::default())?,
        &built.path,
        project.cases().as_deref(),
        artifacts,
    )?;
    Ok(Tested { native: Some(native), report })
}

fn component(path: &Path, artifacts: &[GrantedFile]) -> Result<Tested, CommandError> {
    let report = conformance::conform(&commands::sandbox(IsolationFlag::default())?, path, None, artifacts)?;
    Ok(Tested { native: None, report })
}

impl Tested {
    /// Whether nothing has to be mended.
    pub fn passed(&self) -> bool {
        self.native != Some("failed") && self.report.conforms()
    }

    /// For people.
    pub fn text(&self) -> String {
        let native = match self.native {
            Some("failed") => "MEND  native tests: they failed; the runner's own words are above\n",
            Some("passed") => "ok    native tests\n",
            Some(_) => "note  native tests: there are none; tests are in tests/\n",
            None => "",
        };
        format!("{native}{}\n", self.report)
    }
}
