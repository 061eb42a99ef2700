//! The files that agent code sees: `/task`, read-only, and `/scratch`, its own.
//!
//! Nothing else exists for it. A [`FileView`] is part of a session's branch: its clone is a few pointer copies, and
//! what one clone writes no other sees, so every candidate of a step has scratch files of its own at no cost.
//!
//! * `/task` ([`task`]) holds the operator's files under plain names. Each is opened through cap-std when the session is
//!   opened, and read at most once, however many forks look at it.
//! * `/scratch` ([`scratch`]) is a tree in memory with quotas on bytes, files and depth. There are no links.
//! * A tree that came from elsewhere is looked through before it is used (`sound`).
//! * Names ([`path`]) are taken apart in one place, for the guest's own file calls and for the names in tool arguments.
//!
//! The WASI interface over this is in [`crate::wasi`]; the plain names in tool arguments (`/task/photo.jpg`,
//! `/scratch/crop.png`, or a bare name that only one file has) are resolved here.

pub(crate) mod data;
pub(crate) mod path;
pub(crate) mod scratch;
mod sound;
pub(crate) mod task;
mod view;

pub use task::TaskFile;
pub use view::{FileView, ResolvedFile};

/// Where the task's files are, for agent code.
pub const TASK: &str = "/task";
/// Where agent code may write.
pub const SCRATCH: &str = "/scratch";
/// Where the files that tools give back appear.
pub const ARTIFACTS: &str = "/scratch/artifacts";

/// Why a file operation was refused. Mirrors the WASI error codes that these files can produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("there is no such file")]
    NoEntry,
    /// There is one already.
    #[error("the file exists")]
    Exists,
    /// A part of the path is not a directory.
    #[error("not a directory")]
    NotDirectory,
    /// It is a directory.
    #[error("it is a directory")]
    IsDirectory,
    /// The directory has entries.
    #[error("the directory is not empty")]
    NotEmpty,
    /// `/task` cannot be written.
    #[error("the file is read-only")]
    ReadOnly,
    /// The path leads out of its directory, or asks for a link.
    #[error("the path is not permitted")]
    NotPermitted,
    /// The path or a part of it is too long.
    #[error("the name is too long")]
    NameTooLong,
    /// The path holds a NUL byte, or a number is out of range.
    #[error("invalid name or number")]
    Invalid,
    /// The quota of bytes, files or depth is used up.
    #[error("the quota of /scratch is used up")]
    Quota,
    /// It would have to move between `/task` and `/scratch`.
    #[error("the two names are not in the same place")]
    CrossDevice,
    /// The descriptor does not allow this.
    #[error("the file is not open for this")]
    BadDescriptor,
    /// The operator's file cannot be read any more.
    #[error("the file cannot be read")]
    Io,
}
