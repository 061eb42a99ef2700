//! A verifier beside others, and beside itself at the last audit.

use serde::{Deserialize, Serialize};

use super::Ground;
use crate::audit::agreement::cohen_kappa;
use crate::audit::interval::{Figure, Sums};
use crate::audit::preference::Preference;
use crate::stats::sign_test;

/// Most disagreements that are listed.
const LISTED: usize = 50;

/// Another verifier that was asked about the same steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its component.
    pub digest: String,
    /// Share of all pairs on which both say the same, ties among them.
    pub agreement: Option<Figure>,
    /// Cohen's kappa over pairs that both decided.
    pub kappa: Option<Figure>,
    /// Pairs that they decided differently: step and the two candidates' numbers. For people to look at.
    pub disagreements: Vec<(String, usize, usize)>,
}

/// The same questions as at an earlier audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// When that was, seconds since 1970.
    pub since: u64,
    /// Whether it was the same verifier, config and models; only then is a change an alarm.
    pub same: bool,
    /// Pairs that are right now and were not.
    pub up: u64,
    /// Pairs that were right and are not now.
    pub down: u64,
    /// Two-sided sign test over the changes.
    pub p: f64,
}

/// `other` was asked about the same steps in the same orders.
pub(in crate::audit) fn member(ground: &Ground<'_>, other: &Ground<'_>, name: &str, digest: &str) -> Member {
    // same, all, then the table of pairs that both decided
    let mut sums: Sums<6> = Sums::new(ground.tasks.len());
    let mut disagreements = Vec::new();
    let mut said = std::collections::BTreeMap::new();
    for pair in other.pairs(false) {
        said.insert((pair.step.step.as_str(), pair.first, pair.second), pair.preference);
    }
    for pair in ground.pairs(false) {
        let Some(&theirs) = said.get(&(pair.step.step.as_str(), pair.first, pair.second)) else { continue };
        sums.add(pair.task, [f64::from(u8::from(theirs == pair.preference)), 1.0, 0.0, 0.0, 0.0, 0.0]);
        if !theirs.decided() || !pair.preference.decided() {
            continue;
        }
        let cell = match (pair.preference, theirs) {
            (Preference::First, Preference::First) => 2,
            (Preference::First, _) => 3,
            (_, Preference::First) => 4,
            _ => 5,
        };
        sums.bump(pair.task, cell);
        if pair.preference != theirs && disagreements.len() < LISTED {
            disagreements.push((pair.step.step.clone(), pair.first, pair.second));
        }
    }
    let [_, all, a, b, c, d] = sums.total();
    Member {
        name: name.to_owned(),
        digest: digest.to_owned(),
        agreement: ground
            .bootstrap
            .figure(&sums, all as u64, |[same, all, ..]| crate::audit::interval::ratio(same, all)),
        kappa: ground
            .bootstrap
            .figure(&sums, (a + b + c + d) as u64, |[_, _, a, b, c, d]| cohen_kappa([[a, b], [c, d]])),
        disagreements,
    }
}

/// One letter per pair of a good and a bad candidate in the base order: right, wrong, tie.
pub(in crate::audit) fn outcomes(ground: &Ground<'_>) -> String {
    let known = |pair: &super::Pair<'_>| pair.truth().is_some_and(Preference::decided);
    let letter = |pair: super::Pair<'_>| match pair.right() {
        Some(true) => 'r',
        Some(false) => 'w',
        None => 't',
    };
    ground.pairs(false).into_iter().filter(known).map(letter).collect()
}

/// Compares the outcomes of two audits of the same questions.
pub(in crate::audit) fn drift(before: &str, now: &str, since: u64, same: bool) -> Drift {
    let both = || before.chars().zip(now.chars());
    let up = both().filter(|(was, is)| *was != 'r' && *is == 'r').count() as u64;
    let down = both().filter(|(was, is)| *was == 'r' && *is != 'r').count() as u64;
    Drift { since, same, up, down, p: sign_test(up, down) }
}
