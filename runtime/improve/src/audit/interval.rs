//! The cluster bootstrap: tasks are drawn with replacement, all that belongs to a task together.
//!
//! Steps and candidates of one task resemble each other; to draw them one by one would make every interval too narrow. Every
//! figure is a function of sums over tasks, so one draw is an addition.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::seed::{Purpose, stream};
use crate::stats::quantile;

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The estimate.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Of how many observations.
    pub count: u64,
}

/// Sums per task.
#[derive(Clone, Debug)]
pub(super) struct Sums<const N: usize>(Vec<[f64; N]>);

impl<const N: usize> Sums<N> {
    /// For so many tasks.
    pub fn new(tasks: usize) -> Self {
        Self(vec![[0.0; N]; tasks])
    }

    /// Adds an observation of a task.
    pub fn add(&mut self, task: usize, what: [f64; N]) {
        for (sum, value) in self.0[task].iter_mut().zip(what) {
            *sum += value;
        }
    }

    /// Adds to one sum.
    pub fn bump(&mut self, task: usize, which: usize) {
        self.0[task][which] += 1.0;
    }

    /// Over all tasks.
    pub fn total(&self) -> [f64; N] {
        self.over((0..self.0.len()).collect::<Vec<_>>().iter())
    }

    fn over<'a>(&self, tasks: impl Iterator<Item = &'a usize>) -> [f64; N] {
        let mut total = [0.0; N];
        for &task in tasks {
            for (sum, value) in total.iter_mut().zip(self.0[task]) {
                *sum += value;
            }
        }
        total
    }
}

/// The draws, the same for every figure.
#[derive(Debug)]
pub(super) struct Bootstrap {
    draws: Vec<Vec<usize>>,
}

impl Bootstrap {
    /// So many resamples of so many tasks.
    pub fn new(tasks: usize, resamples: usize, seed: u64) -> Self {
        let mut random = stream(seed, Purpose::Bootstrap, &["audit"]);
        let mut draw = || (0..tasks).map(|_| random.random_range(0..tasks as u64) as usize).collect();
        Self { draws: (0..resamples).map(|_| draw()).collect() }
    }

    /// A figure that `of` makes of sums; none where the whole gives none. Draws that give none (nothing of the kind was drawn)
    /// are left out.
    pub fn figure<const N: usize>(
        &self,
        sums: &Sums<N>,
        count: u64,
        of: impl Fn([f64; N]) -> Option<f64>,
    ) -> Option<Figure> {
        let value = of(sums.total()).filter(|value| value.is_finite())?;
        let mut drawn: Vec<f64> = self
            .draws
            .iter()
            .filter_map(|tasks| of(sums.over(tasks.iter())))
            .filter(|value| value.is_finite())
            .collect();
        drawn.sort_by(f64::total_cmp);
        let end = |share| if drawn.is_empty() { value } else { quantile(&drawn, share) };
        Some(Figure { value, low: end(0.025), high: end(0.975), count })
    }

    /// The share `first / second` of the sums.
    pub fn share(&self, sums: &Sums<2>) -> Option<Figure> {
        self.figure(sums, sums.total()[1] as u64, |[part, whole]| ratio(part, whole))
    }
}

/// A quotient; none of nothing.
pub(super) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
