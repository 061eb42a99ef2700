//! Waits for a project's sources to change.
//!
//! What is watched are the folders of sources, each by itself: `target` and what is hidden never are, so what a build writes there
//! is no change. What decides is the content: a file that was saved as it was is no change either, and `Cargo.lock`, which cargo
//! itself writes, is none if it changed while the work was done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use sport_sandbox::digest_of;

use crate::exit::{CommandError, Exit};

/// An editor writes a file in several steps, and several files at once.
const QUIET: Duration = Duration::from_millis(150);

/// The longest that a stream of changes is waited out.
const IMPATIENT: Duration = Duration::from_secs(2);

/// How often the sources are looked at although nothing was heard: some file systems (those of another machine) tell nothing.
const LOOK: Duration = Duration::from_secs(5);

/// Files and folders of a project that are looked at; a folder with more is no plugin's sources.
const FILES: usize = 10_000;

/// Levels of folders.
const DEPTH: usize = 16;

/// Folders that tools write to.
const OUTPUTS: &[&str] = &["target", "__pycache__", "node_modules", "venv"];

/// The files of a project, with what is in them.
type Sources = BTreeMap<PathBuf, String>;

/// The watch over one project.
pub struct Watch {
    folder: PathBuf,
    watcher: RecommendedWatcher,
    events: Receiver<notify::Result<notify::Event>>,
    folders: BTreeSet<PathBuf>,
    seen: Sources,
}

impl Watch {
    /// Begins; what the sources are now is what a change is from.
    pub fn new(folder: &Path) -> Result<Self, CommandError> {
        let (sender, events) = channel();
        let watcher = notify::recommended_watcher(sender).map_err(|error| cannot(folder, &error))?;
        let mut watch = Self {
            folder: folder.to_owned(),
            watcher,
            events,
            folders: BTreeSet::new(),
            seen: Sources::new(),
        };
        watch.seen = watch.look()?;
        Ok(watch)
    }

    /// Says that the work on the sources as they were is done. What changed meanwhile is a change, but for what the work itself wrote.
    pub fn done(&mut self) -> Result<(), CommandError> {
        let lock = self.folder.join("Cargo.lock");
        if let Some(now) = self.look()?.remove(&lock) {
            self.seen.insert(lock, now);
        }
        Ok(())
    }

    /// Waits for a change, however long it takes, and gives the names of what changed.
    pub fn wait(&mut self) -> Result<Vec<String>, CommandError> {
        loop {
            let now = self.look()?;
            if now != self.seen {
                // a file that is being written is empty for a moment
                self.until_quiet();
                if self.look()? != now {
                    continue;
                }
                let changed = now.iter().filter(|(path, digest)| self.seen.get(*path) != Some(digest));
                let gone = self.seen.iter().filter(|(path, _)| !now.contains_key(*path));
                let shown = |(path, _): (&PathBuf, &String)| {
                    path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
                };
                let names = changed.chain(gone).map(shown).collect();
                self.seen = now;
                return Ok(names);
            }
            match self.events.recv_timeout(LOOK) {
                Ok(_) => self.until_quiet(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(CommandError::new(
                        Exit::Internal,
                        "watch",
                        "the watch over the folder ended",
                    ));
                }
            }
        }
    }

    fn until_quiet(&self) {
        let end = Instant::now() + IMPATIENT;
        while Instant::now() < end && self.events.recv_timeout(QUIET).is_ok() {}
    }

    /// The sources as they are; their folders are watched from now on.
    fn look(&mut self) -> Result<Sources, CommandError> {
        let (mut sources, mut folders) = (Sources::new(), BTreeSet::new());
        read(&self.folder, 0, &mut sources, &mut folders)?;
        for folder in folders.difference(&self.folders) {
            self.watcher
                .watch(folder, RecursiveMode::NonRecursive)
                .map_err(|error| cannot(folder, &error))?;
        }
        for folder in self.folders.difference(&folders) {
            // it is gone, and its watch with it
            let _ = self.watcher.unwatch(folder);
        }
        self.folders = folders;
        Ok(sources)
    }
}

fn read(
    folder: &Path,
    depth: usize,
    sources: &mut Sources,
    folders: &mut BTreeSet<PathBuf>,
) -> Result<(), CommandError> {
    if depth > DEPTH || sources.len() + folders.len() > FILES {
        let message = format!(
            "{} has more than {FILES} files or {DEPTH} levels of folders; watch the folder of one plugin",
            folder.display()
        );
        return Err(CommandError::new(Exit::BadInput, "too-many-files", message));
    }
    folders.insert(folder.to_owned());
    // What went away while it was looked at is no error: the next look sees that.
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let hidden = name.starts_with('.') && name != ".cargo";
        // copies that editors keep
        if hidden || name.ends_with('~') || OUTPUTS.contains(&name.as_ref()) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => read(&path, depth + 1, sources, folders)?,
            Ok(kind) if kind.is_file() => {
                if let Ok(bytes) = std::fs::read(&path) {
                    sources.insert(path, digest_of(&bytes));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn cannot(folder: &Path, error: &notify::Error) -> CommandError {
    CommandError::new(Exit::BadInput, "watch", format!("cannot watch {}: {error}", folder.display()))
}
