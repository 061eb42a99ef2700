//! Judges candidates by what their code did and by what their answers depend on. No ground truth, no model.
//!
//! # Layout
//!
//! * [`config`]: the declared domain knowledge: which words of a query are about which field of which tool;
//! * [`query`]: what a query asks for, from its words, its files and the config;
//! * [`rules`]: what one candidate must have done, and the class of what it did wrong;
//! * [`world`]: a candidate's answers in the real and the changed worlds, ready to compare;
//! * [`judge`]: all candidates of a step together: agreement, verdicts, scores.
//!
//! Invariants: nothing here reads a family, a template or a task id (the contract does not even carry them); a query
//! that the config says nothing about is abstained from, never guessed at; the order of candidates changes nothing.

pub mod config;
pub mod judge;
pub mod query;
pub mod rules;
pub mod world;

use sport_sdk::verify::{Judgement, Step};
use sport_sdk::{Failure, verifier};

use config::Config;

/// Judges by execution facts alone: the code ran, used tools on exactly the files and numbers that the query names, gave
/// one answer of the kind asked for, agrees with the other candidates over the real and the changed worlds, and its
/// answer depends on what the query is about and on nothing else.
#[verifier(deterministic)]
pub fn execution_facts(step: &Step, config: Config) -> Result<Vec<Judgement>, Failure> {
    Ok(judge::judge(step, &config))
}
