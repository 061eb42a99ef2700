//! Exit codes, in one place. `sport --help` prints this table.

use std::fmt;

/// How the command ended, for the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Done, and the result is a no: the agent's code raised, a run found no signal, an audit blocked, `doctor` found a fault.
    Negative,
    /// The command line is wrong (clap's own code).
    Usage,
    /// A file, config, plugin or model is not what it should be.
    BadInput,
    /// Something that `make setup` provides is missing.
    NotSetUp,
    /// The sandbox stopped the code: deadline, exhausted, trapped.
    Stopped,
    /// The run directory is in use or of another version.
    RunUnusable,
    /// A fault of Sport's own.
    Internal,
    /// Interrupted from the keyboard; the run can be resumed.
    Interrupted,
    /// What the agent's code gave to `exit`.
    Code(u8),
}

impl Exit {
    /// The number for the shell.
    pub fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Negative => 1,
            Self::Usage => 2,
            Self::BadInput => 3,
            Self::NotSetUp => 4,
            Self::Stopped => 5,
            Self::RunUnusable => 6,
            Self::Internal => 70,
            Self::Interrupted => 130,
            Self::Code(number) => number,
        }
    }
}

/// Printed at the end of `sport --help`.
pub const TABLE: &str = "Exit codes:
  0    done
  1    done, and the result is a no: agent code raised, the run found no signal, an audit blocked the verifier,
       doctor found a fault
  2    wrong command line
  3    a file, config, plugin or model is not what it should be
  4    something that `make setup` provides is missing
  5    the sandbox stopped the code: deadline, exhausted, trapped
  6    the run directory is in use, or of another version
  70   a fault of sport's own
  130  interrupted; `--resume` goes on";

/// An error with its exit code.
#[derive(Debug)]
pub struct CommandError {
    /// For the shell.
    pub exit: Exit,
    /// For a program: stable kebab-case.
    pub code: String,
    /// For a person: one line.
    pub message: String,
}

impl CommandError {
    /// An error with a message of our own.
    pub fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), message: message.into() }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<sport_sandbox::Error> for CommandError {
    fn from(error: sport_sandbox::Error) -> Self {
        let exit = match error.code() {
            "internal" => Exit::Internal,
            _ => Exit::BadInput,
        };
        Self { exit, code: error.code().to_owned(), message: error.to_string() }
    }
}

impl From<sport_policy::Error> for CommandError {
    fn from(error: sport_policy::Error) -> Self {
        let exit = match &error {
            sport_policy::Error::Backend(_) => Exit::NotSetUp,
            sport_policy::Error::Internal { .. } => Exit::Internal,
            sport_policy::Error::Cancelled => Exit::Interrupted,
            _ => Exit::BadInput,
        };
        Self { exit, code: error.code().to_owned(), message: error.to_string() }
    }
}

impl From<sport_improve::Error> for CommandError {
    fn from(error: sport_improve::Error) -> Self {
        use sport_improve::Class;
        let exit = match error.class() {
            Class::BadInput => Exit::BadInput,
            Class::NotSetUp => Exit::NotSetUp,
            Class::RunUnusable => Exit::RunUnusable,
            Class::Interrupted => Exit::Interrupted,
            Class::Internal => Exit::Internal,
        };
        Self { exit, code: error.code().to_owned(), message: error.to_string() }
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::BadInput, "io", error.to_string())
    }
}
