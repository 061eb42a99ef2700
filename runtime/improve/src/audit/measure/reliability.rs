//! Whether a verifier can be relied on to say the same: validity, order, repeat, identity, transitivity.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sport_sandbox::Judgement;

use super::Ground;
use crate::audit::interval::{Figure, Sums, ratio};
use crate::audit::preference::{Preference, between, kendall};

/// Whether there are judgements at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// Calls.
    pub calls: u64,
    /// Share that failed: refusals, traps, scores out of range, a wrong number of judgements.
    pub failures: Option<Figure>,
    /// How many by code.
    pub by_code: BTreeMap<String, u64>,
}

/// Whether the order of candidates matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Share of preferences that stay when the list is turned around.
    pub consistency: Option<Figure>,
    /// The same where one is good and the other bad.
    pub consistency_far: Option<Figure>,
    /// The same where both are good or both bad.
    pub consistency_near: Option<Figure>,
    /// Share of preferences that are for the one shown earlier.
    pub first: Option<Figure>,
    /// Mean Kendall tau between the ranking in the base order and in others.
    pub kendall: Option<Figure>,
}

/// Whether it says the same again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// Share of preferences that change when nothing else does.
    pub flips: Option<Figure>,
    /// Share of verdicts that change.
    pub verdict_flips: Option<Figure>,
    /// Smallest odd number of votes of which the majority is what many votes would say in 95 % of cases.
    pub votes: Option<u32>,
}

/// Whether equal things are equal to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Share of candidates that are a tie with their own copy.
    pub ties: Option<Figure>,
}

/// Whether its preferences go around in circles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transitivity {
    /// Share of triples, compared two by two, that do.
    pub circles: Option<Figure>,
}

pub(in crate::audit) fn validity(ground: &Ground<'_>) -> Validity {
    let mut sums = Sums::new(ground.tasks.len());
    let mut by_code: BTreeMap<String, u64> = BTreeMap::new();
    for (task, probe) in ground.asked() {
        let failed: u64 = probe.calls.failed.values().sum();
        sums.add(task, [failed as f64, probe.calls.made as f64]);
        for (code, count) in &probe.calls.failed {
            *by_code.entry(code.clone()).or_default() += count;
        }
    }
    let failures = ground.bootstrap.share(&sums);
    Validity { calls: sums.total()[1] as u64, failures, by_code }
}

pub(in crate::audit) fn order(ground: &Ground<'_>) -> Order {
    let tasks = ground.tasks.len();
    // all, far, near
    let mut consistent: [Sums<2>; 3] = [Sums::new(tasks), Sums::new(tasks), Sums::new(tasks)];
    let (mut first, mut tau) = (Sums::new(tasks), Sums::new(tasks));
    for (task, probe) in ground.asked() {
        let Some(answers) = &probe.answers else { continue };
        let Some(base) = &answers.base else { continue };
        for other in answers.back.iter().chain(&answers.shuffled) {
            if let Some(found) = kendall(&base.said, &other.said) {
                tau.add(task, [found, 1.0]);
            }
        }
        let Some(back) = &answers.back else { continue };
        for pair in super::pairs_of(task, probe.step, base, ground.margin) {
            let turned = between(&back.said[pair.first], &back.said[pair.second], ground.margin).0;
            if pair.preference.decided() || turned.decided() {
                let same = f64::from(u8::from(pair.preference == turned));
                consistent[0].add(task, [same, 1.0]);
                if let Some(truth) = pair.truth() {
                    consistent[if truth.decided() { 1 } else { 2 }].add(task, [same, 1.0]);
                }
            }
        }
    }
    for pair in ground.pairs(true).into_iter().filter(|pair| pair.preference.decided()) {
        first.add(pair.task, [f64::from(u8::from(pair.preference == Preference::First)), 1.0]);
    }
    let share = |sums: &Sums<2>| ground.bootstrap.share(sums);
    Order {
        consistency: share(&consistent[0]),
        consistency_far: share(&consistent[1]),
        consistency_near: share(&consistent[2]),
        first: share(&first),
        kendall: share(&tau),
    }
}

pub(in crate::audit) fn repeat(ground: &Ground<'_>) -> Repeat {
    let tasks = ground.tasks.len();
    let (mut flips, mut verdicts) = (Sums::new(tasks), Sums::new(tasks));
    for (task, probe) in ground.asked() {
        let Some(answers) = &probe.answers else { continue };
        let Some(base) = &answers.base else { continue };
        for again in &answers.again {
            for pair in super::pairs_of(task, probe.step, base, ground.margin) {
                let now = between(&again.said[pair.first], &again.said[pair.second], ground.margin).0;
                if pair.preference.decided() || now.decided() {
                    flips.add(task, [f64::from(u8::from(pair.preference != now)), 1.0]);
                }
            }
            for (before, now) in base.said.iter().zip(&again.said) {
                let changed = |(one, other): (&Judgement, &Judgement)| one.verdict != other.verdict;
                verdicts.add(task, [f64::from(u8::from(changed((before, now)))), 1.0]);
            }
        }
    }
    let flips = ground.bootstrap.share(&flips);
    Repeat {
        votes: flips.map(|flips| votes(flips.value)),
        flips,
        verdict_flips: ground.bootstrap.share(&verdicts),
    }
}

/// How many votes make the majority right in 95 % of cases, when two votes differ in a share `flips` of them.
fn votes(flips: f64) -> u32 {
    /// A verifier that needs more is no verifier.
    const MOST: u32 = 101;
    // two votes differ with 2 q (1 - q), where q is a vote's chance to be the rarer one
    let rare = (1.0 - (1.0 - 2.0 * flips.min(0.5)).sqrt()) / 2.0;
    let majority_wrong = |count: u32| {
        let mut term = (1.0 - rare).powi(count as i32);
        let mut right = 0.0;
        for wrong in 0..=count / 2 {
            right += term;
            term *= f64::from(count - wrong) / f64::from(wrong + 1) * rare / (1.0 - rare);
        }
        1.0 - right
    };
    (1..MOST).step_by(2).find(|&count| majority_wrong(count) <= 0.05).unwrap_or(MOST)
}

pub(in crate::audit) fn identity(ground: &Ground<'_>) -> Identity {
    let mut sums = Sums::new(ground.tasks.len());
    for (task, probe) in ground.asked() {
        for tie in probe.answers.iter().flat_map(|answers| &answers.copies) {
            sums.add(task, [f64::from(u8::from(*tie)), 1.0]);
        }
    }
    Identity { ties: ground.bootstrap.share(&sums) }
}

pub(in crate::audit) fn transitivity(ground: &Ground<'_>) -> Transitivity {
    let mut sums = Sums::new(ground.tasks.len());
    for (task, probe) in ground.asked() {
        let Some(answers) = &probe.answers else { continue };
        let duels = &answers.duels;
        // the keys are in the order in which the candidates were shown, each pair once
        for (&(one, other), &ab) in duels {
            for (&(_, third), &bc) in duels.iter().filter(|((first, _), _)| *first == other) {
                let Some(&ac) = duels.get(&(one, third)) else { continue };
                if [ab, bc, ac].iter().all(|preference| preference.decided()) {
                    let circle = ab == bc && bc != ac;
                    sums.add(task, [f64::from(u8::from(circle)), 1.0]);
                }
            }
        }
    }
    Transitivity {
        circles: ground.bootstrap.figure(&sums, sums.total()[1] as u64, |[part, whole]| ratio(part, whole)),
    }
}
