//! A model behind an endpoint that speaks as OpenAI's chat completions do: most servers of models can.
//!
//! Requests go through the same code as those of `fetch`, with one host granted: addresses checked and pinned, no redirects, each
//! wait with an end, the key sent to that host only and taken out of whatever comes back.
//!
//! A question is asked again only when nothing of an answer came: the server was not reached, is busy or down (429, 500, 502, 503,
//! 529). An answer that breaks off is an error, since a second one would be paid for twice.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    ChatBackend, ChatError, ChatErrorCode as Code, ChatFault, ChatRequest, ChatResponse, Finish, Part,
};
use crate::artifacts::digest_of;
use crate::budget::Budget;
use crate::contract::imports::fetch::FetchErrorCode;
use crate::egress::{Egress, HostRule, Method};
use crate::error::Error;
use crate::fetch::{Fault, Network, Request, Response, Value as Header};
use crate::secrets::{Secret, Secrets};
use crate::{limits, text, timeouts};

/// What the key is called among the endpoint's secrets.
const KEY: &str = "key";

/// How an endpoint is asked.
#[derive(Clone, Debug)]
pub struct EndpointOptions {
    /// Up to `/chat/completions`, for example `http://127.0.0.1:8080/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// Sent as `Authorization: Bearer`.
    pub key: Option<Secret>,
    /// Authorities (PEM) that are trusted beside the usual ones.
    pub roots: Option<Vec<u8>>,
    /// One question, from the lookup of the name to the last byte.
    pub timeout: Duration,
    /// How often a question is asked at most.
    pub attempts: u32,
    /// Questions in a minute, for all components together; none means any number.
    pub per_minute: Option<u32>,
    /// Equal questions are asked once, as long as this process lives.
    pub cache: bool,
}

impl EndpointOptions {
    /// This model there, with the usual patience.
    pub fn new(url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            model: model.into(),
            key: None,
            roots: None,
            timeout: timeouts::CHAT,
            attempts: 3,
            per_minute: None,
            cache: false,
        }
    }
}

/// A model behind an endpoint.
pub struct Endpoint {
    url: String,
    model: String,
    has_key: bool,
    network: Network,
    timeout: Duration,
    attempts: u32,
    per_minute: Option<u32>,
    /// When the questions of the last minute were asked.
    asked: Mutex<VecDeque<Instant>>,
    cache: Option<Mutex<Cache>>,
}

