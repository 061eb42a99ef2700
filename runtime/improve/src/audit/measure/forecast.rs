//! What tuning on a verifier's pairs would be worth.
//!
//! A wrong pair does not only add nothing, it takes away: with a share ε of them wrong, N pairs teach what N (1 − 2ε)² right
//! ones would. Halving ε beats doubling the data once ε is above 0.23.

use serde::{Deserialize, Serialize};

use super::Ground;
use crate::audit::interval::{Figure, Sums};

/// The forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Tasks that the audit saw with a good and a bad candidate.
    pub tasks: u64,
    /// Pairs of a good and a bad candidate that were decided, each once.
    pub pairs: u64,
    /// Share of decided pairs that are wrong, after the margin.
    pub flips: Option<Figure>,
    /// Share of pairs that are decided.
    pub coverage: Option<Figure>,
    /// What the audit's own decided pairs are worth.
    pub effective_pairs: f64,
    /// What 100 pairs would be worth.
    pub worth_of_100: Option<f64>,
    /// `label_smoothing` of a conservative or robust DPO loss that fits this noise.
    pub label_smoothing: Option<f64>,
    /// Pairs that are worth 100 right ones; none where no number is.
    pub pairs_for_100: Option<u64>,
}

pub(in crate::audit) fn forecast(ground: &Ground<'_>) -> Forecast {
    let mut sums: Sums<3> = Sums::new(ground.tasks.len());
    let mut tasks = std::collections::BTreeSet::new();
    for pair in ground.pairs(true) {
        if pair.truth().is_some_and(|truth| truth.decided()) {
            sums.bump(pair.task, 2);
            tasks.insert(pair.task);
            if let Some(right) = pair.right() {
                sums.add(pair.task, [f64::from(u8::from(!right)), 1.0, 0.0]);
            }
        }
    }
    let [_, decided, shown] = sums.total();
    let flips = ground
        .bootstrap
        .figure(&sums, decided as u64, |[wrong, decided, _]| crate::audit::interval::ratio(wrong, decided));
    let coverage = ground
        .bootstrap
        .figure(&sums, shown as u64, |[_, decided, shown]| crate::audit::interval::ratio(decided, shown));
    let pairs = ground.pairs(false).iter().filter(|pair| pair.right().is_some()).count() as u64;
    let gain = flips.map(|flips| (1.0 - 2.0 * flips.value).max(0.0).powi(2));
    Forecast {
        tasks: tasks.len() as u64,
        pairs,
        coverage,
        effective_pairs: pairs as f64 * gain.unwrap_or(0.0),
        worth_of_100: gain.map(|gain| 100.0 * gain),
        label_smoothing: flips.map(|flips| flips.value.min(0.5)),
        pairs_for_100: gain.filter(|gain| *gain > 1e-6).map(|gain| (100.0 / gain).ceil() as u64),
        flips,
    }
}
