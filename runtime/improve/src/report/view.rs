//! What the report shows, as plain data: the page is a function of this and of nothing else.

use serde::Serialize;

use crate::summary::Summary;

/// Everything on the page.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// The run's summary, the same that `sport run show --json` prints.
    pub summary: Summary,
    /// One curve per tuning stage that was run.
    pub curves: Vec<Curve>,
    /// A few explored steps with all their candidates.
    pub trees: Vec<Tree>,
    /// The policy, in a line.
    pub policy: String,
    /// The verifier, in a line.
    pub verifier: String,
}

/// The figures of one tuning stage, one point per optimiser step.
#[derive(Clone, Debug, Serialize)]
pub struct Curve {
    /// Iteration it belongs to.
    pub iteration: u32,
    /// `sft` or `dpo`.
    pub stage: String,
    /// The points in order.
    pub points: Vec<Point>,
}

/// One optimiser step.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// The loss.
    pub loss: f64,
    /// `rewards/margins`; none for SFT.
    pub margin: Option<f64>,
    /// `rewards/accuracies`; none for SFT.
    pub accuracy: Option<f64>,
}

/// One task's explored steps.
#[derive(Clone, Debug, Serialize)]
pub struct Tree {
    /// Iteration it was explored in.
    pub iteration: u32,
    /// The task's id.
    pub task: String,
    /// Its family.
    pub family: String,
    /// What was asked.
    pub query: String,
    /// The steps in order.
    pub steps: Vec<TreeStep>,
}

/// One step with its candidates.
#[derive(Clone, Debug, Serialize)]
pub struct TreeStep {
    /// From 0.
    pub depth: u32,
    /// Why there is no winner, when there is none.
    pub note: Option<String>,
    /// The candidates in order.
    pub candidates: Vec<TreeCandidate>,
}

/// One candidate.
#[derive(Clone, Debug, Serialize)]
pub struct TreeCandidate {
    /// From 0.
    pub number: u32,
    /// The thought, may be empty.
    pub thought: String,
    /// The code.
    pub code: String,
    /// What it showed.
    pub observation: String,
    /// How it ended.
    pub ending: String,
    /// The answer as JSON text.
    pub answer: Option<String>,
    /// `pass`, `fail` or `abstain`.
    pub verdict: Option<String>,
    /// 0 to 1.
    pub score: Option<f64>,
    /// The verifier's reason.
    pub rationale: String,
    /// Whether it won the step.
    pub winner: bool,
    /// How many pairs it is the rejected side of.
    pub rejected_in: u32,
}
