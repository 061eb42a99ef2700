//! Files that were inspected before.
//!
//! A component's digest and imports are read from all of its bytes, 37 MB for CPython. When the file is the very one that was
//! inspected before (device, inode, size, times of change of content and of metadata), what was found then is
//! taken from the cache of compiled components, which holds code that is trusted as much. The bytes are read only
//! where they must be compiled, and must have the same digest then.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use wasmtime::Engine;

use crate::aot::AotCache;
use crate::artifacts::digest_of;
use crate::error::Error;
use crate::inspect::{self, Inspection};

/// A file that changed within this time may change again without its times telling: clocks of file systems are coarse.
const SETTLED: Duration = Duration::from_secs(2);
/// What a record is called in the cache.
const RECORD: &str = "seen";
/// Longest record that is read back; they have a few kilobytes.
const RECORD_BYTES: u64 = 1 << 20;

/// Where the records are.
pub(crate) struct Seen<'a> {
    pub aot: &'a AotCache,
    pub engine: &'a Engine,
}

/// A component's bytes, read when they are asked for.
pub(crate) struct Source {
    path: PathBuf,
    digest: String,
    bytes: OnceLock<Vec<u8>>,
}

impl Source {
    /// The bytes that were inspected; an error if the file holds others by now.
    pub fn bytes(&self) -> Result<&[u8], Error> {
        if let Some(bytes) = self.bytes.get() {
            return Ok(bytes);
        }
        let bytes = inspect::read(&self.path)?;
        if digest_of(&bytes) != self.digest {
            return Err(Error::Invalid {
                what: self.path.display().to_string(),
                reason: "it changed while it was loaded; load it again".to_owned(),
            });
        }
        Ok(self.bytes.get_or_init(|| bytes))
    }
}

impl Seen<'_> {
    /// What is in the component at `path`.
    pub fn inspect(&self, name: &str, path: &Path) -> Result<(Inspection, Source), Error> {
        let key = identity(path);
        if let Some(inspection) = key.as_deref().and_then(|key| self.recall(key)) {
            let source =
                Source { path: path.to_owned(), digest: inspection.digest.clone(), bytes: OnceLock::new() };
            return Ok((inspection, source));
        }
        let bytes = inspect::read(path)?;
        let inspection = inspect::inspect_bytes(name, &bytes)?;
        // only if it is still the file whose identity was taken before it was read
        if let Some(key) = key.filter(|key| identity(path).as_ref() == Some(key)) {
            self.remember(&key, &inspection);
        }
        let source =
            Source { path: path.to_owned(), digest: inspection.digest.clone(), bytes: OnceLock::from(bytes) };
        Ok((inspection, source))
    }

    fn recall(&self, key: &str) -> Option<Inspection> {
        let file: File = self.aot.beside(self.engine, key, RECORD).ok()??;
        let mut text = String::new();
        file.take(RECORD_BYTES).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// A record that cannot be written costs time, not the call.
    fn remember(&self, key: &str, inspection: &Inspection) {
        let kept = serde_json::to_vec(inspection).map_err(|error| error.to_string()).and_then(|text| {
            self.aot.keep_beside(self.engine, key, RECORD, &text).map_err(|error| error.to_string())
        });
        if let Err(error) = kept {
            tracing::warn!(key, %error, "cannot keep what was found in a component");
        }
    }
}

/// Which file, in which state; none for one that changed a moment ago.
fn identity(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(metadata.ctime()).ok()?);
    SystemTime::now().duration_since(changed).ok().filter(|age| *age > SETTLED)?;
    let parts = [
        metadata.dev().to_string(),
        metadata.ino().to_string(),
        metadata.size().to_string(),
        format!("{}.{}", metadata.mtime(), metadata.mtime_nsec()),
        format!("{}.{}", metadata.ctime(), metadata.ctime_nsec()),
    ];
    // the format of a record is part of what it is known by
    let digest = digest_of(format!("inspection 2 {}", parts.join(" ")).as_bytes());
    Some(digest.trim_start_matches("sha256:").to_owned())
}
