//! Plugin state (`sport:host/kv`) as an overlay that belongs to a branch.
//!
//! A clone is a pointer copy, and the first write to a clone copies the map, so every fork has state of its
//! own and none sees what another wrote. A call works on a clone that becomes the branch's state only if the
//! call came back: a call that trapped or was stopped leaves no half of a change behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits;
use crate::types::{Failure, FailureKind};

/// A value with its revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The bytes.
    pub value: Arc<[u8]>,
    /// Grows with every write to the key; 1 is the first.
    pub revision: u64,
}

/// All plugins' state in one branch.
#[derive(Clone, Debug, Default)]
pub struct PluginState {
    entries: Arc<BTreeMap<(String, String), Entry>>,
    /// Bytes and keys per plugin, so that the quota needs no walk.
    totals: Arc<BTreeMap<String, (usize, usize)>>,
    /// The last revision given out; never goes back, so a deleted and rewritten key cannot match an old
    /// revision.
    last_revision: u64,
}

impl PluginState {
    /// No state at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// A plugin's value.
    pub fn get(&self, plugin: &str, key: &str) -> Option<&Entry> {
        self.entries.get(&(plugin.to_owned(), key.to_owned()))
    }

    /// Writes a value. `expected`: none writes always, zero only if absent, else only over that revision.
    pub fn set(
        &mut self,
        plugin: &str,
        key: &str,
        value: &[u8],
        expected: Option<u64>,
    ) -> Result<u64, Failure> {
        check_key(key)?;
        if value.len() > limits::KV_VALUE_BYTES {
            return Err(Failure::new(
                FailureKind::InvalidInput,
                "kv-value-too-big",
                format!("a value may have {} bytes, this has {}", limits::KV_VALUE_BYTES, value.len()),
            ));
        }
        let old = self.get(plugin, key);
        check_revision(key, old, expected)?;
        let (bytes, keys) = self.totals.get(plugin).copied().unwrap_or_default();
        let old_bytes = old.map_or(0, |entry| entry.value.len() + key.len());
        let new_bytes = bytes - old_bytes + value.len() + key.len();
        let new_keys = keys + usize::from(old.is_none());
        if new_bytes > limits::KV_TOTAL_BYTES || new_keys > limits::KV_KEYS {
            return Err(Failure::new(
                FailureKind::Exhausted,
                "kv-full",
                format!(
                    "a plugin's state may have {} keys and {} bytes in all",
                    limits::KV_KEYS,
                    limits::KV_TOTAL_BYTES
                ),
            ));
        }
        self.last_revision += 1;
        let entry = Entry { value: value.into(), revision: self.last_revision };
        Arc::make_mut(&mut self.entries).insert((plugin.to_owned(), key.to_owned()), entry);
        Arc::make_mut(&mut self.totals).insert(plugin.to_owned(), (new_bytes, new_keys));
        Ok(self.last_revision)
    }

    /// Deletes a value and says whether there was one. `expected` as in [`Self::set`], except that zero never
    /// matches.
    pub fn delete(&mut self, plugin: &str, key: &str, expected: Option<u64>) -> Result<bool, Failure> {
        check_key(key)?;
        let Some(old) = self.get(plugin, key) else {
            return Ok(false);
        };
        check_revision(key, Some(old), expected)?;
        let freed = old.value.len() + key.len();
        Arc::make_mut(&mut self.entries).remove(&(plugin.to_owned(), key.to_owned()));
        if let Some((bytes, keys)) = Arc::make_mut(&mut self.totals).get_mut(plugin) {
            *bytes -= freed;
            *keys -= 1;
        }
        Ok(true)
    }

    /// A plugin's keys that begin with `prefix` and come after `cursor`, in order, at most `limit`; and the
    /// cursor for the next page when there are more.
    pub fn keys(
        &self,
        plugin: &str,
        prefix: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> (Vec<String>, Option<String>) {
        let from = (plugin.to_owned(), cursor.unwrap_or("").to_owned());
        let mut keys = self
            .entries
            .range(from..)
            .take_while(|((owner, _), _)| owner == plugin)
            .map(|((_, key), _)| key)
            .filter(|key| key.starts_with(prefix) && cursor.is_none_or(|cursor| key.as_str() > cursor));
        let page: Vec<String> = keys.by_ref().take(limit).cloned().collect();
        let more = keys.next().is_some();
        let next = if more { page.last().cloned() } else { None };
        (page, next)
    }
}

fn check_key(key: &str) -> Result<(), Failure> {
    if key.is_empty() || key.len() > limits::KV_KEY_BYTES {
        return Err(Failure::new(
            FailureKind::InvalidInput,
            "kv-bad-key",
            format!("a key has 1 to {} bytes", limits::KV_KEY_BYTES),
        ));
    }
    Ok(())
}

fn check_revision(key: &str, old: Option<&Entry>, expected: Option<u64>) -> Result<(), Failure> {
    let found = old.map_or(0, |entry| entry.revision);
    match expected {
        Some(expected) if expected != found => Err(Failure::new(
            FailureKind::Conflict,
            "kv-conflict",
            format!("key {key:?} is at revision {found}, not {expected}"),
        )),
        _ => Ok(()),
    }
}
