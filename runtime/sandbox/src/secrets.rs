//! Secrets that the host puts into requests and that no guest ever sees.
//!
//! A secret is bound to the hosts that it is for, and is sent to no other, whatever else is granted. Its
//! value is in no message, no log and no `Debug`, and is wiped when it is dropped; what a server sends back
//! is searched for it (`fetch::scrub`).

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::egress::{HostRule, Method, Url};
use crate::error::Error;
use crate::limits;

/// The value of a secret. There is no way to print it.
#[derive(Clone)]
pub struct Secret {
    value: Arc<Zeroizing<String>>,
}

impl Secret {
    /// Takes a value: visible ASCII and spaces within, since it becomes part of a header. A line feed at the
    /// end, as files have it, is left out.
    pub fn new(value: impl Into<String>) -> Result<Self, Error> {
        let value = Zeroizing::new(value.into());
        let bad = |reason: &str| {
            Err(Error::Invalid { what: "the value of a secret".to_owned(), reason: reason.to_owned() })
        };
        let text = value.strip_suffix('\n').unwrap_or(&value);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.bytes().any(|byte| !byte.is_ascii_graphic() && byte != b' ') || text.trim() != text {
            return bad("it is visible ASCII, with spaces only within");
        }
        // What is shorter turns up by chance, and then honest answers are spoiled by scrubbing.
        if text.len() < limits::SECRET_MIN_BYTES {
            return bad(&format!("it has at least {} characters", limits::SECRET_MIN_BYTES));
        }
        if text.len() > limits::SECRET_MAX_BYTES {
            return bad(&format!("it has at most {} characters", limits::SECRET_MAX_BYTES));
        }
        Ok(Self { value: Arc::new(Zeroizing::new(text.to_owned())) })
    }

    pub(crate) fn expose(&self) -> &str {
        &self.value
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Clone, Debug)]
struct Bound {
    secret: Secret,
    hosts: Vec<HostRule>,
}

/// The secrets of a plugin, by name. Empty by default.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    bound: BTreeMap<String, Bound>,
}

impl Secrets {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a secret that may be sent to `hosts`. It also needs an egress rule to get there.
    pub fn with(mut self, name: &str, secret: Secret, hosts: Vec<HostRule>) -> Result<Self, Error> {
        let bad = |reason: &str| {
            Err(Error::Invalid { what: format!("secret {name:?}"), reason: reason.to_owned() })
        };
        let named = !name.is_empty()
            && name.len() <= limits::NAME_BYTES
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !named {
            return bad("a name is letters, digits and -_. only");
        }
        if hosts.is_empty() {
            return bad("it is bound to no host, so it could be sent nowhere; name its hosts");
        }
        if self.bound.len() >= limits::SECRETS {
            return bad(&format!("a plugin has at most {} secrets", limits::SECRETS));
        }
        if self.bound.insert(name.to_owned(), Bound { secret, hosts }).is_some() {
            return bad("it is there twice");
        }
        Ok(self)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.bound.keys().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bound.is_empty()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.bound.contains_key(name)
    }

    /// The value, for a request that the secret is bound to; else why not.
    pub(crate) fn for_request(&self, name: &str, method: Method, url: &Url) -> Result<&str, String> {
        let bound = self.bound.get(name).ok_or_else(|| format!("there is no secret {name}"))?;
        if bound.hosts.iter().any(|rule| rule.covers(method, url)) {
            return Ok(bound.secret.expose());
        }
        let hosts: Vec<String> = bound.hosts.iter().map(HostRule::to_string).collect();
        Err(format!(
            "secret {name} is bound to {}, so it is not sent with {} to {}://{}",
            hosts.join(", "),
            method.name(),
            url.scheme.name(),
            url.authority()
        ))
    }

    /// All of them, for scrubbing.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.bound.iter().map(|(name, bound)| (name.as_str(), bound.secret.expose()))
    }
}
