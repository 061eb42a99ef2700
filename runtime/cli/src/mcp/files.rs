//! Files that a client hands in: as text, as base64, as a link to what it was given before, or as a `data:` URI.
//!
//! A client names no path of this machine. What lies here is granted by the operator, with `--file`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use sport_sandbox::Failure;

use super::shelf::{SCHEME, Shelf};
use super::{failure, limits};

/// A file among the arguments of a tool of our own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Its name.
    pub name: String,
    /// What is in it, as text,
    pub text: Option<String>,
    /// or as base64,
    pub base64: Option<String>,
    /// or an artifact's link.
    pub uri: Option<String>,
}

/// The bytes of a file and what they are, where that is known.
pub struct Bytes {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their media type.
    pub media_type: Option<String>,
}

impl Given {
    /// What is in it.
    pub fn read(&self, shelf: &Shelf) -> Result<Bytes, Failure> {
        let bytes = match (&self.text, &self.base64, &self.uri) {
            (Some(text), None, None) => Bytes { bytes: text.clone().into_bytes(), media_type: None },
            (None, Some(base64), None) => Bytes { bytes: decode(&self.name, base64)?, media_type: None },
            (None, None, Some(uri)) => from_uri(uri, shelf)?,
            _ => {
                let message = format!("{}: give one of text, base64 and uri", failure::shown(&self.name));
                return Err(failure::bad(message));
            }
        };
        bounded(&self.name, bytes)
    }
}

/// The schema of [`Given`], with these words about where the file will be.
pub fn schema(name: &str) -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "description": name },
            "text": { "type": "string", "description": "What is in it, as text" },
            "base64": { "type": "string", "description": "Or as base64" },
            "uri": { "type": "string", "description": "Or the artifact:// link of a file from an earlier result" },
        },
        "required": ["name"],
        "additionalProperties": false,
    })
}

/// Whether a file's name among a tool's arguments is a link rather than a name.
pub fn is_uri(name: &str) -> bool {
    name.starts_with(SCHEME) || name.starts_with(DATA)
}

const DATA: &str = "data:";

/// What a link leads to.
pub fn from_uri(uri: &str, shelf: &Shelf) -> Result<Bytes, Failure> {
    if !uri.starts_with(DATA) {
        let piece = shelf.find(uri)?;
        return Ok(Bytes { bytes: piece.bytes.to_vec(), media_type: Some(piece.artifact.media_type) });
    }
    let broken = || failure::bad("a data: URI is written data:image/png;base64,… or data:text/plain,…");
    let (head, body) = uri[DATA.len()..].split_once(',').ok_or_else(broken)?;
    let (media_type, bytes) = match head.strip_suffix(";base64") {
        Some(media_type) => (media_type, decode("a data: URI", body)?),
        None => (head, percent_decode_str(body).collect()),
    };
    let media_type = media_type.split(';').next().filter(|kind| is_media_type(kind)).unwrap_or("text/plain");
    bounded("a data: URI", Bytes { bytes, media_type: Some(media_type.to_owned()) })
}

fn decode(name: &str, base64: &str) -> Result<Vec<u8>, Failure> {
    BASE64_STANDARD
        .decode(base64)
        .map_err(|error| failure::bad(format!("{}: no base64: {error}", failure::shown(name))))
}

fn bounded(name: &str, file: Bytes) -> Result<Bytes, Failure> {
    if file.bytes.len() <= limits::FILE_BYTES {
        return Ok(file);
    }
    let most = limits::FILE_BYTES;
    let name = failure::shown(name);
    Err(failure::bad(format!(
        "{name} has {} bytes, the most that can be handed in is {most}",
        file.bytes.len()
    )))
}

/// `type/subtype` of plain characters.
pub fn is_media_type(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_'))
    };
    text.len() <= 100 && text.split_once('/').is_some_and(|(kind, sub)| plain(kind) && plain(sub))
}

/// The media type that a name's ending says.
pub fn media_type_of(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "txt" | "md" | "py" => "text/plain",
        "csv" => "text/csv",
        "html" => "text/html",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}
