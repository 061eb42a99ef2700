//! Who won a step: the rules between a verifier's judgements and a decision.
//!
//! Facts veto first. A verdict `pass` is needed to win; the best score wins; equal texts count as one. When the
//! best are several texts that did the same (ending, answer, value, output), the shortest goes on and the others
//! stand beside it as co-winners; when they did different things it is a tie, and nobody won.

use std::collections::BTreeSet;

use sport_sandbox::{EndingKind, Judgement, RunReport, Verdict};

use crate::observation;
use crate::store::{CandidateRow, Standing};

/// Where everybody stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// One per candidate, in their order.
    pub standings: Vec<Standing>,
    /// Place of the winner among the candidates.
    pub winner: Option<usize>,
    /// Why nobody won.
    pub reason: Option<String>,
}

/// Ranks the candidates of a step; `judgements` are in the candidates' order.
pub fn rank(candidates: &[CandidateRow], judgements: &[Judgement]) -> Ranking {
    let vetoed = vetoes(candidates);
    let mut standings: Vec<Standing> = candidates
        .iter()
        .zip(judgements)
        .zip(&vetoed)
        .map(|((candidate, judgement), vetoed)| match judgement.verdict {
            _ if *vetoed => Standing::Vetoed,
            Verdict::Abstain => Standing::Abstained,
            _ if !evidence_holds(candidate, judgement) => Standing::Abstained,
            Verdict::Pass | Verdict::Fail => Standing::Loser,
        })
        .collect();
    let passed: Vec<usize> = (0..standings.len())
        .filter(|&place| standings[place] == Standing::Loser && judgements[place].verdict == Verdict::Pass)
        .collect();
    // a pass without a score counts least among passes
    let score = |place: usize| judgements[place].score.unwrap_or(-1.0);
    let Some(best) = passed.iter().map(|&place| score(place)).max_by(f64::total_cmp) else {
        return Ranking { standings, winner: None, reason: Some("no candidate passed".to_owned()) };
    };
    let top: Vec<usize> = passed.into_iter().filter(|&place| score(place) == best).collect();
    let did: BTreeSet<String> = top.iter().map(|&place| did(&candidates[place])).collect();
    if did.len() > 1 {
        for &place in &top {
            standings[place] = Standing::Tied;
        }
        let reason =
            format!("a tie between {} candidates that did {} different things", top.len(), did.len());
        return Ranking { standings, winner: None, reason: Some(reason) };
    }
    let length = |place: usize| candidates[place].action.code.len() + candidates[place].action.thought.len();
    let winner = top.iter().copied().min_by_key(|&place| (length(place), place));
    for &place in &top {
        standings[place] = Standing::CoWinner;
    }
    if let Some(winner) = winner {
        // a verifier may score equal texts differently; they are one all the same
        for place in 0..candidates.len() {
            if candidates[place].action == candidates[winner].action {
                standings[place] = Standing::CoWinner;
            }
        }
        standings[winner] = Standing::Winner;
    }
    Ranking { standings, winner, reason: None }
}

/// Facts that rule a candidate out: it cannot go on, or it broke where another did not.
fn vetoes(candidates: &[CandidateRow]) -> Vec<bool> {
    let clean = |report: &RunReport| match report.ending {
        EndingKind::Value | EndingKind::Answered => true,
        EndingKind::Exited => report.exit_code.unwrap_or(0) == 0,
        _ => false,
    };
    let any_clean = candidates.iter().filter_map(|candidate| candidate.report.as_ref()).any(clean);
    candidates
        .iter()
        .map(|candidate| match &candidate.report {
            None => true,
            Some(report) => !report.ending.may_commit() || (any_clean && !clean(report)),
        })
        .collect()
}

/// Whether every quote occurs in what the candidate wrote, did or got.
fn evidence_holds(candidate: &CandidateRow, judgement: &Judgement) -> bool {
    if judgement.evidence.is_empty() {
        return true;
    }
    let report = candidate.report.as_ref();
    let mut texts = vec![candidate.action.thought.clone(), candidate.action.code.clone()];
    texts.extend(report.map(observation::text));
    texts.extend(report.and_then(|report| report.answer.as_ref()).map(plain));
    texts.extend(report.and_then(|report| report.answer.as_ref()).map(ToString::to_string));
    texts.extend(report.and_then(|report| serde_json::to_string(&report.tool_calls).ok()));
    judgement.evidence.iter().all(|quote| texts.iter().any(|text| text.contains(quote.as_str())))
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a candidate did, as far as a later step or a person could tell.
fn did(candidate: &CandidateRow) -> String {
    let report = candidate.report.as_ref();
    match report.and_then(|report| report.answer.as_ref()) {
        // an answer ends the task: what was printed beside it does not matter
        Some(answer) => format!("answer {answer}"),
        None => format!("{:?} {:?}", report.map(|report| report.ending), report.map(observation::text)),
    }
}
