//! `plugins.toml`: what the operator grants, in the operator's own file.
//!
//! It is read strictly (an unknown key is an error: a misspelt limit must not be a missing one) and written so that comments
//! and order stay.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml_edit::{Array, DocumentMut, Item, Table, value};

use crate::grants::Grants;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PluginsFile {
    #[serde(default)]
    pub plugins: BTreeMap<String, Grant>,
}

/// What one plugin is granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The component's file. What is granted is granted to what lies there, never to a name.
    pub source: PathBuf,
    /// The interfaces of `sport:host` that it may import, for example `artifacts`.
    #[serde(default)]
    pub imports: Vec<String>,
    /// Which of its tools may be called; all of them when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// `digest`: these very bytes only. Else the file may be built anew, as long as it asks for the same and describes
    /// itself the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
}

/// How firmly a grant holds on to its component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pin {
    /// To its bytes.
    Digest,
}

impl Grant {
    /// What may be linked. Fails when an interface is named that cannot be granted.
    pub fn grants(&self) -> Result<Grants, crate::Error> {
        Grants::new(&self.imports)
    }

    /// Grants these interfaces too.
    pub(super) fn add(&mut self, more: &[String]) {
        for import in more {
            if !self.imports.contains(import) {
                self.imports.push(import.clone());
            }
        }
    }
}

impl PluginsFile {
    /// Reads the file's text; the reason is one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml_edit::de::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            format!("{place}{}", error.message().replace('\n', " "))
        })?;
        for (name, grant) in &file.plugins {
            check_name(name)?;
            if !grant.source.is_absolute() {
                let source = grant.source.display();
                return Err(format!("the source of {name} is {source}; write it as an absolute path"));
            }
        }
        Ok(file)
    }
}

/// A name that can be typed, shown, and used as a file's name.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if starts && name.len() <= crate::limits::NAME_BYTES && name.bytes().all(fits) {
        return Ok(());
    }
    let shown = crate::text::clean_line(name, crate::limits::NAME_BYTES);
    Err(format!("{shown:?} is no plugin name; one is made of lower-case letters, digits, - and _"))
}

/// What stands above a file that is made anew.
const HEAD: &str = "\
# What plugins are granted. This file is yours: nothing that a plugin or an agent can call changes it.
# `sport plugin add`, `approve` and `remove` write it; edit it as you like, comments stay.
";

/// The file's text with one more plugin, or with this one changed.
pub(super) fn with(text: &str, name: &str, grant: &Grant) -> Result<String, String> {
    let mut document = document(text)?;
    let plugins = document.entry("plugins").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let plugins = plugins.as_table_mut().ok_or("`plugins` is no table")?;
    let entry = plugins.entry(name).or_insert_with(|| Item::Table(Table::new()));
    let entry = entry.as_table_mut().ok_or_else(|| format!("`plugins.{name}` is no table"))?;
    entry["source"] = value(shown(&grant.source)?);
    entry["imports"] = value(grant.imports.iter().collect::<Array>());
    match &grant.tools {
        Some(tools) => entry["tools"] = value(tools.iter().collect::<Array>()),
        None => drop(entry.remove("tools")),
    }
    match grant.pin {
        Some(Pin::Digest) => entry["pin"] = value("digest"),
        None => drop(entry.remove("pin")),
    }
    Ok(document.to_string())
}

/// The file's text without a plugin.
pub(super) fn without(text: &str, name: &str) -> Result<String, String> {
    let mut document = document(text)?;
    if let Some(plugins) = document.get_mut("plugins").and_then(Item::as_table_mut) {
        plugins.remove(name);
    }
    Ok(document.to_string())
}

fn document(text: &str) -> Result<DocumentMut, String> {
    let text = if text.trim().is_empty() { HEAD } else { text };
    text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())
}

fn shown(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8; move the file", path.display()))
}
