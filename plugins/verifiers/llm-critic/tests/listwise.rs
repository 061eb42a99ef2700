//! Asking for a score of each, all at once.
//!
//! * scores are a tenth of what the model gave, in the order of the candidates, whatever order it answered in
//! * candidates that look the same are one; what the host stopped is not asked about
//! * an unknown number, a missing candidate, one twice, a score out of range, no number: asked once more
//! * too many candidates are refused before anything is asked

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{asked, candidate, codes, judge, scores, scripted, step, text, verdicts};
use serde_json::{Value, json};
use sport_sdk::verify::Verdict;

use Verdict::{Fail, Pass};

fn listwise() -> Value {
    json!({ "mode": "listwise" })
}

fn answer(scores: &[(i64, f64)]) -> String {
    let scores: Vec<Value> = scores
        .iter()
        .map(|(candidate, score)| json!({ "candidate": candidate, "reason": format!("it is number {candidate}"), "score": score }))
        .collect();
    json!({ "scores": scores }).to_string()
}

#[test]
fn each_gets_its_own_score() {
    let host = scripted(vec![text(answer(&[(3, 10.0), (1, 4.9), (2, 5.0)]))]);
    let judgements = judge(&host, &codes(&["a()", "b()", "c()"]), listwise()).unwrap();
    assert_eq!(scores(&judgements), [Some(4.9 / 10.0), Some(0.5), Some(1.0)]);
    assert_eq!(verdicts(&judgements), [Fail, Pass, Pass]);
    assert_eq!(judgements[2].rationale, "it is number 3");
    let question = &host.questions()[0];
    assert_eq!(question.schema.as_ref().unwrap()["properties"]["scores"]["minItems"], 3);
    assert!(asked(question).contains("\n=== candidate 3 ===\n"));
}

#[test]
fn equals_are_one_and_the_stopped_are_left_out() {
    let mut stopped = candidate("loop()");
    stopped["execution"]["ending"] = json!("deadline");
    let host = scripted(vec![text(answer(&[(1, 8.0), (2, 2.0)]))]);
    let all = vec![stopped.clone(), candidate("a()"), candidate("b()"), candidate("a()")];
    let judgements = judge(&host, &step(all), listwise()).unwrap();
    assert_eq!(scores(&judgements), [Some(0.0), Some(0.8), Some(0.2), Some(0.8)]);
    assert!(!asked(&host.questions()[0]).contains("loop()"));
    assert_eq!(scores(&judge(&scripted(vec![]), &step(vec![stopped]), listwise()).unwrap()), [Some(0.0)]);
}

#[test]
fn what_is_wrong_is_asked_for_once_more() {
    let right = answer(&[(1, 8.0), (2, 2.0)]);
    for (wrong, why) in [
        (answer(&[(1, 8.0), (3, 2.0)]), "there is no candidate 3"),
        (answer(&[(0, 8.0), (1, 2.0)]), "there is no candidate 0"),
        (answer(&[(-1, 8.0), (1, 2.0)]), "no number `candidate`"),
        (answer(&[(1, 8.0)]), "candidate 2 has no score"),
        (answer(&[(1, 8.0), (1, 8.0), (2, 1.0)]), "candidate 1 has more than one score"),
        (answer(&[(1, 11.0), (2, 2.0)]), "the score of candidate 1 is 11"),
        (answer(&[(1, -1.0), (2, 2.0)]), "the score of candidate 1 is -1"),
        (
            r#"{"scores": [{"candidate": 1, "score": "8"}, {"candidate": 2, "score": 2}]}"#.to_owned(),
            "no number `score`",
        ),
        (r#"{"best": 1}"#.to_owned(), "no list `scores`"),
    ] {
        let host = scripted(vec![text(wrong.clone()), text(right.clone())]);
        let judgements = judge(&host, &codes(&["a()", "b()"]), listwise()).unwrap();
        assert_eq!(scores(&judgements), [Some(0.8), Some(0.2)], "{wrong}");
        let repair = host.questions()[1].messages.last().unwrap().text();
        assert!(repair.contains(why), "{wrong}: {repair}");
        let failure =
            judge(&scripted(vec![text(wrong.clone()), text(wrong)]), &codes(&["a()", "b()"]), listwise())
                .unwrap_err();
        assert_eq!(failure.code, "bad-answer");
    }
}

#[test]
fn too_many_are_refused() {
    let names: Vec<String> = (0..17).map(|number| format!("f{number}()")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let failure = judge(&scripted(vec![]), &codes(&names), listwise()).unwrap_err();
    assert_eq!(failure.code, "too-many-candidates");
}
