//! Judges candidates by how many of them give the same answer. No ground truth, no model.
//!
//! # Layout
//!
//! * [`config`]: what counts as the same, and how many make a quorum;
//! * [`answer`]: an answer in a form that can be compared;
//! * [`judge`]: groups, the largest of them, verdicts.
//!
//! Invariants: the order of candidates changes nothing; two equally large groups are a tie that nobody wins.

pub mod answer;
pub mod config;
pub mod judge;

use sport_sdk::verify::{Judgement, Step};
use sport_sdk::{Failure, verifier};

use config::Config;

/// Judges by agreement alone: candidates whose answers are the same are one group, and the largest group passes if it has the quorum. The
/// score is the group's share.
#[verifier(deterministic)]
pub fn self_consistency(step: &Step, config: Config) -> Result<Vec<Judgement>, Failure> {
    judge::judge(step, &config)
}
