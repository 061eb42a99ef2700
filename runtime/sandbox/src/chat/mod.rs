//! Models that components may ask (`sport:host/chat`).
//!
//! A component asks by the name of a role, `judge` or `vision`, never by that of a model: which model answers, where, and with what
//! key is the operator's business ([`Models`]), and so is which plugin may ask which role ([`crate::Grants::with_models`]). Every question is
//! charged to the call's budget before it is asked, and its tokens when it was answered.
//!
//! What answers is a [`ChatBackend`]: an endpoint that speaks as OpenAI's do ([`Endpoint`]), or whatever the program that uses
//! this crate puts behind the trait. Answers are as foreign as everything else: bounded, cleaned, and compared with the schema that
//! was asked for.

mod endpoint;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::budget::{Budget, Stop};

pub use endpoint::{Endpoint, EndpointOptions};

/// Who says something in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract's and say it all")]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

impl Role {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// A picture with its media type.
    Image {
        /// For example `image/png`.
        media_type: String,
        /// The file's bytes.
        bytes: Arc<[u8]>,
    },
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatMessage {
    /// Whose it is.
    pub role: Role,
    /// What is said.
    pub parts: Vec<Part>,
}

/// A question to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The conversation so far, oldest first; not empty.
    pub messages: Vec<ChatMessage>,
    /// JSON Schema of the answer, where it is to be JSON. The host checks it, whatever the backend does with it.
    pub response_schema: Option<Value>,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// 0 to 2; the backend's own where it is not said.
    pub temperature: Option<f32>,
    /// Equal questions with equal seeds get equal answers where the backend can do that.
    pub seed: Option<u64>,
    /// The answer ends before any of these.
    pub stop: Vec<String>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract's and say it all")]
pub enum Finish {
    Stop,
    Length,
    Filtered,
    Cancelled,
}

/// A model's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatResponse {
    /// What it said.
    pub text: String,
    /// Why it ended there.
    pub finish: Finish,
    /// Tokens of the question.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// The model that answered, by its own word.
    pub model: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatFault {
    /// The call is over; the guest is not asked.
    Stop(Stop),
    /// The guest is told.
    Wrong(ChatError),
}

/// What a guest is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ChatError {
    /// What kind of thing went wrong.
    pub code: ChatErrorCode,
    /// One sentence; never holds a key.
    pub message: String,
    /// When it may be worth asking again.
    pub retry_after_ms: Option<u32>,
}

/// The kinds, as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract's and say it all")]
pub enum ChatErrorCode {
    Invalid,
    Denied,
    UnknownModel,
    SchemaMismatch,
    RateLimited,
    Budget,
    Deadline,
    Unavailable,
    Other,
}

impl ChatError {
    /// One that does not say when to ask again.
    pub fn new(code: ChatErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None }
    }
}

impl From<ChatError> for ChatFault {
    fn from(error: ChatError) -> Self {
        Self::Wrong(error)
    }
}

/// What answers.
///
/// A backend waits no longer than `budget` allows, and asks it at least every few milliseconds ([`Budget::check`]).
pub trait ChatBackend: Send + Sync {
    /// Answers a question.
    fn generate(&self, request: &ChatRequest, budget: &Budget) -> Result<ChatResponse, ChatFault>;

    /// The log-probability of each choice as the answer, in order. Most endpoints cannot tell.
    fn score(
        &self,
        request: &ChatRequest,
        choices: &[String],
        budget: &Budget,
    ) -> Result<Vec<f64>, ChatFault> {
        let _ = (request, choices, budget);
        let message = "this model cannot say how likely an answer is; ask it with `generate`";
        Err(ChatError::new(ChatErrorCode::Unavailable, message).into())
    }

    /// What tells this backend from others in records: the model's digest, or endpoint and model.
    fn identity(&self) -> String;
}

/// The models that there are, by the names of their roles. Clones are the same models.
#[derive(Clone, Default)]
pub struct Models {
    backends: Arc<BTreeMap<String, Arc<dyn ChatBackend>>>,
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = self.backends.iter().map(|(name, backend)| (name, backend.identity()));
        f.debug_map().entries(named).finish()
    }
}

impl Models {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same with one more, or with another for this role.
    #[must_use]
    pub fn with(mut self, role: &str, backend: Arc<dyn ChatBackend>) -> Self {
        let mut backends = (*self.backends).clone();
        backends.insert(role.to_owned(), backend);
        self.backends = Arc::new(backends);
        self
    }

    /// The roles, in order.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.backends.keys().map(String::as_str)
    }

    /// The model of a role.
    pub fn get(&self, role: &str) -> Option<&Arc<dyn ChatBackend>> {
        self.backends.get(role)
    }
}
