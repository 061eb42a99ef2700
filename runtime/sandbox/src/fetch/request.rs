//! Builds a request from its parts, so that a guest cannot write one: what could end a line, name another
//! host, change where the body ends or ask for another protocol is refused.

use zeroize::Zeroizing;

use super::{Code, Fault};
use crate::egress::{Destination, Method};
use crate::limits;
use crate::secrets::Secrets;
use crate::text;

/// A header's value.
pub(crate) enum Value {
    /// As it is.
    Plain(String),
    /// A prefix, and a secret by its name.
    Secret(String, String),
}

/// What a guest asks for.
pub(crate) struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, Value)>,
    pub body: Option<Vec<u8>>,
    pub timeout: Option<std::time::Duration>,
    pub max_body: Option<usize>,
}

/// Headers that are the host's: they say where a request goes, where it ends, what comes back in which form,
/// or turn its method into another one.
const RESERVED: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "http2-settings",
    "te",
    "trailer",
    "expect",
    "accept-encoding",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// Headers by which a guest could have an answer in pieces, or in an alphabet, in which no secret is recognised.
const UNREADABLE: &[&str] = &["range", "if-range", "accept-charset"];

/// The bytes of a request: head and body.
pub(super) fn build(
    destination: &Destination,
    headers: &[(String, Value)],
    body: Option<&[u8]>,
    secrets: &Secrets,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let Destination { method, url, .. } = destination;
    let length = check_body(*method, body)?;
    if headers.len() > limits::FETCH_HEADERS {
        let message =
            format!("a request has at most {} headers, this has {}", limits::FETCH_HEADERS, headers.len());
        return Err(Fault::wrong(Code::TooLarge, message));
    }
    let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > limits::FETCH_REQUEST_HEAD_BYTES {
        let message =
            format!("the headers have {size} bytes, the most is {}", limits::FETCH_REQUEST_HEAD_BYTES);
        return Err(Fault::wrong(Code::TooLarge, message));
    }
    // All at once, so that no shorter copy with a secret in it is left behind by growing.
    let room = size + headers.len() * (limits::SECRET_MAX_BYTES + 4) + limits::URL_BYTES * 2 + length + 1024;
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    let mut put = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    put(&[method.name(), " ", &url.target, " HTTP/1.1\r\nhost: ", &url.authority(), "\r\n"]);
    // One request per connection, so nothing that is wrong with one answer can become part of another; and
    // plain bytes, since secrets are not found in compressed ones.
    put(&["connection: close\r\naccept-encoding: identity\r\n"]);
    if body.is_some() || matches!(method, Method::Post | Method::Put | Method::Patch) {
        put(&["content-length: ", &length.to_string(), "\r\n"]);
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
        put(&["user-agent: sport/", env!("CARGO_PKG_VERSION"), "\r\n"]);
    }
    for (name, value) in headers {
        check_name(name, !secrets.is_empty())?;
        match value {
            Value::Plain(plain) => {
                check_value(name, plain)?;
                put(&[name, ": ", plain, "\r\n"]);
            }
            Value::Secret(prefix, secret) => {
                check_value(name, prefix)?;
                let secret = secrets
                    .for_request(secret, *method, url)
                    .map_err(|reason| Fault::wrong(Code::Denied, reason))?;
                put(&[name, ": ", prefix, secret, "\r\n"]);
            }
        }
    }
    put(&["\r\n"]);
    out.extend_from_slice(body.unwrap_or_default());
    Ok(out)
}

impl Value {
    fn len(&self) -> usize {
        match self {
            Self::Plain(text) | Self::Secret(text, _) => text.len(),
        }
    }
}

fn check_body(method: Method, body: Option<&[u8]>) -> Result<usize, Fault> {
    let length = body.map_or(0, <[u8]>::len);
    if length > 0 && !method.has_body() {
        return Err(Fault::wrong(Code::Invalid, format!("{} has no body", method.name())));
    }
    if length > limits::FETCH_REQUEST_BYTES {
        let message = format!("the body has {length} bytes, the most is {}", limits::FETCH_REQUEST_BYTES);
        return Err(Fault::wrong(Code::TooLarge, message));
    }
    Ok(length)
}

fn check_name(name: &str, secrets: bool) -> Result<(), Fault> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let shown = || text::clean_line(name, limits::NAME_BYTES);
    if name.is_empty() || name.len() > limits::SHORT_TEXT_BYTES || !name.bytes().all(token) {
        return Err(Fault::wrong(Code::Invalid, format!("{:?} is no header name", shown())));
    }
    // Many servers take `_` for `-`.
    let plain = name.to_ascii_lowercase().replace('_', "-");
    if RESERVED.contains(&plain.as_str()) || plain == "proxy" || plain.starts_with("proxy-") {
        return Err(Fault::wrong(Code::Invalid, format!("header {} is set by the host only", shown())));
    }
    if secrets && UNREADABLE.contains(&plain.as_str()) {
        let message = format!(
            "header {} cannot be used where secrets are granted: they could not be found in the answer",
            shown()
        );
        return Err(Fault::wrong(Code::Invalid, message));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<(), Fault> {
    let fine = |byte: u8| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t';
    if value.bytes().all(fine) {
        return Ok(());
    }
    let name = text::clean_line(name, limits::NAME_BYTES);
    Err(Fault::wrong(Code::Invalid, format!("header {name} has a value that is not visible ASCII")))
}
