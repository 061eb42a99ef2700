//! The blocks of an audit: from what a verifier said to figures with intervals.
//!
//! * `reliability`: validity, order, repeat, identity, transitivity;
//! * `truth`: accuracy and agreement with what is known, ceiling, self-preference;
//! * `planted`: controls; `shortcuts`: what else predicts a preference;
//! * `calibration`: whether margins mean anything, and what a filter by margin would buy;
//! * `compared`: with other verifiers and with the last audit; `forecast`: what tuning on its pairs would be worth.

pub mod calibration;
pub mod compared;
pub mod forecast;
pub mod planted;
pub mod reliability;
pub mod shortcuts;
pub mod truth;

use std::collections::BTreeMap;

use super::interval::Bootstrap;
use super::preference::{Preference, between};
use super::probe::{Probed, Shown};
use super::recorded::Recorded;

/// What every block is made from.
pub(super) struct Ground<'a> {
    /// The steps that were asked about.
    pub probed: &'a [Probed<'a>],
    /// Number of each task among those asked about.
    pub tasks: BTreeMap<&'a str, usize>,
    /// The draws.
    pub bootstrap: Bootstrap,
    /// A smaller margin is a tie.
    pub margin: f64,
}

impl<'a> Ground<'a> {
    /// Over everything that was asked.
    pub fn new(probed: &'a [Probed<'a>], resamples: usize, seed: u64, margin: f64) -> Self {
        let mut tasks = BTreeMap::new();
        for probe in probed.iter().filter(|probe| probe.answers.is_some()) {
            let next = tasks.len();
            tasks.entry(probe.step.task.as_str()).or_insert(next);
        }
        let bootstrap = Bootstrap::new(tasks.len(), resamples, seed);
        Self { probed, tasks, bootstrap, margin }
    }

    /// Each step that was asked about, with the number of its task.
    pub fn asked(&self) -> impl Iterator<Item = (usize, &'a Probed<'a>)> {
        self.probed.iter().filter_map(|probe| {
            let task = self.tasks.get(probe.step.task.as_str()).filter(|_| probe.answers.is_some())?;
            Some((*task, probe))
        })
    }

    /// Every two candidates of every step as they were shown: in the base order, and backwards where `both`.
    pub fn pairs(&self, both: bool) -> Vec<Pair<'a>> {
        let mut pairs = Vec::new();
        for (task, probe) in self.asked() {
            let Some(answers) = &probe.answers else { continue };
            let back = answers.back.as_ref().filter(|_| both);
            for shown in answers.base.iter().chain(back) {
                pairs.extend(pairs_of(task, probe.step, shown, self.margin));
            }
        }
        pairs
    }
}

/// Two candidates of a step and what was said of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub task: usize,
    pub step: &'a Recorded,
    /// The one that was shown earlier.
    pub first: usize,
    pub second: usize,
    pub preference: Preference,
    pub margin: f64,
}

impl Pair<'_> {
    /// Which one is truly better; a tie where both are good or both bad, none where it is not known.
    pub fn truth(&self) -> Option<Preference> {
        let (first, second) = (self.step.truths[self.first]?, self.step.truths[self.second]?);
        Some(match (first, second) {
            (true, false) => Preference::First,
            (false, true) => Preference::Second,
            _ => Preference::Tie,
        })
    }

    /// Whether the preference is the true one, where there is one and one was expressed.
    pub fn right(&self) -> Option<bool> {
        let truth = self.truth().filter(|truth| truth.decided())?;
        self.preference.decided().then(|| self.preference == truth)
    }
}

/// Every two candidates of a step in one showing.
pub(super) fn pairs_of<'a>(task: usize, step: &'a Recorded, shown: &Shown, margin: f64) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for (place, &first) in shown.order.iter().enumerate() {
        for &second in &shown.order[place + 1..] {
            let (preference, margin) = between(&shown.said[first], &shown.said[second], margin);
            pairs.push(Pair { task, step, first, second, preference, margin });
        }
    }
    pairs
}
