//! `plugins.toml`: what the operator grants, in the operator's own file.
//!
//! It is read strictly (an unknown key is an error: a misspelt limit must not be a missing one) and written so that comments
//! and order stay.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};

use crate::egress::{Egress, HostRule};
use crate::error::Error;
use crate::grants::Grants;
use crate::secrets::{Secret, Secrets};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PluginsFile {
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
    /// Which tools of other plugins it may call, if it may import `tools`; all of them when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<String>>,
    /// The hosts that it may ask with `fetch`, which is granted by that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostRule>,
    /// A file of certificates (PEM) that are trusted beside the usual ones, for hosts with an authority of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<PathBuf>,
    /// What it may send to some of these hosts without ever seeing it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
    /// The models that it may ask with `chat`, by their roles; `chat` is granted by that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// The files that its warm start is handed, by the names that it knows them by; `artifacts` is granted by that. What is in
    /// them is part of what is approved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, PathBuf>,
    /// `digest`: these very bytes only. Else the file may be built anew, as long as it asks for the same and describes
    /// itself the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
}

/// Where a secret comes from and where it may go. The value itself never stands in this file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSource {
    /// An environment variable that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Or a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The hosts that it may be sent to, if they are among the plugin's own.
    pub hosts: Vec<HostRule>,
}

impl SecretSource {
    fn read(&self, name: &str) -> Result<Secret, Error> {
        secret_value(&format!("secret {name}"), self.env.as_deref(), self.file.as_deref())
    }
}

/// A secret from an environment variable or a file, of which one is given.
pub(super) fn secret_value(what: &str, variable: Option<&str>, file: Option<&Path>) -> Result<Secret, Error> {
    let invalid = |reason: String| Error::Invalid { what: what.to_owned(), reason };
    let value = match (variable, file) {
        (Some(variable), None) => std::env::var(variable)
            .map_err(|_| invalid(format!("the environment variable {variable} is not set (or not UTF-8)")))?,
        (None, Some(path)) => {
            let mut text = String::new();
            let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
            file.take(SECRET_FILE_BYTES).read_to_string(&mut text).map_err(Error::io("read", path))?;
            text
        }
        _ => return Err(invalid("it comes from `env` or from `file`; give one of them".to_owned())),
    };
    Secret::new(value)
}

/// More than the longest secret; what is longer is refused by [`Secret::new`].
const SECRET_FILE_BYTES: u64 = 8 << 10;

/// How firmly a grant holds on to its component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pin {
    /// To its bytes.
    Digest,
}

impl Grant {
    /// These interfaces, for a component in this file, and nothing else.
    pub fn new(source: impl Into<PathBuf>, imports: &[&str]) -> Self {
        Self {
            source: source.into(),
            imports: imports.iter().map(|import| (*import).to_owned()).collect(),
            tools: None,
            calls: None,
            hosts: Vec::new(),
            roots: None,
            secrets: BTreeMap::new(),
            models: Vec::new(),
            artifacts: BTreeMap::new(),
            pin: None,
        }
    }

    /// The interfaces that may be linked: those that are named, and those that hosts and secrets bring with them.
    pub fn interfaces(&self) -> Vec<String> {
        let mut interfaces = self.imports.clone();
        for (name, there) in [
            ("fetch", !self.hosts.is_empty()),
            ("secrets", !self.secrets.is_empty()),
            ("chat", !self.models.is_empty()),
            ("artifacts", !self.artifacts.is_empty()),
        ] {
            if there && !interfaces.iter().any(|import| import == name) {
                interfaces.push(name.to_owned());
            }
        }
        interfaces
    }

