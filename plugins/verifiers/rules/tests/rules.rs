//! Every rule by itself, and what becomes of several.
//!
//! * required tools, forbidden tools, most calls
//! * the answer's schema; patterns that must and must not occur in answer and code
//! * a number near a tool's result: below, above, relative, at a place of the answer, one of several calls
//! * a rule about the answer is broken where there is none
//! * a rule that cannot be evaluated makes it abstain, unless a `must` rule is broken
//! * the score is the weighted share; rules that are no `must` lower it and fail nobody
//! * the rationale names every broken rule
//! * a config that cannot mean anything is refused, and the rule is named
//! * through the SDK: the config's schema holds for the README's example

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sport_rules::SPORT_JUDGE;
use sport_sdk::testing::Host;
use sport_sdk::verify::{Judgement, Step, Verdict};

fn judged(rules: Value, candidates: Value) -> Vec<Judgement> {
    let step: Step =
        serde_json::from_value(json!({ "query": "How wide is it?", "candidates": candidates })).unwrap();
    Host::new().judge(SPORT_JUDGE, &step, json!({ "rules": rules })).unwrap()
}

fn verdict(check: Value, candidate: &Value) -> Verdict {
    judged(json!([{ "check": check }]), json!([candidate])).remove(0).verdict
}

fn refused(rules: Value) -> String {
    let failure = Host::new().judge(SPORT_JUDGE, &Step::default(), json!({ "rules": rules })).unwrap_err();
    assert_eq!(failure.code, "invalid-config");
    failure.message
}

fn call(name: &str, result: Value) -> Value {
    json!({ "name": name, "arguments": {}, "outcome": { "Ok": result } })
}

fn failed(name: &str) -> Value {
    let failure = json!({ "kind": "not-found", "code": "no-file", "message": "no", "retryable": false });
    json!({ "name": name, "arguments": {}, "outcome": { "Err": failure } })
}

fn candidate(answer: Value, tools: Value) -> Value {
    json!({
        "code": "w = image_info('a.png')['width']\nfinal_answer(w)", "answer": answer,
        "execution": { "ending": "answered", "tools": tools, "wall_ms": 1 }
    })
}

fn silent() -> Value {
    json!({ "code": "print(1)", "execution": { "ending": "value", "tools": [], "wall_ms": 1 } })
}

use Verdict::{Abstain, Fail, Pass};

#[test]
fn tools() {
    let info = candidate(json!(640), json!([call("image_info", json!({ "width": 640 }))]));
    let broke = candidate(json!(640), json!([failed("image_info")]));
    let both = candidate(json!(640), json!([failed("image_info"), call("image_info", json!({}))]));
    let required = || json!({ "required_tools": ["image_info"] });
    assert_eq!(
        [&info, &broke, &both, &silent()].map(|one| verdict(required(), one)),
        [Pass, Fail, Pass, Fail]
    );
    let forbidden = || json!({ "forbidden_tools": ["search", "image_info"] });
    assert_eq!([&info, &broke, &silent()].map(|one| verdict(forbidden(), one)), [Fail, Fail, Pass]);
    let most = |most: u32| verdict(json!({ "most_calls": most }), &both);
    assert_eq!([most(2), most(1), most(0)], [Pass, Fail, Fail]);
}

#[test]
fn the_answers_form() {
    let schema = || json!({ "answer_schema": { "type": "integer", "minimum": 1 } });
    let answers = [json!(640), json!(0), json!("640"), json!(640.0), json!(6.5)];
    let found = answers.map(|answer| verdict(schema(), &candidate(answer, json!([]))));
    assert_eq!(found, [Pass, Fail, Fail, Pass, Fail]);
    assert_eq!(verdict(schema(), &silent()), Fail);
}

