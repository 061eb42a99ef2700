//! Log records. Never fails and never blocks; over its budget the host counts and drops.

/// How much it matters.
///
/// ```
/// sport_sdk::log::record(sport_sdk::log::Level::Trace, "here", &[]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Writes a record with fields.
///
/// ```
/// use sport_sdk::log::{self, Level};
///
/// log::record(Level::Info, "read", &[("file", "a.csv")]);
/// ```
pub fn record(level: Level, message: &str, fields: &[(&str, &str)]) {
    backend::record(level, message, fields);
}

/// Writes a record of level debug.
///
/// ```
/// sport_sdk::log::debug("three rows");
/// ```
pub fn debug(message: impl AsRef<str>) {
    record(Level::Debug, message.as_ref(), &[]);
}

/// Writes a record of level info.
///
/// ```
/// sport_sdk::log::info(format!("{} rows", 3));
/// ```
pub fn info(message: impl AsRef<str>) {
    record(Level::Info, message.as_ref(), &[]);
}

/// Writes a record of level warn.
///
/// ```
/// sport_sdk::log::warn("the file has no header");
/// ```
pub fn warn(message: impl AsRef<str>) {
    record(Level::Warn, message.as_ref(), &[]);
}

/// Writes a record of level error.
///
/// ```
/// sport_sdk::log::error("the table is broken");
/// ```
pub fn error(message: impl AsRef<str>) {
    record(Level::Error, message.as_ref(), &[]);
}

#[cfg(target_family = "wasm")]
mod backend {
    use super::Level;
    use crate::bindings::host::sport::host::log;

    pub fn record(level: Level, message: &str, fields: &[(&str, &str)]) {
        let level = match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        log::log(level, message, &fields);
    }
}

#[cfg(not(target_family = "wasm"))]
mod backend {
    use super::Level;
    use crate::native;
    use crate::testing::Record;

    pub fn record(level: Level, message: &str, fields: &[(&str, &str)]) {
        eprintln!("{level:?}: {message} {fields:?}");
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        native::with(|state| state.log.push(Record { level, message: message.to_owned(), fields }));
    }
}
