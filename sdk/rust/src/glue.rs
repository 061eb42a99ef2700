//! Between the generated bindings and the plugin's functions, in the component only.

use std::panic;
use std::sync::Once;

use serde_json::Value;

use crate::bindings::host::sport::base::types as base;
use crate::bindings::{
    tool::exports::sport::tool::tool as wit_tool, verifier::exports::sport::verifier::verifier as wit,
};
use crate::plugin::{Judge, Tool};
use crate::verify;
use crate::{Artifact, Content, Failure, FailureKind, Outcome, log};

/// A panic in a component is a bare trap; this says in the log what it was about.
fn log_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let message = info.payload_as_str().unwrap_or("panic");
            log::record(log::Level::Error, message, &[("panic", "true"), ("at", &place)]);
        }));
    });
}

/// `sport:tool/tool.describe`.
pub fn describe_tools(tools: &'static [Tool]) -> Vec<wit_tool::Descriptor> {
    tools.iter().map(descriptor).collect()
}

fn descriptor(tool: &'static Tool) -> wit_tool::Descriptor {
    let mut hints = wit_tool::Hints::empty();
    hints.set(wit_tool::Hints::READ_ONLY, tool.hints.read_only);
    hints.set(wit_tool::Hints::DESTRUCTIVE, tool.hints.destructive);
    hints.set(wit_tool::Hints::IDEMPOTENT, tool.hints.idempotent);
    hints.set(wit_tool::Hints::OPEN_WORLD, tool.hints.open_world);
    hints.set(wit_tool::Hints::DETERMINISTIC, tool.hints.deterministic);
    wit_tool::Descriptor {
        name: tool.name.to_owned(),
        title: tool.title.map(str::to_owned),
        description: tool.description.to_owned(),
        input_schema: tool.input_schema().to_string(),
        output_schema: (tool.output)().map(|schema| schema.to_string()),
        hints,
    }
}

/// `sport:tool/tool.call`.
pub fn call_tool(
    tools: &'static [Tool],
    name: &str,
    arguments: &str,
) -> Result<wit_tool::Outcome, base::Failure> {
    log_panics();
    let outcome =
        parse(arguments, "the arguments").and_then(|arguments| crate::testing::call(tools, name, arguments));
    let Outcome { content, structured } = outcome.map_err(base::Failure::from)?;
    Ok(wit_tool::Outcome {
        content: content.into_iter().map(base::Content::from).collect(),
        structured: structured.map(|value| value.to_string()),
    })
}

/// `sport:tool/warm.warm`.
pub fn warm(
    load: fn(Vec<Artifact>) -> Result<(), Failure>,
    artifacts: Vec<base::ArtifactRef>,
) -> Result<(), base::Failure> {
    log_panics();
    load(artifacts.into_iter().map(Artifact::from).collect()).map_err(base::Failure::from)
}

/// `sport:verifier/verifier.describe`.
pub fn describe_verifier(judge: &'static Judge) -> wit::Descriptor {
    let mut traits = wit::Traits::empty();
    traits.set(wit::Traits::DETERMINISTIC, judge.traits.deterministic);
    traits.set(wit::Traits::USES_MODEL, judge.traits.uses_model);
    traits.set(wit::Traits::USES_NETWORK, judge.traits.uses_network);
    traits.set(wit::Traits::RUNS_CODE, judge.traits.runs_code);
    wit::Descriptor {
        name: judge.name.to_owned(),
        description: judge.description.to_owned(),
        config_schema: judge.config.map(|config| config().to_string()),
        traits,
    }
}

/// `sport:verifier/verifier.judge`.
pub fn judge(
    judge: &'static Judge,
    step: wit::Step,
    config: &str,
) -> Result<Vec<wit::Judgement>, base::Failure> {
    log_panics();
    let judged = parse(config, "the config").and_then(|config| (judge.judge)(&lift_step(step)?, config));
    Ok(judged.map_err(base::Failure::from)?.into_iter().map(wit::Judgement::from).collect())
}

pub(crate) fn parse(json: &str, what: &str) -> Result<Value, Failure> {
    serde_json::from_str(json)
        .map_err(|error| Failure::invalid_input(format!("{what} are not JSON: {error}")))
}

fn parse_some(json: Option<String>, what: &str) -> Result<Option<Value>, Failure> {
    json.map(|json| parse(&json, what)).transpose()
}

fn lift_step(step: wit::Step) -> Result<verify::Step, Failure> {
    Ok(verify::Step {
        query: step.query,
        files: step.files.into_iter().map(Artifact::from).collect(),
        captions: step.captions,
        tools: all(step.tools, |tool| {
            let input_schema = parse(&tool.input_schema, "a tool's schema")?;
            Ok(verify::ToolInfo { name: tool.name, description: tool.description, input_schema })
        })?,
        history: all(step.history, |past| {
            Ok(verify::PastStep {
                thought: past.thought,
                code: past.code,
                observation: all(past.observation, lift_content)?,
                execution: lift_execution(past.execution)?,
            })
        })?,
        candidates: all(step.candidates, |candidate| {
            Ok(verify::Candidate {
                thought: candidate.thought,
                code: candidate.code,
                observation: all(candidate.observation, lift_content)?,
                execution: lift_execution(candidate.execution)?,
                answer: parse_some(candidate.answer, "an answer")?,
            })
        })?,
        depth: step.depth,
        max_depth: step.max_depth,
        extra: all(step.extra, lift_extension)?,
    })
}

fn all<A, B>(items: Vec<A>, lift: impl FnMut(A) -> Result<B, Failure>) -> Result<Vec<B>, Failure> {
    items.into_iter().map(lift).collect()
}

