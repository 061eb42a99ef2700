//! Agreement among candidates.
//!
//! * the largest group passes with its share, the others fail with theirs
//! * without a quorum, without enough votes and in a tie everybody is abstained from
//! * a candidate without an answer is abstained from; whether it counts is the config's choice
//! * what is the same answer: numbers with tolerance, texts, lists, objects, numbers as texts
//! * nearness does not carry on, and groups do not depend on the order
//! * a candidate that is there several times is several votes
//! * the order of the candidates changes nothing
//! * a config that cannot mean anything is refused
//! * the README's example is a config

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sport_sdk::testing::Host;
use sport_sdk::verify::{Judgement, Step, Verdict};
use sport_self_consistency::SPORT_JUDGE;

use Verdict::{Abstain, Fail, Pass};

/// `null` is a candidate without an answer.
fn judged(answers: &Value, config: Value) -> Vec<Judgement> {
    let candidates: Vec<Value> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| json!({ "code": "x", "answer": answer, "execution": { "ending": "answered" } }))
        .collect();
    let step: Step = serde_json::from_value(json!({ "query": "?", "candidates": candidates })).unwrap();
    Host::new().judge(SPORT_JUDGE, &step, config).unwrap()
}

fn verdicts(answers: Value, config: Value) -> Vec<Verdict> {
    judged(&answers, config).iter().map(|judgement| judgement.verdict).collect()
}

fn same(one: Value, other: Value) -> bool {
    verdicts(json!([one, other]), json!({})) == [Pass, Pass]
}

#[test]
fn the_largest_group_passes_with_its_share() {
    let judgements = judged(&json!(["a", "b", "A ", null, "a"]), json!({}));
    let found: Vec<_> = judgements.iter().map(|one| (one.verdict, one.score)).collect();
    let (pass, fail) = ((Pass, Some(0.6)), (Fail, Some(0.2)));
    assert_eq!(found, [pass, fail, pass, (Abstain, None), pass]);
}

#[test]
fn nobody_passes_without_a_quorum() {
    let answers = || json!(["a", "a", "b", "c", null]);
    assert_eq!(verdicts(answers(), json!({})), [Abstain; 5]);
    assert_eq!(verdicts(answers(), json!({ "share_of": "answered" })), [Pass, Pass, Fail, Fail, Abstain]);
    assert_eq!(verdicts(answers(), json!({ "quorum": 0.4 })), [Pass, Pass, Fail, Fail, Abstain]);
    assert_eq!(verdicts(answers(), json!({ "quorum": 0.4, "votes": 3 })), [Abstain; 5]);
    assert_eq!(verdicts(json!(["a"]), json!({})), [Abstain], "one alone agrees with nobody");
    assert_eq!(verdicts(json!(["a"]), json!({ "votes": 1 })), [Pass]);
    assert_eq!(verdicts(json!([null, null]), json!({ "quorum": 0.0 })), [Abstain; 2]);
    assert_eq!(verdicts(json!([]), json!({})), []);
}

#[test]
fn a_tie_is_abstained_from() {
    let judgements = judged(&json!(["a", "b", "b", "a", "c"]), json!({ "quorum": 0.0 }));
    assert!(judgements.iter().all(|one| one.verdict == Abstain && one.rationale.starts_with("a tie")));
}

#[test]
fn what_is_the_same() {
    for (one, other) in [
        (json!(640), json!(640.0)),
        (json!(0.0), json!(-0.0)),
        (json!(0.1 + 0.2), json!(0.3)),
        (json!("640"), json!(640)),
        (json!(" Two  Words\n"), json!("two words")),
        (json!("/task/cat.png"), json!("cat.png")),
        (json!({ "a": 1, "b": [2, "X"] }), json!({ "b": [2.0, "x"], "a": 1 })),
        (json!("ÄPFEL"), json!("äpfel")),
    ] {
        assert!(same(one.clone(), other.clone()), "{one} {other}");
    }
    for (one, other) in [
        (json!(640), json!(641)),
        (json!("007"), json!(7)),
        (json!("nan"), json!(0)),
        (json!("640 px"), json!(640)),
        (json!(true), json!("true")),
        (json!([1, 2]), json!([2, 1])),
        (json!([[1], 2]), json!([1, [2]])),
        (json!({ "a": 1 }), json!({ "A": 1 })),
        (json!("#"), json!(1)),
        (json!(["a,b"]), json!(["a", "b"])),
    ] {
        assert!(!same(one.clone(), other.clone()), "{one} {other}");
    }
    assert_eq!(verdicts(json!(["640", 640]), json!({ "texts_as_numbers": false })), [Abstain; 2]);
    assert_eq!(verdicts(json!([100, 101]), json!({ "relative": 0.01 })), [Pass; 2]);
    assert_eq!(verdicts(json!([100, 101]), json!({ "absolute": 0.9 })), [Abstain; 2]);
}

#[test]
fn nearness_does_not_carry_on() {
    let config = || json!({ "absolute": 0.5, "relative": 0.0, "quorum": 0.0 });
    assert_eq!(verdicts(json!([2.0, 1.0, 1.5]), config()), [Fail, Pass, Pass]);
    assert_eq!(verdicts(json!([1.5, 2.0, 1.0]), config()), [Pass, Fail, Pass]);
}

#[test]
fn the_order_changes_nothing() {
    let answers =
        [json!(1), json!("1.5"), json!("b"), json!(1.2), Value::Null, json!("B"), json!(1.6), json!(1.3)];
    let config = || json!({ "absolute": 0.4, "quorum": 0.2 });
    let before = judged(&json!(answers), config());
    assert!(before.iter().any(|one| one.verdict == Pass));
    for turn in 1..answers.len() {
        let mut turned = answers.to_vec();
        turned.rotate_left(turn);
        turned.swap(0, 3);
        let mut wanted = before.clone();
        wanted.rotate_left(turn);
        wanted.swap(0, 3);
        assert_eq!(judged(&json!(turned), config()), wanted);
    }
}

#[test]
fn configs_that_mean_nothing_are_refused() {
    for config in [
        json!({ "quorum": 1.5 }),
        json!({ "quorum": -0.1 }),
        json!({ "votes": 0 }),
        json!({ "absolute": -1.0 }),
        json!({ "relative": 2.0 }),
        json!({ "qourum": 0.5 }),
    ] {
        let failure = Host::new().judge(SPORT_JUDGE, &Step::default(), config.clone()).unwrap_err();
        assert_eq!(failure.code, "invalid-config", "{config}");
    }
}

#[test]
fn the_example_of_the_readme_is_a_config() {
    let readme = include_str!("../README.md");
    let toml = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let whole: Value =
        toml::from_str::<toml::Value>(toml).map(|value| serde_json::to_value(value).unwrap()).unwrap();
    assert_eq!(verdicts(json!([640, 640.5, 640, "640"]), whole["verifier"]["config"].clone()), [Pass; 4]);
}

#[test]
fn copies_are_votes() {
    let candidate = |answer: u32, copies: u32| {
        let extra = json!([{ "kind": "copies", "value": copies }]);
        json!({ "code": "x", "answer": answer, "execution": { "ending": "answered", "extra": extra } })
    };
    let step = json!({ "query": "?", "candidates": [candidate(1, 1), candidate(2, 3)] });
    let step: Step = serde_json::from_value(step).unwrap();
    let judged = Host::new().judge(SPORT_JUDGE, &step, json!({})).unwrap();
    assert_eq!(judged[1], Judgement::pass(0.75, "3 of 4 candidates give this answer"));
    assert_eq!(judged[0].verdict, Fail);
}
