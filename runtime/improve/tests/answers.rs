//! Comparing answers.
//!
//! * numbers: as numbers, as text, with a unit, within the tolerance; no booleans, no lists, no numbers among words
//! * text and choices: case, space, quotes and a full stop do not matter; nothing else is forgiven
//! * booleans: true, yes, false, no; not 0 and 1
//! * long and odd values are wrong, not a fault

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sport_improve::AnswerKind;
use sport_improve::answers::matches;

fn number(known: Value, given: Value) -> bool {
    matches(&AnswerKind::Number { tolerance: 0.5 }, &known, &given)
}

#[test]
fn numbers() {
    assert!(number(json!(640), json!(640)));
    assert!(number(json!(640), json!(640.4)));
    assert!(number(json!(640), json!("640")));
    assert!(number(json!(640), json!(" 640 px ")));
    assert!(number(json!(640), json!("640 pixels")));
    assert!(number(json!(-1.5), json!("-1.5")));
    assert!(!number(json!(640), json!(641)));
    assert!(!number(json!(1), json!(true)));
    assert!(!number(json!(640), json!([640])));
    assert!(!number(json!(640), json!({ "width": 640 })));
    assert!(!number(json!(640), json!("it is 640")));
    assert!(!number(json!(640), json!("640 427")));
    assert!(!number(json!(640), json!("")));
    assert!(!number(json!(640), json!("inf")));
    assert!(!number(json!(640), json!("NaN")));
    assert!(!number(json!(640), Value::Null));
}

#[test]
fn the_tolerance_is_the_kinds() {
    let kind = AnswerKind::Number { tolerance: 0.01 };
    assert!(matches(&kind, &json!(1.499), &json!(1.505)));
    assert!(!matches(&kind, &json!(1.499), &json!(1.52)));
}

#[test]
fn text() {
    let text = |given: &str| matches(&AnswerKind::Text, &json!("jpeg"), &json!(given));
    assert!(text("jpeg") && text(" JPEG. ") && text("\"jpeg\"") && text("'Jpeg'"));
    assert!(!text("jpg") && !text("it is jpeg") && !text("") && !text("jpeg png"));
    assert!(!matches(&AnswerKind::Text, &json!("jpeg"), &json!(["jpeg"])));
}

#[test]
fn choices() {
    let kind = AnswerKind::Choice { options: vec!["a.png".to_owned(), "b.png".to_owned()] };
    assert!(matches(&kind, &json!("a.png"), &json!("A.PNG")));
    assert!(!matches(&kind, &json!("a.png"), &json!("b.png")));
    assert!(!matches(&kind, &json!("a.png"), &json!("a.png or b.png")));
}

#[test]
fn booleans() {
    let boolean = |known: bool, given: Value| matches(&AnswerKind::Boolean, &json!(known), &given);
    assert!(boolean(true, json!(true)) && boolean(true, json!("Yes")) && boolean(false, json!("no.")));
    assert!(!boolean(true, json!(false)) && !boolean(true, json!(1)) && !boolean(false, json!("never")));
}

#[test]
fn long_text_is_wrong() {
    assert!(!number(json!(1), json!("1".repeat(100_000))));
    assert!(!matches(&AnswerKind::Text, &json!("a"), &json!("a".repeat(100_000))));
}
