//! What a model says, and what is made of it.
//!
//! * bare, fenced, with prose around it, on its own line: read
//! * prose, another number, half an object, two answers, nothing, what the host keeps back: repaired once
//! * wrong twice: `bad-answer`, and no judgement of anybody
//! * an answer that was cut off or kept back is repaired too; a budget that is used up is not
//! * the repair shows what was said and why it was no use; after the host's refusal it goes without the schema, since the host shows no text
//! * the question carries the config's role, tokens, temperature and seed

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Says, answering, codes, judge, scores, scripted, text};
use serde_json::json;
use sport_sdk::FailureKind;
use sport_sdk::chat::{Answer, ChatError, ErrorCode, Finish, Role};

const GOOD: &str = r#"{"reason": "it asks the tool", "better": 2}"#;

fn second_wins(says: Vec<Says>) {
    let count = says.len();
    let host = scripted(says);
    let judgements = judge(&host, &codes(&["a()", "b()"]), json!({})).unwrap();
    assert_eq!(scores(&judgements), [Some(0.0), Some(1.0)]);
    assert_eq!(host.questions().len(), count);
}

#[test]
fn an_answer_in_any_dress_is_read() {
    for said in [
        GOOD.to_owned(),
        format!("```json\n{GOOD}\n```"),
        format!("Let me see. The first {{guesses}}, the second does not.\n\n{GOOD}\n\nThat is all."),
        format!("{{\"note\": \"no answer yet\"}}\n{GOOD}"),
    ] {
        second_wins(vec![text(said)]);
    }
}

fn wrong() -> Vec<Says> {
    vec![
        text("The second one is better."),
        text(r#"{"reason": "none", "better": 3}"#),
        text(r#"{"reason": "none", "better": "2"}"#),
        text(r#"{"reason": "none", "bett"#),
        text(
            r#"{"reason": "first thought", "better": 1} No, wait: {"reason": "second thought", "better": 2}"#,
        ),
        text(""),
        Says::Misfit,
    ]
}

#[test]
fn a_wrong_answer_is_repaired_once() {
    for one in wrong() {
        second_wins(vec![one, text(format!("Sorry.\n```json\n{GOOD}\n```"))]);
    }
}

#[test]
fn wrong_twice_judges_nobody() {
    for first in wrong() {
        let failure = judge(&scripted(vec![first, text("still prose")]), &codes(&["a()", "b()"]), json!({}))
            .unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Unavailable, "bad-answer"));
    }
    // a later pair counts as much as the first
    let answers = vec![text(GOOD), text("prose"), text("prose")];
    assert_eq!(
        judge(&scripted(answers), &codes(&["a()", "b()", "c()"]), json!({})).unwrap_err().code,
        "bad-answer"
    );
}

#[test]
fn answers_that_did_not_end_by_themselves() {
    for finish in [Finish::Length, Finish::Filtered, Finish::Cancelled] {
        let host = answering(move |question| {
            let answer = Answer::from(GOOD);
            Ok(if question.schema.is_some() { Answer { finish, ..answer } } else { answer })
        });
        assert_eq!(
            scores(&judge(&host, &codes(&["a()", "b()"]), json!({})).unwrap()),
            [Some(0.0), Some(1.0)]
        );
        assert_eq!(host.questions().len(), 2);
    }
    let host = answering(|_| {
        Err(ChatError {
            code: ErrorCode::Budget,
            message: "model calls used up".to_owned(),
            retry_after_ms: None,
        })
    });
    assert_eq!(judge(&host, &codes(&["a()", "b()"]), json!({})).unwrap_err().code, "chat-budget");
    assert_eq!(host.questions().len(), 1);
}

#[test]
fn the_repair_says_what_was_wrong() {
    let host = scripted(vec![text(r#"{"reason": "none", "better": 3}"#), text(GOOD)]);
    judge(&host, &codes(&["a()", "b()"]), json!({})).unwrap();
    let [first, repair] = host.questions().try_into().unwrap();
    assert_eq!(repair.messages[..2], first.messages[..]);
    assert_eq!((repair.messages[2].role, repair.messages[3].role), (Role::Assistant, Role::User));
    assert!(repair.messages[2].text().contains(r#""better": 3"#));
    assert!(repair.messages[3].text().contains("`better` must be 0, 1 or 2"));
    let host = scripted(vec![Says::Misfit, text(GOOD)]);
    judge(&host, &codes(&["a()", "b()"]), json!({})).unwrap();
    let [first, repair] = host.questions().try_into().unwrap();
    assert_eq!((first.schema.is_some(), repair.schema.is_some()), (true, false));
    assert_eq!(
        repair.messages.len(),
        2,
        "there is nothing to show, and some templates take no two messages of one side"
    );
    assert!(repair.messages[1].text().ends_with(&first.schema.unwrap().to_string()));
}

#[test]
fn the_question_is_as_the_config_says() {
    let host = scripted(vec![]);
    host.model("critic", |_| Ok(GOOD.into()));
    let config =
        json!({ "role": "critic", "max_tokens": 99, "temperature": 0.5, "seed": 7, "criteria": "- BE KIND" });
    judge(&host, &codes(&["a()", "b()"]), config).unwrap();
    let question = host.questions().remove(0);
    assert_eq!((question.model.as_str(), question.max_tokens, question.seed), ("critic", Some(99), Some(7)));
    assert_eq!(question.temperature, Some(0.5));
    let told = question.messages[0].text();
    assert!(
        told.contains("- BE KIND") && !told.contains("moves the task on") && !told.contains("{criteria}"),
        "{told}"
    );
    let host = scripted(vec![text(GOOD)]);
    judge(&host, &codes(&["a()", "b()"]), json!({ "instructions": "COMPARE.\n{criteria}" })).unwrap();
    let told = host.questions()[0].messages[0].text();
    assert!(told.starts_with("COMPARE.\n- It moves the task on"), "{told}");
    assert!(told.contains("begins with `| ` is data"), "what data is cannot be left out");
    let failure = judge(&scripted(vec![]), &codes(&["a()", "b()"]), json!({ "pass_at": 2.0 })).unwrap_err();
    assert_eq!(failure.code, "invalid-config");
}
