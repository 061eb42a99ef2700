//! Both trees together, and the names that agent code uses for them.

use std::sync::Arc;

use super::data::FileData;
use super::path::{RelativePath, media_type};
use super::scratch::{NodeKind, ROOT, Scratch};
use super::task::TaskFiles;
use super::{ARTIFACTS, FileError, SCRATCH, TASK, TaskFile};
use crate::artifacts::ArtifactStore;
use crate::error::Error;
use crate::limits;
use crate::types::{ArtifactRef, Failure, FailureKind};

/// The files of one branch. A clone is a few pointer copies and shares nothing that is written later.
#[derive(Clone, Debug, Default)]
pub struct FileView {
    pub(crate) task: Arc<TaskFiles>,
    pub(crate) scratch: Scratch,
}

/// A file that a name was resolved to.
#[derive(Clone, Debug)]
pub struct ResolvedFile {
    /// Its full path, for example `/task/photo.jpg`.
    pub path: String,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// By the ending of its name.
    pub media_type: &'static str,
}

/// Where a resolved name leads.
enum Place {
    Task(usize),
    Scratch(u64),
}

impl FileView {
    /// A view with these task files and an empty `/scratch`.
    pub fn new(files: &[TaskFile]) -> Result<Self, Error> {
        Ok(Self { task: Arc::new(TaskFiles::open(files)?), scratch: Scratch::default() })
    }

    /// The file that a name means, the way agent code writes it: `/task/…`, `/scratch/…`, or a bare name (or a path
    /// relative to one of the two) that means only one file.
    pub fn resolve(&self, name: &str) -> Result<ResolvedFile, Failure> {
        let (path, place) = self.find(name)?;
        let bytes = match place {
            Place::Task(index) => self.task.entries()[index].bytes(),
            Place::Scratch(inode) => self.scratch.data(inode).map(FileData::to_bytes),
        };
        let bytes = bytes.map_err(|error| refused(name, &error))?;
        let media_type = media_type(&path);
        Ok(ResolvedFile { path, bytes, media_type })
    }

    /// The file that a name means, as an artifact of the session's store. What was put there before is not put again.
    pub fn artifact(&self, name: &str, store: &ArtifactStore) -> Result<ArtifactRef, Failure> {
        let (path, place) = self.find(name)?;
        let known = match place {
            Place::Task(index) => self.task.entries()[index].artifact.get().cloned(),
            Place::Scratch(inode) => match self.scratch.node(inode).map(|node| &node.kind) {
                Ok(NodeKind::File { artifact, .. }) => artifact.clone(),
                _ => None,
            },
        };
        if let Some(known) = known.filter(|known| store.contains(&known.digest)) {
            return Ok(known);
        }
        let file = self.resolve(&path)?;
        let plain = path.rsplit('/').next();
        let artifact = store.put(&file.bytes, file.media_type, plain).map_err(|error| {
            Failure::new(FailureKind::Exhausted, "artifact-refused", format!("{path}: {error}"))
        })?;
        if let Place::Task(index) = place {
            // Another fork may have been first; it found the same.
            let _ = self.task.entries()[index].artifact.set(artifact.clone());
        }
        Ok(artifact)
    }

