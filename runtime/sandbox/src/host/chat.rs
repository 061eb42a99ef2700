//! `sport:host/chat`: models that the operator lets a component ask; see [`crate::chat`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::artifacts::ArtifactStore;
use crate::budget::Resource;
use crate::chat::{
    ChatBackend, ChatError, ChatErrorCode as Code, ChatFault, ChatMessage, ChatRequest, ChatResponse, Finish,
    Models, Part, Role,
};
use crate::contract::base;
use crate::contract::imports::chat;
use crate::host::artifacts::valid_media_type;
use crate::host::{Forbidden, HostCx};
use crate::schema::Schema;
use crate::{limits, text};

/// The models that one component may ask.
#[derive(Clone, Debug)]
pub struct Asked {
    models: Models,
    /// None means all.
    allowed: Option<Arc<BTreeSet<String>>>,
}

impl Asked {
    /// Those of `models` whose roles are allowed; none means all.
    pub fn new(models: Models, allowed: Option<Arc<BTreeSet<String>>>) -> Self {
        Self { models, allowed }
    }

    /// The models that may be asked, by role.
    pub fn identities(&self) -> BTreeMap<String, String> {
        let allowed = |role: &&str| self.allowed.as_ref().is_none_or(|allowed| allowed.contains(*role));
        let identity =
            |role: &str| self.models.get(role).map(|backend| (role.to_owned(), backend.identity()));
        self.models.roles().filter(allowed).filter_map(identity).collect()
    }

    fn backend(&self, role: &str) -> Result<&Arc<dyn ChatBackend>, ChatError> {
        let shown = text::clean_line(role, limits::NAME_BYTES);
        if self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(role)) {
            let message = format!("this plugin is not granted the model `{shown}`");
            return Err(ChatError::new(Code::Denied, message));
        }
        self.models.get(role).ok_or_else(|| {
            let there: Vec<String> = self.models.roles().map(str::to_owned).collect();
            let there = if there.is_empty() { "none".to_owned() } else { text::listed(&there) };
            let message = format!("the operator has set up no model `{shown}`; there are: {there}");
            ChatError::new(Code::UnknownModel, message)
        })
    }
}

/// Who answers, what it is asked, and what the answer must fit.
type Lifted = (Arc<dyn ChatBackend>, ChatRequest, Option<Schema>);

impl chat::Host for HostCx {
    fn generate(&mut self, request: chat::Request) -> wasmtime::Result<Result<chat::Response, chat::Error>> {
        self.enter_chat()?;
        let (role, plugin) = (request.model.clone(), self.log.plugin().to_owned());
        match self.answer(request) {
            Ok(response) => {
                let ChatResponse { input_tokens, output_tokens, .. } = response;
                tracing::debug!(target: "sport::chat", plugin, role, input_tokens, output_tokens, "answered");
                Ok(Ok(lower(response)))
            }
            Err(ChatFault::Stop(stop)) => Err(stop.into()),
            Err(ChatFault::Wrong(error)) => {
                tracing::debug!(target: "sport::chat", plugin, role, code = ?error.code, "{error}");
                Ok(Err(lower_error(error)))
            }
        }
    }

    fn score(
        &mut self,
        request: chat::Request,
        choices: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<f64>, chat::Error>> {
        self.enter_chat()?;
        match self.scores(request, &choices) {
            Ok(scores) => Ok(Ok(scores)),
            Err(ChatFault::Stop(stop)) => Err(stop.into()),
            Err(ChatFault::Wrong(error)) => Ok(Err(lower_error(error))),
        }
    }
}

impl HostCx {
    fn enter_chat(&mut self) -> wasmtime::Result<()> {
        self.enter()?;
        if self.deterministic {
            return Err(Forbidden("chat in a component that calls itself deterministic").into());
        }
        Ok(())
    }

    fn answer(&mut self, wire: chat::Request) -> Result<ChatResponse, ChatFault> {
        let (backend, request, schema) = self.question(wire)?;
        let mut response = backend.generate(&request, &self.budget)?;
        self.spent(&response);
        if response.text.len() > limits::CHAT_BYTES {
            let message =
                format!("the answer has {} bytes, the most is {}", response.text.len(), limits::CHAT_BYTES);
            return Err(ChatError::new(Code::Other, message).into());
        }
        if let Some(schema) = schema {
            response.text = as_json(&response.text, &schema).map_err(|reason| {
                let message =
                    format!("the model's answer does not fit the schema that was asked for: {reason}");
                ChatError::new(Code::SchemaMismatch, text::clean_line(&message, limits::MESSAGE_BYTES))
            })?;
        }
        Ok(response)
    }

