//! Which tools are served now. The operator decides: by `--tool`, or else by what is installed and granted.
//!
//! What is served is one immutable list that is replaced as a whole; a call keeps the list that it began with. The plugins'
//! files and the operator's grants are looked at now and then, and what changed is loaded anew. What cannot be loaded any
//! longer (it was removed, it asks for more, it is not what was approved) is not served any longer.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rmcp::model::Tool as ListedTool;
use sport_sandbox::{ArtifactStore, Kind, Sandbox, Schema, Tool, Toolbox};
use tokio::sync::watch;

use super::describe;
use crate::commands;
use crate::exit::CommandError;
use crate::paths;

/// What the operator wants served.
pub struct Wanted {
    /// What was typed with `--tool`; nothing means what is installed.
    pub typed: Vec<String>,
    /// What is granted to those that are given by their path.
    pub grants: Vec<String>,
    /// How long a call may take, by the tool's name.
    pub deadlines: BTreeMap<String, Duration>,
    /// And where nothing is said.
    pub deadline: Duration,
    /// Names that are taken.
    pub reserved: Vec<String>,
}

impl Wanted {
    /// How long a call of this tool may take.
    pub fn deadline_of(&self, tool: &str) -> Duration {
        self.deadlines.get(tool).copied().unwrap_or(self.deadline)
    }
}

/// The tools, and what becomes of them.
pub struct Catalogue {
    sandbox: Sandbox,
    wanted: Wanted,
    now: RwLock<Arc<Served>>,
    /// What the files looked like when they were last loaded, and when they were last looked at.
    seen: Mutex<(Stamp, Stamp)>,
    changes: watch::Sender<u64>,
}

/// The tools at one moment.
pub struct Served {
    /// The plugins.
    pub plugins: Vec<Arc<Tool>>,
    /// The tools as they are listed.
    pub tools: Vec<ListedTool>,
    /// Their schemas, by name: where files are in arguments and results.
    pub schemas: BTreeMap<String, Schemas>,
    /// What was to be served and is not, with the reason.
    pub missing: Vec<(String, String)>,
    sources: Vec<PathBuf>,
}

/// The schemas of one tool.
pub struct Schemas {
    /// Of its arguments.
    pub input: Schema,
    /// Of its result.
    pub output: Option<Schema>,
}

impl Catalogue {
    /// Loads what is wanted. What was typed must be there; of what is installed, the rest is served when something is missing.
    pub fn open(sandbox: Sandbox, wanted: Wanted) -> Result<Self, CommandError> {
        for name in &wanted.typed {
            commands::tool(&sandbox, name, &wanted.grants)?;
        }
        let served = Served::load(&sandbox, &wanted);
        let catalogue = Self {
            sandbox,
            wanted,
            now: RwLock::new(Arc::new(served)),
            // Nothing, so that it is loaded once more soon: what changed while it was loaded is not missed.
            seen: Mutex::default(),
            changes: watch::Sender::new(0),
        };
        catalogue.tell(&[]);
        Ok(catalogue)
    }

    /// What is wanted.
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The tools now.
    pub fn now(&self) -> Arc<Served> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hears of every change of the list.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Looks whether something changed, and loads it. Takes as long as compiling takes.
    pub fn look(&self) {
        let before = self.now();
        let stamp = Stamp::take(&before.sources);
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let (loaded, last) = &mut *seen;
            if *loaded == stamp || *last != stamp {
                *last = stamp;
                return;
            }
            // Set before it is loaded: what changes meanwhile is seen the next time.
            *loaded = stamp;
        }
        let served = Arc::new(Served::load(&self.sandbox, &self.wanted));
        if served.sources != before.sources {
            // Other files are looked at from now on, so what was seen says nothing.
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
        }
        let same = served.tools == before.tools;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = served;
        self.tell(&before.missing);
        if !same {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Tells the operator what is missing and was not before.
    fn tell(&self, before: &[(String, String)]) {
        for missing in self.now().missing.iter().filter(|missing| !before.contains(missing)) {
            super::tell(&format!("{} is not served: {}", missing.0, missing.1));
        }
    }
}

impl Served {
    fn load(sandbox: &Sandbox, wanted: &Wanted) -> Self {
        let mut served = Self {
            plugins: Vec::new(),
            tools: Vec::new(),
            schemas: BTreeMap::new(),
            missing: Vec::new(),
            sources: Vec::new(),
        };
        if wanted.typed.is_empty() {
            served.load_installed(sandbox, wanted);
        }
        for name in &wanted.typed {
            // Where it should be is looked at also when it is not there.
            match commands::where_and_what(name) {
                Ok((path, _)) => served.sources.push(path),
                Err(_) if !paths::is_name(name) => served.sources.push(PathBuf::from(name)),
                Err(_) => {}
            }
            match commands::tool(sandbox, name, &wanted.grants) {
                Ok(tool) => served.add(name, tool, wanted),
                Err(error) => served.missing.push((name.clone(), error.to_string())),
            }
        }
        served.tools.sort_by(|a, b| a.name.cmp(&b.name));
        served
    }