    /// What may be linked and reached. Fails when an interface is named that cannot be granted, or a secret cannot be had.
    pub fn grants(&self) -> Result<Grants, Error> {
        let mut egress = Egress::new(self.hosts.clone());
        if let Some(path) = &self.roots {
            let pem = std::fs::read(path).map_err(Error::io("read", path))?;
            egress = egress.with_roots(&pem)?;
        }
        let mut secrets = Secrets::none();
        for (name, source) in &self.secrets {
            secrets = secrets.with(name, source.read(name)?, source.hosts.clone())?;
        }
        let mut grants = Grants::new(&self.imports)?.with_egress(egress).with_secrets(secrets);
        if !self.models.is_empty() {
            grants = grants.with_models(&self.models);
        }
        for (name, path) in &self.artifacts {
            grants = grants.with_artifact_file(name, path)?;
        }
        Ok(match &self.calls {
            Some(calls) => grants.with_calls(calls),
            None => grants,
        })
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
    /// Reads the file's text; the reason is one line. Not with the library that edits it, which panics on some damaged texts.
    pub fn parse(text: &str) -> Result<Self, String> {
        // It quotes the file, where a key may be anything.
        Self::parsed(text).map_err(|reason| crate::text::clean_line(&reason, crate::limits::MESSAGE_BYTES))
    }

    fn parsed(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let place = line.map_or_else(String::new, |line| format!("line {line}: "));
            format!("{place}{}", error.message())
        })?;
        for (name, grant) in &file.plugins {
            check_name(name)?;
            if !grant.source.is_absolute() {
                let source = grant.source.display();
                return Err(format!("the source of {name} is {source}; write it as an absolute path"));
            }
            let files = grant.secrets.values().filter_map(|secret| secret.file.as_ref());
            let files = files.chain(grant.artifacts.values());
            if let Some(path) = grant.roots.iter().chain(files).find(|path| !path.is_absolute()) {
                return Err(format!(
                    "{name} names the file {}; write it as an absolute path",
                    path.display()
                ));
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
pub(crate) fn with(text: &str, name: &str, grant: &Grant) -> Result<String, String> {
    let mut document = document(text)?;
    let plugins = document.entry("plugins").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let plugins = table(plugins).ok_or("`plugins` is no table")?;
    let entry = plugins.entry(name).or_insert_with(|| Item::Table(Table::new()));
    let entry = table(entry).ok_or_else(|| format!("`plugins.{name}` is no table"))?;
    set(entry, "source", shown(&grant.source)?.into());
    set(entry, "imports", list(&grant.imports));
    match &grant.tools {
        Some(tools) => set(entry, "tools", list(tools)),
        None => drop(entry.remove("tools")),
    }
    // Rules that say more than a host are written by hand, and stay as they are.
    if !grant.hosts.is_empty() && !entry.contains_key("hosts") {
        let hosts: Vec<String> = grant.hosts.iter().map(ToString::to_string).collect();
        set(entry, "hosts", list(&hosts));
    }
    if !grant.models.is_empty() {
        set(entry, "models", list(&grant.models));
    }
    // As with hosts: what stands there was written by hand.
    if !grant.artifacts.is_empty() && !entry.contains_key("artifacts") {
        let mut table = InlineTable::new();
        for (name, path) in &grant.artifacts {
            table.insert(name, shown(path)?.into());
        }
        set(entry, "artifacts", table.into());
    }
    match grant.pin {
        Some(Pin::Digest) => set(entry, "pin", "digest".into()),
        None => drop(entry.remove("pin")),
    }
    edited(text, document.to_string(), name)
}

/// Sets a value unless it is there already, and leaves the comment beside it.
fn set(entry: &mut Table, key: &str, mut new: Value) {
    if let Some(old) = entry.get(key).and_then(Item::as_value) {
        if plain(old) == plain(&new) {
            return;
        }
        *new.decor_mut() = old.decor().clone();
    }
    entry[key] = value(new);
}

/// A value without the spaces and comments around it.
fn plain(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.clone().decorated("", "").to_string(),
    }
}

fn list(items: &[String]) -> Value {
    items.iter().collect::<Array>().into()
}

/// The file's text without a plugin.
pub(crate) fn without(text: &str, name: &str) -> Result<String, String> {
    let mut document = document(text)?;
    if let Some(plugins) = document.get_mut("plugins") {
        table(plugins).ok_or("`plugins` is no table")?.remove(name);
    }
    edited(text, document.to_string(), name)
}

/// The edited text, if it still says what it said of all other plugins. It was written by hand, in any of the ways that the format
/// allows, and another library wrote it anew: what cannot be read afterwards must not take its place.
fn edited(before: &str, after: String, name: &str) -> Result<String, String> {
    let others = |text: &str| {
        let mut file = PluginsFile::parse(text)?;
        file.plugins.remove(name);
        Ok::<_, String>(file.plugins)
    };
    match (others(before), others(&after)) {
        (Ok(before), Ok(after)) if before != after => {}
        (Ok(_), Err(_)) => {}
        _ => return Ok(after),
    }
    Err(format!(
        "it is written in a way that cannot be edited here; write each plugin as a table, [plugins.{name}], and try again"
    ))
}

/// The table that this is. One written in braces becomes one with a head: a grant must not stay because of how it is spelt.
fn table(item: &mut Item) -> Option<&mut Table> {
    if item.is_inline_table() {
        *item = std::mem::take(item).into_table().map_or(Item::None, Item::Table);
        // Spaces that were well placed between braces are not between lines.
        if let Some(table) = item.as_table_mut() {
            table.decor_mut().clear();
            for (mut key, item) in table.iter_mut() {
                key.leaf_decor_mut().clear();
                key.dotted_decor_mut().clear();
                if let Some(value) = item.as_value_mut() {
                    value.decor_mut().clear();
                }
            }
        }
    }
    item.as_table_mut()
}

fn document(text: &str) -> Result<DocumentMut, String> {
    let text = if text.trim().is_empty() { HEAD } else { text };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        crate::text::clean_line(error.message(), crate::limits::MESSAGE_BYTES)
    })?;
    // What stands above the name goes above the table's head, and not into it.
    if let Some((mut key, item)) = document.get_key_value_mut("plugins")
        && item.is_inline_table()
    {
        let above = key.leaf_decor().prefix().cloned();
        key.leaf_decor_mut().clear();
        if let (Some(table), Some(above)) = (table(item), above) {
            table.decor_mut().set_prefix(above);
        }
    }
    Ok(document)
}

fn shown(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8; move the file", path.display()))
}
