//! The APIs: what they are asked, and what they answer.

use form_urlencoded::Serializer;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sport_sdk::{Failure, FailureKind};

use crate::Hit;
use crate::clean;

/// Longest title, address and snippet.
const TITLE_CHARS: usize = 200;
/// See [`TITLE_CHARS`].
const URL_BYTES: usize = 2_000;
/// See [`TITLE_CHARS`].
const SNIPPET_CHARS: usize = 1_000;

/// A search API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Api {
    Brave,
    Tavily,
    Searxng,
}

/// What is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The query, not empty.
    pub query: String,
    /// How many results.
    pub count: u32,
    /// Which page of them, from 1.
    pub page: u32,
}

/// A request: a `POST` if it has a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The address with its query.
    pub url: String,
    /// JSON.
    pub body: Option<String>,
}

impl Api {
    /// Its name, which is that of its secret too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brave => "brave",
            Self::Tavily => "tavily",
            Self::Searxng => "searxng",
        }
    }

    /// Where it usually is.
    pub fn usual_endpoint(self) -> Result<&'static str, Failure> {
        match self {
            Self::Brave => Ok("https://api.search.brave.com/res/v1/web/search"),
            Self::Tavily => Ok("https://api.tavily.com/search"),
            Self::Searxng => {
                let message = "a searxng has no address that all share; give the one that the operator named as `endpoint`";
                Err(Failure::invalid_input(message).code("missing-argument"))
            }
        }
    }

    /// The header that its key goes into, and what stands before it.
    pub fn key_header(self) -> (&'static str, &'static str) {
        match self {
            Self::Brave => ("x-subscription-token", ""),
            Self::Tavily | Self::Searxng => ("authorization", "Bearer "),
        }
    }

    /// The request that asks a question.
    pub fn ask(self, endpoint: &str, question: &Question) -> Result<Asked, Failure> {
        let Question { query, count, page } = question;
        if endpoint.contains(['?', '#'])
            || !(endpoint.starts_with("https://") || endpoint.starts_with("http://"))
        {
            let message = "the endpoint must be an http or https address without a query of its own";
            return Err(Failure::invalid_input(message).code("bad-endpoint"));
        }
        if self == Self::Tavily {
            if *page > 1 {
                let message = "tavily gives one page only; ask for more results or with other words";
                return Err(Failure::invalid_input(message).code("bad-count"));
            }
            let body = json!({ "query": query, "max_results": count }).to_string();
            return Ok(Asked { url: endpoint.to_owned(), body: Some(body) });
        }
        let mut parameters = Serializer::new(String::new());
        parameters.append_pair("q", query);
        if self == Self::Brave {
            parameters.append_pair("count", &count.to_string());
            // Pages, not results.
            parameters.append_pair("offset", &(page - 1).to_string());
        } else {
            parameters.append_pair("format", "json");
            parameters.append_pair("pageno", &page.to_string());
        }
        Ok(Asked { url: format!("{endpoint}?{}", parameters.finish()), body: None })
    }

    /// The results in an answer.
    pub fn read(
        self,
        status: u16,
        retry_after: Option<&str>,
        body: &[u8],
        truncated: bool,
        question: &Question,
    ) -> Result<Vec<Hit>, Failure> {
        check(self.name(), status, retry_after, body)?;
        let name = self.name();
        if truncated {
            let message = format!("the answer of {name} is too large to be read; ask for fewer results");
            return Err(Failure::exhausted(message).code("answer-too-large"));
        }
        let answer: Value = serde_json::from_slice(body).map_err(|error| {
            let message = format!(
                "{name} answered with something that is no JSON ({error}); is the endpoint a search API?"
            );
            Failure::new(FailureKind::Unavailable, message).code("bad-answer")
        })?;
        let (list, snippet) = match self {
            // Where nothing was found, there is no `web` at all.
            Self::Brave => (answer.pointer("/web/results"), "description"),
            Self::Tavily | Self::Searxng => (answer.get("results"), "content"),
        };
        let list = match (list, self) {
            (Some(Value::Array(list)), _) => list.as_slice(),
            (None, Self::Brave) if answer.is_object() => &[],
            _ => {
                let message = format!(
                    "the answer of {name} has no list of results; is the endpoint that of another API?"
                );
                return Err(Failure::new(FailureKind::Unavailable, message).code("bad-answer"));
            }
        };
        let text = |result: &Value, field: &str, most: usize| {
            clean::text(result.get(field).and_then(Value::as_str).unwrap_or_default(), most)
        };
        let mut hits: Vec<Hit> = Vec::new();
        for result in list {
            let Some(url) = result.get("url").and_then(Value::as_str).and_then(clean::address) else {
                continue;
            };
            if url.len() > URL_BYTES || hits.iter().any(|hit| hit.url == url) {
                continue;
            }
            let title = text(result, "title", TITLE_CHARS);
            let title = if title.is_empty() { url.clone() } else { title };
            hits.push(Hit { title, url, snippet: text(result, snippet, SNIPPET_CHARS) });
            if hits.len() == question.count as usize {
                break;
            }
        }
        Ok(hits)
    }
}

/// What a status that is no success means.
fn check(name: &str, status: u16, retry_after: Option<&str>, body: &[u8]) -> Result<(), Failure> {
    let said = clean::text(&String::from_utf8_lossy(&body[..body.len().min(4 << 10)]), 200);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let (kind, code, retryable, message) = match status {
        200..=299 => return Ok(()),
        300..=399 => (
            FailureKind::Unavailable,
            "redirected",
            false,
            format!(
                "{name} sends to another address ({status}), which is not followed; use that as the endpoint"
            ),
        ),
        401 | 403 => (
            FailureKind::Denied,
            "key-refused",
            false,
            format!(
                "{name} refuses the key ({status}); the operator must grant a valid one as the secret `{name}`{said}"
            ),
        ),
        429 => {
            let wait =
                retry_after.filter(|wait| wait.len() <= 10 && wait.bytes().all(|byte| byte.is_ascii_digit()));
            let wait = wait.map_or(String::new(), |wait| format!(" in {wait} seconds"));
            (
                FailureKind::RateLimited,
                "rate-limited",
                true,
                format!("{name} was asked too often ({status}); try again{wait}"),
            )
        }
        500..=599 => (
            FailureKind::Unavailable,
            "search-unavailable",
            true,
            format!("{name} has a fault of its own ({status}); try again later{said}"),
        ),
        _ => (
            FailureKind::Unavailable,
            "search-refused",
            false,
            format!("{name} does not take the question ({status}){said}"),
        ),
    };
    let mut failure = Failure::new(kind, message).code(code);
    failure.retryable = retryable;
    Err(failure)
}
