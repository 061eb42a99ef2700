//! The run directory itself: made whole or not at all, used by one process at a time.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::Store;
use crate::config::{Config, Places};
use crate::error::Error;
use crate::failpoint::FailPoints;
use crate::files::{sync_folder, write_atomically};

/// A run directory, opened.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The database.
    pub store: Store,
    /// The config as resolved.
    pub config: Config,
    /// Held for as long as this process writes to the run.
    _lock: Option<File>,
}

impl Folder {
    /// Makes the directory of a new run. It appears whole; if `path` exists and is not empty, that is an error.
    pub fn create(path: &Path, config: Config, facts: &[(String, String)]) -> Result<Self, Error> {
        if !is_free(path)? {
            return Err(Error::Run {
                path: path.to_owned(),
                message: "already exists and is not empty: go on with `--resume`, or give another directory"
                    .into(),
            });
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        let draft = tempfile::Builder::new()
            .prefix(".sport-run-")
            .tempdir_in(parent)
            .map_err(Error::io("create a folder in", parent))?;
        let inside = draft.path();
        for folder in ["blobs", "adapters", "manifests"] {
            fs::create_dir(inside.join(folder)).map_err(Error::io("create", path.join(folder)))?;
        }
        write_atomically(&inside.join("sport.toml"), config.to_toml()?.as_bytes())?;
        let store = Store::create(&inside.join("run.sqlite"))?;
        store.set_meta("seed", &config.run.seed.to_string())?;
        store.set_meta("config-digest", &config.digest()?)?;
        for (key, value) in facts {
            store.set_meta(key, value)?;
        }
        drop(store);
        // a lock moves with its file: the run is never seen at its place without one
        let lock = lock(inside)?;
        fs::rename(inside, path).map_err(Error::io("create", path))?;
        // renamed away: nothing is left to delete
        drop(draft.keep());
        sync_folder(parent)?;
        Self::assemble(path, Some(config), true, Some(lock))
    }

    /// Opens a run to go on with it. Refused while another process has it open so.
    pub fn open(path: &Path) -> Result<Self, Error> {
        check_is_run(path)?;
        let lock = lock(path)?;
        Self::assemble(path, None, true, Some(lock))
    }

    /// Opens a run to look at it; nothing is written and no lock taken.
    pub fn open_to_read(path: &Path) -> Result<Self, Error> {
        check_is_run(path)?;
        Self::assemble(path, None, false, None)
    }

    fn assemble(path: &Path, config: Option<Config>, write: bool, lock: Option<File>) -> Result<Self, Error> {
        let path = fs::canonicalize(path).map_err(Error::io("find", path))?;
        let mut store = Store::open(&path.join("run.sqlite"), &path, write)?;
        if write {
            store.fail_points = FailPoints::from_environment();
        }
        // after the version: a config of another version may have other keys
        let config = config.map_or_else(|| read_config(&path), Ok)?;
        Ok(Self { path, store, config, _lock: lock })
    }

    /// Sets the point at which a test stops this run: `[abort:]name[:count]`.
    pub fn fail_at(&mut self, point: &str) {
        self.store.fail_points = FailPoints::parse(point);
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another connection to the database, for another thread that also writes.
    pub(crate) fn second_store(&self) -> Result<Store, Error> {
        Store::open(&self.path.join("run.sqlite"), &self.path, true)
    }

    /// Where artifacts are kept.
    pub fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    /// Where adapters and checkpoints of an iteration are kept.
    pub fn adapters(&self, iteration: u32) -> PathBuf {
        self.path.join("adapters").join(format!("iteration-{iteration}"))
    }

    /// The manifest of an iteration.
    pub fn manifest(&self, iteration: u32) -> PathBuf {
        self.path.join("manifests").join(format!("iteration-{iteration}.json"))
    }
}

fn is_free(path: &Path) -> Result<bool, Error> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

fn check_is_run(path: &Path) -> Result<(), Error> {
    let message = if !path.is_dir() {
        "there is no such run directory"
    } else if !path.join("run.sqlite").is_file() || !path.join("sport.toml").is_file() {
        "is not a run directory (no run.sqlite or no sport.toml in it)"
    } else {
        return Ok(());
    };
    Err(Error::Run { path: path.to_owned(), message: message.to_owned() })
}

fn read_config(path: &Path) -> Result<Config, Error> {
    // every path in a resolved config is absolute, so the places do not matter
    Config::read(&path.join("sport.toml"), &Places { cache: PathBuf::new(), components: PathBuf::new() })
}

fn lock(path: &Path) -> Result<File, Error> {
    let file_path = path.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file_path)
        .map_err(Error::io("open", &file_path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Locked { path: path.to_owned() }),
        Err(error) => Err(Error::io("lock", &file_path)(error.into())),
    }
}
