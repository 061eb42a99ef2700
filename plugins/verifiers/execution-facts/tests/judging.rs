//! The judge on made-up steps.
//!
//! * what ends badly or gives no answer fails, in the order of how far it got
//! * a wrong file, a missing file, an invented number, a failed call fail
//! * an answer of another kind than the query asks for fails
//! * an answer that depends on something else, or not on what the query is about, fails
//! * an answer under a word that nobody declared, and one with unknown facts, is abstained from
//! * the right one of five wins; a single witness wins
//! * the larger group wins, its members tie, the smaller group is abstained from
//! * two equally large groups: nobody wins
//! * answers that agree here but not in changed worlds are no agreement
//! * the order of the candidates changes nothing
//! * a comparison must depend on both files
//! * a comparison must go the way that the query asks for
//! * an operator that the query names must be in the expression
//! * looking first passes only where the query asks for it, once, and not at the last step
//! * an answer read from an earlier step's result passes, another value fails

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sport_execution_facts::config::Config;
use sport_execution_facts::judge::judge;
use sport_sdk::verify::{Candidate, Judgement, Step, Verdict};

fn config() -> Config {
    serde_json::from_value(json!({
        "about": [
            { "words": ["width", "wide", "wider"], "on": [{ "tool": "image_info", "pointer": "/width" }] },
            { "words": ["height", "high"], "on": [{ "tool": "image_info", "pointer": "/height" }] },
            { "words": ["format"], "on": [{ "tool": "image_info", "pointer": "/format" }] },
            { "words": ["perimeter"], "on": [
                { "tool": "image_info", "pointer": "/width" }, { "tool": "image_info", "pointer": "/height" }
            ] },
            { "words": ["times"], "on": [{ "tool": "calculate", "pointer": "/result", "with": "*" }] },
            { "words": ["color"], "on": [{ "tool": "mean_color", "pointer": "/name" }] }
        ],
        "looking": ["first"], "most": ["wider"], "least": ["less"]
    }))
    .unwrap()
}

fn step(query: &str, files: &[&str], candidates: Vec<Value>) -> Step {
    let files: Vec<Value> = files
        .iter()
        .map(|name| json!({ "digest": "sha256:00", "media_type": "image/png", "size": 1, "name": name }))
        .collect();
    serde_json::from_value(json!({
        "query": query, "files": files, "candidates": candidates, "depth": 0, "max_depth": 8
    }))
    .unwrap()
}

fn info(file: &str) -> Value {
    let result = json!({ "width": 640, "height": 427, "format": "jpeg" });
    json!({ "name": "image_info", "arguments": { "image": file }, "outcome": { "Ok": result } })
}

/// What changing each field of one call does: `depends` says which pointers change the answer, and to what.
fn facts(tool: u32, depends: &[(&str, Value)]) -> Vec<Value> {
    ["/width", "/height", "/format"]
        .iter()
        .map(|pointer| match depends.iter().find(|(place, _)| place == pointer) {
            Some((_, under)) => {
                json!({ "tool": tool, "pointer": pointer, "effect": "changed", "answer_under": under })
            }
            None => json!({ "tool": tool, "pointer": pointer, "effect": "unchanged" }),
        })
        .collect()
}

fn answered(answer: Value, tools: Vec<Value>, dependences: Vec<Value>) -> Value {
    json!({
        "code": "final_answer(...)",
        "answer": answer,
        "execution": { "ending": "answered", "tools": tools, "dependences": dependences, "wall_ms": 1 }
    })
}

fn width(answer: Value, file: &str) -> Value {
    answered(answer, vec![info(file)], facts(0, &[("/width", json!(641_009))]))
}

fn height(answer: Value, file: &str) -> Value {
    answered(answer, vec![info(file)], facts(0, &[("/height", json!(428_009))]))
}

fn ended(ending: &str) -> Value {
    json!({ "code": "x", "execution": { "ending": ending, "wall_ms": 1 } })
}

fn verdicts(judgements: &[Judgement]) -> Vec<Verdict> {
    judgements.iter().map(|judgement| judgement.verdict).collect()
}

fn alone(query: &str, files: &[&str], candidate: Value) -> Judgement {
    judge(&step(query, files, vec![candidate]), &config()).remove(0)
}

