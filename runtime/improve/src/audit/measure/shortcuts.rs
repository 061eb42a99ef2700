//! What predicts a preference without looking at what was done.
//!
//! Each is the area under the curve of that one feature, over pairs: the share of decided pairs in which the candidate that has
//! more of it is preferred. A half is nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Ground, Pair};
use crate::audit::interval::{Figure, Sums};
use crate::audit::preference::Preference;
use crate::audit::recorded::errs;

/// How well one feature alone predicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shortcuts {
    /// The longer one is preferred.
    pub length: Option<Figure>,
    /// The same where both are good or both bad, so that length cannot stand for quality.
    pub length_same_truth: Option<Figure>,
    /// Tasks with such a pair: a few say nothing.
    pub same_truth_tasks: u64,
    /// The one shown earlier is preferred.
    pub position: Option<Figure>,
    /// The one that came to an end is preferred to the one that raised or was stopped: legitimate, and good to know.
    pub no_error: Option<Figure>,
}

pub(in crate::audit) fn shortcuts(ground: &Ground<'_>) -> Shortcuts {
    let pairs = ground.pairs(false);
    let of = |feature: &dyn Fn(&Pair<'_>) -> Option<bool>| {
        let mut sums = Sums::new(ground.tasks.len());
        for pair in pairs.iter().filter(|pair| pair.preference.decided()) {
            if let Some(first_has_more) = feature(pair) {
                let follows = (pair.preference == Preference::First) == first_has_more;
                sums.add(pair.task, [f64::from(u8::from(follows)), 1.0]);
            }
        }
        ground.bootstrap.share(&sums)
    };
    let length = |pair: &Pair<'_>| {
        let length = |place: usize| {
            let candidate = &pair.step.view.candidates[place];
            candidate.thought.len() + candidate.code.len()
        };
        let (first, second) = (length(pair.first), length(pair.second));
        (first != second).then_some(first > second)
    };
    let error = |pair: &Pair<'_>| {
        let errs = |place: usize| errs(&pair.step.view.candidates[place]);
        let (first, second) = (errs(pair.first), errs(pair.second));
        (first != second).then_some(second)
    };
    let same = |pair: &&Pair<'_>| {
        pair.preference.decided() && pair.truth() == Some(Preference::Tie) && length(pair).is_some()
    };
    let same_truth_tasks: BTreeSet<usize> = pairs.iter().filter(same).map(|pair| pair.task).collect();
    Shortcuts {
        same_truth_tasks: same_truth_tasks.len() as u64,
        length: of(&length),
        length_same_truth: of(&|pair| length(pair).filter(|_| pair.truth() == Some(Preference::Tie))),
        position: of(&|_| Some(true)),
        no_error: of(&error),
    }
}
