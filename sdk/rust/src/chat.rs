//! Questions to models that the operator set up. Using it makes the component import `sport:host/chat`.
//!
//! A plugin asks for a role, such as `judge` or `vision`; which model that is, and with what key it is asked, is the operator's
//! business. A native test reaches nothing but what its [`crate::testing::Host`] answers.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Artifact, Content, Failure, FailureKind, JsonSchema};

/// A question in the making.
///
/// ```
/// use sport_sdk::chat::Question;
/// use sport_sdk::testing::Host;
///
/// let host = Host::new();
/// host.model("judge", |question| Ok(format!("{} words", question.messages[1].text().split(' ').count()).into()));
/// let answer = Question::new("judge").system("count the words").user("one two three").ask()?;
/// assert_eq!(answer.text, "3 words");
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The role of the model.
    pub model: String,
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// JSON Schema of the answer, where it is to be JSON; the host checks it.
    pub schema: Option<Value>,
    /// Most tokens of the answer; the host has a limit of its own.
    pub max_tokens: Option<u32>,
    /// 0 to 2; the model's own where it is not said.
    pub temperature: Option<f32>,
    /// Equal questions with equal seeds get equal answers, where the model can do that.
    pub seed: Option<u64>,
    /// The answer ends before any of these; four at most.
    pub stop: Vec<String>,
}

/// One message of a conversation.
///
/// ```
/// use sport_sdk::Content;
/// use sport_sdk::chat::{Message, Role};
///
/// let message = Message { role: Role::User, content: vec![Content::text("what is"), Content::text(" it?")] };
/// assert_eq!(message.text(), "what is it?");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Whose it is.
    pub role: Role,
    /// Texts and images.
    pub content: Vec<Content>,
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What the model is told to be.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
    /// What a tool gave back.
    Tool,
}

/// A model's answer.
///
/// ```
/// use sport_sdk::chat::{Answer, Finish};
///
/// let answer = Answer::from("yes");
/// assert_eq!((answer.text.as_str(), answer.finish), ("yes", Finish::Stop));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it said.
    pub text: String,
    /// Why it ended there.
    pub finish: Finish,
    /// Tokens of the question.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// The model, by its own word.
    pub model: String,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It had as many tokens as it may have.
    Length,
    /// The server kept it back.
    Filtered,
    /// Somebody cancelled it.
    Cancelled,
}

/// Why there is no answer.
///
/// ```
/// use sport_sdk::{Failure, chat::Question};
///
/// let error = Question::new("vision").user("hello?").ask().unwrap_err();
/// assert_eq!(Failure::from(error).code, "chat-unknown-model");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatError {
    /// The broad kind.
    pub code: ErrorCode,
    /// What happened, and what to do.
    pub message: String,
    /// When it may be worth asking again.
    pub retry_after_ms: Option<u32>,
}

/// The broad kinds of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The question is not well-formed.
    Invalid,
    /// The operator did not grant it, or the server does not let us in.
    Denied,
    /// There is no such model.
    UnknownModel,
    /// The answer does not fit the schema.
    SchemaMismatch,
    /// Too many questions.
    RateLimited,
    /// The caller's budget of questions or tokens is used up.
    Budget,
    /// It took too long.
    Deadline,
    /// The server cannot be reached, or its answer cannot be read.
    Unavailable,
    /// Something else.
    Other,
}

impl Question {
    /// A question for this role.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            messages: Vec::new(),
            schema: None,
            max_tokens: None,
            temperature: None,
            seed: None,
            stop: Vec::new(),
        }
    }

    /// Tells the model what it is.
    #[must_use]
    pub fn system(self, text: impl Into<String>) -> Self {
        self.message(Role::System, Content::text(text))
    }

    /// Says something.
    #[must_use]
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Role::User, Content::text(text))
    }

    /// Reminds the model of what it said.
    #[must_use]
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(Role::Assistant, Content::text(text))
    }

    /// Shows an image, with what was said last if that was the user's.
    ///
    /// ```
    /// use sport_sdk::chat::Question;
    /// use sport_sdk::testing::Host;
    ///
    /// let host = Host::new();
    /// let photo = host.file("cat.png", "image/png", b"...");
    /// host.model("vision", |question| Ok(format!("{} pieces", question.messages[0].content.len()).into()));
    /// assert_eq!(Question::new("vision").user("what is it?").image(&photo).ask()?.text, "2 pieces");
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    #[must_use]
    pub fn image(mut self, image: &Artifact) -> Self {
        let content = Content::Artifact(image.clone());
        match self.messages.last_mut() {
            Some(message) if message.role == Role::User => {
                message.content.push(content);
                self
            }
            _ => self.message(Role::User, content),
        }
    }

    /// Says anything.
    #[must_use]
    pub fn message(mut self, role: Role, content: Content) -> Self {
        self.messages.push(Message { role, content: vec![content] });
        self
    }

    /// At most so many tokens.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// How far from the likeliest answer: 0 to 2.
    #[must_use]
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// The same answer for the same question, where the model can do that.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Asks.
    pub fn ask(self) -> Result<Answer, ChatError> {
        backend::ask(self)
    }

    /// Asks for a value; its schema goes along, and the host checks the answer against it.
    ///
    /// ```
    /// use sport_sdk::chat::Question;
    /// use sport_sdk::testing::Host;
    /// use sport_sdk::{Deserialize, JsonSchema};
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Verdict {
    ///     better: usize,
    /// }
    ///
    /// let host = Host::new();
    /// host.model("judge", |_| Ok(r#"{"better": 1}"#.into()));
    /// let verdict: Verdict = Question::new("judge").user("which?").ask_for()?;
    /// assert_eq!(verdict.better, 1);
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    pub fn ask_for<T: DeserializeOwned + JsonSchema + 'static>(mut self) -> Result<T, ChatError> {
        self.schema = Some(crate::schema::schema_of::<T>());
        let answer = self.ask()?;
        serde_json::from_str(&answer.text).map_err(|error| ChatError {
            code: ErrorCode::SchemaMismatch,
            message: format!("the model's answer is of another form: {error}"),
            retry_after_ms: None,
        })
    }
}

