//! Asking for every pair.
//!
//! * every pair is asked about once; the sums are the scores
//! * a tie is half a point for both
//! * candidates that look the same are not compared, and get the same score
//! * what the host stopped fails without a question, and everybody wins against it
//! * one alone, or nothing but equals, is abstained from
//! * `pass_at` says what passes
//! * the order of the candidates changes nothing, with a model that does not mind it
//! * too many pairs are refused before anything is asked
//! * a model that is not there fails the step

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{answering, by_rank, candidate, codes, judge, scores, scripted, step, text, verdicts};
use serde_json::{Value, json};
use sport_sdk::testing::Host;
use sport_sdk::verify::Verdict;
use sport_sdk::{Failure, FailureKind};

use Verdict::{Abstain, Fail, Pass};

fn stopped(ending: &str) -> Value {
    let mut stopped = candidate("loop()");
    stopped["execution"]["ending"] = json!(ending);
    stopped
}

#[test]
fn every_pair_is_asked_about_once() {
    let host = answering(|question| Ok(by_rank(question, &["a()", "b()", "c()", "d()"])));
    let judgements = judge(&host, &codes(&["b()", "d()", "a()", "c()"]), json!({})).unwrap();
    assert_eq!(scores(&judgements), [Some(1.0 / 3.0), Some(1.0), Some(0.0), Some(2.0 / 3.0)]);
    assert_eq!(verdicts(&judgements), [Fail, Pass, Fail, Pass]);
    assert_eq!(host.questions().len(), 6);
    assert!(judgements[1].rationale.starts_with("better than 3 others"), "{}", judgements[1].rationale);
    assert!(judgements[1].rationale.contains("by rank"));
}

#[test]
fn a_tie_is_a_tie() {
    let tie = text(r#"{"reason": "the same in effect", "better": 0}"#);
    let judgements = judge(&scripted(vec![tie]), &codes(&["a()", "b()"]), json!({})).unwrap();
    assert_eq!((scores(&judgements), verdicts(&judgements)), (vec![Some(0.5); 2], vec![Pass; 2]));
}

#[test]
fn equals_are_one() {
    let host = answering(|question| Ok(by_rank(question, &["a()", "b()"])));
    let judgements = judge(&host, &codes(&["b()", "a()", "b()", "b()"]), json!({})).unwrap();
    assert_eq!(host.questions().len(), 1);
    let b = Some((1.0 + 0.5 + 0.5) / 3.0);
    assert_eq!(scores(&judgements), [b, Some(0.0), b, b]);
}

#[test]
fn what_was_stopped_fails_without_a_question() {
    let endings = ["unparsed", "deadline", "exhausted", "trapped", "cancelled"];
    let mut candidates: Vec<Value> = endings.iter().map(|ending| stopped(ending)).collect();
    candidates.push(candidate("a()"));
    let judgements = judge(&scripted(vec![]), &step(candidates), json!({})).unwrap();
    assert_eq!(verdicts(&judgements), [Fail, Fail, Fail, Fail, Fail, Pass]);
    assert_eq!(scores(&judgements)[4..], [Some(0.0), Some(1.0)]);
    for ending in ["raised", "exited"] {
        let one = text(r#"{"reason": "", "better": 2}"#);
        let judgements =
            judge(&scripted(vec![one]), &step(vec![stopped(ending), candidate("a()")]), json!({})).unwrap();
        assert_eq!(scores(&judgements), [Some(0.0), Some(1.0)], "{ending} may go on, so it is asked about");
    }
}

#[test]
fn nothing_to_compare_with() {
    for step in [codes(&["a()"]), codes(&["a()", "a()", "a()"])] {
        let judgements = judge(&scripted(vec![]), &step, json!({})).unwrap();
        assert!(judgements.iter().all(|one| (one.verdict, one.score) == (Abstain, None)));
    }
    assert_eq!(judge(&scripted(vec![]), &codes(&[]), json!({})).unwrap(), []);
}

#[test]
fn what_passes_is_the_configs_choice() {
    let first = || scripted(vec![text(r#"{"reason": "", "better": 1}"#); 3]);
    let three = codes(&["a()", "b()", "c()"]);
    let found = |config: Value| verdicts(&judge(&first(), &three, config).unwrap());
    assert_eq!(found(json!({})), [Pass, Pass, Fail]);
    assert_eq!(found(json!({ "pass_at": 1.0 })), [Pass, Fail, Fail]);
    assert_eq!(found(json!({ "pass_at": 0.0 })), [Pass, Pass, Pass]);
}

#[test]
fn the_order_changes_nothing() {
    let ranks = ["a()", "b()", "c()"];
    let judged = |order: &[&str]| {
        judge(&answering(move |question| Ok(by_rank(question, &ranks))), &codes(order), json!({})).unwrap()
    };
    let before = scores(&judged(&["a()", "b()", "c()", "b()"]));
    let after = scores(&judged(&["b()", "c()", "b()", "a()"]));
    assert_eq!([after[3], after[0], after[1], after[2]], before[..]);
}

#[test]
fn too_many_are_refused() {
    let names: Vec<String> = (0..9).map(|number| format!("f{number}()")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let failure: Failure = judge(&scripted(vec![]), &codes(&names), json!({})).unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Exhausted, "too-many-candidates"));
    let host = answering(|_| Ok(r#"{"reason": "", "better": 0}"#.into()));
    assert_eq!(judge(&host, &codes(&names[..8]), json!({})).unwrap().len(), 8);
    assert_eq!(host.questions().len(), 28);
}

#[test]
fn without_a_model_there_is_no_judgement() {
    let failure = judge(&Host::new(), &codes(&["a()", "b()"]), json!({ "role": "critic" })).unwrap_err();
    assert_eq!(failure.code, "chat-unknown-model");
    assert!(failure.message.contains("critic"));
}
