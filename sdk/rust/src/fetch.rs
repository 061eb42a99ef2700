//! Requests to hosts that the operator granted. Using it makes the component import `sport:host/fetch`.
//!
//! The host builds the request from its parts, looks the name up, and connects to public addresses only unless the
//! operator said otherwise. Redirects are not followed: a 3xx answer comes back as it is. A native test
//! reaches nothing but what its [`crate::testing::Host`] answers.

use std::fmt;
use std::time::Duration;

use crate::secrets::Secret;
use crate::{Failure, FailureKind};

/// A request in the making.
///
/// ```
/// use sport_sdk::fetch::Request;
///
/// let request = Request::get("https://api.example.com/now").header("accept", "text/plain");
/// assert_eq!(request.send().unwrap_err().to_string(), "GET https://api.example.com/now: the test's host has no answer to it");
/// ```
#[derive(Debug)]
pub struct Request<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, Value<'a>)>,
    body: Option<&'a [u8]>,
    timeout: Option<Duration>,
    max_body: Option<u32>,
}

#[derive(Debug)]
enum Value<'a> {
    Plain(&'a str),
    Secret(&'a str, &'a Secret),
}

/// What came back.
///
/// ```
/// use sport_sdk::fetch::Response;
///
/// let response = Response { status: 200, body: b"warm".to_vec(), ..Response::default() };
/// assert_eq!(response.text(), "warm");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// For example 200.
    pub status: u16,
    /// Names in lower case, in the server's order.
    pub headers: Vec<(String, String)>,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// There was more than was taken.
    pub truncated: bool,
}

/// Why nothing came back.
///
/// ```
/// use sport_sdk::{Failure, fetch::Request};
///
/// let error = Request::get("https://example.com/").send().unwrap_err();
/// assert!(!error.sent);
/// assert_eq!(Failure::from(error).code, "fetch-denied");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    /// The broad kind.
    pub code: ErrorCode,
    /// What happened, and what to do.
    pub message: String,
    /// Whether a byte of the request may have reached somebody: if not, it is safe to try again.
    pub sent: bool,
}

/// The broad kinds of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is not well-formed.
    Invalid,
    /// The operator did not grant it.
    Denied,
    /// The name could not be looked up.
    Dns,
    /// Nobody answered at its addresses.
    Connect,
    /// The server could not prove who it is.
    Tls,
    /// It took too long.
    Deadline,
    /// Request or response is larger than is taken.
    TooLarge,
    /// The answer is no good HTTP.
    Protocol,
    /// Something else.
    Other,
}

impl<'a> Request<'a> {
    /// A request; the method is upper case, the scheme `https` or, if granted, `http`.
    pub fn new(method: &'a str, url: &'a str) -> Self {
        Self { method, url, headers: Vec::new(), body: None, timeout: None, max_body: None }
    }

    /// A `GET`.
    pub fn get(url: &'a str) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` of these bytes.
    pub fn post(url: &'a str, body: &'a [u8]) -> Self {
        Self::new("POST", url).body(body)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, Value::Plain(value)));
        self
    }

    /// Adds a header with a secret in it: `.secret("authorization", "Bearer ", &token)`.
    #[must_use]
    pub fn secret(mut self, name: &'a str, prefix: &'a str, secret: &'a Secret) -> Self {
        self.headers.push((name, Value::Secret(prefix, secret)));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: &'a [u8]) -> Self {
        self.body = Some(body);
        self
    }

    /// Waits no longer than this in all; the host has a limit of its own.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Takes no more than this of the response's body.
    #[must_use]
    pub fn max_body(mut self, bytes: u32) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// Makes the request.
    pub fn send(self) -> Result<Response, FetchError> {
        backend::send(self)
    }
}

