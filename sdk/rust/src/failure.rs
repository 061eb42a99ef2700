//! Why something could not be done.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a call could not be done. The message is read by a person or a model: say what was wrong and what to do.
///
/// Any `std::error::Error` becomes one through `?`, as [`FailureKind::Internal`] with the error's own words, which is
/// why this type is not an `Error` itself.
///
/// ```
/// use sport_sdk::Failure;
///
/// fn parse(text: &str) -> Result<i64, Failure> {
///     Ok(text.parse()?) // kind internal
/// }
/// assert_eq!(parse("x").unwrap_err().message, "invalid digit found in string");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The broad kind.
    pub kind: FailureKind,
    /// Stable kebab-case code that a program may branch on.
    pub code: String,
    /// One sentence; never holds a secret.
    pub message: String,
    /// The same call may succeed later, unchanged.
    #[serde(default)]
    pub retryable: bool,
    /// More, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

/// The broad kinds of failure.
///
/// ```
/// assert_eq!(sport_sdk::FailureKind::NotFound.name(), "not-found");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The arguments were wrong.
    InvalidInput,
    /// Something named does not exist.
    NotFound,
    /// Not permitted.
    Denied,
    /// Not to be had right now.
    Unavailable,
    /// Out of time.
    Deadline,
    /// Out of another budget.
    Exhausted,
    /// Somebody stopped it.
    Cancelled,
    /// Somebody else was faster.
    Conflict,
    /// Too many calls.
    RateLimited,
    /// The plugin's own fault.
    Internal,
}

impl FailureKind {
    /// The name in the contract, which is also the default code.
    ///
    /// ```
    /// assert_eq!(sport_sdk::FailureKind::RateLimited.name(), "rate-limited");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::NotFound => "not-found",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Deadline => "deadline",
            Self::Exhausted => "exhausted",
            Self::Cancelled => "cancelled",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate-limited",
            Self::Internal => "internal",
        }
    }
}

impl Failure {
    /// A failure whose code is its kind's name.
    ///
    /// ```
    /// use sport_sdk::{Failure, FailureKind};
    ///
    /// assert_eq!(Failure::new(FailureKind::Denied, "not yours").code, "denied");
    /// ```
    pub fn new(kind: FailureKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            code: kind.name().to_owned(),
            message: message.to_string(),
            retryable: false,
            details: None,
        }
    }

    /// The arguments were wrong.
    ///
    /// ```
    /// assert_eq!(sport_sdk::Failure::invalid_input("a width is needed").code, "invalid-input");
    /// ```
    pub fn invalid_input(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::InvalidInput, message)
    }

    /// Something named does not exist.
    ///
    /// ```
    /// assert_eq!(sport_sdk::Failure::not_found("there is no such city").code, "not-found");
    /// ```
    pub fn not_found(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::NotFound, message)
    }

    /// The work needs more than it may use.
    ///
    /// ```
    /// assert_eq!(sport_sdk::Failure::exhausted("the picture is too large").code, "exhausted");
    /// ```
    pub fn exhausted(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Exhausted, message)
    }

    /// The plugin's own fault.
    ///
    /// ```
    /// assert_eq!(sport_sdk::Failure::internal("the table is broken").code, "internal");
    /// ```
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Internal, message)
    }

    /// The same failure with a code of its own, kebab-case and stable.
    ///
    /// ```
    /// let failure = sport_sdk::Failure::not_found("there is no such city").code("no-such-city");
    /// assert_eq!(failure.to_string(), "there is no such city (no-such-city)");
    /// ```
    pub fn code(mut self, code: &str) -> Self {
        code.clone_into(&mut self.code);
        self
    }

    /// The same failure with details for a program.
    ///
    /// ```
    /// use sport_sdk::{Failure, json};
    ///
    /// let failure = Failure::not_found("there is no such city").details(json!({ "near": ["Ulm"] }));
    /// assert_eq!(failure.details.unwrap()["near"][0], "Ulm");
    /// ```
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message, self.code)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message.push_str(": ");
                message.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self::internal(message)
    }
}
