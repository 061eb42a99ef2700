//! Files in the host's content-addressed store.
//!
//! A parameter of type [`Artifact`] is a file name to whoever calls the tool; the host resolves the name in the caller's
//! view and hands a reference over, through which the bytes are read. A tool can read the artifacts in its arguments,
//! in results that it received and those it made itself, and no others.

use std::borrow::Cow;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// The most that moves in one host call.
const CHUNK: usize = 1 << 20;

/// A file in the host's store.
///
/// ```
/// use sport_sdk::{Artifact, Failure, tool};
///
/// /// Writes a text in capitals.
/// #[tool]
/// fn shout(file: Artifact) -> Result<Artifact, Failure> {
///     Artifact::create(file.text()?.to_uppercase().as_bytes(), "text/plain", Some("loud.txt"))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Artifact {
    /// `sha256:` and 64 lower-case hex digits.
    pub digest: String,
    /// Media type, for example `image/png`.
    #[serde(alias = "media_type")]
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// The name it was given, where it has one.
    #[serde(default)]
    pub name: Option<String>,
}

impl Artifact {
    /// Puts bytes into the store.
    ///
    /// ```
    /// let artifact = sport_sdk::Artifact::create(b"hi", "text/plain", Some("a.txt"))?;
    /// assert_eq!(artifact.size, 2);
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    pub fn create(bytes: &[u8], media_type: &str, name: Option<&str>) -> Result<Self, Failure> {
        let mut writer = ArtifactWriter::create(media_type, name)?;
        writer.append(bytes)?;
        writer.finish()
    }

    /// All of its bytes.
    ///
    /// ```
    /// let artifact = sport_sdk::Artifact::create(&[1, 2], "application/octet-stream", None)?;
    /// assert_eq!(artifact.bytes()?, [1, 2]);
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    pub fn bytes(&self) -> Result<Vec<u8>, Failure> {
        let size = usize::try_from(self.size)
            .map_err(|_| Failure::exhausted(format!("{} does not fit into memory", self.label())))?;
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(size)
            .map_err(|_| Failure::exhausted(format!("{} does not fit into memory", self.label())))?;
        while bytes.len() < size {
            let chunk = backend::read(self, bytes.len() as u64, CHUNK.min(size - bytes.len()))?;
            if chunk.is_empty() {
                return Err(Failure::internal(format!(
                    "{} ends early, at byte {}",
                    self.label(),
                    bytes.len()
                )));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Its bytes as text.
    ///
    /// ```
    /// let artifact = sport_sdk::Artifact::create(b"hi", "text/plain", None)?;
    /// assert_eq!(artifact.text()?, "hi");
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    pub fn text(&self) -> Result<String, Failure> {
        String::from_utf8(self.bytes()?)
            .map_err(|_| Failure::invalid_input(format!("{} is not UTF-8 text", self.label())))
    }

    /// Reads it piece by piece; seeking is free.
    ///
    /// ```
    /// use std::io::BufRead;
    ///
    /// let artifact = sport_sdk::Artifact::create(b"one\ntwo\n", "text/plain", None)?;
    /// assert_eq!(artifact.reader().lines().count(), 2);
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    pub fn reader(&self) -> ArtifactReader<'_> {
        ArtifactReader { artifact: self, position: 0, chunk: Vec::new(), chunk_start: 0 }
    }

    /// What to call it in a message: its name, else its digest.
    ///
    /// ```
    /// let artifact = sport_sdk::Artifact::create(b"hi", "text/plain", Some("a.txt"))?;
    /// assert_eq!(artifact.label(), "a.txt");
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.digest)
    }
}

/// To a model it is the name of a file.
impl JsonSchema for Artifact {
    fn schema_name() -> Cow<'static, str> {
        "Artifact".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "sport-artifact" })
    }
}

/// Reads an artifact piece by piece.
///
/// ```
/// use std::io::Read;
///
/// let artifact = sport_sdk::Artifact::create(b"hello", "text/plain", None)?;
/// let mut two = [0; 2];
/// artifact.reader().read_exact(&mut two)?;
/// assert_eq!(&two, b"he");
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
#[derive(Debug)]
pub struct ArtifactReader<'a> {
    artifact: &'a Artifact,
    position: u64,
    chunk: Vec<u8>,
    chunk_start: u64,
}

impl ArtifactReader<'_> {
    /// How far into the present chunk the position is, if it is in it.
    fn in_chunk(&self) -> Option<usize> {
        let offset = usize::try_from(self.position.checked_sub(self.chunk_start)?).ok()?;
        (offset < self.chunk.len()).then_some(offset)
    }
}

