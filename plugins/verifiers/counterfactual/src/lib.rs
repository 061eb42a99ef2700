//! Judges candidates by whether their answers depend on what they should depend on, and on nothing else.
//!
//! What an answer does depend on are the host's counterfactual facts. What it should depend on is a declared map, or, where that says nothing
//! and the config allows it, the word of a model that sees the query, the tools and the names of the files, and no candidate.
//!
//! # Layout
//!
//! * [`config`]: the map, and whether and whom to ask;
//! * [`wanted`]: what an answer should depend on, by the map;
//! * [`asked`]: the same by a model;
//! * [`judge`]: facts against what is wanted.
//!
//! Invariants: what is wanted is settled before a candidate is looked at, and is the same for all of them; what the facts do not show is
//! abstained from; the order of candidates changes nothing.

pub mod asked;
pub mod config;
pub mod judge;
pub mod wanted;

use sport_sdk::verify::{Judgement, Step};
use sport_sdk::{Failure, verifier};

use config::Config;

/// Judges by counterfactual facts: the answer must change with every tool result that the query is about and with no other. A declared map
/// says what the query is about; where it does not, a model may be asked, which is told nothing of the candidates.
#[verifier(uses_model)]
pub fn counterfactual(step: &Step, config: Config) -> Result<Vec<Judgement>, Failure> {
    let mut wanted = wanted::declared(step, &config);
    let worth_asking = step.candidates.iter().any(|candidate| candidate.answer.is_some());
    if wanted.is_none() && config.ask && worth_asking {
        wanted = asked::ask(step, &config)?;
    }
    Ok(judge::judge(step, wanted.as_ref()))
}
