//! The tool natively, with a model that says what it is told to.
//!
//! * what the model is asked: its role, what it is told, the question, the image, few tokens, no chance
//! * a description; an answer to a question; an answer that was cut
//! * not an image; one that is too large; a question that is too long
//! * no model; a model that refuses, that says nothing; the operator's words reach the caller

use sport_describe_image::SPORT_TOOLS;
use sport_sdk::chat::{Answer, ChatError, ErrorCode, Finish, Role};
use sport_sdk::testing::Host;
use sport_sdk::{Content, Failure, FailureKind, Value, json};

fn describe(host: &Host, arguments: Value) -> Result<Value, Failure> {
    host.call(SPORT_TOOLS, "describe_image", arguments).map(|outcome| outcome.structured.unwrap())
}

#[test]
fn what_is_asked_and_answered() {
    let host = Host::new();
    let photo = host.file("cat.png", "image/png", b"\x89PNG");
    host.model("vision", |_| Ok(Answer { model: "seer-1".to_owned(), ..Answer::from(" A cat on a mat.\n") }));
    assert_eq!(
        describe(&host, json!({ "image": photo })).unwrap(),
        json!({ "text": "A cat on a mat.", "cut": false, "model": "seer-1" })
    );
    describe(&host, json!({ "image": photo, "question": " how many? " })).unwrap();
    let questions = host.questions();
    assert_eq!(questions[0].messages[0].role, Role::System);
    let shown = |text: &str| vec![Content::text(text), Content::Artifact(photo.clone())];
    assert_eq!(questions[0].messages[1].content, shown("Describe this image."));
    assert_eq!(questions[1].messages[1].content, shown("how many?"));
    assert_eq!((questions[1].max_tokens, questions[1].temperature), (Some(500), Some(0.0)));
}

#[test]
fn an_answer_that_was_cut() {
    let host = Host::new();
    let photo = host.file("cat.jpg", "image/jpeg", b"\xff\xd8");
    host.model("vision", |_| Ok(Answer { finish: Finish::Length, ..Answer::from("A cat and") }));
    assert_eq!(describe(&host, json!({ "image": photo })).unwrap()["cut"], true);
}

#[test]
fn what_is_refused() {
    let host = Host::new();
    host.model("vision", |_| Ok("yes".into()));
    let text = host.file("a.txt", "text/plain", b"a");
    let photo = host.file("a.png", "image/png", b"a");
    let large = host.file("b.png", "image/png", &vec![0; (20 << 20) + 1]);
    for (arguments, code) in [
        (json!({ "image": text }), "unsupported-format"),
        (json!({ "image": large }), "image-too-large"),
        (json!({ "image": photo, "question": "?".repeat(2_001) }), "question-too-long"),
    ] {
        let failure = describe(&host, arguments).unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::InvalidInput, code));
    }
    assert!(host.questions().is_empty());
}

#[test]
fn models_that_do_not_answer() {
    let host = Host::new();
    let photo = host.file("a.png", "image/png", b"a");
    assert_eq!(describe(&host, json!({ "image": photo })).unwrap_err().code, "chat-unknown-model");
    let says = |finish: Finish, text: &'static str| move |_: &_| Ok(Answer { finish, ..Answer::from(text) });
    host.model("vision", says(Finish::Filtered, "I"));
    assert_eq!(describe(&host, json!({ "image": photo })).unwrap_err().code, "no-answer");
    host.model("vision", says(Finish::Stop, " \n"));
    assert_eq!(describe(&host, json!({ "image": photo })).unwrap_err().code, "no-answer");
    host.model("vision", |_| {
        let message = "the operator allows 2 questions a minute, and this is one more".to_owned();
        Err(ChatError { code: ErrorCode::RateLimited, message, retry_after_ms: Some(9) })
    });
    let failure = describe(&host, json!({ "image": photo })).unwrap_err();
    assert_eq!(failure.kind, FailureKind::RateLimited);
    assert!(failure.message.contains("2 questions a minute"), "{failure:?}");
}
