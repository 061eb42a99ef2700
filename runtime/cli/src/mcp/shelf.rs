//! Artifacts that a client can read: what tools gave back, what code displayed, and what the client handed in.
//!
//! They are named by their bytes, so a link stays right as long as it can be followed. The oldest go when there are too many.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rmcp::model::{ContentBlock, Resource, ResourceContents};
use sport_sandbox::{ArtifactRef, ArtifactStore, Failure, FailureKind};

use super::{failure, limits};

/// What an artifact's link begins with; the hex digits of its digest follow. No colon: where others have a port, some
/// clients take nothing but a number.
pub const SCHEME: &str = "artifact://sha256/";

/// An artifact with its bytes.
#[derive(Clone)]
pub struct Piece {
    /// What it is.
    pub artifact: ArtifactRef,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// The artifacts that can be read, the oldest first.
#[derive(Default)]
pub struct Shelf {
    pieces: Mutex<VecDeque<Piece>>,
}

impl Shelf {
    /// Puts an artifact of `store` here, so that it can be read when the store is gone.
    pub fn keep(&self, artifact: &ArtifactRef, store: &ArtifactStore) -> Result<Piece, Failure> {
        let bytes = store.get(&artifact.digest).map_err(|error| failure::of(&error))?;
        let piece = Piece { artifact: artifact.clone(), bytes };
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        // What is asked for again is the newest again, under the name that it has now.
        pieces.retain(|there| there.artifact.digest != artifact.digest);
        pieces.push_back(piece.clone());
        let mut bytes: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        while pieces.len() > 1 && (bytes > limits::SHELF_BYTES || pieces.len() > limits::SHELF_PIECES) {
            bytes -= pieces.pop_front().map_or(0, |oldest| oldest.bytes.len());
        }
        Ok(piece)
    }

    /// What a link leads to.
    pub fn find(&self, uri: &str) -> Result<Piece, Failure> {
        let hex = uri.strip_prefix(SCHEME).unwrap_or_default();
        let pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pieces.iter().find(|piece| digits(&piece.artifact) == hex);
        found.cloned().ok_or_else(|| {
            let message = format!(
                "there is no artifact {}; the {} newest are kept, make it again",
                failure::shown(uri),
                limits::SHELF_PIECES
            );
            Failure::new(FailureKind::NotFound, "artifact-missing", message)
        })
    }

    /// All of them, the newest first.
    pub fn list(&self) -> Vec<Resource> {
        let pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.iter().rev().map(|piece| resource(&piece.artifact)).collect()
    }
}

/// An artifact's link.
pub fn uri(artifact: &ArtifactRef) -> String {
    format!("{SCHEME}{}", digits(artifact))
}

fn digits(artifact: &ArtifactRef) -> &str {
    artifact.digest.strip_prefix("sha256:").unwrap_or(&artifact.digest)
}

fn resource(artifact: &ArtifactRef) -> Resource {
    let name = artifact.name.clone().unwrap_or_else(|| digits(artifact).chars().take(12).collect());
    Resource::new(uri(artifact), name).with_mime_type(artifact.media_type.clone()).with_size(artifact.size)
}

/// The content of a result, as it is put together.
pub struct Blocks {
    /// What is there so far.
    pub content: Vec<ContentBlock>,
    /// Bytes of pictures that may still be shown in it.
    left: usize,
}

impl Blocks {
    /// These, to begin with.
    pub fn new(content: Vec<ContentBlock>) -> Self {
        Self { content, left: limits::SHOWN_BYTES }
    }

    /// Adds an artifact: a small picture as itself, and always a link.
    pub fn add(&mut self, piece: &Piece) {
        let Piece { artifact, bytes } = piece;
        let fits = bytes.len() <= limits::SHOWN_IMAGE_BYTES.min(self.left);
        if fits && SHOWN.contains(&artifact.media_type.as_str()) {
            self.left -= bytes.len();
            let data = BASE64_STANDARD.encode(bytes);
            self.content.push(ContentBlock::image(data, artifact.media_type.clone()));
        }
        self.content.push(link(artifact));
    }
}

/// The link alone.
pub fn link(artifact: &ArtifactRef) -> ContentBlock {
    ContentBlock::resource_link(resource(artifact))
}

/// The pictures that models and clients take.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A link, and which part of what it leads to is wanted.
pub struct Wanted<'a> {
    /// As it was asked for.
    uri: &'a str,
    /// Without the part.
    pub whole: &'a str,
    offset: usize,
    length: Option<usize>,
}

impl<'a> Wanted<'a> {
    /// Takes `?offset=…&length=…` off a link.
    pub fn parse(uri: &'a str) -> Result<Self, Failure> {
        let (whole, query) = uri.split_once('?').unwrap_or((uri, ""));
        let mut wanted = Self { uri, whole, offset: 0, length: None };
        for (name, value) in
            query.split('&').filter(|part| !part.is_empty()).filter_map(|part| part.split_once('='))
        {
            let value =
                value.parse().map_err(|_| failure::bad(format!("{} is no number", failure::shown(value))))?;
            match name {
                "offset" => wanted.offset = value,
                "length" => wanted.length = Some(value),
                _ => {
                    return Err(failure::bad(format!(
                        "a link takes offset and length, not {}",
                        failure::shown(name)
                    )));
                }
            }
        }
        Ok(wanted)
    }

    /// The part as the contents of a resource: text where all of it is text and says so, else base64.
    pub fn contents(&self, media_type: &str, bytes: &[u8]) -> Result<ResourceContents, Failure> {
        let start = self.offset.min(bytes.len());
        let end = start.saturating_add(self.length.unwrap_or(usize::MAX)).min(bytes.len());
        let (part, most) = (&bytes[start..end], limits::READ_BYTES);
        if part.len() > most {
            let message = format!(
                "{} has {} bytes; read it in parts, with ?offset=0&length={most} and so on",
                failure::shown(self.whole),
                bytes.len()
            );
            return Err(Failure::new(FailureKind::Exhausted, "resource-too-large", message));
        }
        let is_text =
            media_type.starts_with("text/") || matches!(media_type, "application/json" | "image/svg+xml");
        let text = if is_text && part.len() == bytes.len() { std::str::from_utf8(part).ok() } else { None };
        let contents = match text {
            Some(text) => ResourceContents::text(text, self.uri),
            None => ResourceContents::blob(BASE64_STANDARD.encode(part), self.uri),
        };
        Ok(contents.with_mime_type(media_type))
    }
}
