//! Whether margins mean anything.
//!
//! The chance that the preferred one is better is read from the margin: a half at 0, certain at 1.

use serde::{Deserialize, Serialize};

use super::Ground;
use crate::audit::interval::{Figure, Sums, ratio};
use crate::stats::Share;

/// Bins of the expected calibration error.
const BINS: usize = 10;
/// Most points of a risk-coverage curve.
const POINTS: usize = 40;

/// Margins against truth, over decided pairs of a good and a bad candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Mean squared error of the chance.
    pub brier: Option<Figure>,
    /// Expected calibration error, ten bins.
    pub ece: Option<Figure>,
    /// What a filter by margin would leave, from no filter to the strictest.
    pub curve: Vec<Point>,
    /// The risk that was asked for.
    pub target_risk: f64,
    /// Smallest margin at which the risk is no higher; none where no margin reaches it.
    pub margin: Option<f64>,
}

/// What is left when pairs with a smaller margin are ties.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The margin.
    pub margin: f64,
    /// Share of all pairs of a good and a bad one that stay decided.
    pub coverage: f64,
    /// Share of those that are wrong.
    pub risk: f64,
    /// Upper end of the risk's 95 % Wilson interval.
    pub risk_high: f64,
}

pub(in crate::audit) fn calibration(ground: &Ground<'_>, target_risk: f64) -> Calibration {
    let mut brier: Sums<2> = Sums::new(ground.tasks.len());
    // count, sum of chances, sum of outcomes of each bin
    let mut bins: Sums<{ 3 * BINS }> = Sums::new(ground.tasks.len());
    let (mut all, mut decided) = (0_usize, Vec::new());
    for pair in ground.pairs(true) {
        if pair.truth().is_some_and(|truth| truth.decided()) {
            all += 1;
        }
        let Some(right) = pair.right() else { continue };
        let (chance, outcome) = (0.5 + pair.margin / 2.0, f64::from(u8::from(right)));
        brier.add(pair.task, [(chance - outcome).powi(2), 1.0]);
        let bin = ((chance * BINS as f64) as usize).min(BINS - 1);
        let mut what = [0.0; 3 * BINS];
        (what[3 * bin], what[3 * bin + 1], what[3 * bin + 2]) = (1.0, chance, outcome);
        bins.add(pair.task, what);
        decided.push((pair.margin, right));
    }
    let count = decided.len() as u64;
    let curve = curve(&mut decided, all);
    Calibration {
        brier: ground.bootstrap.share(&brier),
        ece: ground.bootstrap.figure(&bins, count, ece),
        margin: curve.iter().find(|point| point.risk <= target_risk).map(|point| point.margin),
        curve,
        target_risk,
    }
}

fn ece(bins: [f64; 3 * BINS]) -> Option<f64> {
    let (mut off, mut all) = (0.0, 0.0);
    for bin in bins.chunks_exact(3) {
        off += (bin[1] - bin[2]).abs();
        all += bin[0];
    }
    ratio(off, all)
}

fn curve(decided: &mut [(f64, bool)], all: usize) -> Vec<Point> {
    decided.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut margins: Vec<f64> = decided.iter().map(|(margin, _)| *margin).collect();
    margins.dedup();
    let spacing = margins.len().div_ceil(POINTS).max(1);
    margins
        .iter()
        .step_by(spacing)
        .map(|&margin| {
            let left = &decided[decided.partition_point(|(found, _)| *found < margin)..];
            let wrong = left.iter().filter(|(_, right)| !right).count() as u64;
            let share = Share::wilson(wrong, left.len() as u64);
            Point {
                margin,
                coverage: left.len() as f64 / all.max(1) as f64,
                risk: share.rate(),
                risk_high: share.high,
            }
        })
        .collect()
}