impl Response {
    /// The first header of this name (lower case).
    ///
    /// ```
    /// use sport_sdk::fetch::Response;
    ///
    /// let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    /// let response = Response { headers, ..Response::default() };
    /// assert_eq!(response.header("content-type"), Some("text/plain"));
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; what is no UTF-8 becomes a replacement character.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

// Not an `Error` itself: then its kind would be lost when `?` makes a failure of it.
impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let (kind, code) = match error.code {
            ErrorCode::Invalid => (FailureKind::InvalidInput, "fetch-invalid"),
            ErrorCode::Denied => (FailureKind::Denied, "fetch-denied"),
            ErrorCode::Dns => (FailureKind::Unavailable, "fetch-dns"),
            ErrorCode::Connect => (FailureKind::Unavailable, "fetch-connect"),
            ErrorCode::Tls => (FailureKind::Unavailable, "fetch-tls"),
            ErrorCode::Deadline => (FailureKind::Deadline, "fetch-deadline"),
            ErrorCode::TooLarge => (FailureKind::Exhausted, "fetch-too-large"),
            ErrorCode::Protocol => (FailureKind::Unavailable, "fetch-protocol"),
            ErrorCode::Other => (FailureKind::Unavailable, "fetch-other"),
        };
        Self::new(kind, error.message).code(code)
    }
}

#[cfg(target_family = "wasm")]
mod backend {
    use super::{ErrorCode, FetchError, Request, Response, Value};
    use crate::bindings::host::sport::host::fetch;

    pub fn send(request: Request<'_>) -> Result<Response, FetchError> {
        let headers = request.headers.into_iter().map(|(name, value)| {
            let value = match value {
                Value::Plain(text) => fetch::HeaderValue::Plain(text.to_owned()),
                Value::Secret(prefix, secret) => {
                    fetch::HeaderValue::Secret((prefix.to_owned(), secret.handle()))
                }
            };
            (name.to_owned(), value)
        });
        let wire = fetch::Request {
            method: request.method.to_owned(),
            url: request.url.to_owned(),
            headers: headers.collect(),
            body: request.body.map(<[u8]>::to_vec),
            timeout_ms: request.timeout.map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX)),
            max_body: request.max_body,
        };
        let fetch::Response { status, headers, body, truncated } = fetch::fetch(&wire).map_err(lift)?;
        Ok(Response { status, headers, body, truncated })
    }

    fn lift(error: fetch::FetchError) -> FetchError {
        let code = match error.code {
            fetch::FetchErrorCode::Invalid => ErrorCode::Invalid,
            fetch::FetchErrorCode::Denied => ErrorCode::Denied,
            fetch::FetchErrorCode::Dns => ErrorCode::Dns,
            fetch::FetchErrorCode::Connect => ErrorCode::Connect,
            fetch::FetchErrorCode::Tls => ErrorCode::Tls,
            fetch::FetchErrorCode::Deadline => ErrorCode::Deadline,
            fetch::FetchErrorCode::TooLarge => ErrorCode::TooLarge,
            fetch::FetchErrorCode::Protocol => ErrorCode::Protocol,
            fetch::FetchErrorCode::Other => ErrorCode::Other,
        };
        FetchError { code, message: error.message, sent: error.sent }
    }
}

/// The test's host answers, or nobody does.
#[cfg(not(target_family = "wasm"))]
mod backend {
    use super::{ErrorCode, FetchError, Request, Response, Value};
    use crate::native;
    use crate::testing::Asked;

    pub fn send(request: Request<'_>) -> Result<Response, FetchError> {
        let headers = request.headers.iter().map(|(name, value)| {
            let value = match value {
                Value::Plain(text) => (*text).to_owned(),
                Value::Secret(prefix, secret) => format!("{prefix}<{}>", secret.name()),
            };
            ((*name).to_owned(), value)
        });
        let asked = Asked {
            method: request.method.to_owned(),
            url: request.url.to_owned(),
            headers: headers.collect(),
            body: request.body.unwrap_or_default().to_vec(),
        };
        let answer = native::with(|state| {
            state.requests.push(asked.clone());
            state.answers.get(&asked.url).cloned()
        });
        let Some(answer) = answer else {
            let message = format!("{} {}: the test's host has no answer to it", request.method, request.url);
            return Err(FetchError { code: ErrorCode::Denied, message, sent: false });
        };
        let mut response = answer(&asked)?;
        let most = request.max_body.map_or(usize::MAX, |most| most as usize);
        if response.body.len() > most {
            response.body.truncate(most);
            response.truncated = true;
        }
        Ok(response)
    }
}