    fn scores(&mut self, wire: chat::Request, choices: &[String]) -> Result<Vec<f64>, ChatFault> {
        let bytes: usize = choices.iter().map(String::len).sum();
        if choices.is_empty() || choices.len() > limits::CHAT_CHOICES || bytes > limits::CHAT_BYTES {
            let message =
                format!("there are {} choices; 1 to {} are taken", choices.len(), limits::CHAT_CHOICES);
            return Err(ChatError::new(Code::Invalid, message).into());
        }
        let (backend, request, _) = self.question(wire)?;
        let scores = backend.score(&request, choices, &self.budget)?;
        if scores.len() != choices.len() || !scores.iter().all(|score| score.is_finite()) {
            return Err(ChatError::new(Code::Other, "the model gave no usable scores").into());
        }
        Ok(scores)
    }

    /// Checks a question, charges it, and finds who answers.
    fn question(&mut self, wire: chat::Request) -> Result<Lifted, ChatError> {
        let Some(asked) = self.chat.clone() else {
            return Err(ChatError::new(Code::Denied, "no model is granted to this plugin"));
        };
        let backend = Arc::clone(asked.backend(&wire.model)?);
        let (mut request, schema) = self.lift_question(wire)?;
        self.budget.charge(Resource::ModelCalls, 1).map_err(over)?;
        let left = self.budget.left(Resource::Tokens);
        if left == 0 {
            let limit = self.budget.limits().tokens;
            return Err(ChatError::new(Code::Budget, format!("tokens used up: the limit is {limit}")));
        }
        request.max_tokens = request.max_tokens.min(u32::try_from(left).unwrap_or(u32::MAX));
        Ok((backend, request, schema))
    }

    /// What an answer took is charged when it is known; the last one may take more than was left.
    fn spent(&self, response: &ChatResponse) {
        self.budget
            .charge_up_to(Resource::Tokens, response.input_tokens.saturating_add(response.output_tokens));
    }

    fn lift_question(&self, wire: chat::Request) -> Result<(ChatRequest, Option<Schema>), ChatError> {
        let invalid = |message: String| ChatError::new(Code::Invalid, message);
        if wire.messages.is_empty() || wire.messages.len() > limits::CHAT_MESSAGES {
            let found = wire.messages.len();
            return Err(invalid(format!(
                "there are {found} messages; 1 to {} are taken",
                limits::CHAT_MESSAGES
            )));
        }
        let mut room = Room { text: limits::CHAT_BYTES, images: limits::CHAT_IMAGE_BYTES };
        let mut messages = Vec::with_capacity(wire.messages.len());
        for message in wire.messages {
            let parts = message.content.into_iter().map(|content| self.lift_part(content, &mut room));
            let role = match message.role {
                chat::Role::System => Role::System,
                chat::Role::User => Role::User,
                chat::Role::Assistant => Role::Assistant,
                chat::Role::Tool => Role::Tool,
            };
            messages.push(ChatMessage { role, parts: parts.collect::<Result<_, _>>()? });
        }
        if let Some(extension) = wire.extra.first() {
            let kind = text::clean_line(&extension.kind, limits::NAME_BYTES);
            return Err(invalid(format!("there is no extension {kind:?}")));
        }
        let temperature = wire.temperature;
        if temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return Err(invalid("a temperature is from 0 to 2".to_owned()));
        }
        let long = |stop: &String| stop.is_empty() || stop.len() > limits::NAME_BYTES;
        if wire.stop.len() > limits::CHAT_STOPS || wire.stop.iter().any(long) {
            return Err(invalid(format!(
                "at most {} stops are taken, none of them empty",
                limits::CHAT_STOPS
            )));
        }
        let schema = wire.response_schema.map(|schema| Schema::parse(&schema, None)).transpose();
        let schema = schema.map_err(|reason| invalid(format!("the schema of the answer: {reason}")))?;
        let request = ChatRequest {
            messages,
            response_schema: schema.as_ref().map(|schema| schema.raw().clone()),
            max_tokens: wire.max_tokens.unwrap_or(limits::CHAT_TOKENS).clamp(1, limits::CHAT_TOKENS_MOST),
            temperature,
            seed: wire.seed,
            stop: wire.stop,
        };
        Ok((request, schema))
    }

