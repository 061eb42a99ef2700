//! Judges candidates by what a model says of them. No ground truth; as good as the model is, which an audit has to tell.
//!
//! # Layout
//!
//! * [`config`]: whom to ask, how, and what is good;
//! * [`shown`]: the task and the candidates as a model sees them;
//! * [`critic`]: the questions, in pairs or all at once;
//! * [`judge`]: from what was said to verdicts and scores.
//!
//! Invariants: no candidate gains by a question that fails: an answer that cannot be used is the failure `bad-answer`, never a winner; a candidate's text
//! stands in marked lines and can neither close its block nor open another's; candidates that look the same are a tie and are not asked about;
//! the model is told no names, lengths or times.

pub mod config;
pub mod critic;
pub mod judge;
pub mod shown;

use sport_sdk::verify::{Judgement, Step};
use sport_sdk::{Failure, verifier};

use config::Config;

/// Judges by asking a model, which sees the task, and of each candidate its thought, its code and what became of it: which of two is better, for
/// every pair, or a score for each.
#[verifier(uses_model)]
pub fn llm_critic(step: &Step, config: Config) -> Result<Vec<Judgement>, Failure> {
    judge::judge(step, &config)
}
