//! How what went wrong is told: as the result of a tool, which a model reads, never as an error of the protocol.

use rmcp::model::{CallToolResult, ContentBlock, JsonObject, MetaObject};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sport_sandbox::{Failure, FailureKind};

/// The name under which a result carries the whole failure. Not the structured content: clients hold that against the
/// output schema, also of a result that is an error.
pub const META: &str = "sport/failure";

/// The failure as the result of a tool.
pub fn result(failure: &Failure) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(failure.to_string())]);
    let mut meta = MetaObject::new();
    meta.0.insert(META.to_owned(), serde_json::to_value(failure).unwrap_or(Value::Null));
    result.meta = Some(meta);
    result
}

/// Something of the sandbox that could not be done.
pub fn of(error: &sport_sandbox::Error) -> Failure {
    Failure::new(FailureKind::Internal, error.code(), error.to_string())
}

/// It may be tried again.
pub fn busy(code: &str, message: impl Into<String>) -> Failure {
    Failure { retryable: true, ..Failure::new(FailureKind::Unavailable, code, message) }
}

/// The caller's mistake.
pub fn bad(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::InvalidInput, "bad-arguments", message)
}

/// Arguments in their own type; a message names the place.
pub fn arguments<T: DeserializeOwned>(tool: &str, given: JsonObject) -> Result<T, Failure> {
    serde_path_to_error::deserialize(Value::Object(given)).map_err(|error| {
        let place = error.path().to_string();
        let place = if place == "." { String::new() } else { format!("{place}: ") };
        bad(format!("{tool}: {place}{}", error.inner()))
    })
}

/// Text of a client for a message.
pub fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
