//! From findings to verdicts and scores.
//!
//! | what the rules find | verdict | score |
//! |---|---|---|
//! | a `must` rule is broken | fail | weighted share of the rules kept |
//! | no `must` rule is broken, but one rule or another cannot be evaluated | abstain | none |
//! | every rule could be evaluated and every `must` rule is kept | pass | weighted share of the rules kept |
//!
//! A broken `must` rule decides before a rule that cannot be evaluated: else a candidate could get out of a failure by not making the call
//! that another rule looks at.

use sport_sdk::Failure;
use sport_sdk::verify::{Candidate, Judgement, Step};

use crate::check::{self, Finding, Ready};
use crate::config::Config;

/// Judges every candidate, in the order given.
pub fn judge(step: &Step, config: &Config) -> Result<Vec<Judgement>, Failure> {
    let rules = check::ready(config)?;
    Ok(step.candidates.iter().map(|candidate| judged(&rules, candidate)).collect())
}

fn judged(rules: &[Ready], candidate: &Candidate) -> Judgement {
    let findings: Vec<(&Ready, Finding)> = rules.iter().map(|rule| (rule, rule.find(candidate))).collect();
    let all: f64 = rules.iter().map(|rule| rule.weight).sum();
    let kept: f64 =
        findings.iter().filter(|(_, finding)| *finding == Finding::Kept).map(|(rule, _)| rule.weight).sum();
    // sums of the same weights in another order may differ in the last digit
    let score = if kept >= all { 1.0 } else { (kept / all).clamp(0.0, 1.0) };
    let fails = findings.iter().any(|(rule, finding)| rule.must && matches!(finding, Finding::Broken(_)));
    let unclear: Vec<String> = findings
        .iter()
        .filter_map(|(rule, finding)| match finding {
            Finding::Unclear(why) => Some(format!("{} cannot be evaluated: {why}", rule.name)),
            _ => None,
        })
        .collect();
    let mut told: Vec<String> = findings
        .iter()
        .filter_map(|(rule, finding)| match finding {
            Finding::Broken(why) => Some(format!("{} is broken: {why}", rule.name)),
            _ => None,
        })
        .collect();
    told.extend(unclear.iter().cloned());
    match (fails, unclear.is_empty(), told.is_empty()) {
        (true, _, _) => Judgement::fail(score, told.join("; ")),
        (false, false, _) => Judgement::abstain(told.join("; ")),
        (false, true, true) => Judgement::pass(score, "every rule is kept"),
        (false, true, false) => Judgement::pass(score, told.join("; ")),
    }
}
