//! Intervals and tests, so that a gain is told from luck.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The two-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A share with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How many were right.
    pub correct: u64,
    /// Of how many.
    pub total: u64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// A share with its Wilson interval, which stays inside 0..1 and is honest for few tasks.
    pub fn wilson(correct: u64, total: u64) -> Self {
        if total == 0 {
            return Self { correct, total, low: 0.0, high: 1.0 };
        }
        let (n, p) = (total as f64, correct as f64 / total as f64);
        let z2 = Z * Z;
        let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        Self { correct, total, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }

    /// The share itself; 0 of 0 is 0.
    pub fn rate(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.correct as f64 / self.total as f64 }
    }
}

/// A difference of two shares over the same tasks, with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Share now minus share before.
    pub difference: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Percentile bootstrap of the mean paired difference: tasks are drawn with replacement, both results of a
/// task together.
pub fn paired_bootstrap(
    before: &[bool],
    after: &[bool],
    resamples: usize,
    random: &mut ChaCha8Rng,
) -> Difference {
    let differences: Vec<f64> = before
        .iter()
        .zip(after)
        .map(|(&was, &is)| f64::from(u8::from(is)) - f64::from(u8::from(was)))
        .collect();
    if differences.is_empty() {
        return Difference { difference: 0.0, low: 0.0, high: 0.0 };
    }
    let n = differences.len();
    let mut means: Vec<f64> = (0..resamples)
        .map(|_| {
            (0..n).map(|_| differences[random.random_range(0..n as u64) as usize]).sum::<f64>() / n as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Difference {
        difference: differences.iter().sum::<f64>() / n as f64,
        low: quantile(&means, 0.025),
        high: quantile(&means, 0.975),
    }
}

/// Linear interpolation between the two nearest of sorted values.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// Two-sided sign test: the chance of a split at least as uneven as `up` against `down` if both were equally
/// likely. Ties have been left out, as the test asks.
pub fn sign_test(up: u64, down: u64) -> f64 {
    let n = up + down;
    if n == 0 {
        return 1.0;
    }
    let fewer = up.min(down);
    // sum of binomial(n, k) / 2^n for k <= fewer, in logarithms so that large n does not overflow
    let mut log_choose = 0.0_f64;
    let mut tail = 0.0;
    let log_all = n as f64 * 2.0_f64.ln();
    for k in 0..=fewer {
        if k > 0 {
            log_choose += ((n - k + 1) as f64).ln() - (k as f64).ln();
        }
        tail += (log_choose - log_all).exp();
    }
    (2.0 * tail).min(1.0)
}
