//! Pairing rules:
//!
//! * `winner-vs-losers` takes losers and vetoed ones, never an abstention, a tie or a co-winner
//! * `winner-vs-failed` takes only the verdict `fail`
//! * `winner-vs-all` takes everybody but co-winners
//! * `error-or-unlike` takes two that err, and those that look unlike the winner
//! * no rule makes a pair of two equal texts, nor two pairs of one text
//! * character BLEU against values worked out by hand

use serde_json::json;
use sport_improve::config::PairRule;
use sport_improve::stages::pair::{character_bleu, losers};
use sport_improve::store::{CandidateRow, JudgementRow, Standing};
use sport_sandbox::EndingKind::{Answered, Raised};
use sport_sandbox::Verdict;

use super::common::candidate;

fn step() -> (Vec<CandidateRow>, Vec<JudgementRow>) {
    use Standing::{Abstained, CoWinner, Loser, Vetoed, Winner};
    let rows = [
        ("w = image_info(image=\"cat.png\")[\"width\"]\nfinal_answer(w)", Answered, Winner, Verdict::Pass),
        ("final_answer(image_info(image=\"cat.png\")[\"width\"])", Answered, CoWinner, Verdict::Pass),
        ("w = image_info(image=\"cat.png\")[\"height\"]\nfinal_answer(w)", Answered, Loser, Verdict::Fail),
        ("print(1", Raised, Vetoed, Verdict::Fail),
        ("print(2", Raised, Vetoed, Verdict::Pass),
        ("print(3", Raised, Vetoed, Verdict::Fail),
        ("print(3", Raised, Vetoed, Verdict::Fail),
        ("w = image_info(image=\"cat.png\")[\"width\"]\nfinal_answer(2 * w)", Answered, Loser, Verdict::Pass),
        ("zzz", Answered, Abstained, Verdict::Abstain),
        ("w = image_info(image=\"cat.png\")[\"width\"]\nfinal_answer(w) ", Answered, Loser, Verdict::Fail),
    ];
    let mut candidates = Vec::new();
    let mut judgements = Vec::new();
    for (number, (code, ending, standing, verdict)) in rows.into_iter().enumerate() {
        let number = number as u32;
        let answer = (ending == Answered).then(|| json!(451));
        candidates.push(CandidateRow { standing: Some(standing), ..candidate(number, code, ending, answer) });
        judgements.push(JudgementRow {
            candidate: number,
            verifier: "v".to_owned(),
            config: String::new(),
            member: 0,
            revision: 1,
            place: number,
            verdict,
            score: None,
            rationale: String::new(),
            evidence: Vec::new(),
        });
    }
    (candidates, judgements)
}

fn taken(rule: PairRule) -> Vec<u32> {
    let (candidates, judgements) = step();
    losers(rule, &candidates[0], &candidates, &judgements)
}

#[test]
fn losers_are_those_judged_worse() {
    assert_eq!(taken(PairRule::WinnerVsLosers), [2, 3, 4, 5, 7]);
}

#[test]
fn failed_are_those_with_that_verdict_and_those_that_facts_ruled_out() {
    assert_eq!(taken(PairRule::WinnerVsFailed), [2, 3, 4, 5]);
}

#[test]
fn all_are_all_but_co_winners() {
    assert_eq!(taken(PairRule::WinnerVsAll), [2, 3, 4, 5, 7, 8]);
}

#[test]
fn the_published_codes_rule() {
    // 3 and 4 err; 5 errs as the third and is unlike; 8 is unlike; 2 and 7 look like the winner
    assert_eq!(taken(PairRule::ErrorOrUnlike), [3, 4, 5, 8]);
}

#[test]
fn character_bleu_is_the_mean_of_four_precisions() {
    // 3 of 4 characters, 2 of 3 pairs, 1 of 2 triples; no quadruple, which counts as 0.1
    assert!((character_bleu("hello world", "hello world") - 1.0).abs() < 1e-12);
    assert!((character_bleu("abcd", "abcf") - 0.397_635_4).abs() < 1e-6);
    assert_eq!(character_bleu("abc", "xyz"), 0.0);
    assert_eq!(character_bleu("abc", ""), 0.0);
}
