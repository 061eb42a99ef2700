//! Rows of figures: measured in turn with their baseline, printed, and kept as JSON.

use std::time::Instant;

use serde_json::{Value, json};

pub type Failed = Box<dyn std::error::Error>;

/// Milliseconds that each of some calls took, in order of size.
pub struct Times(Vec<f64>);

impl Times {
    /// Sorts them.
    pub fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// The time that this share of the calls does not exceed.
    pub fn share(&self, share: f64) -> f64 {
        let last = self.0.len() - 1;
        self.0[((last as f64 * share).round() as usize).min(last)]
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.share(0.5)
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.0.iter().sum()
    }
}

/// Times both sides, one after the other in turn; a first pass goes unmeasured.
pub fn alternate(
    repeats: usize,
    mut ours: impl FnMut() -> Result<(), Failed>,
    mut theirs: impl FnMut() -> Result<(), Failed>,
) -> Result<[Times; 2], Failed> {
    let mut times = [Vec::new(), Vec::new()];
    for repeat in 0..=repeats {
        for (side, times) in times.iter_mut().enumerate() {
            let began = Instant::now();
            if side == 0 {
                ours()?
            } else {
                theirs()?
            }
            if repeat > 0 {
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
        }
    }
    Ok(times.map(Times::new))
}

/// A figure with what it is measured against and what it should be.
pub struct Row<'a> {
    pub name: &'a str,
    pub unit: &'a str,
    pub value: f64,
    /// What the other side is, and its figure.
    pub baseline: Option<(&'a str, f64)>,
    /// What is to be reached, and whether less is better.
    pub goal: Option<(f64, Better)>,
}

/// Which way is better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Better {
    Less,
    More,
}

impl Row<'_> {
    /// Prints it and gives its JSON form.
    pub fn done(self) -> Value {
        let Row { name, unit, value, baseline, goal } = self;
        let mut line = format!("{name}: {value:.3} {unit}");
        if let Some((what, baseline)) = baseline {
            line += &format!(", {what} {baseline:.3} {unit}");
        }
        let met =
            goal.map(|(goal, better)| if better == Better::Less { value <= goal } else { value >= goal });
        if let (Some((goal, _)), Some(met)) = (goal, met) {
            line += &format!(" (goal {goal} {unit}: {})", if met { "met" } else { "missed" });
        }
        println!("{line}");
        let goal = goal.map(|(goal, _)| goal);
        let baseline = baseline.map(|(_, baseline)| baseline);
        let ratio = baseline.map(|baseline| baseline / value);
        json!({
            "name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio, "goal": goal, "met": met,
        })
    }
}
