//! Verifiers: what they are given, and what is made of what they say.
//!
//! * one judgement per candidate, in order, lifted whole
//! * too few; a score that is not a number, that is out of range; a quote that does not occur
//! * its own failure is passed on
//! * `context.remaining` in a verifier that calls itself deterministic traps
//! * an endless loop ends by fuel or deadline

use std::time::Duration;

use serde_json::json;
use sport_sandbox::{
    Budget, Candidate, Content, EndingKind, Execution, Failure, FailureKind, Judgement, Limits, StepView,
    ToolCall, ToolInfo, Verdict,
};

use crate::support::{Bench, Guest, import};

fn step(candidates: usize) -> StepView {
    let execution = Execution {
        ending: EndingKind::Answered,
        error: None,
        tools: vec![ToolCall {
            name: "mean_color".to_owned(),
            arguments: json!({ "image": "/task/a.png" }),
            outcome: Err(Failure::new(FailureKind::NotFound, "no-such-file", "there is no file")),
        }],
        dependences: vec![],
        wall_ms: 3,
    };
    let candidate = Candidate {
        thought: "look at it".to_owned(),
        code: "final_answer(\"red\")".to_owned(),
        observation: vec![Content::Text { text: "red".to_owned() }],
        execution,
        answer: Some(json!("red")),
        copies: 1,
    };
    StepView {
        query: "which colour is it?".to_owned(),
        files: vec![],
        captions: vec![],
        tools: vec![ToolInfo { name: "mean_color".into(), description: "d".into(), input_schema: json!({}) }],
        history: vec![],
        candidates: vec![candidate; candidates],
        depth: 0,
        max_depth: 4,
    }
}

/// A verifier that gives `count` judgements, each with this verdict, score and quote.
fn judging(count: u32, verdict: u32, score: &str, quote: &str) -> Guest {
    let mut guest = Guest::new();
    let why = guest.text("because");
    let quote = guest.text(quote);
    let halves = |text: &str, at: u32| {
        let (address, length) = text.split_once(") (").unwrap();
        format!("(i32.store (i32.const {at}) {address})) (i32.store (i32.const {}) ({length})", at + 4)
    };
    let mut body = halves(&quote, 700);
    for index in 0..count {
        let at = 768 + index * 40;
        body += &format!(
            "(i32.store8 (i32.const {at}) (i32.const {verdict}))
             (i32.store8 (i32.const {}) (i32.const 1)) (f64.store (i32.const {}) (f64.const {score}))
             {}
             (i32.store (i32.const {}) (i32.const 700)) (i32.store (i32.const {}) (i32.const 1))",
            at + 8,
            at + 16,
            halves(&why, at + 24),
            at + 32,
            at + 36,
        );
    }
    body += &format!(
        "(i32.store8 (i32.const 1024) (i32.const 0))
         (i32.store (i32.const 1028) (i32.const 768)) (i32.store (i32.const 1032) (i32.const {count}))
         (i32.const 1024)"
    );
    guest.judge = Some(body);
    guest
}

fn judge(bench: &Bench, guest: Guest, candidates: usize, limits: Limits) -> Result<Vec<Judgement>, Failure> {
    let verifier = bench.load_verifier(guest, &[]).unwrap();
    verifier.judge(&step(candidates), &json!({}), &bench.store, &Budget::new(limits))
}

#[test]
fn judgements_are_lifted() {
    let bench = Bench::new();
    let judged = judge(&bench, judging(3, 0, "0.75", "red"), 3, Limits::verifier()).unwrap();
    assert_eq!(judged.len(), 3);
    assert_eq!((judged[2].verdict, judged[2].score), (Verdict::Pass, Some(0.75)));
    assert_eq!(
        (judged[2].rationale.as_str(), judged[2].evidence.as_slice()),
        ("because", &["red".to_owned()][..])
    );
    let judged = judge(&bench, judging(1, 2, "0", "no file"), 1, Limits::verifier()).unwrap();
    assert_eq!(judged[0].verdict, Verdict::Abstain);
}

#[test]
fn bad_judgements_are_refused() {
    let bench = Bench::new();
    for (guest, candidates) in [
        (judging(2, 0, "1", "red"), 3),
        (judging(3, 0, "1", "red"), 2),
        (judging(0, 0, "1", "red"), 1),
        (judging(1, 0, "nan", "red"), 1),
        (judging(1, 0, "inf", "red"), 1),
        (judging(1, 0, "-0.1", "red"), 1),
        (judging(1, 0, "1.5", "red"), 1),
        (judging(1, 0, "1", "blue"), 1),
        (judging(1, 0, "1", ""), 1),
    ] {
        let failure = judge(&bench, guest, candidates, Limits::verifier()).unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Internal, "bad-guest-value"));
    }
    assert_eq!(judge(&bench, judging(1, 9, "1", "red"), 1, Limits::verifier()).unwrap_err().code, "trapped");
}

#[test]
fn failures_are_passed_on() {
    let bench = Bench::new();
    let mut guest = Guest::new();
    let code = guest.text("no-map");
    let (address, length) = code.split_once(") (").unwrap();
    guest.judge = Some(format!(
        "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const 3))
         (i32.store (i32.const 1032) {address})) (i32.store (i32.const 1036) ({length})
         (i32.store (i32.const 1044) (i32.const 0)) (i32.store8 (i32.const 1048) (i32.const 1))
         (i32.store8 (i32.const 1052) (i32.const 0)) (i32.const 1024)"
    ));
    let failure = judge(&bench, guest, 1, Limits::verifier()).unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Unavailable, "no-map"));
    assert!(failure.retryable);
}

#[test]
fn deterministic_means_it() {
    let bench = Bench::new();
    let asking = |traits| {
        let mut guest = judging(1, 0, "1", "red");
        guest.top = import::REMAINING.to_owned();
        guest.traits = traits;
        let body = guest.judge.take().unwrap();
        guest.judge = Some(format!("(call $remaining (i32.const 512)) {body}"));
        guest
    };
    assert!(judge(&bench, asking(0), 1, Limits::verifier()).is_ok());
    let failure = judge(&bench, asking(1), 1, Limits::verifier()).unwrap_err();
    assert_eq!(failure.code, "forbidden-import");
}

#[test]
fn an_endless_judge_ends() {
    let bench = Bench::new();
    let mut guest = Guest::new();
    guest.judge = Some("(loop $again (br $again)) unreachable".to_owned());
    let limits = Limits { wall: Duration::from_millis(200), ..Limits::verifier() };
    let failure = judge(&bench, guest, 1, limits).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Deadline);
}
