//! From a guest: every value is hostile until it has passed here.
//!
//! Texts are cut and cleaned, JSON is parsed under a byte and a depth limit, numbers are finite and in range,
//! images that came inline go into the artifact store. What does not fit is a [`Failure`] that says which
//! value it was.

use serde_json::Value;

use crate::artifacts::ArtifactStore;
use crate::contract::base;
use crate::host::Reach;
use crate::host::artifacts::{file_name, store_failure, valid_media_type};
use crate::types::{ArtifactRef, Content, Failure, FailureKind};
use crate::{limits, text};

/// A guest broke the contract: it gave back something that may not be.
pub fn broken(what: &str, reason: impl std::fmt::Display) -> Failure {
    Failure::new(
        FailureKind::Internal,
        "bad-guest-value",
        format!("the component's {what} is not usable: {reason}"),
    )
}

/// JSON text, under the limits for arguments and results.
pub fn json(text: &str, what: &str) -> Result<Value, Failure> {
    parse_json(text, limits::JSON_BYTES, limits::JSON_DEPTH).map_err(|reason| broken(what, reason))
}

/// JSON text under given limits.
pub fn parse_json(text: &str, bytes: usize, depth: usize) -> Result<Value, String> {
    if text.len() > bytes {
        return Err(format!("it has {} bytes, the most is {bytes}", text.len()));
    }
    // serde_json itself stops at a depth of 128, so the walk below cannot overflow the stack.
    let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON ({error})"))?;
    if depth_of(&value) > depth {
        return Err(format!("it is nested deeper than {depth}"));
    }
    Ok(value)
}

/// How deep a value is nested; a scalar is 0.
pub fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth_of).max().unwrap_or(0),
        _ => 0,
    }
}

/// A guest's failure. Its kind, code and message are the guest's words; the host's own failures never pass
/// here.
pub fn failure(failure: base::Failure) -> Failure {
    let code = if is_code(&failure.code) { failure.code } else { "unnamed".to_owned() };
    Failure {
        kind: failure_kind(failure.kind),
        code,
        message: text::clean(&failure.message, limits::MESSAGE_BYTES),
        retryable: failure.retryable,
        details: failure
            .details
            .and_then(|details| parse_json(&details, limits::SCHEMA_BYTES, limits::SCHEMA_DEPTH).ok()),
    }
}

/// A failure's kind.
pub fn failure_kind(kind: base::FailureKind) -> FailureKind {
    match kind {
        base::FailureKind::InvalidInput => FailureKind::InvalidInput,
        base::FailureKind::NotFound => FailureKind::NotFound,
        base::FailureKind::Denied => FailureKind::Denied,
        base::FailureKind::Unavailable => FailureKind::Unavailable,
        base::FailureKind::Deadline => FailureKind::Deadline,
        base::FailureKind::Exhausted => FailureKind::Exhausted,
        base::FailureKind::Cancelled => FailureKind::Cancelled,
        base::FailureKind::Conflict => FailureKind::Conflict,
        base::FailureKind::RateLimited => FailureKind::RateLimited,
        base::FailureKind::Internal => FailureKind::Internal,
    }
}

/// Whether a text may be a stable code: kebab-case words.
fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= limits::NAME_BYTES
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A name that agent code can call: an identifier of ASCII letters, digits and underscores.
pub fn name(name: &str, what: &str) -> Result<String, Failure> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let rest = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if first && rest && name.len() <= limits::NAME_BYTES {
        return Ok(name.to_owned());
    }
    let shown = text::clean_line(name, limits::NAME_BYTES);
    Err(broken(
        what,
        format!("{shown:?} is no name; one has 1 to {} letters, digits and _", limits::NAME_BYTES),
    ))
}

/// A reference that a guest gave back: it must be within the guest's reach, and the store knows its true
/// size.
pub fn artifact(
    reference: base::ArtifactRef,
    reach: &Reach,
    store: &ArtifactStore,
) -> Result<ArtifactRef, Failure> {
    if !reach.allows(&reference.digest) {
        let digest = text::clean_line(&reference.digest, limits::SHORT_TEXT_BYTES);
        return Err(Failure::new(
            FailureKind::Denied,
            "artifact-out-of-reach",
            format!("the component gave back artifact {digest}, which it was not given and did not make"),
        ));
    }
    if !valid_media_type(&reference.media_type) {
        return Err(broken("artifact", "its media type is not one"));
    }
    let size = store.get(&reference.digest).map_err(|error| store_failure(&error))?.len() as u64;
    Ok(ArtifactRef {
        digest: reference.digest,
        media_type: reference.media_type,
        size,
        name: reference.name.as_deref().and_then(file_name),
    })
}

/// Pieces of content; inline images and sound go into the store and become references within reach.
pub fn contents(
    pieces: Vec<base::Content>,
    reach: &mut Reach,
    store: &ArtifactStore,
) -> Result<Vec<Content>, Failure> {
    if pieces.len() > limits::CONTENT_PIECES {
        let reason = format!("it has {} pieces, the most is {}", pieces.len(), limits::CONTENT_PIECES);
        return Err(broken("content", reason));
    }
    pieces.into_iter().map(|piece| content(piece, reach, store)).collect()
}

/// One piece of content.
pub fn content(piece: base::Content, reach: &mut Reach, store: &ArtifactStore) -> Result<Content, Failure> {
    match piece {
        base::Content::Text(text) => {
            if text.len() > limits::TEXT_BYTES {
                return Err(broken(
                    "text",
                    format!("it has {} bytes, the most is {}", text.len(), limits::TEXT_BYTES),
                ));
            }
            Ok(Content::Text { text: text::clean(&text, limits::TEXT_BYTES) })
        }
        base::Content::Image(blob) => stored(&blob, "image/", reach, store),
        base::Content::Audio(blob) => stored(&blob, "audio/", reach, store),
        base::Content::Artifact(reference) => artifact(reference, reach, store).map(Content::Artifact),
        base::Content::Other(extension) => Ok(Content::Other {
            kind: name(&extension.kind.replace('-', "_"), "content kind").map(|_| extension.kind)?,
            value: json(&extension.value, "content")?,
        }),
    }
}

fn stored(
    blob: &base::Blob,
    family: &str,
    reach: &mut Reach,
    store: &ArtifactStore,
) -> Result<Content, Failure> {
    if !valid_media_type(&blob.media_type) || !blob.media_type.starts_with(family) {
        return Err(broken("content", format!("its media type does not begin with {family}")));
    }
    let artifact = store.put(&blob.bytes, &blob.media_type, None).map_err(|error| store_failure(&error))?;
    reach.add(&artifact)?;
    Ok(Content::Artifact(artifact))
}

/// A score: finite and within 0 to 1.
pub fn score(score: f64) -> Result<f64, Failure> {
    if score.is_finite() && (0.0..=1.0).contains(&score) {
        Ok(score)
    } else {
        Err(broken("score", format!("{score} is not within 0 to 1")))
    }
}
