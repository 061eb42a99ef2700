//! The bearer token: who has it may do what this server serves. It comes from a file or from the environment, never from the
//! command line, which everybody on a machine can read.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use hyper::header::HeaderValue;
use sport_sandbox::digest_of;

use super::limits;
use crate::exit::{CommandError, Exit};

/// The environment variable that may hold it.
pub const VARIABLE: &str = "SPORT_MCP_TOKEN";

/// A token, of which only the digest is kept: comparing digests says nothing about how much of a guess was right.
#[derive(Clone)]
pub struct Token {
    digest: String,
}

impl Token {
    /// The token in this file, or in the environment where no file is given.
    pub fn read(file: Option<&Path>) -> Result<Self, CommandError> {
        let (text, place) = match file {
            Some(path) => (read(path)?, path.display().to_string()),
            None => {
                let text = std::env::var(VARIABLE).map_err(|_| {
                    let message = format!(
                        "serving over HTTP needs a bearer token; put one into a file (`openssl rand -hex 32`) and give it \
                         with --token-file, or set {VARIABLE}"
                    );
                    CommandError::new(Exit::Usage, "token-missing", message)
                })?;
                (text, VARIABLE.to_owned())
            }
        };
        Self::new(text.trim()).map_err(|reason| {
            CommandError::new(Exit::BadInput, "token-bad", format!("the token in {place} {reason}"))
        })
    }

    fn new(text: &str) -> Result<Self, String> {
        if text.len() < limits::TOKEN_LEAST {
            return Err(format!("has {} characters, the least is {}", text.len(), limits::TOKEN_LEAST));
        }
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err("has characters that a header cannot hold; use letters and digits".to_owned());
        }
        Ok(Self { digest: digest_of(text.as_bytes()) })
    }

    /// Whether a request's `Authorization` holds it.
    pub fn is_in(&self, header: Option<&HeaderValue>) -> bool {
        let Some((scheme, given)) =
            header.and_then(|value| value.to_str().ok()).and_then(|text| text.split_once(' '))
        else {
            return false;
        };
        scheme.eq_ignore_ascii_case("bearer") && digest_of(given.trim().as_bytes()) == self.digest
    }
}

fn read(path: &Path) -> Result<String, CommandError> {
    let bad = |code: &str, reason: String| {
        CommandError::new(
            Exit::BadInput,
            code,
            format!("cannot use the token in {}: {reason}", path.display()),
        )
    };
    let file = std::fs::File::open(path).map_err(|error| bad("token-unreadable", error.to_string()))?;
    let mode = file.metadata().map_err(|error| bad("token-unreadable", error.to_string()))?.mode();
    if mode & 0o077 != 0 {
        return Err(bad("token-open", "others can read the file; `chmod 600` it".to_owned()));
    }
    let mut text = String::new();
    file.take(limits::TOKEN_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| bad("token-unreadable", error.to_string()))?;
    Ok(text)
}