fn lift_execution(execution: wit::Execution) -> Result<verify::Execution, Failure> {
    Ok(verify::Execution {
        ending: execution.ending.into(),
        error: execution.error,
        tools: all(execution.tools, |tool| {
            Ok(verify::ToolUse {
                name: tool.name,
                arguments: parse(&tool.arguments, "a tool's arguments")?,
                outcome: match tool.outcome {
                    Ok(value) => Ok(parse_some(value, "a tool's result")?),
                    Err(failure) => Err(Failure::from_host(failure)),
                },
            })
        })?,
        dependences: all(execution.dependences, |dependence| {
            Ok(verify::Dependence {
                tool: dependence.tool,
                pointer: dependence.pointer,
                changed_to: parse(&dependence.changed_to, "changed values")?,
                effect: match dependence.effect {
                    wit::Effect::Unchanged => verify::Effect::Unchanged,
                    wit::Effect::Changed => verify::Effect::Changed,
                    wit::Effect::Raised => verify::Effect::Raised,
                    wit::Effect::Unknown => verify::Effect::Unknown,
                },
                answer_under: parse_some(dependence.answer_under, "an answer")?,
            })
        })?,
        wall_ms: execution.wall_ms,
        extra: all(execution.extra, lift_extension)?,
    })
}

pub(crate) fn lift_content(content: base::Content) -> Result<Content, Failure> {
    Ok(match content {
        base::Content::Text(text) => Content::Text { text },
        base::Content::Image(blob) => Content::Image { media_type: blob.media_type, bytes: blob.bytes },
        base::Content::Audio(blob) => Content::Audio { media_type: blob.media_type, bytes: blob.bytes },
        base::Content::Artifact(artifact) => Content::Artifact(artifact.into()),
        base::Content::Other(extension) => {
            let verify::Extension { kind, value } = lift_extension(extension)?;
            Content::Other { kind, value }
        }
    })
}

fn lift_extension(extension: base::Extension) -> Result<verify::Extension, Failure> {
    Ok(verify::Extension { kind: extension.kind, value: parse(&extension.value, "an extension")? })
}

impl From<Content> for base::Content {
    fn from(content: Content) -> Self {
        match content {
            Content::Text { text } => Self::Text(text),
            Content::Image { media_type, bytes } => Self::Image(base::Blob { media_type, bytes }),
            Content::Audio { media_type, bytes } => Self::Audio(base::Blob { media_type, bytes }),
            Content::Artifact(artifact) => Self::Artifact(artifact.into()),
            Content::Other { kind, value } => Self::Other(base::Extension { kind, value: value.to_string() }),
        }
    }
}

impl From<Artifact> for base::ArtifactRef {
    fn from(artifact: Artifact) -> Self {
        let Artifact { digest, media_type, size, name } = artifact;
        Self { digest, media_type, size, name }
    }
}

impl From<base::ArtifactRef> for Artifact {
    fn from(artifact: base::ArtifactRef) -> Self {
        let base::ArtifactRef { digest, media_type, size, name } = artifact;
        Self { digest, media_type, size, name }
    }
}

impl From<base::EndingKind> for verify::EndingKind {
    fn from(ending: base::EndingKind) -> Self {
        match ending {
            base::EndingKind::Value => Self::Value,
            base::EndingKind::Answered => Self::Answered,
            base::EndingKind::Raised => Self::Raised,
            base::EndingKind::Exited => Self::Exited,
            base::EndingKind::Deadline => Self::Deadline,
            base::EndingKind::Exhausted => Self::Exhausted,
            base::EndingKind::Trapped => Self::Trapped,
            base::EndingKind::Cancelled => Self::Cancelled,
            base::EndingKind::Unparsed => Self::Unparsed,
        }
    }
}

impl From<verify::Judgement> for wit::Judgement {
    fn from(judgement: verify::Judgement) -> Self {
        Self {
            verdict: match judgement.verdict {
                verify::Verdict::Pass => wit::Verdict::Pass,
                verify::Verdict::Fail => wit::Verdict::Fail,
                verify::Verdict::Abstain => wit::Verdict::Abstain,
            },
            score: judgement.score,
            rationale: judgement.rationale,
            evidence: judgement.evidence,
        }
    }
}

impl From<Failure> for base::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            kind: match failure.kind {
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
            },
            code: failure.code,
            message: failure.message,
            retryable: failure.retryable,
            details: failure.details.map(|details| details.to_string()),
        }
    }
}

impl Failure {
    /// Not a `From`: the generated type is an `Error` too, and `?` would take that way and lose the kind.
    pub(crate) fn from_host(failure: base::Failure) -> Self {
        let kind = match failure.kind {
            base::FailureKind::InvalidInput => FailureKind::InvalidInput,
            base::FailureKind::NotFound => FailureKind::NotFound,
            base::FailureKind::Denied => FailureKind::Denied,
            base::FailureKind::Unavailable => FailureKind::Unavailable,
            base::FailureKind::Deadline => FailureKind::Deadline,
            base::FailureKind::Exhausted => FailureKind::Exhausted,
            base::FailureKind::Cancelled => FailureKind::Cancelled,
            base::FailureKind::Conflict => FailureKind::Conflict,
            base::FailureKind::RateLimited => FailureKind::RateLimited,
            base::FailureKind::Internal => FailureKind::Internal,
        };
        Self {
            kind,
            code: failure.code,
            message: failure.message,
            retryable: failure.retryable,
            details: failure.details.and_then(|details| serde_json::from_str::<Value>(&details).ok()),
        }
    }
}
