//! From judgements to a decision:
//!
//! * the unique best pass wins; everybody else loses
//! * a fail never wins, whatever its score; nobody passes: nobody wins
//! * the best did the same: the shortest goes on, the others stand beside it
//! * the best did different things: a tie, and nobody wins
//! * an abstention is neither winner nor loser
//! * endings that cannot commit are vetoed; one that raised is vetoed when another came through
//! * the best must be better by the margin, and in both orders that were asked; else it is a tie
//! * panels: all, any, a quorum, a weighted mean, and what each makes of abstentions and of orders that contradict

use serde_json::json;
use sport_improve::config::Rule;
use sport_improve::judging::rank::rank;
use sport_improve::judging::{Word, combine, facts};
use sport_improve::store::CandidateRow;
use sport_improve::store::Standing::{self, Abstained, CoWinner, Loser, Tied, Vetoed, Winner};
use sport_sandbox::EndingKind::{self, Answered, Deadline, Raised, Value};
use sport_sandbox::Verdict;

use super::common::candidate;

fn says(verdict: Verdict, score: f64) -> Word {
    both(verdict, score, score)
}

/// A word of somebody who was asked in two orders.
fn both(verdict: Verdict, forward: f64, backward: f64) -> Word {
    Word {
        verdict,
        score: Some((forward + backward) / 2.0),
        by_order: vec![Some(forward), Some(backward)],
        place: 0,
        rationale: String::new(),
        evidence: Vec::new(),
    }
}

fn pass(score: f64) -> Word {
    says(Verdict::Pass, score)
}

fn fail(score: f64) -> Word {
    says(Verdict::Fail, score)
}

fn answers(answers: &[(&str, i64)]) -> Vec<CandidateRow> {
    let row = |(number, (code, answer)): (usize, &(&str, i64))| {
        candidate(number as u32, code, Answered, Some(json!(answer)))
    };
    answers.iter().enumerate().map(row).collect()
}

fn check(candidates: &[CandidateRow], words: &[Word], standings: &[Standing], winner: Option<usize>) {
    let words: Vec<Option<Word>> = facts::vetoes(candidates)
        .into_iter()
        .zip(words)
        .map(|(vetoed, word)| (!vetoed).then(|| word.clone()))
        .collect();
    let ranking = rank(candidates, &words, 0.0);
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
fn the_best_is_better_by_the_margin_and_in_both_orders() {
    let two = answers(&[("a", 1), ("b", 2)]);
    let winner = |one: Word, other: Word, margin: f64| rank(&two, &[Some(one), Some(other)], margin).winner;
    assert_eq!(winner(pass(0.5), pass(0.625), 0.125), Some(1));
    assert_eq!(winner(pass(0.5), pass(0.625), 0.25), None);
    assert_eq!(winner(both(Verdict::Pass, 0.5, 0.9), both(Verdict::Pass, 0.4, 0.2), 0.0), Some(0));
    // each is better where it came first
    assert_eq!(winner(both(Verdict::Pass, 0.9, 0.5), both(Verdict::Pass, 0.5, 0.8), 0.0), None);
    // as good in one order is not better
    assert_eq!(winner(both(Verdict::Pass, 0.9, 0.5), both(Verdict::Pass, 0.5, 0.5), 0.0), None);
    // who failed need not be beaten
    assert_eq!(winner(pass(0.5), fail(0.5), 0.25), Some(0));
    let ranking = rank(&two, &[Some(pass(0.5)), Some(pass(0.625))], 0.25);
    assert_eq!(ranking.standings, [Tied, Tied]);
}

#[test]
fn several_words_become_one() {
    use Verdict::{Abstain, Fail, Pass};
    let together = |rule: Rule, weights: &[f64], verdicts: &[(Verdict, f64)]| {
        let words: Vec<Word> = verdicts.iter().map(|&(verdict, score)| says(verdict, score)).collect();
        let word = combine::combine(rule, 2, weights, &words.iter().collect::<Vec<_>>());
        (word.verdict, word.score)
    };
    let even = [1.0, 1.0, 1.0];
    let cases = [
        (Rule::All, [(Pass, 0.9), (Pass, 0.5), (Pass, 0.7)], Pass, Some(0.5)),
        (Rule::All, [(Pass, 0.9), (Fail, 0.25), (Pass, 0.7)], Fail, Some(0.25)),
        (Rule::All, [(Pass, 0.9), (Abstain, 0.1), (Pass, 0.7)], Abstain, Some(0.7)),
        (Rule::Any, [(Fail, 0.1), (Abstain, 0.9), (Pass, 0.7)], Pass, Some(0.7)),
        (Rule::Any, [(Fail, 0.1), (Abstain, 0.9), (Fail, 0.2)], Fail, Some(0.2)),
        (Rule::Any, [(Abstain, 0.1), (Abstain, 0.9), (Abstain, 0.2)], Abstain, None),
        (Rule::Quorum, [(Pass, 0.75), (Fail, 0.1), (Pass, 0.25)], Pass, Some(0.5)),
        (Rule::Quorum, [(Fail, 0.75), (Fail, 0.25), (Pass, 0.9)], Fail, Some(0.5)),
        (Rule::Quorum, [(Pass, 0.75), (Abstain, 0.1), (Fail, 0.25)], Abstain, None),
        (Rule::Mean, [(Pass, 1.0), (Fail, 0.0), (Pass, 0.5)], Pass, Some(0.5)),
        (Rule::Mean, [(Pass, 1.0), (Fail, 0.5), (Abstain, 0.0)], Abstain, Some(0.75)),
    ];
    for (rule, verdicts, verdict, score) in cases {
        assert_eq!(together(rule, &even, &verdicts), (verdict, score), "{rule:?} {verdicts:?}");
    }
    // two against one, but the one has more weight
    let heavy = [1.0, 3.0, 1.0];
    assert_eq!(together(Rule::Mean, &heavy, &[(Pass, 1.0), (Fail, 0.5), (Pass, 1.0)]), (Fail, Some(0.7)));
    // who was asked in one order only says the same in the other
    let once = Word { by_order: vec![Some(0.5)], ..pass(0.5) };
    let word = combine::combine(Rule::Mean, 1, &[1.0, 1.0], &[&once, &both(Verdict::Pass, 1.0, 0.0)]);
    assert_eq!(word.by_order, [Some(0.75), Some(0.25)]);
}
