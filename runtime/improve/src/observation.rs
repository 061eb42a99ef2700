//! What an action showed: for the next prompt as text, for a verifier as content.

use sport_sandbox::{Candidate, Content, EndingKind, Execution, PastStep, RunReport, Usage};

use crate::store::{Action, CandidateRow};

/// Longest observation in a prompt; what is longer loses its middle, since both ends of an output tell most.
const LONGEST: usize = 2_000;

/// What the policy is shown of a run.
pub fn text(report: &RunReport) -> String {
    let mut parts = Vec::new();
    if !report.stdout.trim_end().is_empty() {
        parts.push(report.stdout.trim_end().to_owned());
    }
    if let Some(value) = report.value.as_ref().filter(|value| value.repr != "None") {
        parts.push(value.repr.clone());
    }
    if let Some(raised) = &report.raised {
        parts.push(match &raised.traceback {
            Some(traceback) => traceback.trim_end().to_owned(),
            None => format!("{}: {}", raised.class, raised.message),
        });
    }
    match (report.ending, report.exit_code) {
        (EndingKind::Exited, Some(code)) => parts.push(format!("exited with code {code}")),
        (EndingKind::Unparsed, _) => parts.push("no code found".to_owned()),
        _ => parts.extend(report.reason.as_ref().map(|reason| format!("stopped: {reason}"))),
    }
    for display in &report.displays {
        match display {
            Content::Text { text } => parts.push(text.clone()),
            Content::Artifact(artifact) => {
                parts.push(format!(
                    "[{}: {}]",
                    artifact.media_type,
                    artifact.name.as_deref().unwrap_or("file")
                ));
            }
            Content::Other { kind, .. } => parts.push(format!("[{kind}]")),
        }
    }
    shorten(parts.join("\n"), LONGEST)
}

/// Takes the middle out of a text of more characters than this.
pub(crate) fn shorten(text: String, longest: usize) -> String {
    let count = text.chars().count();
    if count <= longest {
        return text;
    }
    let start: String = text.chars().take(longest / 2).collect();
    let end: String = text.chars().skip(count - longest / 2).collect();
    format!("{start}\n[{} characters left out]\n{end}", count - longest)
}

/// The same for a verifier.
pub fn content(report: &RunReport) -> Vec<Content> {
    let shown = text(&RunReport { displays: Vec::new(), ..report.clone() });
    let text = (!shown.is_empty()).then_some(Content::Text { text: shown });
    text.into_iter().chain(report.displays.iter().cloned()).collect()
}

/// One line on what went wrong.
fn error(report: &RunReport) -> Option<String> {
    let raised = report.raised.as_ref().map(|raised| format!("{}: {}", raised.class, raised.message));
    raised.or_else(|| report.reason.clone()).map(|text| text.lines().collect::<Vec<_>>().join(" "))
}

fn execution(row: &CandidateRow, report: &RunReport) -> Execution {
    Execution {
        ending: report.ending,
        error: error(report),
        tools: report.tool_calls.clone(),
        dependences: row.dependences.clone(),
        wall_ms: report.usage.wall_us / 1_000,
    }
}

/// A candidate as a verifier sees it; one that has not run shows nothing.
pub fn candidate(row: &CandidateRow) -> Candidate {
    let unparsed = unparsed();
    let report = row.report.as_ref().unwrap_or(&unparsed);
    Candidate {
        thought: row.action.thought.clone(),
        code: row.action.code.clone(),
        observation: content(report),
        execution: execution(row, report),
        answer: report.answer.clone(),
        copies: 1,
    }
}

/// A winner as later steps see it.
pub fn past_step(row: &CandidateRow) -> PastStep {
    let Candidate { thought, code, observation, execution, .. } = candidate(row);
    PastStep { thought, code, observation, execution }
}

/// The report of an action without code: nothing ran.
pub fn unparsed() -> RunReport {
    RunReport {
        ending: EndingKind::Unparsed,
        answer: None,
        value: None,
        raised: None,
        exit_code: None,
        reason: None,
        stdout: String::new(),
        stderr: String::new(),
        displays: Vec::new(),
        tool_calls: Vec::new(),
        usage: Usage::default(),
    }
}

/// An earlier step as the prompt form sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// What was done.
    pub action: Action,
    /// What it showed.
    pub observation: String,
}
