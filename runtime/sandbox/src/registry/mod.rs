//! Installed plugins: what the operator granted to which component, and what that component was when it was granted.
//!
//! Two things lie in the operator's folder. `plugins.toml` is the grants: the operator's own words, which this module reads
//! strictly. `receipts/NAME.json` is what was there when they were given: digest, imports, descriptions and schemas. A grant
//! is bound to all of these. When the component asks for something else, or says something else of itself (which is what a
//! model reads, and so a way to talk to it), it is not loaded until the operator approved the change. Rebuilt with the same
//! request and the same words it goes on working, unless it is pinned to its digest.
//!
//! Beside them `models.toml` says which models there are to be granted (`models`).
//!
//! # Invariants
//!
//! * A grant belongs to a source. A component of the same name elsewhere has none.
//! * Only the operator's commands write here. No tool, verifier or agent code has a way to this module.
//! * Files that others can write are refused; files are replaced by renaming, under a lock.

pub(crate) mod file;
mod models;
mod receipt;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chat::Models;
use crate::error::Error;
use crate::inspect::{self, Inspection, Kind};
use crate::private::{NotPrivate, PrivateFolder};
use crate::sandbox::{Loaded, Sandbox};
use crate::session::Interpreter;
use crate::tool::Tool;
use crate::verifier::Verifier;

pub use file::{Grant, Pin, SecretSource};
use file::{PluginsFile, check_name};
pub use receipt::{Change, Described, Receipt};

/// The grants.
const PLUGINS: &str = "plugins.toml";
/// The models that plugins may be granted to ask.
const MODELS: &str = "models.toml";
/// The folder of receipts.
const RECEIPTS: &str = "receipts";
/// What is locked while something is changed.
const LOCK: &str = ".lock";
/// Larger than any honest one: 64 tools with the largest description and schemas each.
const MOST: u64 = 16 << 20;

/// The operator's folder of grants and receipts.
#[derive(Debug)]
pub struct Registry {
    folder: PrivateFolder,
    receipts: PrivateFolder,
}

/// An installed plugin.
#[derive(Clone, Debug)]
pub struct Installed {
    /// What it is called.
    pub name: String,
    /// What it is granted.
    pub grant: Grant,
    /// What was approved; none if only the grant was written, by hand.
    pub receipt: Option<Receipt>,
}

/// What was seen of an installed plugin before it is approved.
#[derive(Clone, Debug)]
pub struct Look {
    /// What differs from what was approved before; nothing if it is the same.
    pub changes: Vec<Change>,
    grant: Grant,
    receipt: Receipt,
}

/// Whether an installed plugin would be loaded, as far as can be told without compiling it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is what was approved.
    Ready,
    /// Other bytes that ask for the same. Whether it says the same of itself is compared when it is loaded.
    Rebuilt,
    /// It asks for something else, or is pinned and has other bytes: this is what changed.
    Changed(String),
    /// It cannot be loaded at all, for this reason.
    Unusable(String),
}

impl State {
    /// A stable kebab-case name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Rebuilt => "rebuilt",
            Self::Changed(_) => "changed",
            Self::Unusable(_) => "unusable",
        }
    }
}

