//! Judges candidates by rules that the operator wrote down. No ground truth, no model.
//!
//! # Layout
//!
//! * [`config`]: the rules as they stand in the config;
//! * [`check`]: a rule ready to be held against a candidate, and what it finds;
//! * [`schema`]: the part of JSON Schema that rules may use;
//! * [`judge`]: from findings to verdicts and scores.
//!
//! Invariants: a config that cannot mean anything is a failure and never a rule that always holds; every candidate is judged by itself,
//! so neither the others nor their order change anything.

pub mod check;
pub mod config;
pub mod judge;
pub mod schema;

use sport_sdk::verify::{Judgement, Step};
use sport_sdk::{Failure, verifier};

use config::Config;

/// Judges by declared rules: tools that must and must not be used, how many calls, the form of the answer, patterns of answer and code,
/// and a number against a tool's result. The score is the weighted share of the rules that are kept.
#[verifier(deterministic)]
pub fn rules(step: &Step, config: Config) -> Result<Vec<Judgement>, Failure> {
    judge::judge(step, &config)
}