    fn lift_part(&self, content: base::Content, room: &mut Room) -> Result<Part, ChatError> {
        match content {
            base::Content::Text(text) => {
                room.text = take(room.text, text.len(), "text")?;
                Ok(Part::Text(text))
            }
            base::Content::Image(blob) => image(&blob.media_type, blob.bytes.into(), room),
            base::Content::Artifact(reference) => {
                if !self.reach.allows(&reference.digest) {
                    let message = "it names an artifact that it was not given and did not make";
                    return Err(ChatError::new(Code::Denied, message));
                }
                let bytes = read(&self.store, &reference.digest)?;
                image(&reference.media_type, bytes, room)
            }
            base::Content::Audio(_) | base::Content::Other(_) => {
                Err(ChatError::new(Code::Invalid, "a model is shown texts and images, nothing else yet"))
            }
        }
    }
}

/// How much may still be said.
struct Room {
    text: usize,
    images: usize,
}

fn take(room: usize, bytes: usize, what: &str) -> Result<usize, ChatError> {
    room.checked_sub(bytes)
        .ok_or_else(|| ChatError::new(Code::Invalid, format!("there is too much {what} in it")))
}

fn image(media_type: &str, bytes: Arc<[u8]>, room: &mut Room) -> Result<Part, ChatError> {
    if !valid_media_type(media_type) || !media_type.starts_with("image/") {
        return Err(ChatError::new(Code::Invalid, "a model is shown texts and images, nothing else yet"));
    }
    room.images = take(room.images, bytes.len(), "image data")?;
    Ok(Part::Image { media_type: media_type.to_owned(), bytes })
}

fn read(store: &ArtifactStore, digest: &str) -> Result<Arc<[u8]>, ChatError> {
    store.get(digest).map_err(|error| ChatError::new(Code::Invalid, error.to_string()))
}

fn over(stop: crate::budget::Stop) -> ChatError {
    ChatError::new(Code::Budget, stop.to_string())
}

/// The answer's JSON, which some models put between fences, if it fits the schema.
fn as_json(said: &str, schema: &Schema) -> Result<String, String> {
    let trimmed = said.trim();
    let fenced = trimmed.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let inner =
        fenced.map_or(trimmed, |rest| rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric())).trim();
    let value = crate::contract::lift::parse_json(inner, limits::JSON_BYTES, limits::JSON_DEPTH)?;
    schema.check(&value)?;
    Ok(inner.to_owned())
}

fn lower(response: ChatResponse) -> chat::Response {
    let ChatResponse { text, finish, input_tokens, output_tokens, model } = response;
    let finish = match finish {
        Finish::Stop => chat::Finish::Stop,
        Finish::Length => chat::Finish::Length,
        Finish::Filtered => chat::Finish::Filtered,
        Finish::Cancelled => chat::Finish::Cancelled,
    };
    chat::Response { text, finish, usage: chat::Usage { input_tokens, output_tokens }, model }
}

fn lower_error(error: ChatError) -> chat::Error {
    let code = match error.code {
        Code::Invalid => chat::ErrorCode::Invalid,
        Code::Denied => chat::ErrorCode::Denied,
        Code::UnknownModel => chat::ErrorCode::UnknownModel,
        Code::SchemaMismatch => chat::ErrorCode::SchemaMismatch,
        Code::RateLimited => chat::ErrorCode::RateLimited,
        Code::Budget => chat::ErrorCode::Budget,
        Code::Deadline => chat::ErrorCode::Deadline,
        Code::Unavailable => chat::ErrorCode::Unavailable,
        Code::Other => chat::ErrorCode::Other,
    };
    let message = text::clean_line(&error.message, limits::MESSAGE_BYTES);
    chat::Error { code, message, retry_after_ms: error.retry_after_ms }
}
