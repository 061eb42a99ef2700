//! Who won a step: the rules between words and a decision.
//!
//! A verdict `pass` is needed to win; the best score wins, if it is better by the margin and in every order that was asked. When the
//! best are several texts that did the same (ending, answer, value, output), the shortest goes on and the others
//! stand beside it as co-winners; when they did different things it is a tie, and nobody won.

use std::collections::BTreeSet;

use sport_sandbox::Verdict;

use super::Word;
use crate::answers;
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

/// Ranks the candidates of a step; `words` are in the candidates' order, none for those that facts ruled out.
pub fn rank(candidates: &[CandidateRow], words: &[Option<Word>], margin: f64) -> Ranking {
    let mut standings: Vec<Standing> = words
        .iter()
        .map(|word| match word {
            None => Standing::Vetoed,
            Some(word) if word.verdict == Verdict::Abstain => Standing::Abstained,
            Some(_) => Standing::Loser,
        })
        .collect();
    let passed: Vec<(usize, &Word)> = words
        .iter()
        .enumerate()
        .filter_map(|(place, word)| Some((place, word.as_ref()?)))
        .filter(|(_, word)| word.verdict == Verdict::Pass)
        .collect();
    let Some(&(_, best)) =
        passed.iter().max_by(|(_, one), (_, other)| score(one.score).total_cmp(&score(other.score)))
    else {
        return Ranking { standings, winner: None, reason: Some("no candidate passed".to_owned()) };
    };
    let top: Vec<usize> =
        passed.into_iter().filter(|(_, word)| !beats(best, word, margin)).map(|(place, _)| place).collect();
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
        standings[winner] = Standing::Winner;
    }
    Ranking { standings, winner, reason: None }
}

/// A pass without a score counts least among passes.
fn score(score: Option<f64>) -> f64 {
    score.unwrap_or(-1.0)
}

/// Whether one is better than the other by the margin, and in every order in which they were compared.
fn beats(one: &Word, other: &Word, margin: f64) -> bool {
    let better = |(one, other): (&Option<f64>, &Option<f64>)| score(*one) > score(*other);
    let apart = score(one.score) - score(other.score);
    apart > 0.0 && apart >= margin && one.by_order.iter().zip(&other.by_order).all(better)
}

/// What a candidate did, as far as a later step or a person could tell.
fn did(candidate: &CandidateRow) -> String {
    let report = candidate.report.as_ref();
    match report.and_then(|report| report.answer.as_ref()) {
        // an answer ends the task: what was printed beside it does not matter
        Some(answer) => match answers::number(answer) {
            // 640, 640.0 and "640 px" are one answer
            Some(number) => format!("answer {number}"),
            None => format!("answer {answer}"),
        },
        None => format!("{:?} {:?}", report.map(|report| report.ending), report.map(observation::text)),
    }
}