impl Registry {
    /// Opens the folder, making it (0700) if it is not there.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let refused = |error: NotPrivate| registry_error(path, error.to_string());
        let folder = PrivateFolder::open(path).map_err(refused)?;
        let receipts = folder
            .subfolder(RECEIPTS)
            .map_err(|error| registry_error(&path.join(RECEIPTS), error.to_string()))?;
        Ok(Self { folder, receipts })
    }

    /// The models that are set up in `models.toml`; none if there is no such file.
    pub fn models(&self) -> Result<Models, Error> {
        let path = self.folder.path().join(MODELS);
        let bad = |reason: String| Error::Registry { path: path.clone(), reason };
        let text = self.folder.read(MODELS, MOST).map_err(|error| bad(error.to_string()))?;
        text.map_or(Ok(Models::none()), |text| models::parse(&text).map_err(bad))
    }

    /// The same, but none if there is no such folder: for those who only look.
    pub fn open_existing(path: &Path) -> Result<Option<Self>, Error> {
        path.exists().then(|| Self::open(path)).transpose()
    }

    /// All of them, by name.
    pub fn list(&self) -> Result<Vec<Installed>, Error> {
        let plugins = self.read()?.1.plugins;
        plugins.into_iter().map(|(name, grant)| self.installed(name, grant)).collect()
    }

    /// One of them; none if it is not installed.
    pub fn get(&self, name: &str) -> Result<Option<Installed>, Error> {
        let grant = self.read()?.1.plugins.remove(name);
        grant.map(|grant| self.installed(name.to_owned(), grant)).transpose()
    }

    /// Installs a plugin: the component is admitted with what it is granted, asked what it is, and a receipt is written.
    /// Nothing is changed when any of that fails.
    pub fn add(&self, sandbox: &Sandbox, name: &str, grant: Grant) -> Result<Installed, Error> {
        check_name(name).map_err(|reason| invalid("plugin name", reason))?;
        let _lock = self.lock()?;
        let file = self.read()?.1;
        if let Some(there) = file.plugins.get(name) {
            let source = there.source.display();
            let reason =
                format!("it is installed from {source}; remove it first, or give this one another name");
            return Err(invalid(&format!("plugin {name}"), reason));
        }
        let source = std::fs::canonicalize(&grant.source).map_err(Error::io("read", &grant.source))?;
        let grant = Grant { source, ..grant };
        let receipt = examine(sandbox, name, &grant)?;
        // Read again: compiling takes seconds, and the file is one that somebody may edit meanwhile.
        let (text, file) = self.read()?;
        if file.plugins.contains_key(name) {
            return Err(invalid(
                &format!("plugin {name}"),
                "it was written into the grants meanwhile".to_owned(),
            ));
        }
        self.write(&text, name, &grant, &receipt)?;
        Ok(Installed { name: name.to_owned(), grant, receipt: Some(receipt) })
    }

    /// Takes a plugin out. Its component stays where it is.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let _lock = self.lock()?;
        let (text, file) = self.read()?;
        if !file.plugins.contains_key(name) {
            return Err(not_installed(name, &file));
        }
        let text = file::without(&text, name).map_err(|reason| self.bad(reason))?;
        let path = self.folder.path().join(PLUGINS);
        self.folder.write(PLUGINS, text.as_bytes()).map_err(Error::io("write", path))?;
        // A receipt without a grant means nothing.
        let receipt = receipt_name(name);
        let path = self.receipts.path().join(&receipt);
        self.receipts.remove(&receipt).map_err(Error::io("remove", path))
    }

    /// Whether it would be loaded, without compiling it, and without a look into the files that its warm start is handed.
    pub fn state(&self, installed: &Installed) -> State {
        let Installed { grant, receipt, .. } = installed;
        let inspection = match inspect::inspect(&grant.source) {
            Ok(inspection) => inspection,
            Err(error) => return State::Unusable(error.to_string()),
        };
        let Some(receipt) = receipt else {
            return State::Changed("everything (it was never approved)".to_owned());
        };
        let changes = receipt.changed_request(&grant.source, &inspection.imports);
        if !changes.is_empty() {
            return State::Changed(named(&changes));
        }
        match (inspection.digest == receipt.digest, grant.pin) {
            (true, _) => State::Ready,
            (false, Some(Pin::Digest)) => State::Changed("its digest, to which it is pinned,".to_owned()),
            (false, None) => State::Rebuilt,
        }
    }

    /// What differs from what was approved, and what [`Self::approve`] with the same grants would accept. Compiles the
    /// component and asks it what it is, but calls nothing of it.
    pub fn look(&self, sandbox: &Sandbox, name: &str, more: &[String]) -> Result<Look, Error> {
        let mut installed = self.must(name)?;
        let granted = installed.grant.interfaces().join(", ");
        installed.grant.add(more);
        let after = installed.grant.interfaces().join(", ");
        let now = examine(sandbox, name, &installed.grant)?;
        let mut changes = match &installed.receipt {
            Some(before) => {
                let mut changes = before.changed_request(&now.source, &now.imports);
                changes.extend(before.changed_artifacts(&now.artifacts));
                changes.extend(before.changed_words(&now.described));
                changes
            }
            None => {
                let what = "never approved".to_owned();
                vec![Change { what, before: String::new(), after: now.imports.join(", ") }]
            }
        };
        if granted != after {
            changes.push(Change { what: "what it is granted".to_owned(), before: granted, after });
        }
        if let (Some(before), Some(_)) = (&installed.receipt, installed.grant.pin)
            && before.digest != now.digest
        {
            let what = "its digest".to_owned();
            changes.push(Change { what, before: before.digest.clone(), after: now.digest.clone() });
        }
        Ok(Look { changes, grant: installed.grant, receipt: now })
    }

    /// Approves a plugin as it was looked at. Fails when the component or its grant is no longer what was seen then.
    pub fn approve(&self, sandbox: &Sandbox, name: &str, seen: &Look) -> Result<Installed, Error> {
        let _lock = self.lock()?;
        let receipt = examine(sandbox, name, &seen.grant)?;
        let (text, file) = self.read()?;
        let grant = file.plugins.get(name).ok_or_else(|| not_installed(name, &file))?;
        let mut grant = grant.clone();
        grant.add(&seen.grant.imports);
        if grant != seen.grant || !receipt.is_of(&seen.receipt) {
            let reason = "it changed while you looked at it; look again".to_owned();
            return Err(invalid(&format!("plugin {name}"), reason));
        }
        self.write(&text, name, &grant, &receipt)?;
        Ok(Installed { name: name.to_owned(), grant, receipt: Some(receipt) })
    }

    /// Loads an installed plugin of tools.
    pub fn tool(&self, sandbox: &Sandbox, name: &str) -> Result<Arc<Tool>, Error> {
        match self.load(sandbox, name)? {
            Loaded::Tool(tool) => Ok(Arc::from(tool)),
            other => Err(wrong_kind(name, Kind::Tool, &other)),
        }
    }

    /// Loads an installed verifier.
    pub fn verifier(&self, sandbox: &Sandbox, name: &str) -> Result<Arc<Verifier>, Error> {
        match self.load(sandbox, name)? {
            Loaded::Verifier(verifier) => Ok(Arc::from(verifier)),
            other => Err(wrong_kind(name, Kind::Verifier, &other)),
        }
    }

    /// Loads an installed interpreter.
    pub fn interpreter(&self, sandbox: &Sandbox, name: &str) -> Result<Arc<Interpreter>, Error> {
        match self.load(sandbox, name)? {
            Loaded::Interpreter(interpreter) => Ok(Arc::from(interpreter)),
            other => Err(wrong_kind(name, Kind::Interpreter, &other)),
        }
    }

    /// Loads what is installed, if it is what was approved.
    fn load(&self, sandbox: &Sandbox, name: &str) -> Result<Loaded, Error> {
        let Installed { grant, receipt, .. } = self.must(name)?;
        let needed = |what: String| Error::ApprovalNeeded { name: name.to_owned(), what };
        let Some(receipt) = receipt else {
            return Err(needed("everything (it was never approved)".to_owned()));
        };
        let grants = grant.grants()?;
        let changes = receipt.changed_artifacts(&grants.artifact_digests());
        if !changes.is_empty() {
            return Err(needed(named(&changes)));
        }
        // Before anything is compiled.
        let check = |inspection: &Inspection| {
            let changes = receipt.changed_request(&grant.source, &inspection.imports);
            if !changes.is_empty() {
                return Err(needed(named(&changes)));
            }
            if grant.pin.is_some() && inspection.digest != receipt.digest {
                return Err(needed("its digest, to which it is pinned".to_owned()));
            }
            Ok(())
        };
        let mut loaded = sandbox.load(name, &grant.source, &grants, check)?.0;
        let changes = receipt.changed_words(&loaded.described());
        if !changes.is_empty() {
            return Err(needed(named(&changes)));
        }
        if let (Loaded::Tool(tool), Some(only)) = (&mut loaded, &grant.tools) {
            tool.only(only)?;
        }
        Ok(loaded)
    }

    fn must(&self, name: &str) -> Result<Installed, Error> {
        let mut file = self.read()?.1;
        match file.plugins.remove(name) {
            Some(grant) => self.installed(name.to_owned(), grant),
            None => Err(not_installed(name, &file)),
        }
    }

    fn installed(&self, name: String, grant: Grant) -> Result<Installed, Error> {
        let file = receipt_name(&name);
        let path = self.receipts.path().join(&file);
        let text = self.receipts.read(&file, MOST).map_err(Error::io("read", &path))?;
        let receipt = text.map(|text| Receipt::parse(&text)).transpose().map_err(|reason| {
            registry_error(&path, format!("{reason}; remove it and approve the plugin again"))
        })?;
        Ok(Installed { name, grant, receipt })
    }

    /// The grants' text and what it says.
    fn read(&self) -> Result<(String, PluginsFile), Error> {
        let path = self.folder.path().join(PLUGINS);
        let text = self.folder.read(PLUGINS, MOST).map_err(Error::io("read", path))?.unwrap_or_default();
        let file = PluginsFile::parse(&text).map_err(|reason| self.bad(reason))?;
        Ok((text, file))
    }

    /// The receipt first: a grant without one is not in force, and one without a grant means nothing.
    fn write(&self, text: &str, name: &str, grant: &Grant, receipt: &Receipt) -> Result<(), Error> {
        let text = file::with(text, name, grant).map_err(|reason| self.bad(reason))?;
        let file = receipt_name(name);
        let bytes = serde_json::to_vec_pretty(receipt)
            .map_err(|error| registry_error(&self.receipts.path().join(&file), error.to_string()))?;
        let at = self.receipts.path().join(&file);
        self.receipts.write(&file, &bytes).map_err(Error::io("write", at))?;
        let at = self.folder.path().join(PLUGINS);
        self.folder.write(PLUGINS, text.as_bytes()).map_err(Error::io("write", at))
    }

    /// Held while something is changed, so that two commands at once do not lose one of the changes. Waits for as long as
    /// another command takes.
    fn lock(&self) -> Result<std::fs::File, Error> {
        let path = self.folder.path().join(LOCK);
        let file = self.folder.lock_file(LOCK).map_err(Error::io("open", &path))?;
        let started = std::time::Instant::now();
        while started.elapsed() < crate::timeouts::REGISTRY_LOCK {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(crate::timeouts::EPOCH_TICK),
                Err(std::fs::TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
            }
        }
        Err(registry_error(&path, "another command has held it for too long; end that one first".to_owned()))
    }

    fn bad(&self, reason: String) -> Error {
        registry_error(&self.folder.path().join(PLUGINS), reason)
    }
}