const WIDE: &str = r#"How wide is "a.png" in pixels?"#;

#[test]
fn what_ends_badly_fails_by_how_far_it_got() {
    let candidates = ["unparsed", "deadline", "raised", "value"].map(ended).to_vec();
    let judgements = judge(&step(WIDE, &["a.png"], candidates), &config());
    assert!(judgements.iter().all(|judgement| judgement.verdict == Verdict::Fail));
    let scores: Vec<f64> = judgements.iter().map(|judgement| judgement.score.unwrap()).collect();
    assert!(scores.windows(2).all(|pair| pair[0] < pair[1]), "{scores:?}");
}

#[test]
fn wrong_arguments_fail() {
    let query = r#"Which image is wider, "a.png" or "b.png"?"#;
    let files = ["a.png", "b.png"];
    assert_eq!(
        alone(query, &files, width(json!("a.png"), "a.png")).verdict,
        Verdict::Fail,
        "one file is missing"
    );
    let cropped = json!({
        "name": "image_info", "arguments": { "image": "a.png", "box": [0, 0, 77, 77] },
        "outcome": { "Ok": { "width": 640 } }
    });
    let facts = vec![json!({ "tool": 0, "pointer": "/width", "effect": "changed", "answer_under": 1 })];
    let judgement = alone(WIDE, &["a.png"], answered(json!(640), vec![cropped], facts));
    assert_eq!(judgement.verdict, Verdict::Fail, "77 is invented");
    let failed = json!({
        "name": "image_info", "arguments": { "image": "x.png" },
        "outcome": { "Err": { "kind": "not-found", "code": "no-file", "message": "no", "retryable": false } }
    });
    let judgement =
        alone(WIDE, &["a.png"], answered(json!(640), vec![failed, info("a.png")], facts_of_second_call()));
    assert_eq!(judgement.verdict, Verdict::Fail, "a call failed");
}

fn facts_of_second_call() -> Vec<Value> {
    facts(1, &[("/width", json!(641_009))])
}

#[test]
fn an_answer_of_another_kind_fails() {
    assert_eq!(alone(WIDE, &["a.png"], width(json!("wide"), "a.png")).verdict, Verdict::Fail);
    assert_eq!(alone(WIDE, &["a.png"], width(json!({ "width": 640 }), "a.png")).verdict, Verdict::Fail);
    assert_eq!(alone(WIDE, &["a.png"], width(json!(true), "a.png")).verdict, Verdict::Fail);
    let query = r#"Is the width of "a.png" portrait or landscape?"#;
    assert_eq!(alone(query, &["a.png"], width(json!("wide"), "a.png")).verdict, Verdict::Fail);
    assert_eq!(alone(query, &["a.png"], width(json!("landscape"), "a.png")).verdict, Verdict::Pass);
}

