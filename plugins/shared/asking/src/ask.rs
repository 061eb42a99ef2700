//! A question, its answer, and one repair.

use sport_sdk::chat::{Answer, ChatError, ErrorCode, Finish, Message, Question, Role};
use sport_sdk::{Content, Failure, FailureKind, Value, log};

use crate::answer;

/// Longest part of an unusable answer that the model is shown again, in letters.
const SHOWN_AGAIN: usize = 4_000;

/// Asks for an answer that fits the schema and that `read` can read.
///
/// The host checks the answer against the schema and keeps back what does not fit, so the one repair after such an answer is asked for
/// without it: what then comes back is read with more patience than the host has. Then it is `bad-answer`.
pub fn ask<T: PartialEq>(
    question: Question,
    schema: &Value,
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<T, Failure> {
    let first = Question { schema: Some(schema.clone()), ..question.clone() };
    let (repair, why) = match first.ask() {
        Ok(answer) => match usable(&answer, &read) {
            Ok(read) => return Ok(read),
            Err(why) => (repair(question, schema, Some(&answer.text), &why), why),
        },
        Err(ChatError { code: ErrorCode::SchemaMismatch, message, .. }) => {
            (repair(question, schema, None, &message), message)
        }
        Err(error) => return Err(error.into()),
    };
    log::debug(format!("asking once more: {why}"));
    usable(&repair.ask()?, &read).map_err(|why| {
        let message = format!("the model gave no usable answer, nor a better one when asked again: {why}");
        Failure::new(FailureKind::Unavailable, message).code("bad-answer")
    })
}

fn usable<T: PartialEq>(answer: &Answer, read: impl Fn(&Value) -> Result<T, String>) -> Result<T, String> {
    match answer.finish {
        Finish::Stop => answer::find(&answer.text, read),
        Finish::Length => Err("it was cut off; use fewer words".to_owned()),
        Finish::Filtered => Err("the server kept it back".to_owned()),
        Finish::Cancelled => Err("it was cancelled".to_owned()),
    }
}

/// The same question with what was wrong. Where there is no answer to show, the note is added to the question itself: some chat
/// templates take no two messages of one side in a row.
fn repair(mut question: Question, schema: &Value, said: Option<&str>, why: &str) -> Question {
    let note = format!(
        "\nAn earlier answer to this could not be used: {why}\nAnswer with one JSON object that fits this JSON Schema, and with nothing \
         else:\n{schema}"
    );
    match (said.map(str::trim).filter(|said| !said.is_empty()), question.messages.last_mut()) {
        (Some(said), _) => {
            let said: String = said.chars().take(SHOWN_AGAIN).collect();
            question.assistant(said).user(note)
        }
        (None, Some(Message { role: Role::User, content })) => {
            content.push(Content::text(note));
            question
        }
        (None, _) => question.user(note),
    }
}