impl BufRead for ArtifactReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Some(offset) = self.in_chunk() {
            return Ok(&self.chunk[offset..]);
        }
        let left = self.artifact.size.saturating_sub(self.position);
        let length = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        self.chunk.clear();
        if length > 0 {
            self.chunk = backend::read(self.artifact, self.position, length)
                .map_err(|failure| io::Error::other(failure.to_string()))?;
        }
        self.chunk_start = self.position;
        Ok(&self.chunk)
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount as u64;
    }
}

impl Read for ArtifactReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(into.len());
        into[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl Seek for ArtifactReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.artifact.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "cannot seek before the start"))?;
        Ok(self.position)
    }
}

/// Makes an artifact. Nothing exists until it is finished.
///
/// ```
/// use std::io::Write;
///
/// use sport_sdk::ArtifactWriter;
///
/// let mut writer = ArtifactWriter::create("text/csv", Some("table.csv"))?;
/// writeln!(writer, "a,b")?;
/// assert_eq!(writer.finish()?.text()?, "a,b\n");
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
#[derive(Debug)]
pub struct ArtifactWriter {
    inner: backend::Writer,
    pending: Vec<u8>,
}

impl ArtifactWriter {
    /// Begins an artifact.
    pub fn create(media_type: &str, name: Option<&str>) -> Result<Self, Failure> {
        Ok(Self { inner: backend::Writer::create(media_type, name)?, pending: Vec::new() })
    }

    /// Adds bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(CHUNK - self.pending.len()));
            self.pending.extend_from_slice(now);
            rest = later;
            if self.pending.len() == CHUNK {
                self.send()?;
            }
        }
        Ok(())
    }

    /// Ends it and gives its reference.
    pub fn finish(mut self) -> Result<Artifact, Failure> {
        self.send()?;
        self.inner.finish()
    }

    fn send(&mut self) -> Result<(), Failure> {
        if !self.pending.is_empty() {
            self.inner.append(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }
}

impl Write for ArtifactWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(|failure| io::Error::other(failure.to_string()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The host's store.
#[cfg(target_family = "wasm")]
mod backend {
    use crate::bindings::host::sport::host::artifacts;
    use crate::{Artifact, Failure};

    pub fn read(artifact: &Artifact, offset: u64, length: usize) -> Result<Vec<u8>, Failure> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        artifacts::read(&artifact.clone().into(), offset, length).map_err(Failure::from_host)
    }

    #[derive(Debug)]
    pub struct Writer(artifacts::Writer);

    impl Writer {
        pub fn create(media_type: &str, name: Option<&str>) -> Result<Self, Failure> {
            artifacts::Writer::create(media_type, name).map(Self).map_err(Failure::from_host)
        }

        pub fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
            self.0.append(bytes).map_err(Failure::from_host)
        }

        pub fn finish(self) -> Result<Artifact, Failure> {
            artifacts::Writer::finish(self.0).map(Artifact::from).map_err(Failure::from_host)
        }
    }
}

/// Puts bytes into the store in memory. The digests are not SHA-256, only unique to the bytes.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn store(bytes: Vec<u8>, media_type: String, name: Option<String>) -> Artifact {
    use std::hash::{DefaultHasher, Hash, Hasher};

    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let digest = format!("sha256:{:064x}", hasher.finish());
    let size = bytes.len() as u64;
    crate::native::with(|state| state.artifacts.insert(digest.clone(), bytes));
    Artifact { digest, media_type, size, name }
}

/// The store in memory.
#[cfg(not(target_family = "wasm"))]
mod backend {
    use crate::{Artifact, Failure, native};

    pub fn read(artifact: &Artifact, offset: u64, length: usize) -> Result<Vec<u8>, Failure> {
        native::with(|state| {
            let bytes = state
                .artifacts
                .get(&artifact.digest)
                .ok_or_else(|| Failure::not_found(format!("there is no artifact {}", artifact.digest)))?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            Ok(bytes[start..bytes.len().min(start + length)].to_vec())
        })
    }

    #[derive(Debug)]
    pub struct Writer {
        media_type: String,
        name: Option<String>,
        bytes: Vec<u8>,
    }

    impl Writer {
        pub fn create(media_type: &str, name: Option<&str>) -> Result<Self, Failure> {
            Ok(Self { media_type: media_type.to_owned(), name: name.map(str::to_owned), bytes: Vec::new() })
        }

        pub fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
            self.bytes.extend_from_slice(bytes);
            Ok(())
        }

        pub fn finish(self) -> Result<Artifact, Failure> {
            Ok(super::store(self.bytes, self.media_type, self.name))
        }
    }
}
