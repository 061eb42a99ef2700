//! To a guest: our values in the contract's form. Nothing here can fail.

use serde_json::Value;

use crate::contract::base;
use crate::contract::imports::tools;
use crate::judging::ToolInfo;
use crate::types::{ArtifactRef, Content, EndingKind, Failure, FailureKind, Outcome};

/// A value as JSON text.
pub fn json(value: &Value) -> String {
    value.to_string()
}

/// A reference.
pub fn artifact(artifact: ArtifactRef) -> base::ArtifactRef {
    base::ArtifactRef {
        digest: artifact.digest,
        media_type: artifact.media_type,
        size: artifact.size,
        name: artifact.name,
    }
}

/// A failure.
pub fn failure(failure: Failure) -> base::Failure {
    base::Failure {
        kind: failure_kind(failure.kind),
        code: failure.code,
        message: failure.message,
        retryable: failure.retryable,
        details: failure.details.as_ref().map(json),
    }
}

/// A failure's kind.
pub fn failure_kind(kind: FailureKind) -> base::FailureKind {
    match kind {
        FailureKind::InvalidInput => base::FailureKind::InvalidInput,
        FailureKind::NotFound => base::FailureKind::NotFound,
        FailureKind::Denied => base::FailureKind::Denied,
        FailureKind::Unavailable => base::FailureKind::Unavailable,
        FailureKind::Deadline => base::FailureKind::Deadline,
        FailureKind::Exhausted => base::FailureKind::Exhausted,
        FailureKind::Cancelled => base::FailureKind::Cancelled,
        FailureKind::Conflict => base::FailureKind::Conflict,
        FailureKind::RateLimited => base::FailureKind::RateLimited,
        FailureKind::Internal => base::FailureKind::Internal,
    }
}

/// How agent code ended.
pub fn ending_kind(kind: EndingKind) -> base::EndingKind {
    match kind {
        EndingKind::Value => base::EndingKind::Value,
        EndingKind::Answered => base::EndingKind::Answered,
        EndingKind::Raised => base::EndingKind::Raised,
        EndingKind::Exited => base::EndingKind::Exited,
        EndingKind::Deadline => base::EndingKind::Deadline,
        EndingKind::Exhausted => base::EndingKind::Exhausted,
        EndingKind::Trapped => base::EndingKind::Trapped,
        EndingKind::Cancelled => base::EndingKind::Cancelled,
        EndingKind::Unparsed => base::EndingKind::Unparsed,
    }
}

/// A piece of content. Images and sound travel as artifacts.
pub fn content(content: Content) -> base::Content {
    match content {
        Content::Text { text } => base::Content::Text(text),
        Content::Artifact(reference) => base::Content::Artifact(artifact(reference)),
        Content::Other { kind, value } => base::Content::Other(base::Extension { kind, value: json(&value) }),
    }
}

/// What a nested tool gave back.
pub fn tools_outcome(outcome: Outcome) -> tools::Outcome {
    tools::Outcome {
        content: outcome.content.into_iter().map(content).collect(),
        structured: outcome.structured.as_ref().map(json),
    }
}

/// A tool, as a guest sees it.
pub fn tool_info(info: &ToolInfo) -> tools::ToolInfo {
    tools::ToolInfo {
        name: info.name.clone(),
        description: info.description.clone(),
        input_schema: json(&info.input_schema),
    }
}
