//! Facts against what is wanted.
//!
//! | what the facts show | verdict | score |
//! |---|---|---|
//! | the answer changes with something that nothing says it should depend on | fail | below 0.5, by what it does depend on |
//! | it does not change with something that it should depend on | fail | the same |
//! | a fact that decides is unknown or was not found out | abstain | none |
//! | it changes with all that it should, and with nothing else | pass | 1 |
//!
//! A result is changed in more ways than one, and a comparison turns in one direction only: one change that makes a difference is enough. Code
//! that raises under a change has read the value, so that is a difference too.

use sport_sdk::verify::{Candidate, Effect, Judgement, Step, ToolUse};

use crate::wanted::{By, Need, Wanted};

/// The best score of a candidate that fails.
const FAILED: f64 = 0.5;

/// Judges every candidate, in the order given.
pub fn judge(step: &Step, wanted: Option<&Wanted>) -> Vec<Judgement> {
    let judged = |candidate: &Candidate| match (candidate.answer.is_some(), wanted) {
        (false, _) => Judgement::abstain("it gave no answer"),
        (true, None) => Judgement::abstain("nothing says what the answer should depend on"),
        (true, Some(wanted)) => against(step, wanted, candidate),
    };
    step.candidates.iter().map(judged).collect()
}

/// What the facts say of one need.
enum Met {
    Yes,
    No,
    /// Why nobody can say.
    Unclear(String),
}

fn against(step: &Step, wanted: &Wanted, candidate: &Candidate) -> Judgement {
    let met: Vec<(&Need, Met)> =
        wanted.needs.iter().map(|need| (need, met(step, wanted, need, candidate))).collect();
    let kept = met.iter().filter(|(_, met)| matches!(met, Met::Yes)).count();
    let score = FAILED * kept as f64 / (met.len() + 1) as f64;
    let (others, unknown) = others(wanted, candidate);
    if let Some(other) = others.first() {
        return Judgement::fail(score, format!("the answer depends on {other}"));
    }
    if let Some((need, _)) = met.iter().find(|(_, met)| matches!(met, Met::No)) {
        return Judgement::fail(score, format!("the answer does not depend on {}", need.shown()));
    }
    let unclear = met.into_iter().find_map(|(_, met)| match met {
        Met::Unclear(why) => Some(why),
        _ => None,
    });
    match unclear.or(unknown) {
        Some(why) => Judgement::abstain(why),
        None => {
            let by = match wanted.by {
                By::Map => "the declared map",
                By::Model => "the model",
            };
            Judgement::pass(1.0, format!("the answer depends on all that {by} names, and on nothing else"))
        }
    }
}

fn met(step: &Step, wanted: &Wanted, need: &Need, candidate: &Candidate) -> Met {
    let tools = &candidate.execution.tools;
    let facts = candidate.execution.dependences.iter().filter(|fact| {
        tools.get(fact.tool as usize).is_some_and(|call| need.is_met_by(call, &fact.pointer, &wanted.files))
    });
    let effects: Vec<Effect> = facts.map(|fact| fact.effect).collect();
    let shown = need.shown();
    if effects.contains(&Effect::Changed) || effects.contains(&Effect::Raised) {
        return Met::Yes;
    }
    if effects.contains(&Effect::Unknown) {
        return Met::Unclear(format!("what {shown} does to the answer is unknown"));
    }
    if !effects.is_empty() {
        return Met::No;
    }
    let gave = |call: &ToolUse| need.is_about(call, &wanted.files) && call.outcome.is_ok();
    if tools.iter().any(gave) {
        return Met::Unclear(format!("there is no counterfactual fact about {shown}"));
    }
    if step.history.iter().flat_map(|past| &past.execution.tools).any(gave) {
        return Met::Unclear(format!("an earlier step read {shown}, and that was not changed"));
    }
    // it never had the result, so the answer cannot depend on it
    Met::No
}

/// What the answer depends on beside what is needed, and whether that is unknown of something.
fn others(wanted: &Wanted, candidate: &Candidate) -> (Vec<String>, Option<String>) {
    let mut depends = Vec::new();
    let mut unknown = None;
    for fact in &candidate.execution.dependences {
        let Some(call) = candidate.execution.tools.get(fact.tool as usize) else { continue };
        if wanted.needs.iter().any(|need| need.is_met_by(call, &fact.pointer, &wanted.files)) {
            continue;
        }
        match fact.effect {
            Effect::Changed | Effect::Raised => depends.push(format!("{} of {}", fact.pointer, call.name)),
            Effect::Unknown => {
                unknown = Some(format!("what {} of {} does is unknown", fact.pointer, call.name))
            }
            Effect::Unchanged => {}
        }
    }
    (depends, unknown)
}
