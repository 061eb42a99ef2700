//! The sandboxed side of a run: interpreter, tools, verifier, artifacts.
//!
//! Components are admitted before a run directory is made, so that a missing or foreign one leaves nothing behind.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use sport_sandbox::{
    ArtifactRef, ArtifactStore, Interpreter, Sandbox, Session, SessionOptions, Tool, ToolHost, ToolInfo,
    Toolbox,
};

use crate::config::{Config, Verifier as VerifierSection};
use crate::error::Error;
use crate::judging::{Member, Panel};
use crate::plugins::Plugins;
use crate::seed::{Purpose, seed};
use crate::swap::Verifiers;
use crate::task::Task;

/// Grants whose effects stay inside a branch; a tool with any other must be marked `read_only` by the operator.
const BRANCH_LOCAL: [&str; 5] = ["artifacts", "context", "kv", "log", "output"];

/// Components as admitted, before there is a place for artifacts.
pub struct Admitted {
    interpreter: Arc<Interpreter>,
    tools: Vec<Arc<Tool>>,
    panel: Panel,
    threads: usize,
    run_seed: u64,
}

impl Admitted {
    /// Admits everything that `config` names.
    pub fn new(sandbox: &Sandbox, config: &Config) -> Result<Self, Error> {
        let plugins = Plugins::new(sandbox)?;
        let tools = config
            .tools
            .iter()
            .map(|tool| {
                let granted = plugins.granted(&tool.plugin, &tool.grants)?;
                if let Some(reaches) = granted.iter().find(|grant| !BRANCH_LOCAL.contains(&grant.as_str()))
                    && !(tool.read_only || config.explore.allow_effects)
                {
                    return Err(Error::Refused(format!(
                        "{} is granted `{reaches}`, which reaches outside the branch: several candidates would run it; \
                         take the grant away, set `read_only = true` if it changes nothing, or `explore.allow_effects = true` \
                         if every candidate may change it",
                        tool.plugin.display()
                    )));
                }
                plugins.tool(&tool.plugin, &tool.grants)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let interpreter = plugins.interpreter(&config.interpreter.plugin, &config.interpreter.grants)?;
        let panel = panel(&plugins, &config.verifier)?;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = if config.run.threads == 0 { cores } else { config.run.threads as usize };
        Ok(Self { interpreter, tools, panel, threads, run_seed: config.run.seed })
    }

    /// Digest of each component, by its part in the run.
    pub fn digests(&self) -> Vec<(String, String)> {
        let mut digests = vec![
            ("digest:interpreter".to_owned(), self.interpreter.digest().to_owned()),
            ("digest:verifier".to_owned(), self.panel.members[0].verifier.digest().to_owned()),
        ];
        for (number, member) in self.panel.members.iter().enumerate().skip(1) {
            digests.push((format!("digest:verifier:{number}"), member.verifier.digest().to_owned()));
        }
        for tool in &self.tools {
            digests.push((format!("digest:tool:{}", tool.name()), tool.digest().to_owned()));
            for (name, digest) in tool.artifacts() {
                digests.push((format!("digest:tool:{}:{name}", tool.name()), digest.clone()));
            }
        }
        digests
    }

    /// Ready to run, with artifacts kept in `blobs`.
    pub fn equip(self, blobs: &Path) -> Result<Equipment, Error> {
        let artifacts = ArtifactStore::open(blobs)?;
        let toolbox = Toolbox::new(self.tools, artifacts.clone())?;
        Ok(Equipment {
            interpreter: self.interpreter,
            toolbox,
            verifiers: Arc::new(Verifiers::new(self.panel)),
            artifacts,
            threads: self.threads,
            run_seed: self.run_seed,
        })
    }
}

/// The verifiers that a config names.
fn panel(plugins: &Plugins<'_>, section: &VerifierSection) -> Result<Panel, Error> {
    let member = |plugin: &Path, grants: &[String], config: &toml::Table, weight: f64| {
        let config = serde_json::to_value(config)
            .map_err(|error| Error::Internal(format!("verifier config as JSON: {error}")))?;
        Ok(Member::new(plugins.verifier(plugin, grants)?, config, weight))
    };
    let first = member(&section.plugin, &section.grants, &section.config, section.weight)?;
    let others = section.panel.iter().map(|one| member(&one.plugin, &one.grants, &one.config, one.weight));
    let members = std::iter::once(Ok(first)).chain(others).collect::<Result<Vec<Member>, Error>>()?;
    Ok(Panel::new(1, members, section))
}

/// Everything that executes and judges.
pub struct Equipment {
    /// Runs agent code.
    pub interpreter: Arc<Interpreter>,
    /// What agent code may call.
    pub toolbox: Toolbox,
    /// Judge candidates.
    pub verifiers: Arc<Verifiers>,
    /// Files of tasks and tools.
    pub artifacts: ArtifactStore,
    /// Sandbox threads.
    pub threads: usize,
    run_seed: u64,
}

impl Equipment {
    /// A fresh session for a task.
    pub fn open_session(&self, task: &Task) -> Result<Session, Error> {
        let files = task
            .files
            .iter()
            .map(|file| sport_sandbox::TaskFile { name: file.name.clone(), path: file.path.clone() })
            .collect();
        let options = SessionOptions {
            seed: seed(self.run_seed, Purpose::Session, &[&task.id]),
            files,
            store: self.artifacts.clone(),
        };
        Ok(self.interpreter.open(options)?)
    }

    /// What agent code may call, for prompts and verifiers.
    pub fn tool_infos(&self) -> Vec<ToolInfo> {
        self.toolbox.tools()
    }

    /// A task's files as artifacts.
    pub fn artifacts_of(&self, task: &Task) -> Result<Vec<ArtifactRef>, Error> {
        task.files
            .iter()
            .map(|file| {
                let bytes = std::fs::read(&file.path).map_err(Error::io("read", &file.path))?;
                Ok(self.artifacts.put(&bytes, media_type(&file.path), Some(&file.name))?)
            })
            .collect()
    }
}

fn media_type(path: &Path) -> &'static str {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("tif" | "tiff") => "image/tiff",
        _ => "application/octet-stream",
    }
}
