//! `sport:host/artifacts`: files by reference.
//!
//! A reference is only a digest, and digests can be guessed or learned; so a guest may read an artifact only
//! if it is within its [`Reach`]: it stood in the guest's arguments, in a result that the guest received, or
//! the guest made it itself.

use std::collections::HashSet;
use std::sync::Arc;

use wasmtime::component::Resource as Handle;

use crate::budget::Resource;
use crate::contract::imports::artifacts;
use crate::contract::{base, lower};
use crate::error::Error;
use crate::host::HostCx;
use crate::types::{ArtifactRef, Failure, FailureKind};
use crate::{limits, text};

/// The artifacts that a guest may read.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    digests: HashSet<String>,
    /// The last artifact read, whole and checked: guests read in chunks.
    open: Option<(String, Arc<[u8]>)>,
    writers: usize,
}

impl Reach {
    /// Lets the guest read one more artifact.
    pub fn add(&mut self, artifact: &ArtifactRef) -> Result<(), Failure> {
        if self.digests.len() >= limits::ARTIFACTS_PER_CALL && !self.digests.contains(&artifact.digest) {
            return Err(Failure::new(
                FailureKind::Exhausted,
                "artifacts-exhausted",
                format!("a call may reach {} artifacts", limits::ARTIFACTS_PER_CALL),
            ));
        }
        self.digests.insert(artifact.digest.clone());
        Ok(())
    }

    /// Whether the guest may read it.
    pub fn allows(&self, digest: &str) -> bool {
        self.digests.contains(digest)
    }
}

/// An artifact in the making.
#[derive(Debug)]
pub struct Writer {
    media_type: String,
    name: Option<String>,
    bytes: Vec<u8>,
}

fn failure(kind: FailureKind, code: &str, message: String) -> base::Failure {
    lower::failure(Failure::new(kind, code, message))
}

/// An error of the store as a failure of the call; paths of the host stay in the host's log.
pub(crate) fn store_failure(error: &Error) -> Failure {
    tracing::warn!(%error, "artifact store");
    match error {
        Error::TooBig { .. } => Failure::new(FailureKind::Exhausted, "artifact-too-big", error.to_string()),
        Error::Artifact { .. } => Failure::new(FailureKind::NotFound, "artifact-missing", error.to_string()),
        _ => Failure::new(FailureKind::Unavailable, "artifact-store", "the artifact store cannot be written"),
    }
}

impl artifacts::Host for HostCx {
    fn read(
        &mut self,
        artifact: base::ArtifactRef,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, base::Failure>> {
        self.enter_in_warm()?;
        if !self.reach.allows(&artifact.digest) {
            let digest = text::clean_line(&artifact.digest, limits::SHORT_TEXT_BYTES);
            return Ok(Err(failure(
                FailureKind::Denied,
                "artifact-out-of-reach",
                format!("artifact {digest} was not given to this call"),
            )));
        }
        let bytes = match &self.reach.open {
            Some((digest, bytes)) if *digest == artifact.digest => Arc::clone(bytes),
            _ => match self.store.get(&artifact.digest) {
                Ok(bytes) => bytes,
                Err(error) => return Ok(Err(lower::failure(store_failure(&error)))),
            },
        };
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add((length as usize).min(limits::ARTIFACT_CHUNK)).min(bytes.len());
        let chunk = bytes[start..end].to_vec();
        self.reach.open = Some((artifact.digest, bytes));
        Ok(Ok(chunk))
    }
}

impl artifacts::HostWriter for HostCx {
    fn create(
        &mut self,
        media_type: String,
        name: Option<String>,
    ) -> wasmtime::Result<Result<Handle<Writer>, base::Failure>> {
        self.enter()?;
        if !valid_media_type(&media_type) {
            return Ok(Err(failure(
                FailureKind::InvalidInput,
                "bad-media-type",
                "a media type is two words with a slash between, such as image/png".to_owned(),
            )));
        }
        if self.reach.writers >= limits::ARTIFACT_WRITERS {
            return Ok(Err(failure(
                FailureKind::Exhausted,
                "writers-exhausted",
                format!("{} artifacts are open; finish or drop one", limits::ARTIFACT_WRITERS),
            )));
        }
        let name = name.as_deref().and_then(file_name);
        let handle = self.table.push(Writer { media_type, name, bytes: Vec::new() })?;
        self.reach.writers += 1;
        Ok(Ok(handle))
    }

    fn append(
        &mut self,
        writer: Handle<Writer>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), base::Failure>> {
        self.enter()?;
        if bytes.len() > limits::ARTIFACT_CHUNK {
            return Ok(Err(failure(
                FailureKind::InvalidInput,
                "chunk-too-big",
                format!("a chunk has at most {} bytes, this has {}", limits::ARTIFACT_CHUNK, bytes.len()),
            )));
        }
        let size = self.table.get(&writer)?.bytes.len() + bytes.len();
        if size as u64 > limits::ARTIFACT_BYTES {
            return Ok(Err(failure(
                FailureKind::Exhausted,
                "artifact-too-big",
                format!("an artifact has at most {} bytes", limits::ARTIFACT_BYTES),
            )));
        }
        if let Err(stop) = self.budget.charge(Resource::Artifacts, bytes.len() as u64) {
            return Ok(Err(lower::failure(stop.failure())));
        }
        self.table.get_mut(&writer)?.bytes.extend_from_slice(&bytes);
        Ok(Ok(()))
    }

    fn finish(
        &mut self,
        writer: Handle<Writer>,
    ) -> wasmtime::Result<Result<base::ArtifactRef, base::Failure>> {
        self.enter()?;
        let Writer { media_type, name, bytes } = self.table.delete(writer)?;
        self.reach.writers = self.reach.writers.saturating_sub(1);
        let stored =
            self.store.put(&bytes, &media_type, name.as_deref()).map_err(|error| store_failure(&error));
        let made = stored.and_then(|artifact| self.reach.add(&artifact).map(|()| artifact));
        Ok(made.map(lower::artifact).map_err(lower::failure))
    }

    fn drop(&mut self, writer: Handle<Writer>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        self.reach.writers = self.reach.writers.saturating_sub(1);
        Ok(())
    }
}

/// Whether a guest's text can be a media type.
pub(crate) fn valid_media_type(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.len() <= limits::SHORT_TEXT_BYTES
        && text.split_once('/').is_some_and(|(kind, subtype)| part(kind) && part(subtype))
}

/// A guest's text as a plain file name: no separators, no control characters, not `.` or `..`; `None` when
/// nothing is left.
pub(crate) fn file_name(text: &str) -> Option<String> {
    let name = text::clean_line(text, limits::SHORT_TEXT_BYTES).replace(['/', '\\', '\0'], "_");
    let name = name.trim_matches(|character: char| character == '.' || character.is_whitespace()).to_owned();
    (!name.is_empty()).then_some(name)
}
