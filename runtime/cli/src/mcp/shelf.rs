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

/// The artifact in a result: a small picture as itself, and always a link.
pub fn show(piece: &Piece, content: &mut Vec<ContentBlock>) {
    let Piece { artifact, bytes } = piece;
    if SHOWN.contains(&artifact.media_type.as_str()) && bytes.len() <= limits::SHOWN_IMAGE_BYTES {
        content.push(ContentBlock::image(BASE64_STANDARD.encode(bytes), artifact.media_type.clone()));
    }
    content.push(link(artifact));
}

/// The link alone.
pub fn link(artifact: &ArtifactRef) -> ContentBlock {
    ContentBlock::resource_link(resource(artifact))
}

/// The pictures that models and clients take.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Bytes as the contents of a resource: text where it is text and says so, else base64.
pub fn contents(uri: &str, media_type: &str, bytes: &[u8]) -> Result<ResourceContents, Failure> {
    if bytes.len() > limits::READ_BYTES {
        let most = limits::READ_BYTES;
        let message = format!("{} has {} bytes, the most that can be read is {most}", failure::shown(uri), bytes.len());
        return Err(Failure::new(FailureKind::Exhausted, "resource-too-large", message));
    }
    let is_text = media_type.starts_with("text/") || matches!(media_type, "application/json" | "image/svg+xml");
    let text = if is_text { std::str::from_utf8(bytes).ok() } else { None };
    let contents = match text {
        Some(text) => ResourceContents::text(text, uri),
        None => ResourceContents::blob(BASE64_STANDARD.encode(bytes), uri),
    };
    Ok(contents.with_mime_type(media_type))
}
