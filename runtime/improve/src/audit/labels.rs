//! Truth from people: who said of which candidate that it is good.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::recorded::{Recorded, read};
use crate::error::Error;

/// A line of a file of labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    step: String,
    candidate: usize,
    good: bool,
    rater: String,
    /// The family of the model that wrote the candidate.
    #[serde(default)]
    family: Option<String>,
}

/// What people said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    by_step: BTreeMap<String, Vec<Label>>,
}

impl Labels {
    /// Reads a file of labels, one JSON object a line: `step`, `candidate` (from 0), `good`, `rater`, and where it is known
    /// the `family` of the model that wrote the candidate.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut by_step: BTreeMap<String, Vec<Label>> = BTreeMap::new();
        for (number, line) in read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let label: Label = serde_json::from_str(line).map_err(|error| Error::Config {
                path: path.to_owned(),
                message: format!("line {}: not a label: {error}", number + 1),
            })?;
            by_step.entry(label.step.clone()).or_default().push(label);
        }
        Ok(Self { by_step })
    }

    /// Whether nobody said anything.
    pub fn is_empty(&self) -> bool {
        self.by_step.is_empty()
    }

    /// Puts the labels into the steps, in the place of whatever was known before: the majority of raters counts, and where
    /// they are divided nothing is known. Candidates are counted as they were recorded, equal ones too.
    pub fn apply(&self, steps: &mut [Recorded]) -> Result<(), Error> {
        for step in &mut *steps {
            step.truths = vec![None; step.view.candidates.len()];
        }
        for (name, labels) in &self.by_step {
            let Some(step) = steps.iter_mut().find(|step| step.step == *name) else {
                return Err(Error::Refused(format!(
                    "a label is about step `{name}`, which is not among the steps: give the steps that were labelled"
                )));
            };
            let count = step.view.candidates.len();
            step.families.resize(count, None);
            if let Some(label) = labels.iter().find(|label| label.candidate >= count) {
                return Err(Error::Refused(format!(
                    "a label is about candidate {} of step `{name}`, which has {count}",
                    label.candidate
                )));
            }
            for candidate in 0..count {
                let of_it: Vec<&Label> = labels.iter().filter(|label| label.candidate == candidate).collect();
                let good = of_it.iter().filter(|label| label.good).count();
                let bad = of_it.len() - good;
                step.truths[candidate] = (good != bad).then_some(good > bad);
                if let Some(family) = of_it.iter().find_map(|label| label.family.clone()) {
                    step.families[candidate] = Some(family);
                }
            }
        }
        Ok(())
    }

    /// Every two raters' words on one candidate, with the step's name: what people agree on is the most that can be asked of
    /// a verifier.
    pub(super) fn doubly(&self) -> Vec<(&str, bool, bool)> {
        let mut both = Vec::new();
        for (step, labels) in &self.by_step {
            for (number, one) in labels.iter().enumerate() {
                for other in &labels[number + 1..] {
                    if one.candidate == other.candidate && one.rater != other.rater {
                        // the same two raters in the same order, so that the table is not symmetric by accident
                        let (first, second) =
                            if one.rater < other.rater { (one, other) } else { (other, one) };
                        both.push((step.as_str(), first.good, second.good));
                    }
                }
            }
        }
        both
    }
}
