//! Finding the answer in what a model said.
//!
//! Models are asked for JSON and give it bare, in a fence, or with prose around it. What is looked for is the one object that can be
//! read as an answer. Two that read as different answers are none: a model that thinks aloud, or that quotes what it was shown, must not
//! have one of its drafts taken for its word.

use sport_sdk::{Value, serde_json};

/// Longest text that is looked through; the host lets no more tokens through by far.
const MOST_BYTES: usize = 1 << 20;

/// Objects that are tried at most, so that a text of braces alone costs little.
const MOST_TRIES: usize = 256;

/// The one answer in a text: `read` makes it of an object, or says what is wrong with it.
pub fn find<T: PartialEq>(said: &str, read: impl Fn(&Value) -> Result<T, String>) -> Result<T, String> {
    if said.len() > MOST_BYTES {
        return Err("it is too long".to_owned());
    }
    let mut found: Option<T> = None;
    let mut wrong = None;
    for object in objects(said) {
        match read(&object) {
            Ok(answer) if found.as_ref().is_some_and(|other| *other != answer) => {
                return Err("it holds two different answers".to_owned());
            }
            Ok(answer) => found = Some(answer),
            Err(reason) => wrong = Some(reason),
        }
    }
    found.ok_or_else(|| wrong.unwrap_or_else(|| "there is no JSON object in it".to_owned()))
}

/// The outermost JSON objects of a text, in order.
fn objects(text: &str) -> Vec<Value> {
    let mut objects = Vec::new();
    let mut rest = text;
    for _ in 0..MOST_TRIES {
        let Some(start) = rest.find('{') else { break };
        rest = &rest[start..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(object)) => {
                objects.push(object);
                rest = &rest[stream.byte_offset()..];
            }
            _ => rest = &rest[1..],
        }
    }
    objects
}