#[test]
fn patterns() {
    let answered = |answer: Value| candidate(answer, json!([]));
    let matches = |pattern: &str, answer: Value| {
        verdict(json!({ "matches": { "in": "answer", "pattern": pattern } }), &answered(answer))
    };
    assert_eq!(matches(r"^\d+ px$", json!("640 px")), Pass);
    assert_eq!(matches(r"^\d+ px$", json!("640 px wide")), Fail);
    assert_eq!(matches(r"^640$", json!(640)), Pass);
    assert_eq!(matches(r#""width":640"#, json!({ "width": 640 })), Pass);
    assert_eq!(matches(r"(?i)ÄPFEL", json!("äpfel")), Pass);
    assert_eq!(matches(r"^\w{3,40}$", json!("äpfel")), Pass);
    let lacks = |place: &str, pattern: &str, one: &Value| {
        verdict(json!({ "lacks": { "in": place, "pattern": pattern } }), one)
    };
    assert_eq!(lacks("code", r"\beval\b", &answered(json!(1))), Pass);
    assert_eq!(lacks("code", "image_info", &answered(json!(1))), Fail);
    assert_eq!(lacks("answer", "sorry", &answered(json!("sorry"))), Fail);
    assert_eq!(lacks("answer", "sorry", &silent()), Fail, "there is no answer to lack it");
    assert_eq!(lacks("code", "final_answer", &silent()), Pass);
}

#[test]
fn numbers_near_a_result() {
    let calls =
        json!([call("image_info", json!({ "width": 640 })), call("image_info", json!({ "width": 100 }))]);
    let near = |room: Value, answer: Value| {
        let mut near = json!({ "tool": "image_info", "pointer": "/width" });
        near.as_object_mut().unwrap().extend(room.as_object().unwrap().clone());
        verdict(json!({ "near": near }), &candidate(answer, calls.clone()))
    };
    assert_eq!(near(json!({}), json!(640)), Pass);
    assert_eq!(near(json!({}), json!(100.0)), Pass, "the other call");
    assert_eq!(near(json!({}), json!(641)), Fail);
    assert_eq!(near(json!({ "above": 1 }), json!(641)), Pass);
    assert_eq!(near(json!({ "above": 1 }), json!(639)), Fail);
    assert_eq!(near(json!({ "below": 1 }), json!(639)), Pass);
    assert_eq!(near(json!({ "relative": 0.5 }), json!(330)), Pass);
    assert_eq!(near(json!({ "relative": 0.5 }), json!(970)), Fail);
    assert_eq!(near(json!({ "answer": "/w" }), json!({ "w": 640 })), Pass);
    assert_eq!(near(json!({ "answer": "/w" }), json!({ "h": 640 })), Fail);
    assert_eq!(near(json!({}), json!("640")), Fail);
}

#[test]
fn what_cannot_be_evaluated_is_abstained_from() {
    let near = json!({ "near": { "tool": "image_info", "pointer": "/width" } });
    for tools in
        [json!([]), json!([failed("image_info")]), json!([call("image_info", json!({ "width": "640" }))])]
    {
        let judgement =
            judged(json!([{ "name": "width", "check": near }]), json!([candidate(json!(640), tools)]))
                .remove(0);
        assert_eq!((judgement.verdict, judgement.score), (Abstain, None));
        assert!(judgement.rationale.contains("width cannot be evaluated"), "{}", judgement.rationale);
    }
    assert_eq!(verdict(near.clone(), &silent()), Fail, "no answer is a broken rule");
    let rules = json!([{ "check": near }, { "check": { "required_tools": ["image_info"] } }]);
    let judgement = judged(rules, json!([candidate(json!(640), json!([]))])).remove(0);
    assert_eq!((judgement.verdict, judgement.score), (Fail, Some(0.0)));
    let long =
        json!({ "code": "x".repeat((256 << 10) + 1), "execution": { "ending": "value", "wall_ms": 1 } });
    assert_eq!(verdict(json!({ "lacks": { "in": "code", "pattern": "y" } }), &long), Abstain);
}

#[test]
fn weights_and_names() {
    let rules = json!([
        { "name": "asks", "weight": 3.0, "check": { "required_tools": ["image_info"] } },
        { "name": "brief", "must": false, "weight": 1.0, "check": { "most_calls": 1 } },
        { "check": { "lacks": { "in": "code", "pattern": "eval" } }, "must": false, "weight": 4 }
    ]);
    let twice = json!([call("image_info", json!({})), call("image_info", json!({}))]);
    let judgements = judged(
        rules,
        json!([
            candidate(json!(1), json!([call("image_info", json!({}))])),
            candidate(json!(1), twice),
            candidate(json!(1), json!([]))
        ]),
    );
    let found: Vec<_> = judgements.iter().map(|one| (one.verdict, one.score)).collect();
    assert_eq!(found, [(Pass, Some(1.0)), (Pass, Some(7.0 / 8.0)), (Fail, Some(5.0 / 8.0))]);
    assert!(judgements[1].rationale.contains("brief is broken"), "{}", judgements[1].rationale);
    assert!(judgements[2].rationale.contains("asks is broken: image_info gave no result"));
}

#[test]
fn configs_that_mean_nothing_are_refused() {
    let pattern = |pattern: &str| json!([{ "check": { "matches": { "in": "answer", "pattern": pattern } } }]);
    assert!(refused(json!([])).contains("0 rules"));
    assert!(
        refused(pattern("(")).contains("rule 1 of the config (matches): the pattern \"(\""),
        "{}",
        refused(pattern("("))
    );
    refused(pattern(r"(\w{1,200}){1,200}"));
    refused(json!([{ "check": { "required_tools": [] } }]));
    refused(json!([{ "check": { "most_calls": 1 }, "weight": 0.0 }]));
    refused(json!([{ "check": { "most_calls": 1 }, "weigth": 1.0 }]));
    refused(json!([{ "check": { "near": { "tool": "a", "pointer": "width" } } }]));
    refused(json!([{ "check": { "near": { "tool": "a", "pointer": "", "below": -1.0 } } }]));
    let unknown =
        refused(json!([{ "name": "form", "check": { "answer_schema": { "items": { "format": "date" } } } }]));
    assert!(unknown.contains("rule 1 of the config (form): `items`: `format`"), "{unknown}");
}

#[test]
fn the_example_of_the_readme_is_a_config() {
    let readme = include_str!("../README.md");
    let toml = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let whole: Value =
        toml::from_str::<toml::Value>(toml).map(|value| serde_json::to_value(value).unwrap()).unwrap();
    let config = whole["verifier"]["config"].clone();
    let info = call("image_info", json!({ "width": 640 }));
    let step = json!({ "query": "", "candidates": [candidate(json!(640), json!([info])), silent()] });
    let step: Step = serde_json::from_value(step).unwrap();
    let judgements = Host::new().judge(SPORT_JUDGE, &step, config).unwrap();
    assert_eq!(judgements.iter().map(|one| one.verdict).collect::<Vec<_>>(), [Pass, Fail]);
}
