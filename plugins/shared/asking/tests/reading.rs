//! Finding the answer in what a model said.
//!
//! * bare, fenced, with prose before and after, over several lines
//! * braces in prose and in texts do not confuse it
//! * the same answer twice is one answer, two different ones are none
//! * an object that is no answer is passed over, and its fault is told if there is no other
//! * nothing, half an object, a text of braces alone

#![allow(clippy::unwrap_used, reason = "tests")]

use sport_asking::answer::find;
use sport_sdk::Value;

fn number(value: &Value) -> Result<i64, String> {
    value.get("n").and_then(Value::as_i64).ok_or_else(|| "there is no n".to_owned())
}

#[test]
fn an_answer_is_found_in_every_dress() {
    for said in [
        r#"{"n": 3}"#,
        "```json\n{\"n\": 3}\n```",
        "```\n{\"n\":3}```",
        "Sure! Here it is:\n\n```json\n{\n  \"n\": 3\n}\n```\nI hope that helps.",
        r#"The set {a, b} has two, so {"n": 3, "why": "a } in a text \" {"} it is."#,
        r#"{"draft": true} and so {"n": 3}"#,
        r#"{"n": 3} and again {"n": 3}"#,
    ] {
        assert_eq!(find(said, number), Ok(3), "{said}");
    }
}

#[test]
fn what_is_not_one_answer_is_none() {
    for (said, why) in [
        ("", "there is no JSON object in it"),
        ("three", "there is no JSON object in it"),
        (r#"{"n": 3"#, "there is no JSON object in it"),
        (r#"{"m": 3}"#, "there is no n"),
        (r#"[{"n": "3"}]"#, "there is no n"),
        (r#"{"n": 3} or rather {"n": 4}"#, "it holds two different answers"),
    ] {
        assert_eq!(find(said, number), Err(why.to_owned()), "{said}");
    }
    assert!(find(&"{".repeat(100_000), number).is_err());
    assert!(find(&" ".repeat((1 << 20) + 1), number).is_err());
}
