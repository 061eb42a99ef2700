//! What can go wrong in a run, each with a stable code and the class of its exit code.

use std::path::{Path, PathBuf};

use crate::observer::Stage;

/// What kind of trouble an error is; the binary turns it into an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A file, config, plugin or model is not what it should be.
    BadInput,
    /// Something that set-up provides is missing.
    NotSetUp,
    /// The run directory is in use, or of another version, or not a run.
    RunUnusable,
    /// Somebody asked to stop; the run can be resumed.
    Interrupted,
    /// A fault of Sport's own.
    Internal,
}

/// An error of a run: one line that says what happened, where, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {what} {}: {source}{}", path.display(), advice(source))]
    Io {
        /// `read`, `write`, `create`, …
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The config file is not what it should be.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the key.
        message: String,
    },
    /// A task cannot be made from the images.
    #[error("{0}")]
    Synthesize(String),
    /// A setting that would be unsafe.
    #[error("{0}")]
    Refused(String),
    /// A verifier whose word may not shape the policy yet.
    #[error(
        "verifier {name} {why}: look at `sport verifier audit --run {}` (with --labels FILE where people said what is good), \
         or tune all the same with --allow-unaudited \"reason\"",
        run.display()
    )]
    Unaudited {
        /// The verifier.
        name: String,
        /// The run.
        run: PathBuf,
        /// What is missing.
        why: String,
    },
    /// A stage was asked for before the one it builds on.
    #[error(
        "iteration {iteration} has no finished {needs} stage: run `sport {needs}` first, or `sport improve`"
    )]
    StageOrder {
        /// The iteration.
        iteration: u32,
        /// The stage that is missing.
        needs: &'static str,
    },
    /// Training came to a loss that is no number.
    #[error(
        "iteration {iteration}, {stage}, optimiser step {step}: the loss is no longer a finite number: lower \
         tune.{stage}.learning_rate in a new run"
    )]
    Diverged {
        /// The iteration.
        iteration: u32,
        /// `sft` or `dpo`.
        stage: Stage,
        /// The step.
        step: u64,
    },
    /// The directory is no run, or cannot be used as one.
    #[error("{}: {message}", path.display())]
    Run {
        /// The run directory.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// The run was written by another version.
    #[error(
        "{} is a run of version {found}, this sport reads version {expected}: use the sport that made it, or \
         start a new run",
        path.display()
    )]
    Version {
        /// The run directory.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        expected: i64,
    },
    /// Another process works on the run.
    #[error("{} is in use by another process: wait for it or stop it", path.display())]
    Locked {
        /// The run directory.
        path: PathBuf,
    },
    /// The database refused.
    #[error("{}", database_message(path, source))]
    Database {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// What the run needs is no longer what it was when the run began.
    #[error("{what} changed since the run began ({was} then, {is} now): put it back or start a new run")]
    Changed {
        /// Which part: a plugin, the model, the prompt form.
        what: String,
        /// Digest at the beginning.
        was: String,
        /// Digest now.
        is: String,
    },
    /// The sandbox said no.
    #[error(transparent)]
    Sandbox(#[from] sport_sandbox::Error),
    /// The policy said no.
    #[error(transparent)]
    Policy(#[from] sport_policy::Error),
    /// The observer asked to stop.
    #[error("interrupted: `--resume` goes on where it stopped")]
    Interrupted,
    /// A fail point of the tests was reached.
    #[error("stopped at fail point {0}")]
    FailPoint(String),
    /// Something that cannot be, was.
    #[error("internal fault: {0}: please report it")]
    Internal(String),
}

impl Error {
    /// For `map_err` on file work.
    pub fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// For `map_err` on database work.
    pub(crate) fn database(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self + '_ {
        move |source| Self::Database { path: path.to_owned(), source }
    }

    /// Stable kebab-case code.
    pub fn code(&self) -> &str {
        match self {
            Self::Io { source, .. } if is_full(source) => "disk-full",
            Self::Io { .. } => "io",
            Self::Config { .. } => "bad-config",
            Self::Synthesize(_) => "synthesize",
            Self::Refused(_) => "refused",
            Self::Unaudited { .. } => "unaudited",
            Self::StageOrder { .. } => "stage-order",
            Self::Diverged { .. } => "diverged",
            Self::Run { .. } => "bad-run",
            Self::Version { .. } => "run-version",
            Self::Locked { .. } => "run-locked",
            Self::Database { source, .. } if is_database_full(source) => "disk-full",
            Self::Database { .. } => "database",
            Self::Changed { .. } => "run-changed",
            Self::Sandbox(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Interrupted => "interrupted",
            Self::FailPoint(_) => "fail-point",
            Self::Internal(_) => "internal",
        }
    }

    /// The class of its exit code.
    pub fn class(&self) -> Class {
        match self {
            Self::Io { .. }
            | Self::Config { .. }
            | Self::Synthesize(_)
            | Self::Refused(_)
            | Self::Unaudited { .. }
            | Self::StageOrder { .. }
            | Self::Diverged { .. }
            | Self::Database { .. } => Class::BadInput,
            Self::Run { .. } | Self::Version { .. } | Self::Locked { .. } | Self::Changed { .. } => {
                Class::RunUnusable
            }
            Self::Sandbox(error) if error.code() == "internal" => Class::Internal,
            Self::Sandbox(_) => Class::BadInput,
            Self::Policy(sport_policy::Error::Backend(_)) => Class::NotSetUp,
            Self::Policy(sport_policy::Error::Internal { .. }) => Class::Internal,
            Self::Policy(sport_policy::Error::Cancelled) | Self::Interrupted => Class::Interrupted,
            Self::Policy(_) => Class::BadInput,
            Self::FailPoint(_) | Self::Internal(_) => Class::Internal,
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

fn is_database_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

fn advice(error: &std::io::Error) -> &'static str {
    if is_full(error) { ": make room, then `--resume`" } else { "" }
}

fn database_message(path: &Path, error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, DiskFull, NotADatabase, SystemIoFailure};
    let path = path.display();
    match error.sqlite_error_code() {
        Some(DiskFull) => format!("cannot write {path}: the disk is full: make room, then `--resume`"),
        Some(SystemIoFailure) => {
            format!("cannot write {path}: {error}: check the disk (is it full?), then `--resume`")
        }
        Some(CannotOpen) => format!("cannot open {path}: {error}: is it a run directory you may write to?"),
        Some(NotADatabase | DatabaseCorrupt) => {
            format!("{path} is not a run's database any more ({error}): restore it, or start a new run")
        }
        _ => format!("{path}: {error}"),
    }
}