#[test]
fn dependence_decides() {
    assert_eq!(alone(WIDE, &["a.png"], width(json!(640), "a.png")).verdict, Verdict::Pass);
    assert_eq!(alone(WIDE, &["a.png"], height(json!(427), "a.png")).verdict, Verdict::Fail);
    let constant = answered(json!(640), vec![info("a.png")], facts(0, &[]));
    assert_eq!(alone(WIDE, &["a.png"], constant).verdict, Verdict::Fail);
    let both = facts(0, &[("/width", json!(1)), ("/height", json!(2))]);
    let product = answered(json!(273_280), vec![info("a.png")], both);
    assert_eq!(alone(WIDE, &["a.png"], product.clone()).verdict, Verdict::Fail);
    assert_eq!(alone(r#"What is the perimeter of "a.png"?"#, &["a.png"], product).verdict, Verdict::Pass);
}

#[test]
fn what_cannot_be_shown_is_abstained_from() {
    let query = r#"How heavy is "a.png"?"#;
    assert_eq!(alone(query, &["a.png"], width(json!(640), "a.png")).verdict, Verdict::Abstain);
    let none = answered(json!(640), vec![info("a.png")], Vec::new());
    assert_eq!(alone(WIDE, &["a.png"], none).verdict, Verdict::Abstain);
    let unknown = json!([{ "tool": 0, "pointer": "/width", "effect": "unknown" }]);
    let unknown = answered(json!(640), vec![info("a.png")], unknown.as_array().unwrap().clone());
    assert_eq!(alone(WIDE, &["a.png"], unknown).verdict, Verdict::Abstain);
    let guessed = answered(json!(640), Vec::new(), Vec::new());
    assert_ne!(alone(WIDE, &["a.png"], guessed).verdict, Verdict::Pass);
}

#[test]
fn the_right_one_of_five_wins_in_any_order() {
    let candidates = vec![
        height(json!(427), "a.png"),
        ended("raised"),
        width(json!(640), "a.png"),
        ended("value"),
        answered(json!(640), vec![info("a.png")], facts(0, &[])),
    ];
    let judgements = judge(&step(WIDE, &["a.png"], candidates.clone()), &config());
    assert_eq!(judgements[2].verdict, Verdict::Pass);
    assert_eq!(verdicts(&judgements).iter().filter(|verdict| **verdict == Verdict::Pass).count(), 1);
    let reversed: Vec<Value> = candidates.into_iter().rev().collect();
    let mut again = judge(&step(WIDE, &["a.png"], reversed), &config());
    again.reverse();
    assert_eq!(again, judgements);
}

#[test]
fn the_larger_group_wins_and_ties() {
    let double = answered(json!(1280), vec![info("a.png")], facts(0, &[("/width", json!(1_282_018))]));
    let candidates = vec![width(json!(640), "a.png"), double.clone(), width(json!(640), "/task/a.png")];
    let judgements = judge(&step(WIDE, &["a.png"], candidates), &config());
    assert_eq!(verdicts(&judgements), [Verdict::Pass, Verdict::Abstain, Verdict::Pass]);
    assert_eq!(judgements[0].score, judgements[2].score);
    let judgements = judge(&step(WIDE, &["a.png"], vec![width(json!(640), "a.png"), double]), &config());
    assert_eq!(verdicts(&judgements), [Verdict::Abstain, Verdict::Abstain], "one against one");
}

#[test]
fn agreement_is_over_all_worlds() {
    let other = |under: i64| answered(json!(640), vec![info("a.png")], facts(0, &[("/width", json!(under))]));
    let judgements = judge(&step(WIDE, &["a.png"], vec![other(1), other(2)]), &config());
    assert_eq!(verdicts(&judgements), [Verdict::Abstain, Verdict::Abstain]);
}

#[test]
fn a_comparison_must_depend_on_both_files() {
    let query = r#"Which image is wider, "a.png" or "b.png"?"#;
    let calls = || vec![info("a.png"), info("b.png")];
    let one = facts(0, &[("/width", json!("b.png"))]);
    let mut both = one.clone();
    both.extend(facts(1, &[("/width", json!("a.png"))]));
    let files = ["a.png", "b.png"];
    assert_eq!(alone(query, &files, answered(json!("a.png"), calls(), both.clone())).verdict, Verdict::Pass);
    let mut first_only = one;
    first_only.extend(facts(1, &[]));
    assert_eq!(alone(query, &files, answered(json!("a.png"), calls(), first_only)).verdict, Verdict::Fail);
    assert_eq!(alone(query, &files, answered(json!("c.png"), calls(), both)).verdict, Verdict::Fail);
}

#[test]
fn a_comparison_must_go_the_right_way() {
    // a.png is as wide as b.png; `a` and `b` say which of them a wider or a narrower picture makes the answer
    let compared = |query: &str, wide_a: &str, narrow_a: &str, wide_b: &str, narrow_b: &str| {
        let fact = |tool: u32, to: i64, under: &str| {
            let effect = if under == "a.png" { "unchanged" } else { "changed" };
            let under = (effect == "changed").then_some(under);
            json!({ "tool": tool, "pointer": "/width", "changed_to": to, "effect": effect, "answer_under": under })
        };
        let facts = vec![
            fact(0, 641_009, wide_a),
            fact(0, 1, narrow_a),
            fact(1, 641_009, wide_b),
            fact(1, 1, narrow_b),
        ];
        let candidate = answered(json!("a.png"), vec![info("a.png"), info("b.png")], facts);
        alone(query, &["a.png", "b.png"], candidate).verdict
    };
    let wider = r#"Which image is wider, "a.png" or "b.png"?"#;
    let less = r#"Which image has less width, "a.png" or "b.png"?"#;
    let undeclared = r#"Which image has the width, "a.png" or "b.png"?"#;
    let (wide_wins, narrow_wins) =
        (["a.png", "b.png", "b.png", "a.png"], ["b.png", "a.png", "a.png", "b.png"]);
    let told = |query: &str, [w, x, y, z]: [&str; 4]| compared(query, w, x, y, z);
    assert_eq!(told(wider, wide_wins), Verdict::Pass);
    assert_eq!(told(wider, narrow_wins), Verdict::Fail);
    assert_eq!(told(less, wide_wins), Verdict::Fail);
    assert_eq!(told(less, narrow_wins), Verdict::Pass);
    assert_eq!(told(undeclared, narrow_wins), Verdict::Pass);
}

#[test]
fn an_expression_must_hold_the_numbers_and_the_operator() {
    let calculated = |expression: &str, result: i64| {
        let call = json!({
            "name": "calculate", "arguments": { "expression": expression }, "outcome": { "Ok": { "result": result } }
        });
        let fact = json!({ "tool": 0, "pointer": "/result", "effect": "changed", "answer_under": 7 });
        alone("What is 237 times 83?", &[], answered(json!(result), vec![call], vec![fact])).verdict
    };
    assert_eq!(calculated("237 * 83", 19_671), Verdict::Pass);
    assert_eq!(calculated("237 + 83", 320), Verdict::Fail);
    assert_eq!(calculated("237 * 82", 19_434), Verdict::Fail);
    assert_eq!(calculated("237 * 83 * 5", 98_355), Verdict::Fail);
    let by_hand = answered(json!(19_671), Vec::new(), Vec::new());
    assert_eq!(alone("What is 237 times 83?", &[], by_hand).verdict, Verdict::Abstain);
}

fn color_call() -> Value {
    json!({
        "name": "mean_color", "arguments": { "image": "a.png" }, "outcome": { "Ok": { "red": 1, "name": "brown" } }
    })
}

fn looked() -> Value {
    json!({
        "code": "print(mean_color(image=\"a.png\"))",
        "observation": [{ "type": "text", "text": "{'red': 1, 'name': 'brown'}" }],
        "execution": { "ending": "value", "tools": [color_call()], "wall_ms": 1 }
    })
}

#[test]
fn looking_first_passes_only_where_it_is_asked_for() {
    let asked = r#"First print the mean color of "a.png", then say its color."#;
    assert_eq!(alone(asked, &["a.png"], looked()).verdict, Verdict::Pass);
    assert_eq!(alone(r#"Which color is "a.png"?"#, &["a.png"], looked()).verdict, Verdict::Fail);
    let mut last = step(asked, &["a.png"], vec![looked()]);
    last.depth = 7;
    assert_eq!(judge(&last, &config())[0].verdict, Verdict::Fail);
    let mut again = step(asked, &["a.png"], vec![looked()]);
    again.history = vec![serde_json::from_value(looked()).unwrap()];
    assert_eq!(judge(&again, &config())[0].verdict, Verdict::Fail);
}

#[test]
fn an_answer_may_repeat_what_an_earlier_step_read() {
    let asked = r#"First print the mean color of "a.png", then say its color."#;
    let candidates = vec![
        answered(json!("brown"), Vec::new(), Vec::new()),
        answered(json!("blue"), Vec::new(), Vec::new()),
        answered(json!(1), Vec::new(), Vec::new()),
    ];
    let mut step = step(asked, &["a.png"], candidates);
    step.depth = 1;
    step.history = vec![serde_json::from_value(looked()).unwrap()];
    assert_eq!(verdicts(&judge(&step, &config())), [Verdict::Pass, Verdict::Fail, Verdict::Fail]);
}

#[test]
fn a_candidate_is_a_candidate() {
    // the shape that the host stores reads as the SDK's
    let candidate: Candidate = serde_json::from_value(width(json!(640), "a.png")).unwrap();
    assert_eq!(candidate.execution.tools.len(), 1);
}
