//! Agreement with what is known: pairs, verdicts, people among themselves, and a model's liking for its own.

use serde::{Deserialize, Serialize};
use sport_sandbox::Verdict;

use super::Ground;
use crate::audit::agreement::{cohen_kappa, gwet_ac1};
use crate::audit::interval::{Figure, Sums};
use crate::audit::labels::Labels;
use crate::audit::preference::Preference;
use crate::audit::recorded::errs;

/// Against the truth. Preferences are those of the base order and its reverse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Candidates known to be good.
    pub good: u64,
    /// Candidates known to be bad.
    pub bad: u64,
    /// Pairs of a good and a bad one, each once.
    pub pairs: u64,
    /// Share of the decided ones in which the good one is preferred.
    pub accuracy: Option<Figure>,
    /// Share of them that are decided.
    pub coverage: Option<Figure>,
    /// Cohen's kappa of which of the two is better.
    pub kappa: Option<Figure>,
    /// Gwet's AC1 of the same.
    pub ac1: Option<Figure>,
    /// Accuracy where the bad one came to nothing (it raised, was stopped, held no code).
    pub error_pairs: Option<Figure>,
    /// Of the verdicts.
    pub verdicts: Verdicts,
}

/// Verdicts against the truth of each candidate; abstentions count in `coverage` only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdicts {
    /// Share that is right.
    pub accuracy: Option<Figure>,
    /// Share of the good ones that pass.
    pub sensitivity: Option<Figure>,
    /// Share of the bad ones that fail.
    pub specificity: Option<Figure>,
    /// Cohen's kappa.
    pub kappa: Option<Figure>,
    /// Gwet's AC1.
    pub ac1: Option<Figure>,
    /// Share that is no abstention.
    pub coverage: Option<Figure>,
}

/// What people agree on among themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Share of double labels that are equal.
    pub agreement: Option<Figure>,
    /// Cohen's kappa of them.
    pub kappa: Option<Figure>,
}

/// A judge's liking for candidates of its own family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfPreference {
    /// The family.
    pub family: String,
    /// Share of mixed pairs in which its own is preferred, minus the share in which its own is better.
    pub excess: Option<Figure>,
}

pub(in crate::audit) fn agreement(ground: &Ground<'_>) -> Agreement {
    let tasks = ground.tasks.len();
    // both say first, verifier alone, truth alone, both say second; then shown, decided
    let mut pairs: Sums<6> = Sums::new(tasks);
    let mut errors: Sums<2> = Sums::new(tasks);
    for pair in ground.pairs(true) {
        let Some(truth) = pair.truth().filter(|truth| truth.decided()) else { continue };
        pairs.bump(pair.task, 4);
        let Some(right) = pair.right() else { continue };
        pairs.bump(pair.task, 5);
        let cell = match (pair.preference, truth) {
            (Preference::First, Preference::First) => 0,
            (Preference::First, _) => 1,
            (_, Preference::First) => 2,
            _ => 3,
        };
        pairs.bump(pair.task, cell);
        let bad = if truth == Preference::First { pair.second } else { pair.first };
        if errs(&pair.step.view.candidates[bad]) {
            errors.add(pair.task, [f64::from(u8::from(right)), 1.0]);
        }
    }
    let [.., shown, decided] = pairs.total();
    let of = |count: f64, figure: fn([f64; 6]) -> Option<f64>| {
        ground.bootstrap.figure(&pairs, count as u64, figure)
    };
    let once =
        ground.pairs(false).iter().filter(|pair| pair.truth().is_some_and(Preference::decided)).count();
    let truths = || ground.asked().flat_map(|(_, probe)| &probe.step.truths);
    Agreement {
        good: truths().filter(|truth| **truth == Some(true)).count() as u64,
        bad: truths().filter(|truth| **truth == Some(false)).count() as u64,
        pairs: once as u64,
        accuracy: of(decided, |[a, b, c, d, ..]| share(a + d, a + b + c + d)),
        coverage: of(shown, |[.., shown, decided]| share(decided, shown)),
        kappa: of(decided, |[a, b, c, d, ..]| cohen_kappa([[a, b], [c, d]])),
        ac1: of(decided, |[a, b, c, d, ..]| gwet_ac1([[a, b], [c, d]])),
        error_pairs: ground.bootstrap.share(&errors),
        verdicts: verdicts(ground),
    }
}

