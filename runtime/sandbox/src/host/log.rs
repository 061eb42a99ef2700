//! `sport:host/log`: never fails and never blocks; over the limit, records are counted and dropped.

use std::collections::VecDeque;

use crate::budget::Resource;
use crate::contract::imports::log;
use crate::host::HostCx;
use crate::{limits, text};

/// A guest's last log records, kept so that a trap can be explained by the guest's own last words.
#[derive(Clone, Debug)]
pub struct LogTail {
    plugin: String,
    records: VecDeque<(log::Level, String)>,
    dropped: u64,
}

impl LogTail {
    /// An empty log of `plugin`.
    pub fn new(plugin: &str) -> Self {
        Self { plugin: plugin.to_owned(), records: VecDeque::new(), dropped: 0 }
    }

    /// Names the plugin in the host's own log.
    pub fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.plugin);
    }

    /// What the plugin is called in the host's own log.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// The records that are kept, oldest first, as `level: message`.
    pub fn lines(&self) -> Vec<String> {
        self.records.iter().map(|(level, message)| format!("{}: {message}", name(*level))).collect()
    }

    /// The last error, which is what a panic hook writes.
    pub fn last_error(&self) -> Option<&str> {
        self.records
            .iter()
            .rev()
            .find(|(level, _)| matches!(level, log::Level::Error))
            .map(|(_, message)| message.as_str())
    }

    /// How many records did not fit into the budget.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn push(&mut self, level: log::Level, message: String) {
        match level {
            log::Level::Trace => tracing::trace!(target: "sport::guest", plugin = %self.plugin, "{message}"),
            log::Level::Debug => tracing::debug!(target: "sport::guest", plugin = %self.plugin, "{message}"),
            log::Level::Info => tracing::info!(target: "sport::guest", plugin = %self.plugin, "{message}"),
            log::Level::Warn => tracing::warn!(target: "sport::guest", plugin = %self.plugin, "{message}"),
            // A guest's error is no error of the host.
            log::Level::Error => tracing::warn!(target: "sport::guest", plugin = %self.plugin, "{message}"),
        }
        if self.records.len() == limits::LOG_KEPT {
            self.records.pop_front();
        }
        self.records.push_back((level, message));
    }
}

fn name(level: log::Level) -> &'static str {
    match level {
        log::Level::Trace => "trace",
        log::Level::Debug => "debug",
        log::Level::Info => "info",
        log::Level::Warn => "warn",
        log::Level::Error => "error",
    }
}

impl log::Host for HostCx {
    fn log(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.enter_in_warm()?;
        let mut record = message;
        for (key, value) in fields {
            if record.len() > limits::LOG_RECORD_BYTES {
                break;
            }
            record.push_str(&format!(" {key}={value}"));
        }
        let record = text::clean(&record, limits::LOG_RECORD_BYTES);
        // An empty record costs something too, or a loop of them would be free.
        if self.budget.charge(Resource::Log, record.len() as u64 + 16).is_err() {
            self.log.dropped += 1;
            return Ok(());
        }
        self.log.push(level, record);
        Ok(())
    }
}
