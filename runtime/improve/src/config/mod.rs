//! `sport.toml`: what a run is to do.
//!
//! Read in two steps: [`typed`] is what somebody wrote, every key optional; [`resolve`] fills in what is left out and
//! checks the rest; [`meant`] has every default resolved and every path absolute. The last is written into the run
//! directory, so that a run says for ever what it did, also when defaults change later.

mod meant;
mod message;
mod places;
mod resolve;
mod typed;

pub use meant::{
    Audit, Backend, Config, Dpo, Engine, Evaluate, Explore, Interpreter, Pair, PairRule, PanelMember, Plugin,
    PolicySection, Rate, Reference, Rule, Run, Schedule, Sft, Start, Synthesize, Tool, Tune, Verifier,
    Winners,
};
pub use places::{INSTALLED, Places, cache_folder, config_folder};

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;

impl Config {
    /// Reads a config somebody wrote; relative paths in it are relative to the file.
    pub fn read(path: &Path, places: &Places) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = std::path::absolute(folder).map_err(Error::io("find", folder))?;
        Self::parse(&text, path, &folder, places)
    }

    /// The same from text; `path` is for messages, relative paths are relative to `folder`.
    pub fn parse(text: &str, path: &Path, folder: &Path, places: &Places) -> Result<Self, Error> {
        let typed: typed::Config = toml::from_str(text).map_err(|error| Error::Config {
            path: path.to_owned(),
            message: message::one_line(&error, text),
        })?;
        resolve::resolve(typed, &places::Base { folder, places })
            .map_err(|message| Error::Config { path: path.to_owned(), message })
    }

    /// The resolved config as it is written into the run directory; reading it gives the same config.
    pub fn to_toml(&self) -> Result<String, Error> {
        let body =
            toml::to_string(self).map_err(|error| Error::Internal(format!("config as TOML: {error}")))?;
        Ok(format!("# as resolved when the run began; editing it does not change the run\n\n{body}"))
    }

    /// `sha256:` digest of the resolved config.
    pub fn digest(&self) -> Result<String, Error> {
        Ok(digest(self.to_toml()?.as_bytes()))
    }
}

/// `sha256:` and 64 hex digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
