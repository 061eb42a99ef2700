use sport_sdk::verify::{Judgement, Step};
use sport_sdk::{Failure, verifier};

/// Passes a candidate that gave an answer.
#[verifier(deterministic)]
fn judge(step: &Step) -> Result<Vec<Judgement>, Failure> {
    let judgements = step.candidates.iter().map(|candidate| match candidate.answer {
        Some(_) => Judgement::pass(1.0, "it gave an answer"),
        None => Judgement::fail(0.0, "it gave no answer"),
    });
    Ok(judgements.collect())
}