#[derive(Default)]
struct Cache {
    answers: HashMap<String, ChatResponse>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Endpoint {
    /// Checks what was said, and asks nobody yet.
    pub fn new(options: EndpointOptions) -> Result<Self, Error> {
        let EndpointOptions { url, model, key, roots, timeout, attempts, per_minute, cache } = options;
        let base = url.trim_end_matches('/');
        let invalid = |reason: String| Error::Invalid { what: format!("the endpoint {base}"), reason };
        let after_scheme =
            base.split_once("://").map(|(scheme, rest)| (scheme, rest.split('/').next().unwrap_or(rest)));
        let Some((scheme, authority)) = after_scheme else {
            return Err(invalid("it is no URL; one is like https://api.example.com/v1".to_owned()));
        };
        // Whoever writes down an endpoint means it, wherever it is: on this machine, mostly.
        let rule = HostRule::parse(&format!("{scheme}://{authority}"))?
            .with_methods(&[Method::Post])
            .allowing_private();
        let mut egress = Egress::new(vec![rule.clone()]);
        if let Some(pem) = roots {
            egress = egress.with_roots(&pem)?;
        }
        let has_key = key.is_some();
        let secrets = match key {
            Some(key) => Secrets::none().with(KEY, key, vec![rule])?,
            None => Secrets::none(),
        };
        let lookups = Arc::new(AtomicU32::new(limits::LOOKUPS));
        let network = Network::new(&egress, &secrets, lookups)?.with_most(timeout);
        Ok(Self {
            url: format!("{base}/chat/completions"),
            model,
            has_key,
            network,
            timeout,
            attempts: attempts.max(1),
            per_minute,
            asked: Mutex::default(),
            cache: cache.then(Mutex::default),
        })
    }

    fn body(&self, request: &ChatRequest) -> Value {
        let mut body = Map::new();
        body.insert("model".to_owned(), self.model.clone().into());
        let messages = request.messages.iter().map(|message| {
            let content = match message.parts.as_slice() {
                // What every server takes.
                [Part::Text(text)] => Value::from(text.clone()),
                parts => parts.iter().map(part).collect(),
            };
            json!({ "role": message.role.name(), "content": content })
        });
        body.insert("messages".to_owned(), messages.collect());
        body.insert("max_tokens".to_owned(), request.max_tokens.into());
        if let Some(temperature) = request.temperature {
            body.insert("temperature".to_owned(), f64::from(temperature).into());
        }
        if let Some(seed) = request.seed {
            body.insert("seed".to_owned(), seed.into());
        }
        if !request.stop.is_empty() {
            body.insert("stop".to_owned(), request.stop.clone().into());
        }
        if let Some(schema) = &request.response_schema {
            let named = json!({ "name": "answer", "schema": schema });
            body.insert("response_format".to_owned(), json!({ "type": "json_schema", "json_schema": named }));
        }
        body.into()
    }

    /// Takes a place among the questions of this minute.
    fn wait_for_turn(&self, budget: &Budget) -> Result<(), ChatFault> {
        let Some(most) = self.per_minute else { return Ok(()) };
        let minute = Duration::from_secs(60);
        loop {
            let until = {
                let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
                while asked.front().is_some_and(|first| first.elapsed() >= minute) {
                    asked.pop_front();
                }
                match asked.front() {
                    Some(first) if asked.len() >= most as usize => *first + minute,
                    _ => {
                        asked.push_back(Instant::now());
                        return Ok(());
                    }
                }
            };
            let wait = until.saturating_duration_since(Instant::now());
            if wait > budget.wall_left() || wait > self.timeout {
                let message = format!("the operator allows {most} questions a minute, and this is one more");
                let retry_after_ms = u32::try_from(wait.as_millis()).ok();
                return Err(ChatError { retry_after_ms, ..ChatError::new(Code::RateLimited, message) }.into());
            }
            pause(wait, budget)?;
        }
    }

    fn ask(&self, body: &[u8], budget: &Budget) -> Result<ChatResponse, ChatFault> {
        let mut attempt = 1;
        loop {
            self.wait_for_turn(budget)?;
            let (error, pause_for) = match self.once(body, budget)? {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            let Some(pause_for) = pause_for.filter(|_| attempt < self.attempts) else {
                return Err(error.into());
            };
            // Longer each time: half a second, one, two.
            let pause_for = pause_for.max(timeouts::CHAT_RETRY * (1 << (attempt - 1).min(4)));
            if pause_for > budget.wall_left() || pause_for > timeouts::CHAT_RETRY_MOST {
                return Err(error.into());
            }
            tracing::debug!(%error, attempt, "a model is asked again");
            pause(pause_for, budget)?;
            attempt += 1;
        }
    }

    /// One attempt; an error comes with how long to wait before the next, if there may be one.
    fn once(&self, body: &[u8], budget: &Budget) -> Result<Once, ChatFault> {
        let mut headers = vec![("content-type".to_owned(), Header::Plain("application/json".to_owned()))];
        if self.has_key {
            headers.push(("authorization".to_owned(), Header::Secret("Bearer ".to_owned(), KEY.to_owned())));
        }
        let request = Request {
            method: "POST".to_owned(),
            url: self.url.clone(),
            headers,
            body: Some(body.to_vec()),
            timeout: Some(self.timeout),
            max_body: None,
        };
        match self.network.fetch(budget, &request) {
            Ok(response) => Ok(self.read(&response)),
            Err((Fault::Stop(stop), _)) => Err(ChatFault::Stop(stop)),
            Err((Fault::Wrong(code, message), sent)) => {
                let code = match code {
                    FetchErrorCode::Deadline => Code::Deadline,
                    FetchErrorCode::Invalid => Code::Invalid,
                    FetchErrorCode::Denied => Code::Budget,
                    _ => Code::Unavailable,
                };
                let again = !sent && code == Code::Unavailable;
                Ok(Err((ChatError::new(code, message), again.then_some(Duration::ZERO))))
            }
        }
    }

    fn read(&self, response: &Response) -> Once {
        if response.status == 200 {
            return read_answer(response).map_err(|reason| {
                let message = format!("the server's answer cannot be read: {reason}");
                (ChatError::new(Code::Unavailable, message), None)
            });
        }
        let said = serde_json::from_slice(&response.body).ok().and_then(|body: ErrorBody| body.message());
        let said = said
            .map_or(String::new(), |said| format!(": {}", text::clean_line(&said, limits::SHORT_TEXT_BYTES)));
        let message = format!("the server of {} answered {}{said}", self.model, response.status);
        let header = |wanted: &str| {
            response.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let after = header("retry-after").and_then(|seconds| seconds.parse::<f64>().ok());
        let after = after.filter(|seconds| seconds.is_finite()).map(|seconds| seconds.clamp(0.0, 3600.0));
        let after = after.map(Duration::from_secs_f64);
        let code = match response.status {
            401 | 403 => Code::Denied,
            404 => Code::UnknownModel,
            408 | 504 => Code::Deadline,
            400..=428 => Code::Invalid,
            429 => Code::RateLimited,
            _ => Code::Unavailable,
        };
        let again = matches!(response.status, 429 | 500 | 502 | 503 | 529);
        let retry_after_ms = after.and_then(|after| u32::try_from(after.as_millis()).ok());
        let error = ChatError { retry_after_ms, ..ChatError::new(code, message) };
        Err((error, again.then(|| after.unwrap_or_default())))
    }

    fn recall(&self, key: &str) -> Option<ChatResponse> {
        let cache = self.cache.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        cache.answers.get(key).cloned()
    }

    fn remember(&self, key: String, response: &ChatResponse) {
        let Some(cache) = &self.cache else { return };
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.bytes += response.text.len() + key.len();
        while cache.bytes > limits::CHAT_CACHE_BYTES {
            let Some(oldest) = cache.order.pop_front() else { break };
            if let Some(old) = cache.answers.remove(&oldest) {
                cache.bytes = cache.bytes.saturating_sub(old.text.len() + oldest.len());
            }
        }
        if cache.answers.insert(key.clone(), response.clone()).is_none() {
            cache.order.push_back(key);
        }
    }
}

/// An answer, or an error with how long to wait before asking again, where that is worth it.
type Once = Result<ChatResponse, (ChatError, Option<Duration>)>;

impl ChatBackend for Endpoint {
    fn generate(&self, request: &ChatRequest, budget: &Budget) -> Result<ChatResponse, ChatFault> {
        let body = self.body(request).to_string();
        let key = digest_of(body.as_bytes());
        if let Some(known) = self.recall(&key) {
            // It costs nothing now.
            return Ok(ChatResponse { input_tokens: 0, output_tokens: 0, ..known });
        }
        let response = self.ask(body.as_bytes(), budget)?;
        self.remember(key, &response);
        Ok(response)
    }

    fn identity(&self) -> String {
        format!("{} {}", self.url, self.model)
    }
}

/// Waits, as long as the budget lets.
fn pause(wait: Duration, budget: &Budget) -> Result<(), ChatFault> {
    let until = Instant::now() + wait;
    loop {
        budget.check().map_err(ChatFault::Stop)?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(timeouts::EPOCH_TICK));
    }
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({ "type": "text", "text": text }),
        Part::Image { media_type, bytes } => {
            let url = format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes));
            json!({ "type": "image_url", "image_url": { "url": url } })
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    model: String,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Default, Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Value,
}

impl ErrorBody {
    /// `{"error": {"message": …}}`, or `{"error": …}` as some write it.
    fn message(&self) -> Option<String> {
        self.error.as_str().or_else(|| self.error.get("message")?.as_str()).map(str::to_owned)
    }
}

fn read_answer(response: &Response) -> Result<ChatResponse, String> {
    if response.truncated {
        return Err("it broke off, or is larger than is read".to_owned());
    }
    let answer: Answer = serde_json::from_slice(&response.body).map_err(|error| error.to_string())?;
    let choice = answer.choices.into_iter().next().ok_or("it has no choice")?;
    let text = choice.message.content.unwrap_or_default();
    if text.len() > limits::CHAT_BYTES {
        return Err(format!("it has {} bytes, the most is {}", text.len(), limits::CHAT_BYTES));
    }
    let finish = match choice.finish_reason.as_deref() {
        Some("length" | "max_tokens") => Finish::Length,
        Some("content_filter") => Finish::Filtered,
        _ => Finish::Stop,
    };
    let tokens = answer.usage.unwrap_or_default();
    Ok(ChatResponse {
        text,
        finish,
        input_tokens: tokens.prompt_tokens,
        output_tokens: tokens.completion_tokens,
        model: text::clean_line(&answer.model, limits::SHORT_TEXT_BYTES),
    })
}