impl Message {
    /// Its texts, one behind the other.
    pub fn text(&self) -> String {
        let text = |content: &Content| match content {
            Content::Text { text } => Some(text.clone()),
            _ => None,
        };
        self.content.iter().filter_map(text).collect()
    }
}

impl<T: Into<String>> From<T> for Answer {
    /// An answer for tests, of no cost.
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            finish: Finish::Stop,
            input_tokens: 0,
            output_tokens: 0,
            model: "test".to_owned(),
        }
    }
}

impl fmt::Display for ChatError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

// Not an `Error` itself: then its kind would be lost when `?` makes a failure of it.
impl From<ChatError> for Failure {
    fn from(error: ChatError) -> Self {
        let (kind, code) = match error.code {
            ErrorCode::Invalid => (FailureKind::InvalidInput, "chat-invalid"),
            ErrorCode::Denied => (FailureKind::Denied, "chat-denied"),
            ErrorCode::UnknownModel => (FailureKind::NotFound, "chat-unknown-model"),
            ErrorCode::SchemaMismatch => (FailureKind::Unavailable, "chat-schema-mismatch"),
            ErrorCode::RateLimited => (FailureKind::RateLimited, "chat-rate-limited"),
            ErrorCode::Budget => (FailureKind::Exhausted, "chat-budget"),
            ErrorCode::Deadline => (FailureKind::Deadline, "chat-deadline"),
            ErrorCode::Unavailable => (FailureKind::Unavailable, "chat-unavailable"),
            ErrorCode::Other => (FailureKind::Unavailable, "chat-other"),
        };
        Self::new(kind, error.message).code(code)
    }
}

#[cfg(target_family = "wasm")]
mod backend {
    use super::{Answer, ChatError, ErrorCode, Finish, Question, Role};
    use crate::bindings::host::sport::base::types as base;
    use crate::bindings::host::sport::host::chat;

    pub fn ask(question: Question) -> Result<Answer, ChatError> {
        let messages = question.messages.into_iter().map(|message| chat::Message {
            role: match message.role {
                Role::System => chat::Role::System,
                Role::User => chat::Role::User,
                Role::Assistant => chat::Role::Assistant,
                Role::Tool => chat::Role::Tool,
            },
            content: message.content.into_iter().map(base::Content::from).collect(),
        });
        let wire = chat::Request {
            model: question.model,
            messages: messages.collect(),
            response_schema: question.schema.map(|schema| schema.to_string()),
            max_tokens: question.max_tokens,
            temperature: question.temperature,
            seed: question.seed,
            stop: question.stop,
            extra: Vec::new(),
        };
        let chat::Response { text, finish, usage, model } = chat::generate(&wire).map_err(lift)?;
        let finish = match finish {
            chat::Finish::Stop => Finish::Stop,
            chat::Finish::Length => Finish::Length,
            chat::Finish::Filtered => Finish::Filtered,
            chat::Finish::Cancelled => Finish::Cancelled,
        };
        let chat::Usage { input_tokens, output_tokens } = usage;
        Ok(Answer { text, finish, input_tokens, output_tokens, model })
    }

    fn lift(error: chat::Error) -> ChatError {
        let code = match error.code {
            chat::ErrorCode::Invalid => ErrorCode::Invalid,
            chat::ErrorCode::Denied => ErrorCode::Denied,
            chat::ErrorCode::UnknownModel => ErrorCode::UnknownModel,
            chat::ErrorCode::SchemaMismatch => ErrorCode::SchemaMismatch,
            chat::ErrorCode::RateLimited => ErrorCode::RateLimited,
            chat::ErrorCode::Budget => ErrorCode::Budget,
            chat::ErrorCode::Deadline => ErrorCode::Deadline,
            chat::ErrorCode::Unavailable => ErrorCode::Unavailable,
            chat::ErrorCode::Other => ErrorCode::Other,
        };
        ChatError { code, message: error.message, retry_after_ms: error.retry_after_ms }
    }
}

/// The test's host answers, or nobody does.
#[cfg(not(target_family = "wasm"))]
mod backend {
    use super::{Answer, ChatError, ErrorCode, Question};
    use crate::native;

    pub fn ask(question: Question) -> Result<Answer, ChatError> {
        let model = native::with(|state| {
            state.questions.push(question.clone());
            state.models.get(&question.model).cloned()
        });
        let Some(model) = model else {
            let message = format!("the test's host has no model `{}`", question.model);
            return Err(ChatError { code: ErrorCode::UnknownModel, message, retry_after_ms: None });
        };
        model(&question)
    }
}
