//! The sandboxed side of a run: interpreter, tools, verifier, artifacts.
//!
//! Components are admitted before a run directory is made, so that a missing or foreign one leaves nothing behind.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use sport_sandbox::{
    ArtifactRef, ArtifactStore, Interpreter, Sandbox, Session, SessionOptions, Tool, ToolHost, ToolInfo,
    Toolbox, Verifier,
};

use crate::config::Config;
use crate::error::Error;
use crate::plugins::Plugins;
use crate::seed::{Purpose, seed};
use crate::task::Task;

/// Grants whose effects stay inside a branch; a tool with any other must be marked `read_only` by the operator.
const BRANCH_LOCAL: [&str; 5] = ["artifacts", "context", "kv", "log", "output"];

/// Components as admitted, before there is a place for artifacts.
pub struct Admitted {
    interpreter: Arc<Interpreter>,
    tools: Vec<Arc<Tool>>,
    verifier: Arc<Verifier>,
    verifier_config: Value,
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
        let verifier = plugins.verifier(&config.verifier.plugin, &config.verifier.grants)?;
        let verifier_config = serde_json::to_value(&config.verifier.config)
            .map_err(|error| Error::Internal(format!("verifier config as JSON: {error}")))?;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = if config.run.threads == 0 { cores } else { config.run.threads as usize };
        Ok(Self { interpreter, tools, verifier, verifier_config, threads, run_seed: config.run.seed })
    }

    /// Digest of each component, by its part in the run.
    pub fn digests(&self) -> Vec<(String, String)> {
        let mut digests = vec![
            ("digest:interpreter".to_owned(), self.interpreter.digest().to_owned()),
            ("digest:verifier".to_owned(), self.verifier.digest().to_owned()),
        ];
        for tool in &self.tools {
            digests.push((format!("digest:tool:{}", tool.name()), tool.digest().to_owned()));
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
            verifier: self.verifier,
            verifier_config: self.verifier_config,
            artifacts,
            threads: self.threads,
            run_seed: self.run_seed,
        })
    }
}

/// Everything that executes and judges.
pub struct Equipment {
    /// Runs agent code.
    pub interpreter: Arc<Interpreter>,
    /// What agent code may call.
    pub toolbox: Toolbox,
    /// Judges candidates.
    pub verifier: Arc<Verifier>,
    /// Its config.
    pub verifier_config: Value,
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