fn verdicts(ground: &Ground<'_>) -> Verdicts {
    // good and passed, bad and passed, good and failed, bad and failed, abstained
    let mut sums: Sums<5> = Sums::new(ground.tasks.len());
    for (task, probe) in ground.asked() {
        let Some(answers) = &probe.answers else { continue };
        for shown in answers.base.iter().chain(&answers.back) {
            for (said, truth) in shown.said.iter().zip(&probe.step.truths) {
                match (said.verdict, truth) {
                    (_, None) => {}
                    (Verdict::Pass, Some(true)) => sums.bump(task, 0),
                    (Verdict::Pass, Some(false)) => sums.bump(task, 1),
                    (Verdict::Fail, Some(true)) => sums.bump(task, 2),
                    (Verdict::Fail, Some(false)) => sums.bump(task, 3),
                    (Verdict::Abstain, Some(_)) => sums.bump(task, 4),
                }
            }
        }
    }
    let [a, b, c, d, abstained] = sums.total();
    let of = |count: f64, figure: fn([f64; 5]) -> Option<f64>| {
        ground.bootstrap.figure(&sums, count as u64, figure)
    };
    let said = a + b + c + d;
    Verdicts {
        accuracy: of(said, |[a, b, c, d, _]| share(a + d, a + b + c + d)),
        sensitivity: of(a + c, |[a, _, c, ..]| share(a, a + c)),
        specificity: of(b + d, |[_, b, _, d, _]| share(d, b + d)),
        kappa: of(said, |[a, b, c, d, _]| cohen_kappa([[a, b], [c, d]])),
        ac1: of(said, |[a, b, c, d, _]| gwet_ac1([[a, b], [c, d]])),
        coverage: of(said + abstained, |[a, b, c, d, e]| share(a + b + c + d, a + b + c + d + e)),
    }
}

/// Nothing where no two raters looked at the same candidate.
pub(in crate::audit) fn ceiling(ground: &Ground<'_>, labels: &Labels) -> Option<Ceiling> {
    let task_of =
        |name: &str| ground.asked().find(|(_, probe)| probe.step.step == name).map(|(task, _)| task);
    let mut sums: Sums<4> = Sums::new(ground.tasks.len());
    for (step, first, second) in labels.doubly() {
        let Some(task) = task_of(step) else { continue };
        let cell = match (first, second) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        sums.bump(task, cell);
    }
    let count = sums.total().iter().sum::<f64>() as u64;
    let of = |figure: fn([f64; 4]) -> Option<f64>| ground.bootstrap.figure(&sums, count, figure);
    (count > 0).then(|| Ceiling {
        agreement: of(|[a, b, c, d]| share(a + d, a + b + c + d)),
        kappa: of(|[a, b, c, d]| cohen_kappa([[a, b], [c, d]])),
    })
}

/// Over pairs of one candidate of the family and one that is known to be of another.
pub(in crate::audit) fn self_preference(ground: &Ground<'_>, family: &str) -> SelfPreference {
    let mut sums: Sums<2> = Sums::new(ground.tasks.len());
    for pair in ground.pairs(true) {
        let own = |place: usize| pair.step.families[place].as_deref().map(|name| name == family);
        let (Some(first), Some(second)) = (own(pair.first), own(pair.second)) else { continue };
        let Some(truth) = pair.truth().filter(|_| first != second && pair.preference.decided()) else {
            continue;
        };
        let mine = if first { Preference::First } else { Preference::Second };
        let liked = f64::from(u8::from(pair.preference == mine));
        let better = match truth {
            Preference::Tie => 0.5,
            truth => f64::from(u8::from(truth == mine)),
        };
        sums.add(pair.task, [liked - better, 1.0]);
    }
    SelfPreference { family: family.to_owned(), excess: ground.bootstrap.share(&sums) }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    crate::audit::interval::ratio(part, whole)
}
