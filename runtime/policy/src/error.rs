//! What can go wrong in a policy.

use std::path::PathBuf;

/// An error of a policy or of the files it is made of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, `open`, …
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A model, adapter, prompt form or action file is not what it should be.
    #[error("{}: {message}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A request that makes no sense, for example a prompt longer than the context.
    #[error("{0}")]
    BadRequest(String),
    /// The native backend could not be loaded.
    #[error("{0}")]
    Backend(String),
    /// The backend failed inside.
    #[error("the {backend} backend failed: {message}")]
    Internal {
        /// Which backend.
        backend: String,
        /// What it said.
        message: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// Stable kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "policy-io",
            Self::BadFile { .. } => "policy-bad-file",
            Self::BadRequest(_) => "policy-bad-request",
            Self::Backend(_) => "policy-backend",
            Self::Internal { .. } => "policy-internal",
            Self::Cancelled => "cancelled",
        }
    }
}
