//! From judgements to a decision:
//!
//! * the unique best pass wins; everybody else loses
//! * a fail never wins, whatever its score; nobody passes: nobody wins
//! * equal texts are one, also when the verifier scores them differently
//! * the best did the same: the shortest goes on, the others stand beside it
//! * the best did different things: a tie, and nobody wins
//! * an abstention is neither winner nor loser
//! * endings that cannot commit are vetoed; one that raised is vetoed when another came through
//! * evidence that does not occur turns a judgement into an abstention

use serde_json::json;
use sport_improve::stages::judge::rank;
use sport_improve::store::CandidateRow;
use sport_improve::store::Standing::{self, Abstained, CoWinner, Loser, Tied, Vetoed, Winner};
use sport_sandbox::EndingKind::{self, Answered, Deadline, Raised, Value};
use sport_sandbox::{Judgement, Verdict};

use super::common::candidate;

fn says(verdict: Verdict, score: f64) -> Judgement {
    Judgement { verdict, score: Some(score), rationale: String::new(), evidence: Vec::new() }
}

fn pass(score: f64) -> Judgement {
    says(Verdict::Pass, score)
}

fn fail(score: f64) -> Judgement {
    says(Verdict::Fail, score)
}

fn answers(answers: &[(&str, i64)]) -> Vec<CandidateRow> {
    let row = |(number, (code, answer)): (usize, &(&str, i64))| {
        candidate(number as u32, code, Answered, Some(json!(answer)))
    };
    answers.iter().enumerate().map(row).collect()
}

fn check(
    candidates: &[CandidateRow],
    judgements: &[Judgement],
    standings: &[Standing],
    winner: Option<usize>,
) {
    let ranking = rank(candidates, judgements);
    assert_eq!(ranking.standings, standings);
    assert_eq!(ranking.winner, winner);
    assert_eq!(ranking.reason.is_none(), winner.is_some(), "a step without a winner says why");
}

#[test]
fn the_unique_best_pass_wins() {
    let three = answers(&[("a", 1), ("b", 2), ("c", 3)]);
    check(&three, &[pass(0.5), pass(0.9), fail(1.0)], &[Loser, Winner, Loser], Some(1));
    check(&three, &[fail(0.5), fail(0.9), fail(1.0)], &[Loser, Loser, Loser], None);
}

#[test]
fn equal_texts_are_one() {
    let three = answers(&[("a", 1), ("b", 2), ("b", 2)]);
    check(&three, &[fail(0.0), pass(0.9), pass(0.9)], &[Loser, Winner, CoWinner], Some(1));
    check(&three, &[fail(0.0), pass(0.3), pass(0.9)], &[Loser, CoWinner, Winner], Some(2));
}

#[test]
fn the_shortest_of_those_that_did_the_same_goes_on() {
    let three = answers(&[("longer", 7), ("short", 7), ("x", 8)]);
    check(&three, &[pass(0.9), pass(0.9), fail(0.1)], &[CoWinner, Winner, Loser], Some(1));
}

#[test]
fn the_best_that_did_different_things_tie() {
    let three = answers(&[("a", 1), ("b", 2), ("c", 3)]);
    check(&three, &[pass(0.9), pass(0.9), pass(0.1)], &[Tied, Tied, Loser], None);
}

#[test]
fn abstentions_stand_aside() {
    let two = answers(&[("a", 1), ("b", 2)]);
    check(&two, &[says(Verdict::Abstain, 1.0), pass(0.1)], &[Abstained, Winner], Some(1));
    check(&two, &[says(Verdict::Abstain, 1.0), fail(0.1)], &[Abstained, Loser], None);
}

#[test]
fn facts_veto() {
    let ended = |endings: [EndingKind; 3]| -> Vec<CandidateRow> {
        let row = |(number, ending)| candidate(number as u32, &"x".repeat(number + 1), ending, None);
        endings.into_iter().enumerate().map(row).collect()
    };
    let judgements = [pass(0.9), pass(0.8), pass(0.1)];
    check(&ended([Deadline, Raised, Value]), &judgements, &[Vetoed, Vetoed, Winner], Some(2));
    check(&ended([Deadline, Raised, Deadline]), &judgements, &[Vetoed, Winner, Vetoed], Some(1));
    check(&ended([Deadline, Deadline, Deadline]), &judgements, &[Vetoed, Vetoed, Vetoed], None);
}

#[test]
fn evidence_must_occur() {
    let two = answers(&[("final_answer(41)", 41), ("b", 2)]);
    let mut honest = pass(0.9);
    honest.evidence = vec!["final_answer(41".to_owned(), "41".to_owned()];
    check(&two, &[honest, fail(0.0)], &[Winner, Loser], Some(0));
    let mut made_up = pass(0.9);
    made_up.evidence = vec!["mean_color".to_owned()];
    check(&two, &[made_up, fail(0.0)], &[Abstained, Loser], None);
}
