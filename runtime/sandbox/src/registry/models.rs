//! `models.toml`: the models that the operator has set up, by the roles that plugins ask for.
//!
//! Like the grants it is the operator's own file, read strictly; no key stands in it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::budget::Budget;
use crate::chat::{
    ChatBackend, ChatError, ChatErrorCode, ChatFault, ChatRequest, ChatResponse, Endpoint, EndpointOptions,
    Models,
};
use crate::error::Error;
use crate::{limits, text, timeouts};

use super::file::secret_value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelsFile {
    #[serde(default)]
    models: BTreeMap<String, Entry>,
}

/// One model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    /// The endpoint, up to `/chat/completions`.
    url: String,
    /// The model's name there.
    model: String,
    key: Option<Key>,
    /// Authorities (PEM) that are trusted beside the usual ones.
    roots: Option<PathBuf>,
    timeout_seconds: Option<u64>,
    attempts: Option<u32>,
    per_minute: Option<u32>,
    #[serde(default)]
    cache: bool,
}

/// Where its key is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    env: Option<String>,
    file: Option<PathBuf>,
}

/// The models of the file's text; the reason is one line.
pub(super) fn parse(text: &str) -> Result<Models, String> {
    let line = |reason: &dyn std::fmt::Display| text::clean_line(&reason.to_string(), limits::MESSAGE_BYTES);
    let file: ModelsFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        line(&format!("{}{}", at.map_or_else(String::new, |at| format!("line {at}: ")), error.message()))
    })?;
    let mut models = Models::none();
    for (role, entry) in file.models {
        super::file::check_name(&role).map_err(|_| {
            let shown = text::clean_line(&role, limits::NAME_BYTES);
            format!("{shown:?} is no role; one is made of lower-case letters, digits, - and _")
        })?;
        let backend = entry.backend(&role).map_err(|error| line(&format!("model {role}: {error}")))?;
        models = models.with(&role, backend);
    }
    Ok(models)
}

impl Entry {
    fn backend(self, role: &str) -> Result<Arc<dyn ChatBackend>, Error> {
        let roots =
            self.roots.map(|path| std::fs::read(&path).map_err(Error::io("read", path))).transpose()?;
        let timeout = self.timeout_seconds.map_or(timeouts::CHAT, Duration::from_secs);
        let mut options = EndpointOptions {
            roots,
            timeout,
            attempts: self.attempts.unwrap_or(EndpointOptions::new("", "").attempts),
            per_minute: self.per_minute,
            cache: self.cache,
            ..EndpointOptions::new(self.url, self.model)
        };
        if let Some(key) = self.key {
            match secret_value(&format!("the key of model {role}"), key.env.as_deref(), key.file.as_deref()) {
                Ok(key) => options.key = Some(key),
                // Whoever does not ask it need not have its key.
                Err(error) => {
                    Endpoint::new(options)?;
                    return Ok(Arc::new(Keyless(error.to_string())));
                }
            }
        }
        Ok(Arc::new(Endpoint::new(options)?))
    }
}

/// A model whose key cannot be had.
struct Keyless(String);

impl ChatBackend for Keyless {
    fn generate(&self, _: &ChatRequest, _: &Budget) -> Result<ChatResponse, ChatFault> {
        Err(ChatError::new(ChatErrorCode::Denied, self.0.clone()).into())
    }

    fn identity(&self) -> String {
        "a model without its key".to_owned()
    }
}
