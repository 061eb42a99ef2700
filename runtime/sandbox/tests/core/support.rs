//! What all tests here need: guests made from text, and a sandbox to run them in.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use sport_sandbox::{
    ArtifactStore, Budget, Error, Failure, Grants, Limits, Outcome, PluginState, Sandbox, SandboxOptions,
    Tool, Verifier,
};

pub use crate::guest::{CONTRACT, Guest, import};

/// A sandbox with a folder of its own.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub sandbox: Sandbox,
    pub store: ArtifactStore,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sandbox = Sandbox::new(SandboxOptions::new(folder.path().join("aot"))).expect("a sandbox");
        Self { folder, sandbox, store: ArtifactStore::new_in_memory() }
    }

    /// Writes a component's file.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, bytes).expect("the component is written");
        path
    }

    /// Loads a guest that was granted these interfaces.
    pub fn load(&self, guest: Guest, grants: &[&str]) -> Result<Arc<Tool>, Error> {
        self.load_as("probe", guest, grants)
    }

    pub fn load_as(&self, name: &str, guest: Guest, grants: &[&str]) -> Result<Arc<Tool>, Error> {
        let path = self.file(name, &guest.build());
        self.sandbox.tool(&path, &Grants::new(grants).expect("known grants"))
    }

    pub fn load_verifier(&self, guest: Guest, grants: &[&str]) -> Result<Arc<Verifier>, Error> {
        let path = self.file("judge", &guest.build());
        self.sandbox.verifier(&path, &Grants::new(grants).expect("known grants"))
    }

    /// Calls `probe` with fresh state.
    pub fn call(&self, tool: &Tool, arguments: Value, limits: Limits) -> Result<Outcome, Failure> {
        let budget = Budget::new(limits);
        tool.call("probe", &arguments, &self.store, &mut PluginState::new(), &budget)
    }

    /// The structured result of a guest that has just been loaded.
    pub fn answer(&self, guest: Guest, grants: &[&str], arguments: Value) -> Value {
        let tool = self.load(guest, grants).expect("it is admitted");
        let outcome = self.call(&tool, arguments, Limits::tool()).expect("it answers");
        outcome.structured.expect("with a structured result")
    }
}
