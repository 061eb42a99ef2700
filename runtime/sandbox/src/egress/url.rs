//! The grammar of URLs that guests may ask for.
//!
//! Narrower than what browsers take, on purpose: two programs that read the same text differently are how
//! filters are passed. So there is one spelling of everything (no user, no backslash, no fragment, no IPv4
//! address in octal, hex or one number, no dot at the end of a name), and what the filter read is what the
//! request is built from: scheme, host, port and target, never the text itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::limits;

/// How a host is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port when none is written.
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A host as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A URL in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// How.
    pub scheme: Scheme,
    /// Where.
    pub host: Host,
    /// At which port.
    pub port: u16,
    /// Path and query, as they stand in a request line; begins with a slash.
    pub target: String,
}

impl Url {
    /// Reads a URL, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > limits::URL_BYTES {
            return Err(format!("a URL has at most {} bytes, this has {}", limits::URL_BYTES, text.len()));
        }
        if let Some(bad) = text.chars().find(|character| !character.is_ascii_graphic()) {
            return Err(format!("a URL has no {bad:?}; percent-encode it"));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| "a URL begins with https:// (or http://) and a host".to_owned())?;
        let scheme = scheme_of(scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (host, port) = authority_of(authority)?;
        Ok(Self { scheme, host, port: port.unwrap_or(scheme.port()), target: target_of(target)? })
    }

    /// Host and port as the `host` header has them: the port only where it is not the usual one.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Reads a scheme.
pub(super) fn scheme_of(text: &str) -> Result<Scheme, String> {
    match text.to_ascii_lowercase().as_str() {
        "https" => Ok(Scheme::Https),
        "http" => Ok(Scheme::Http),
        _ => Err(format!("the scheme is https or http, not {text:?}")),
    }
}

/// Reads `host` or `host:port`.
pub(super) fn authority_of(text: &str) -> Result<(Host, Option<u16>), String> {
    if text.contains('@') {
        return Err("a URL has no user or password; credentials go into a header".to_owned());
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) =
            rest.split_once(']').ok_or_else(|| "an IPv6 address ends with a bracket".to_owned())?;
        let host = address.parse::<Ipv6Addr>().map_err(|_| format!("[{address}] is no IPv6 address"))?;
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port_of(port)?),
            None if port.is_empty() => None,
            None => return Err("after an IPv6 address comes a colon and a port, or nothing".to_owned()),
        };
        return Ok((Host::Address(IpAddr::V6(host)), port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port_of(port)?)),
        None => (text, None),
    };
    Ok((host_of(host)?, port))
}

fn port_of(text: &str) -> Result<u16, String> {
    let digits = (1..=5).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0');
    text.parse().ok().filter(|_| digits).ok_or_else(|| format!("a port is 1 to 65535, not {text:?}"))
}

/// Reads a name or an IPv4 address.
fn host_of(text: &str) -> Result<Host, String> {
    let last = text.rsplit('.').next().unwrap_or(text);
    // Resolvers read `0x7f.1`, `017700000001` and `2130706433` as addresses, so a name cannot end like one.
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .or_else(|| last.strip_prefix("0X"))
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if numeric && !last.is_empty() {
        return text
            .parse::<Ipv4Addr>()
            .map(|address| Host::Address(IpAddr::V4(address)))
            .map_err(|_| format!("{text:?} is no IPv4 address; those are four decimal numbers with dots"));
    }
    name_of(text).map(Host::Name)
}

/// Reads a host name, in lower case.
pub(super) fn name_of(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.is_empty() || text.len() > 253 || !text.split('.').all(label) {
        return Err(format!(
            "{text:?} is no host name; it is letters, digits and hyphens between single dots (other scripts as xn--…)"
        ));
    }
    Ok(text.to_ascii_lowercase())
}

/// Checks path and query.
fn target_of(text: &str) -> Result<String, String> {
    if text.contains('#') {
        return Err("what follows # is never sent; leave it out".to_owned());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    if let Some(bad) = text.bytes().find(|byte| !allowed(*byte)) {
        return Err(format!("a URL has no {:?}; write %{bad:02X}", char::from(bad)));
    }
    for (at, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(at + 1..at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err("a % is followed by two hex digits; a plain one is %25".to_owned());
        }
    }
    Ok(if text.starts_with('/') { text.to_owned() } else { format!("/{text}") })
}
