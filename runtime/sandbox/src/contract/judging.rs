//! Steps on their way to a verifier, and its judgements on their way back.

use serde_json::Value;

use crate::contract::base::Extension;
use crate::contract::verifier::exports::sport::verifier::verifier as wire;
use crate::contract::{lift, lower};
use crate::judging::{Candidate, Dependence, Effect, Execution, Judgement, StepView, Verdict};
use crate::types::{Content, Failure, Outcome, ToolCall};
use crate::{limits, text};

/// The extension of a candidate's facts that says how many candidates are this one.
const COPIES: &str = "copies";

/// A step in the contract's form.
pub fn lower_step(step: &StepView) -> wire::Step {
    wire::Step {
        query: step.query.clone(),
        files: step.files.iter().cloned().map(lower::artifact).collect(),
        captions: step.captions.clone(),
        tools: step
            .tools
            .iter()
            .map(|tool| wire::ToolInfo {
                name: tool.name.clone(),
                description: tool.description.clone(),
                input_schema: lower::json(&tool.input_schema),
            })
            .collect(),
        history: step
            .history
            .iter()
            .map(|past| wire::PastStep {
                thought: past.thought.clone(),
                code: past.code.clone(),
                observation: contents(&past.observation),
                execution: execution(&past.execution),
            })
            .collect(),
        candidates: step.candidates.iter().map(candidate).collect(),
        depth: step.depth,
        max_depth: step.max_depth,
        extra: Vec::new(),
    }
}

fn candidate(candidate: &Candidate) -> wire::Candidate {
    let mut execution = execution(&candidate.execution);
    if candidate.copies != 1 {
        let copies = Extension { kind: COPIES.to_owned(), value: candidate.copies.to_string() };
        execution.extra.push(copies);
    }
    wire::Candidate {
        thought: candidate.thought.clone(),
        code: candidate.code.clone(),
        observation: contents(&candidate.observation),
        execution,
        answer: candidate.answer.as_ref().map(lower::json),
    }
}

fn contents(contents: &[Content]) -> Vec<crate::contract::base::Content> {
    contents.iter().cloned().map(lower::content).collect()
}

fn execution(execution: &Execution) -> wire::Execution {
    wire::Execution {
        ending: lower::ending_kind(execution.ending),
        error: execution.error.clone(),
        tools: execution.tools.iter().map(tool_use).collect(),
        dependences: execution.dependences.iter().map(dependence).collect(),
        wall_ms: execution.wall_ms,
        extra: Vec::new(),
    }
}

fn tool_use(call: &ToolCall) -> wire::ToolUse {
    let outcome = match &call.outcome {
        Ok(outcome) => Ok(result_of(outcome).as_ref().map(lower::json)),
        Err(failure) => Err(lower::failure(failure.clone())),
    };
    wire::ToolUse { name: call.name.clone(), arguments: lower::json(&call.arguments), outcome }
}

/// What agent code got from a call: the structured result, or its text where there is none.
fn result_of(outcome: &Outcome) -> Option<Value> {
    if outcome.structured.is_some() {
        return outcome.structured.clone();
    }
    let texts = outcome.content.iter().filter_map(|content| match content {
        Content::Text { text } => Some(text.as_str()),
        _ => None,
    });
    let text = texts.collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some(Value::String(text))
}

fn dependence(dependence: &Dependence) -> wire::Dependence {
    wire::Dependence {
        tool: dependence.tool,
        pointer: dependence.pointer.clone(),
        changed_to: lower::json(&dependence.changed_to),
        effect: match dependence.effect {
            Effect::Unchanged => wire::Effect::Unchanged,
            Effect::Changed => wire::Effect::Changed,
            Effect::Raised => wire::Effect::Raised,
            Effect::Unknown => wire::Effect::Unknown,
        },
        answer_under: dependence.answer_under.as_ref().map(lower::json),
    }
}

/// Checks judgements against the step that they are about.
pub fn lift_judgements(judgements: Vec<wire::Judgement>, step: &StepView) -> Result<Vec<Judgement>, Failure> {
    if judgements.len() != step.candidates.len() {
        let reason = format!("there are {} for {} candidates", judgements.len(), step.candidates.len());
        return Err(lift::broken("judgements", reason));
    }
    judgements
        .into_iter()
        .zip(&step.candidates)
        .map(|(judgement, candidate)| lift_one(judgement, candidate))
        .collect()
}

fn lift_one(judgement: wire::Judgement, candidate: &Candidate) -> Result<Judgement, Failure> {
    let verdict = match judgement.verdict {
        wire::Verdict::Pass => Verdict::Pass,
        wire::Verdict::Fail => Verdict::Fail,
        wire::Verdict::Abstain => Verdict::Abstain,
    };
    if judgement.evidence.len() > limits::EVIDENCE_QUOTES {
        let reason = format!("{} quotes, the most is {}", judgement.evidence.len(), limits::EVIDENCE_QUOTES);
        return Err(lift::broken("evidence", reason));
    }
    for quote in &judgement.evidence {
        if quote.len() > limits::MESSAGE_BYTES || !occurs(quote, candidate) {
            let shown = text::clean_line(quote, 80);
            return Err(lift::broken("evidence", format!("{shown:?} does not occur in the candidate")));
        }
    }
    Ok(Judgement {
        verdict,
        score: judgement.score.map(lift::score).transpose()?,
        rationale: text::clean(&judgement.rationale, limits::MESSAGE_BYTES),
        evidence: judgement.evidence,
    })
}

/// Whether a quote stands somewhere in what the candidate did or what came of it.
fn occurs(quote: &str, candidate: &Candidate) -> bool {
    if quote.is_empty() {
        return false;
    }
    let execution = &candidate.execution;
    let in_texts = [Some(&candidate.thought), Some(&candidate.code), execution.error.as_ref()]
        .into_iter()
        .flatten()
        .any(|text| text.contains(quote));
    let in_observation = candidate.observation.iter().any(|content| match content {
        Content::Text { text } => text.contains(quote),
        Content::Other { value, .. } => value.to_string().contains(quote),
        Content::Artifact(artifact) => artifact.name.as_deref().is_some_and(|name| name.contains(quote)),
    });
    let in_answer = candidate.answer.as_ref().is_some_and(|answer| {
        answer.to_string().contains(quote) || answer.as_str().is_some_and(|answer| answer.contains(quote))
    });
    let in_tools = execution.tools.iter().any(|call| {
        let outcome = match &call.outcome {
            Ok(outcome) => result_of(outcome).map(|value| value.to_string()).unwrap_or_default(),
            Err(failure) => failure.message.clone(),
        };
        call.name.contains(quote) || call.arguments.to_string().contains(quote) || outcome.contains(quote)
    });
    in_texts || in_observation || in_answer || in_tools
}
