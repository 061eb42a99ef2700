//! The operator's files under `/task`: named at will, opened through cap-std, read-only, read at most once.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};

use super::FileError;
use super::path::check_name;
use crate::error::Error;
use crate::limits;
use crate::types::ArtifactRef;

/// A file that a session's code may read as `/task/<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFile {
    /// The name it gets: one part, no slashes.
    pub name: String,
    /// Where it lies on this machine. A link is followed once, here, by the operator's own authority.
    pub path: PathBuf,
}

/// All task files of a session; its forks share them.
#[derive(Default)]
pub(crate) struct TaskFiles {
    /// Sorted by name.
    files: Vec<Entry>,
}

/// One task file.
pub(crate) struct Entry {
    pub name: String,
    pub size: u64,
    /// The open file until it is first read. Keeping it open means that what was checked is what is read.
    file: Mutex<Option<File>>,
    bytes: OnceLock<Result<Arc<[u8]>, FileError>>,
    /// Its reference in the session's artifact store, once a tool was given it.
    pub artifact: OnceLock<ArtifactRef>,
}

impl fmt::Debug for TaskFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.iter().map(|file| &file.name)).finish()
    }
}

impl TaskFiles {
    /// Opens the files. Each must be a regular file of an admitted size, under a name of its own.
    pub fn open(files: &[TaskFile]) -> Result<Self, Error> {
        if files.len() > limits::TASK_FILES {
            return Err(Error::Invalid {
                what: "task files".to_owned(),
                reason: format!("there are {}, the most taken is {}", files.len(), limits::TASK_FILES),
            });
        }
        let mut entries = files.iter().map(Entry::open).collect::<Result<Vec<_>, _>>()?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(Error::Invalid {
                what: format!("task file {:?}", pair[0].name),
                reason: "two files have this name; give one of them another".to_owned(),
            });
        }
        Ok(Self { files: entries })
    }

    /// Files whose bytes are here already, in the order of their names, which were checked.
    pub fn of_bytes(files: Vec<(String, Arc<[u8]>)>) -> Self {
        let entries = files.into_iter().map(|(name, bytes)| Entry {
            name,
            size: bytes.len() as u64,
            file: Mutex::default(),
            bytes: OnceLock::from(Ok(bytes)),
            artifact: OnceLock::new(),
        });
        Self { files: entries.collect() }
    }

    /// The files in the order of their names.
    pub fn entries(&self) -> &[Entry] {
        &self.files
    }

    /// A file's index by name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.files.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()
    }
}

impl Entry {
    fn open(file: &TaskFile) -> Result<Self, Error> {
        check_name(&file.name).map_err(|error| Error::Invalid {
            what: format!("task file name {:?}", file.name),
            reason: format!("{error}; use a plain name such as photo.jpg"),
        })?;
        // The operator may name a file through links; agent code never does. So links are resolved here, once, and
        // the file is then opened by its plain name inside a directory handle, where no link can lead elsewhere.
        let real = file.path.canonicalize().map_err(Error::io("read", &file.path))?;
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(not_regular(file));
        };
        let directory = Dir::open_ambient_dir(parent, ambient_authority())
            .map_err(Error::io("open the folder of", &file.path))?;
        // Before it is opened: opening a pipe would wait for its other end.
        if !directory.symlink_metadata(name).map_err(Error::io("read", &file.path))?.is_file() {
            return Err(not_regular(file));
        }
        let opened = directory.open(name).map_err(Error::io("read", &file.path))?;
        let metadata = opened.metadata().map_err(Error::io("read", &file.path))?;
        if !metadata.is_file() {
            return Err(not_regular(file));
        }
        if metadata.len() > limits::TASK_FILE_BYTES {
            return Err(Error::TooBig {
                name: file.name.clone(),
                what: "size in bytes",
                found: metadata.len(),
                limit: limits::TASK_FILE_BYTES,
            });
        }
        Ok(Self {
            name: file.name.clone(),
            size: metadata.len(),
            file: Mutex::new(Some(opened)),
            bytes: OnceLock::new(),
            artifact: OnceLock::new(),
        })
    }

    /// The file's bytes, read the first time somebody asks.
    pub fn bytes(&self) -> Result<Arc<[u8]>, FileError> {
        self.bytes.get_or_init(|| self.load()).clone()
    }

    fn load(&self) -> Result<Arc<[u8]>, FileError> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(FileError::Io)?;
        let mut bytes = Vec::new();
        // One byte more than there was: a file that changed since it was opened is an error, not a surprise.
        let limit = self.size + 1;
        file.take(limit).read_to_end(&mut bytes).map_err(|_| FileError::Io)?;
        if bytes.len() as u64 != self.size {
            return Err(FileError::Io);
        }
        Ok(bytes.into())
    }
}

fn not_regular(file: &TaskFile) -> Error {
    Error::Invalid {
        what: format!("task file {}", file.path.display()),
        reason: "it is not a regular file".to_owned(),
    }
}
