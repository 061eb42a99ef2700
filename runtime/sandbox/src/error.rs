//! What can go wrong around a component, before and after its code runs.
//!
//! A failure *of a call* is a [`crate::Failure`]; this is about files, admission and set-up. Every kind has a
//! stable code that a program may branch on, and a message that says what to do next.

use std::path::PathBuf;

/// Why the sandbox could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    Io {
        /// What was tried, for example `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The bytes are not a WebAssembly component.
    #[error("{name} is not a component: {reason}")]
    NotAComponent {
        /// The component's file name.
        name: String,
        /// What was found.
        reason: String,
    },
    /// The component is larger, deeper or more numerous in some part than is admitted.
    #[error("{name} is too big: {what} is {found}, the most admitted is {limit}")]
    TooBig {
        /// The component's file name.
        name: String,
        /// Which part.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much may be.
        limit: u64,
    },
    /// No contract version, or another one than this host takes.
    #[error(
        "{name} has an unsupported contract: found {found}; this host takes {takes}; rebuild it with a matching SDK"
    )]
    ContractUnsupported {
        /// The component's file name.
        name: String,
        /// What the component carries.
        found: String,
        /// What is taken.
        takes: String,
    },
    /// The component is of another kind (it has no such export).
    #[error("{name} is not a {wanted}: it exports {found}")]
    WrongKind {
        /// The component's file name.
        name: String,
        /// `tool`, `verifier` or `interpreter`.
        wanted: &'static str,
        /// What it exports.
        found: String,
    },
    /// It asks for more than it was granted.
    #[error("{name} imports what it was not granted: {missing}; it asks for {asked}; granted are {granted}")]
    NotGranted {
        /// The component's file name.
        name: String,
        /// What it lacks.
        missing: String,
        /// Everything it imports.
        asked: String,
        /// Everything it was granted.
        granted: String,
    },
    /// A grant of something that does not exist or is not there yet.
    #[error("no such grant: {name}; grants are {known}")]
    UnknownGrant {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Compiling or linking failed.
    #[error("cannot compile {name}: {reason}")]
    Compile {
        /// The component's file name.
        name: String,
        /// The engine's word.
        reason: String,
    },
    /// Compiling took more than it may.
    #[error(
        "{name} cannot be compiled within {what}, the most that compiling may take; split its largest functions"
    )]
    CompileExhausted {
        /// The component's file name.
        name: String,
        /// What it used up.
        what: String,
    },
    /// What a component says of itself is not acceptable.
    #[error("{name} describes itself badly: {reason}")]
    Describe {
        /// The component's file name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A tool's `warm` did not come to its end, or what it left cannot be copied.
    #[error("{name} cannot be warmed: {reason}")]
    Warm {
        /// The component's file name.
        name: String,
        /// What went wrong.
        reason: String,
    },
    /// Two tools of one toolbox have the same name.
    #[error("two tools are called {tool}: one of {first}, one of {second}; leave one plugin out")]
    DuplicateTool {
        /// The tool's name.
        tool: String,
        /// A plugin.
        first: String,
        /// Another plugin.
        second: String,
    },
    /// The folder of compiled components cannot be trusted.
    #[error("cannot use {path} for compiled components: {reason}", path = .path.display())]
    CacheFolder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operator's grants or receipts cannot be used.
    #[error("cannot use {path}: {reason}", path = .path.display())]
    Registry {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An installed plugin is not what was approved.
    #[error(
        "{name} is not what was approved, it differs in: {what}; `sport plugin approve {name}` shows and approves it"
    )]
    ApprovalNeeded {
        /// The plugin.
        name: String,
        /// What differs.
        what: String,
    },
    /// The engine could not be set up on this machine.
    #[error("cannot set up the sandbox engine: {reason}")]
    Engine {
        /// The engine's word.
        reason: String,
    },
    /// An interpreter could not be given a process of its own, or that process failed.
    #[error("{name} cannot run in a process of its own: {reason}")]
    Isolation {
        /// The component's file name.
        name: String,
        /// What is in the way.
        reason: String,
    },
    /// An artifact is missing, damaged or too big.
    #[error("artifact {digest}: {reason}")]
    Artifact {
        /// Which.
        digest: String,
        /// What is wrong.
        reason: String,
    },
    /// A name, a size or a number that was handed in is not acceptable.
    #[error("{what}: {reason}")]
    Invalid {
        /// What was handed in.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// A stable kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::NotAComponent { .. } => "not-a-component",
            Self::TooBig { .. } => "component-too-big",
            Self::ContractUnsupported { .. } => "contract-unsupported",
            Self::WrongKind { .. } => "wrong-kind",
            Self::NotGranted { .. } => "not-granted",
            Self::UnknownGrant { .. } => "unknown-grant",
            Self::Compile { .. } => "compile-failed",
            Self::CompileExhausted { .. } => "compile-exhausted",
            Self::Describe { .. } => "bad-description",
            Self::Warm { .. } => "warm-failed",
            Self::DuplicateTool { .. } => "duplicate-tool",
            Self::CacheFolder { .. } => "cache-folder",
            Self::Registry { .. } => "registry",
            Self::ApprovalNeeded { .. } => "approval-needed",
            Self::Engine { .. } => "engine",
            Self::Isolation { .. } => "isolation",
            Self::Artifact { .. } => "artifact",
            Self::Invalid { .. } => "invalid",
        }
    }

    /// The engine could not take a component; what it says may quote the component and take several lines.
    pub(crate) fn compile(name: &str, error: &wasmtime::Error) -> Self {
        let reason = crate::text::clean_line(&format!("{error:#}"), crate::limits::MESSAGE_BYTES);
        Self::Compile { name: name.to_owned(), reason }
    }

    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