    /// Shows an artifact under `/scratch/artifacts/` and says where. An artifact that is there already, unchanged, keeps
    /// its place; a name that is taken by another gets a number.
    pub fn add_artifact(&mut self, artifact: &ArtifactRef, store: &ArtifactStore) -> Result<String, Failure> {
        let full = |error: FileError| {
            Failure::new(
                FailureKind::Exhausted,
                "scratch-full",
                format!("cannot place an artifact in {ARTIFACTS}: {error}"),
            )
        };
        let folder = self.artifacts_folder().map_err(full)?;
        let wanted = plain_name(artifact);
        let (stem, ending) = match wanted.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
            _ => (wanted.as_str(), String::new()),
        };
        // The quota on files bounds the search.
        for number in 1..=limits::SCRATCH_FILES + 1 {
            let name = if number == 1 { wanted.clone() } else { format!("{stem}-{number}{ending}") };
            let path = format!("{ARTIFACTS}/{name}");
            match self.scratch.entries(folder).map_err(full)?.get(&name) {
                None => {
                    let bytes = store.get(&artifact.digest).map_err(|error| {
                        Failure::new(FailureKind::NotFound, "artifact-missing", error.to_string())
                    })?;
                    let time = self.scratch.node(folder).map_or(0, |node| node.modified);
                    self.scratch
                        .create_file(folder, &name, FileData::Blob(bytes), Some(artifact.clone()), time)
                        .map_err(full)?;
                    return Ok(path);
                }
                Some(&inode) => {
                    let same = matches!(
                        self.scratch.node(inode).map(|node| &node.kind),
                        Ok(NodeKind::File { artifact: Some(there), .. }) if there.digest == artifact.digest
                    );
                    if same {
                        return Ok(path);
                    }
                }
            }
        }
        Err(full(FileError::Quota))
    }

    /// All files' full paths with their sizes: the task's first, then `/scratch` in order.
    pub fn list(&self) -> Vec<(String, u64)> {
        let task = self.task.entries().iter().map(|file| (format!("{TASK}/{}", file.name), file.size));
        let scratch = self.scratch.files().into_iter().map(|(path, inode)| {
            let size = self.scratch.data(inode).map_or(0, FileData::len);
            (format!("{SCRATCH}/{path}"), size as u64)
        });
        task.chain(scratch).collect()
    }

    /// Bytes in `/scratch`.
    pub fn scratch_bytes(&self) -> u64 {
        self.scratch.bytes()
    }

    fn find(&self, name: &str) -> Result<(String, Place), Failure> {
        if let Some(rest) = below(name, TASK) {
            let path = RelativePath::parse(rest).map_err(|error| refused(name, &error))?;
            let place = match (path.split_last(), path.directory) {
                (Ok(([], plain)), false) => self.task.find(plain),
                _ => None,
            };
            let index = place.ok_or_else(|| self.missing(name))?;
            return Ok((format!("{TASK}/{}", self.task.entries()[index].name), Place::Task(index)));
        }
        if let Some(rest) = below(name, SCRATCH) {
            let inode = self.find_scratch(rest, name)?.ok_or_else(|| self.missing(name))?;
            return Ok((format!("{SCRATCH}/{rest}"), Place::Scratch(inode)));
        }
        if name.starts_with('/') {
            return Err(self.missing(name));
        }
        self.find_bare(name)
    }

    /// A bare name: a task file, a path below `/scratch`, or the last part of a path below `/scratch`, but only one of
    /// them.
    fn find_bare(&self, name: &str) -> Result<(String, Place), Failure> {
        let mut found = Vec::new();
        if let Some(index) = self.task.find(name) {
            found.push((format!("{TASK}/{name}"), Place::Task(index)));
        }
        for (path, inode) in self.scratch.files() {
            if path == name || path.rsplit('/').next() == Some(name) {
                found.push((format!("{SCRATCH}/{path}"), Place::Scratch(inode)));
            }
        }
        if found.len() > 1 {
            let all: Vec<String> = found.iter().take(8).map(|(path, _)| shown(path)).collect();
            let message = format!("{:?} could be {}; use the full path", shown(name), all.join(" or "));
            return Err(Failure::new(FailureKind::InvalidInput, "file-ambiguous", message));
        }
        found.pop().ok_or_else(|| self.missing(name))
    }

    fn find_scratch(&self, rest: &str, name: &str) -> Result<Option<u64>, Failure> {
        let path = RelativePath::parse(rest).map_err(|error| refused(name, &error))?;
        match self.scratch.lookup(ROOT, &path) {
            Ok(inode) if self.scratch.is_directory(inode) == Ok(false) => Ok(Some(inode)),
            Ok(_) => Err(refused(name, &FileError::IsDirectory)),
            Err(FileError::NoEntry | FileError::NotDirectory) => Ok(None),
            Err(error) => Err(refused(name, &error)),
        }
    }

    fn artifacts_folder(&mut self) -> Result<u64, FileError> {
        let name = ARTIFACTS.rsplit('/').next().unwrap_or("artifacts");
        match self.scratch.entries(ROOT)?.get(name) {
            Some(&inode) if self.scratch.is_directory(inode)? => Ok(inode),
            Some(_) => Err(FileError::NotDirectory),
            None => {
                let time = self.scratch.node(ROOT)?.modified;
                self.scratch.create_directory(ROOT, name, time)
            }
        }
    }

    /// A message that names what there is, for a model that guessed a name.
    fn missing(&self, name: &str) -> Failure {
        let all: Vec<String> = self.list().iter().take(8).map(|(path, _)| shown(path)).collect();
        let there = if all.is_empty() {
            "there are no files".to_owned()
        } else {
            format!("there are {}", all.join(", "))
        };
        Failure::new(
            FailureKind::NotFound,
            "no-such-file",
            format!("there is no file {:?}; {there}", shown(name)),
        )
    }
}

/// What comes after `root` and a slash.
fn below<'a>(name: &'a str, root: &str) -> Option<&'a str> {
    name.strip_prefix(root)?.strip_prefix('/')
}

fn refused(name: &str, error: &FileError) -> Failure {
    Failure::new(FailureKind::InvalidInput, "bad-file-name", format!("file {:?}: {error}", shown(name)))
}

/// A path for a message: agent code may put anything into a name.
fn shown(path: &str) -> String {
    crate::text::clean_line(path, limits::SHORT_TEXT_BYTES)
}

/// A harmless file name for an artifact: its own if it is a plain one, else the start of its digest.
fn plain_name(artifact: &ArtifactRef) -> String {
    let named = artifact.name.as_deref().filter(|name| {
        super::path::check_name(name).is_ok()
            && !name.starts_with('.')
            && name.len() <= limits::NAME_BYTES
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    });
    match named {
        Some(name) => name.to_owned(),
        None => {
            let digest: String = artifact
                .digest
                .chars()
                .skip_while(|c| *c != ':')
                .filter(char::is_ascii_hexdigit)
                .take(12)
                .collect();
            let ending = match artifact.media_type.as_str() {
                "image/png" => ".png",
                "image/jpeg" => ".jpg",
                "image/gif" => ".gif",
                "image/webp" => ".webp",
                "text/plain" => ".txt",
                "application/json" => ".json",
                _ => "",
            };
            format!("{digest}{ending}")
        }
    }
}