/// Admits the component with what it is granted and asks it what it is.
fn examine(sandbox: &Sandbox, name: &str, grant: &Grant) -> Result<Receipt, Error> {
    let grants = grant.grants()?;
    let (mut loaded, inspection) = sandbox.load(name, &grant.source, &grants, |_| Ok(()))?;
    let described = loaded.described();
    // A list that names what is not there is a mistake, better found now.
    if let (Loaded::Tool(tool), Some(only)) = (&mut loaded, &grant.tools) {
        tool.only(only)?;
    }
    Ok(Receipt::new(&grant.source, &inspection, &grants, described))
}

fn named(changes: &[Change]) -> String {
    changes.iter().map(|change| change.what.as_str()).collect::<Vec<_>>().join(", ")
}

/// All components in a folder, by their names.
pub fn components_in(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        if path.extension().is_some_and(|ending| ending == "wasm") && path.is_file() {
            found.push((inspect::stem(&path), path));
        }
    }
    found.sort();
    Ok(found)
}

fn receipt_name(name: &str) -> String {
    format!("{name}.json")
}

fn registry_error(path: &Path, reason: String) -> Error {
    Error::Registry { path: path.to_owned(), reason }
}

fn invalid(what: &str, reason: String) -> Error {
    Error::Invalid { what: what.to_owned(), reason }
}

fn not_installed(name: &str, file: &PluginsFile) -> Error {
    let names: Vec<&str> = file.plugins.keys().map(String::as_str).collect();
    let there = if names.is_empty() { "none is".to_owned() } else { names.join(", ") };
    let name = crate::text::clean_line(name, crate::limits::NAME_BYTES);
    invalid(&format!("plugin {name:?}"), format!("it is not installed; installed: {there}"))
}

fn wrong_kind(name: &str, wanted: Kind, found: &Loaded) -> Error {
    Error::WrongKind {
        name: name.to_owned(),
        wanted: wanted.name(),
        found: found.described().kind().export().1.to_owned(),
    }
}
