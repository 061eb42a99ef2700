//! Facts against the declared map.
//!
//! * changed and raised are a difference, unchanged is none; one change that makes a difference is enough
//! * depending on anything else fails, also where all that is wanted is there
//! * unknown facts that decide, and facts that are not there, make it abstain; unknown facts that decide nothing do not
//! * every file that the query names must make a difference, and no other file; a call about no file counts for any
//! * places below the declared place belong to it, names that only begin alike do not
//! * a tool that never gave a result cannot be depended on, unless an earlier step read it
//! * no answer, no entry that matches: abstained from, and nobody is asked
//! * the order of the candidates changes nothing
//! * the README's example is a config

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sport_counterfactual::SPORT_JUDGE;
use sport_sdk::testing::Host;
use sport_sdk::verify::{Judgement, Step, Verdict};

use Verdict::{Abstain, Fail, Pass};

fn config() -> Value {
    json!({ "about": [
        { "words": ["width", "wide", "wider"], "on": [{ "tool": "image_info", "pointer": "/width" }] },
        { "words": ["total"], "on": [{ "tool": "table", "pointer": "/rows" }] },
        { "words": ["times"], "on": [{ "tool": "calculate", "pointer": "/result", "with": "*" }] }
    ] })
}

fn step(query: &str, files: &[&str], candidates: Vec<Value>) -> Step {
    let files: Vec<Value> = files
        .iter()
        .map(|name| json!({ "digest": "sha256:00", "media_type": "image/png", "size": 1, "name": name }))
        .collect();
    serde_json::from_value(json!({ "query": query, "files": files, "candidates": candidates })).unwrap()
}

fn call(name: &str, arguments: Value) -> Value {
    json!({ "name": name, "arguments": arguments, "outcome": { "Ok": { "width": 640, "height": 427 } } })
}

fn fact(tool: u32, pointer: &str, effect: &str) -> Value {
    json!({ "tool": tool, "pointer": pointer, "effect": effect })
}

fn candidate(tools: Vec<Value>, facts: Vec<Value>) -> Value {
    json!({
        "code": "x", "answer": 640,
        "execution": { "ending": "answered", "tools": tools, "dependences": facts, "wall_ms": 1 }
    })
}

fn judged(step: &Step) -> Vec<Judgement> {
    let host = Host::new();
    let judgements = host.judge(SPORT_JUDGE, step, config()).unwrap();
    assert!(host.questions().is_empty());
    judgements
}

fn alone(query: &str, files: &[&str], candidate: Value) -> Verdict {
    judged(&step(query, files, vec![candidate])).remove(0).verdict
}

const WIDE: &str = r#"How wide is "a.png"?"#;

fn info(facts: &[(&str, &str)]) -> Value {
    let facts = facts.iter().map(|(pointer, effect)| fact(0, pointer, effect)).collect();
    candidate(vec![call("image_info", json!({ "image": "/task/a.png" }))], facts)
}

fn wide(facts: &[(&str, &str)]) -> Verdict {
    alone(WIDE, &["a.png"], info(facts))
}

#[test]
fn a_difference_is_a_dependence() {
    assert_eq!(wide(&[("/width", "changed"), ("/height", "unchanged")]), Pass);
    assert_eq!(wide(&[("/width", "raised"), ("/height", "unchanged")]), Pass);
    assert_eq!(wide(&[("/width", "unchanged"), ("/width", "changed")]), Pass);
    assert_eq!(wide(&[("/width", "unchanged"), ("/height", "unchanged")]), Fail);
    assert_eq!(wide(&[("/width", "unchanged"), ("/height", "changed")]), Fail);
    assert_eq!(wide(&[("/width", "changed"), ("/height", "changed")]), Fail);
    assert_eq!(wide(&[("/width", "changed"), ("/height", "raised")]), Fail);
}

#[test]
fn what_is_unknown_is_abstained_from() {
    assert_eq!(wide(&[("/width", "unknown")]), Abstain);
    assert_eq!(wide(&[("/width", "changed"), ("/height", "unknown")]), Abstain);
    assert_eq!(wide(&[("/width", "unknown"), ("/width", "changed")]), Pass, "one difference is enough");
    assert_eq!(
        wide(&[("/width", "unknown"), ("/height", "changed")]),
        Fail,
        "the other dependence is certain"
    );
    assert_eq!(wide(&[]), Abstain);
    assert_eq!(wide(&[("/height", "unchanged")]), Abstain, "the width was not changed");
}

