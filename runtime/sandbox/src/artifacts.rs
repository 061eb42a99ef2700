//! The content-addressed store that all files of a run live in.
//!
//! In memory for one-off calls and tests, in a folder for runs. A blob is written under a temporary name and
//! renamed, so a name that exists is whole; what is read is checked against its digest. The folder is only
//! reached through `cap-std`, and names in it are digests, never text from outside.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::limits;
use crate::types::ArtifactRef;

/// A shared store of artifacts. Clones are the same store.
#[derive(Clone, Debug)]
pub struct ArtifactStore {
    place: Arc<Place>,
}

#[derive(Debug)]
enum Place {
    Memory(Mutex<HashMap<String, Arc<[u8]>>>),
    Folder { dir: Dir, path: PathBuf },
}

impl ArtifactStore {
    /// A store that lives as long as its last clone.
    pub fn new_in_memory() -> Self {
        Self { place: Arc::new(Place::Memory(Mutex::default())) }
    }

    /// A store in a folder, which is made if it is not there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        std::fs::create_dir_all(path).map_err(Error::io("make", path))?;
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(Error::io("open", path))?;
        Ok(Self { place: Arc::new(Place::Folder { dir, path: path.to_owned() }) })
    }

    /// Stores bytes; storing them again is no work.
    pub fn put(&self, bytes: &[u8], media_type: &str, name: Option<&str>) -> Result<ArtifactRef, Error> {
        if bytes.len() as u64 > limits::ARTIFACT_BYTES {
            return Err(Error::TooBig {
                name: name.unwrap_or("artifact").to_owned(),
                what: "its size in bytes",
                found: bytes.len() as u64,
                limit: limits::ARTIFACT_BYTES,
            });
        }
        let digest = digest_of(bytes);
        match &*self.place {
            Place::Memory(blobs) => {
                let mut blobs = blobs.lock().unwrap_or_else(PoisonError::into_inner);
                blobs.entry(digest.clone()).or_insert_with(|| bytes.into());
            }
            Place::Folder { dir, path } => {
                write_blob(dir, &digest, bytes).map_err(Error::io("write a blob in", path))?;
            }
        }
        Ok(ArtifactRef {
            digest,
            media_type: media_type.to_owned(),
            size: bytes.len() as u64,
            name: name.map(str::to_owned),
        })
    }

    /// Whether there is such an artifact.
    pub fn contains(&self, digest: &str) -> bool {
        match &*self.place {
            Place::Memory(blobs) => blobs.lock().unwrap_or_else(PoisonError::into_inner).contains_key(digest),
            Place::Folder { dir, .. } => blob_path(digest).is_some_and(|path| dir.exists(path)),
        }
    }

    /// All bytes of an artifact, checked against the digest.
    pub fn get(&self, digest: &str) -> Result<Arc<[u8]>, Error> {
        let bad = |reason: String| Error::Artifact { digest: digest.to_owned(), reason };
        let file = blob_path(digest)
            .ok_or_else(|| bad("not a digest; one is `sha256:` and 64 lower-case hex digits".to_owned()))?;
        match &*self.place {
            Place::Memory(blobs) => {
                let blobs = blobs.lock().unwrap_or_else(PoisonError::into_inner);
                blobs.get(digest).cloned().ok_or_else(|| bad("not in the store".to_owned()))
            }
            Place::Folder { dir, .. } => {
                let mut open = dir.open(&file).map_err(|error| bad(format!("not in the store ({error})")))?;
                let size = open.metadata().map_err(|error| bad(error.to_string()))?.len();
                if size > limits::ARTIFACT_BYTES {
                    return Err(bad(format!("has {size} bytes, the most is {}", limits::ARTIFACT_BYTES)));
                }
                let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
                open.read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
                if digest_of(&bytes) != digest {
                    return Err(bad("damaged: its bytes have another digest; delete the blob".to_owned()));
                }
                Ok(bytes.into())
            }
        }
    }

    /// At most `length` bytes from `offset`; fewer at the end, none beyond it. Not checked against the
    /// digest: use [`Self::get`] for that.
    pub fn read(&self, artifact: &ArtifactRef, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let bad = |reason: String| Error::Artifact { digest: artifact.digest.clone(), reason };
        match &*self.place {
            Place::Memory(_) => {
                let bytes = self.get(&artifact.digest)?;
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let end = start.saturating_add(length).min(bytes.len());
                Ok(bytes[start..end].to_vec())
            }
            Place::Folder { dir, .. } => {
                let file = blob_path(&artifact.digest).ok_or_else(|| bad("not a digest".to_owned()))?;
                let mut open = dir.open(&file).map_err(|error| bad(format!("not in the store ({error})")))?;
                open.seek(SeekFrom::Start(offset)).map_err(|error| bad(error.to_string()))?;
                let mut bytes = Vec::new();
                open.take(length as u64).read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
                Ok(bytes)
            }
        }
    }
}

/// The digest that names these bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Where a blob lies in the folder; `None` when the text is no digest.
fn blob_path(digest: &str) -> Option<PathBuf> {
    let hex = digest.strip_prefix("sha256:")?;
    let valid =
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    valid.then(|| Path::new(&hex[..2]).join(&hex[2..]))
}

fn write_blob(dir: &Dir, digest: &str, bytes: &[u8]) -> std::io::Result<()> {
    let Some(path) = blob_path(digest) else {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a digest"));
    };
    if dir.metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    dir.create_dir_all(folder)?;
    // A crash leaves at most a stale temporary file.
    let temporary = folder.join(format!(".new-{}", crate::text::thread_suffix()));
    let written = (|| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut file = dir.open_with(&temporary, &options)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        dir.rename(&temporary, dir, &path)
    })();
    if written.is_err() {
        // The disk may be full: leave nothing half-written behind.
        let _ = dir.remove_file(&temporary);
    }
    written
}
