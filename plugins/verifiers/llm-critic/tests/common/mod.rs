//! Steps, and a model that says what the test wants.

#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;

use serde_json::{Value, json};
use sport_llm_critic::SPORT_JUDGE;
use sport_sdk::Failure;
use sport_sdk::chat::{Answer, ChatError, ErrorCode, Question};
use sport_sdk::testing::Host;
use sport_sdk::verify::{Judgement, Step, Verdict};

/// What the model says.
#[derive(Clone)]
pub enum Says {
    /// This text.
    Text(String),
    /// Something that the host keeps back, because it does not fit the schema.
    Misfit,
}

pub fn text(text: impl Into<String>) -> Says {
    Says::Text(text.into())
}

/// A host whose judge says these things one after the other, and nothing more.
pub fn scripted(answers: Vec<Says>) -> Host {
    let left = RefCell::new(answers.into_iter());
    answering(move |_| match left.borrow_mut().next() {
        Some(Says::Text(text)) => Ok(text.into()),
        Some(Says::Misfit) => Err(ChatError {
            code: ErrorCode::SchemaMismatch,
            message: "the model's answer does not fit the schema that was asked for: it is prose".to_owned(),
            retry_after_ms: None,
        }),
        None => panic!("nobody expected another question"),
    })
}

/// A host whose judge answers by a function.
pub fn answering(answer: impl Fn(&Question) -> Result<Answer, ChatError> + 'static) -> Host {
    let host = Host::new();
    host.model("judge", answer);
    host
}

pub fn candidate(code: &str) -> Value {
    json!({
        "thought": format!("I will run {code}"), "code": code,
        "observation": [{ "type": "text", "text": format!("output of {code}") }],
        "execution": { "ending": "value", "tools": [], "wall_ms": 123_456 }
    })
}

pub fn step(candidates: Vec<Value>) -> Step {
    serde_json::from_value(json!({
        "query": "How wide is cat.png?",
        "files": [{ "digest": "sha256:00", "media_type": "image/png", "size": 10, "name": "cat.png" }],
        "captions": ["a cat on a sofa"],
        "tools": [{ "name": "image_info", "description": "The size of a picture.", "input_schema": { "type": "object" } }],
        "candidates": candidates, "depth": 0, "max_depth": 8
    }))
    .unwrap()
}

pub fn codes(codes: &[&str]) -> Step {
    step(codes.iter().map(|code| candidate(code)).collect())
}

pub fn judge(host: &Host, step: &Step, config: Value) -> Result<Vec<Judgement>, Failure> {
    host.judge(SPORT_JUDGE, step, config)
}

pub fn scores(judgements: &[Judgement]) -> Vec<Option<f64>> {
    judgements.iter().map(|judgement| judgement.score).collect()
}

pub fn verdicts(judgements: &[Judgement]) -> Vec<Verdict> {
    judgements.iter().map(|judgement| judgement.verdict).collect()
}

/// The text of the question's last user message.
pub fn asked(question: &Question) -> String {
    question.messages[1].text()
}

/// A pair's answer by what is better of `codes`, each later one beating the earlier; texts that it does not know are a tie.
pub fn by_rank(question: &Question, codes: &[&str]) -> Answer {
    let shown = asked(question);
    let (first, second) = shown.split_once("=== end of candidate 1 ===").unwrap();
    let rank = |text: &str| codes.iter().rposition(|code| text.contains(&format!("code\n| {code}\n")));
    let better = match rank(first).cmp(&rank(second)) {
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Less => 2,
        std::cmp::Ordering::Equal => 0,
    };
    json!({ "reason": "by rank", "better": better }).to_string().into()
}