#[test]
fn every_file_must_make_a_difference() {
    let query = r#"Which is wider, "a.png" or "b.png"?"#;
    let calls = || ["a.png", "b.png"].map(|file| call("image_info", json!({ "image": file }))).to_vec();
    let files = ["a.png", "b.png", "c.png"];
    let both = vec![fact(0, "/width", "changed"), fact(1, "/width", "changed")];
    assert_eq!(alone(query, &files, candidate(calls(), both)), Pass);
    let one = vec![fact(0, "/width", "changed"), fact(1, "/width", "unchanged")];
    assert_eq!(alone(query, &files, candidate(calls(), one.clone())), Fail);
    assert_eq!(alone(WIDE, &files, candidate(calls(), one)), Pass, "the other file makes no difference");
    let other = vec![fact(0, "/width", "changed"), fact(1, "/width", "changed")];
    assert_eq!(
        alone(WIDE, &files, candidate(calls(), other)),
        Fail,
        "the query does not name the other file"
    );
    let wrong = vec![call("image_info", json!({ "image": "b.png" }))];
    assert_eq!(
        alone(WIDE, &files, candidate(wrong, vec![fact(0, "/width", "changed")])),
        Fail,
        "the wrong file"
    );
    let product = || call("calculate", json!({ "expression": "640 * 3" }));
    let asked = r#"What is 3 times the width of "a.png"?"#;
    let tools = vec![call("image_info", json!({ "image": "a.png" })), product()];
    let facts = vec![fact(0, "/width", "changed"), fact(1, "/result", "changed")];
    assert_eq!(alone(asked, &["a.png"], candidate(tools.clone(), facts)), Pass);
    let facts = vec![fact(0, "/width", "changed"), fact(1, "/result", "unchanged")];
    assert_eq!(alone(asked, &["a.png"], candidate(tools, facts)), Fail);
}

#[test]
fn places_below_belong_to_it() {
    let table = |facts| candidate(vec![call("table", json!({}))], facts);
    assert_eq!(alone("the total", &[], table(vec![fact(0, "/rows/3/price", "changed")])), Pass);
    assert_eq!(alone("the total", &[], table(vec![fact(0, "/rows_read", "changed")])), Fail);
    let sum = call("calculate", json!({ "expression": "2 + 3" }));
    assert_eq!(alone("2 times 3", &[], candidate(vec![sum], vec![fact(0, "/result", "changed")])), Fail);
}

#[test]
fn what_was_never_had_is_not_depended_on() {
    assert_eq!(alone(WIDE, &["a.png"], candidate(vec![], vec![])), Fail);
    let mut failed = call("image_info", json!({ "image": "a.png" }));
    failed["outcome"] =
        json!({ "Err": { "kind": "not-found", "code": "no", "message": "no", "retryable": false } });
    assert_eq!(alone(WIDE, &["a.png"], candidate(vec![failed], vec![])), Fail);
    let mut later = step(WIDE, &["a.png"], vec![candidate(vec![], vec![])]);
    later.history = vec![serde_json::from_value(info(&[])).unwrap()];
    assert_eq!(judged(&later)[0].verdict, Abstain);
}

#[test]
fn without_an_answer_or_an_entry_nobody_can_say() {
    let mut silent = info(&[("/width", "changed")]);
    silent.as_object_mut().unwrap().remove("answer");
    assert_eq!(alone(WIDE, &["a.png"], silent), Abstain);
    assert_eq!(alone("How heavy is it?", &["a.png"], info(&[("/width", "changed")])), Abstain);
}

#[test]
fn the_order_changes_nothing() {
    let candidates = vec![
        info(&[("/width", "changed")]),
        info(&[("/height", "changed")]),
        info(&[("/width", "unknown")]),
        candidate(vec![], vec![]),
    ];
    let before = judged(&step(WIDE, &["a.png"], candidates.clone()));
    assert_eq!(before.iter().map(|one| one.verdict).collect::<Vec<_>>(), [Pass, Fail, Abstain, Fail]);
    let mut after = judged(&step(WIDE, &["a.png"], candidates.into_iter().rev().collect()));
    after.reverse();
    assert_eq!(after, before);
}

#[test]
fn the_example_of_the_readme_is_a_config() {
    let readme = include_str!("../README.md");
    let toml = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let whole: Value =
        toml::from_str::<toml::Value>(toml).map(|value| serde_json::to_value(value).unwrap()).unwrap();
    let step = step(WIDE, &["a.png"], vec![info(&[("/width", "changed"), ("/height", "unchanged")])]);
    let judgements = Host::new().judge(SPORT_JUDGE, &step, whole["verifier"]["config"].clone()).unwrap();
    assert_eq!(judgements[0].verdict, Pass);
}
