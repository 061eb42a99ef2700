//! A recorded step that a verifier can be asked about, with what is known of its candidates.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sport_sandbox::{Candidate, EndingKind, StepView};

use crate::config::digest;
use crate::error::Error;

/// Largest file of steps or labels that is read.
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// Where truth comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// Answers known by program.
    Program,
    /// People.
    People,
    /// The file of steps says it.
    Steps,
}

impl Truth {
    /// The name, as in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::People => "people",
            Self::Steps => "steps",
        }
    }
}

/// One step; also a line of a file of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The task it belongs to: steps of one task are not independent.
    pub task: String,
    /// What it is called, unique.
    pub step: String,
    /// What a verifier is shown.
    pub view: StepView,
    /// Whether each candidate is good, where that is known. Never shown to a verifier.
    #[serde(default)]
    pub truths: Vec<Option<bool>>,
    /// The family of the model that wrote each candidate, where that is known.
    #[serde(default)]
    pub families: Vec<Option<String>>,
}

impl Recorded {
    /// Ready to be asked about: one truth and one family for every candidate, no two candidates of equal text (they are one), no
    /// time that differs from one run to the next.
    #[must_use]
    pub(super) fn tidied(mut self) -> Self {
        let count = self.view.candidates.len();
        self.truths.resize(count, None);
        self.families.resize(count, None);
        let mut kept: Vec<usize> = Vec::new();
        let mut candidates: Vec<Candidate> = Vec::new();
        for (place, mut candidate) in std::mem::take(&mut self.view.candidates).into_iter().enumerate() {
            let same =
                |other: &&mut Candidate| other.thought == candidate.thought && other.code == candidate.code;
            if let Some(other) = candidates.iter_mut().find(same) {
                // as the loop shows them: once, with their number
                other.copies = other.copies.saturating_add(candidate.copies);
                continue;
            }
            candidate.execution.wall_ms = 0;
            candidates.push(candidate);
            kept.push(place);
        }
        for past in &mut self.view.history {
            past.execution.wall_ms = 0;
        }
        self.truths = kept.iter().map(|&place| self.truths[place]).collect();
        self.families = kept.iter().map(|&place| self.families[place].clone()).collect();
        self.view.candidates = candidates;
        self
    }

    /// Whether it can tell good from bad.
    pub fn contrasts(&self) -> bool {
        self.truths.contains(&Some(true)) && self.truths.contains(&Some(false))
    }

    /// A good candidate with an answer, one that used tools if there is one: what is planted is made of it.
    pub(super) fn model(&self) -> Option<usize> {
        let good = |place: &usize| {
            self.truths[*place] == Some(true) && self.view.candidates[*place].answer.is_some()
        };
        let used_tools = |place: &usize| !self.view.candidates[*place].execution.tools.is_empty();
        (0..self.truths.len()).filter(good).find(used_tools).or_else(|| (0..self.truths.len()).find(good))
    }
}

/// Whether the host saw that a candidate came to nothing.
pub(super) fn errs(candidate: &Candidate) -> bool {
    !matches!(candidate.execution.ending, EndingKind::Value | EndingKind::Answered)
}

/// Reads a file of steps, one JSON object a line.
pub fn read_steps(path: &Path) -> Result<Vec<Recorded>, Error> {
    let text = read(path)?;
    let mut steps: Vec<Recorded> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let bad = |message: String| Error::Config {
            path: path.to_owned(),
            message: format!("line {}: {message}", number + 1),
        };
        let step: Recorded = serde_json::from_str(line).map_err(|error| {
            bad(format!("not a recorded step: {error} (docs/audit.md says what a line holds)"))
        })?;
        if step.truths.len() > step.view.candidates.len() {
            return Err(bad(format!(
                "{} truths for {} candidates",
                step.truths.len(),
                step.view.candidates.len()
            )));
        }
        if steps.iter().any(|other| other.step == step.step) {
            return Err(bad(format!(
                "step `{}` is there twice: every step needs a name of its own",
                step.step
            )));
        }
        steps.push(step);
    }
    Ok(steps)
}

/// A text file of bounded size.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    let size = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
    if size > MOST_BYTES {
        let message = format!("it has {size} bytes, the most is {MOST_BYTES}");
        return Err(Error::Config { path: path.to_owned(), message });
    }
    std::fs::read_to_string(path).map_err(Error::io("read", path))
}

/// Digest over steps and truth, in their order.
pub(super) fn digest_of(steps: &[Recorded]) -> Result<String, Error> {
    let text =
        serde_json::to_vec(steps).map_err(|error| Error::Internal(format!("steps as JSON: {error}")))?;
    Ok(digest(&text))
}