    fn load_installed(&mut self, sandbox: &Sandbox, wanted: &Wanted) {
        let registry = match commands::registry() {
            Ok(Some(registry)) => registry,
            Ok(None) => return,
            Err(error) => return self.missing.push(("what is installed".to_owned(), error.to_string())),
        };
        let installed = match registry.list() {
            Ok(installed) => installed,
            Err(error) => return self.missing.push(("what is installed".to_owned(), error.to_string())),
        };
        for plugin in installed {
            if plugin.receipt.as_ref().is_some_and(|receipt| receipt.kind != Kind::Tool) {
                continue;
            }
            self.sources.push(plugin.grant.source.clone());
            match registry.tool(sandbox, &plugin.name) {
                Ok(tool) => self.add(&plugin.name, tool, wanted),
                Err(error) => self.missing.push((plugin.name, error.to_string())),
            }
        }
    }

    /// Adds a plugin, if none of its tools has a name that is taken.
    fn add(&mut self, name: &str, plugin: Arc<Tool>, wanted: &Wanted) {
        let mut plugins = self.plugins.clone();
        plugins.push(Arc::clone(&plugin));
        let descriptors = plugin.descriptors();
        let taken = descriptors.iter().find(|descriptor| wanted.reserved.contains(&descriptor.name));
        let refused = match taken {
            Some(taken) => Some(format!("its tool {} has the name of one of sport's own", taken.name)),
            None => Toolbox::new(plugins.clone(), ArtifactStore::new_in_memory())
                .err()
                .map(|error| error.to_string()),
        };
        if let Some(reason) = refused {
            return self.missing.push((name.to_owned(), reason));
        }
        for descriptor in descriptors {
            let parse = |schema: &serde_json::Value, top| Schema::parse(&schema.to_string(), top).ok();
            // They were parsed when the plugin was loaded, so they can be.
            let Some(input) = parse(&descriptor.input_schema, Some("object")) else { continue };
            let output = descriptor.output_schema.as_ref().and_then(|schema| parse(schema, None));
            self.schemas.insert(descriptor.name.clone(), Schemas { input, output });
            let deadline = wanted.deadline_of(&descriptor.name);
            self.tools.push(describe::tool(descriptor, name, plugin.digest(), deadline));
        }
        self.plugins = plugins;
    }
}

/// What files look like from outside: enough to see that one was changed.
#[derive(Clone, Default, PartialEq, Eq)]
struct Stamp(String);

impl Stamp {
    /// Of the plugins' files, the operator's grants and the receipts.
    fn take(sources: &[PathBuf]) -> Self {
        let mut text = String::new();
        let folder = paths::config();
        let mut one = |path: &Path| {
            // A file that is not there looks like nothing.
            let Ok(data) = std::fs::metadata(path) else { return };
            let _ = write!(
                text,
                "{}:{}:{}:{}.{};",
                path.display(),
                data.ino(),
                data.len(),
                data.mtime(),
                data.mtime_nsec()
            );
        };
        one(&folder.join("plugins.toml"));
        if let Ok(entries) = std::fs::read_dir(folder.join("receipts")) {
            let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            entries.sort();
            entries.iter().for_each(|path| one(path));
        }
        sources.iter().for_each(|path| one(path));
        Self(text)
    }
}
