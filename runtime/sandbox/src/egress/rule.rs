//! A host that an operator grants.

use std::net::IpAddr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::address::{Opening, kind_of};
use super::url::{self, Host, Scheme, Url};
use crate::error::Error;

/// A method that a guest may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are those of HTTP")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    const ALL: [Self; 6] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// Its name, as it is sent.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Reads a name; methods are upper case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == text)
    }

    /// Whether a request may have a body.
    pub fn has_body(self) -> bool {
        !matches!(self, Self::Get | Self::Head)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Host(Host),
    /// Names below this one, at any depth; not the name itself.
    Below(String),
}

/// A host that may be asked: one scheme, one port, all methods unless some are named.
///
/// As text `api.example.com`, `*.example.com` (names below, not the name itself), `api.example.com:8443`,
/// `http://localhost:8080`; the scheme is https unless written. As a table `{ host = "api.example.com",
/// scheme = "https", port = 443, methods = ["GET"], private = false }`, where only `host` is needed.
///
/// A name leads only to public addresses unless `private` is set; a rule with an address as its host means
/// that address, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    scheme: Scheme,
    pattern: Pattern,
    port: u16,
    /// None: all.
    methods: Option<Vec<Method>>,
    private: bool,
}

/// The table form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    host: String,
    scheme: Option<Scheme>,
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<Vec<Method>>,
    #[serde(default)]
    private: bool,
}

impl HostRule {
    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (scheme, pattern, port) =
            read(text).map_err(|reason| Error::Invalid { what: format!("egress rule {text:?}"), reason })?;
        let scheme = scheme.unwrap_or(Scheme::Https);
        Ok(Self { scheme, pattern, port: port.unwrap_or(scheme.port()), methods: None, private: false })
    }

    /// The same with only these methods.
    #[must_use]
    pub fn with_methods(mut self, methods: &[Method]) -> Self {
        self.methods = Some(methods.to_vec());
        self
    }

    /// The same, and a name may lead to loopback, private and unique-local addresses.
    #[must_use]
    pub fn allowing_private(mut self) -> Self {
        self.private = true;
        self
    }

    /// Whether names may lead to private addresses.
    pub fn allows_private(&self) -> bool {
        self.private
    }

    pub(super) fn matches_host(&self, host: &Host) -> bool {
        match (&self.pattern, host) {
            (Pattern::Host(own), host) => own == host,
            (Pattern::Below(parent), Host::Name(name)) => {
                name.strip_suffix(parent.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (Pattern::Below(_), Host::Address(_)) => false,
        }
    }

    pub(super) fn matches_place(&self, url: &Url) -> bool {
        self.matches_host(&url.host) && self.scheme == url.scheme && self.port == url.port
    }

    pub(super) fn matches_method(&self, method: Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.contains(&method))
    }

    pub(super) fn uses_tls(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Whether the rule covers a request.
    pub fn covers(&self, method: Method, url: &Url) -> bool {
        self.matches_place(url) && self.matches_method(method)
    }
}

/// Reads the text form; scheme and port only where they are written.
fn read(text: &str) -> Result<(Option<Scheme>, Pattern, Option<u16>), String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(url::scheme_of(scheme)?), rest),
        None => (None, text),
    };
    if rest.contains(['/', '?', '#']) {
        return Err("a rule is about a host, it has no path".to_owned());
    }
    let (pattern, port) = match rest.strip_prefix("*.") {
        Some(parent) => {
            // The port's grammar is that of a URL.
            let (host, port) = url::authority_of(parent)?;
            let Host::Name(name) = host else {
                return Err("a star stands before a name, not before an address".to_owned());
            };
            if !name.contains('.') {
                return Err(format!("*.{name} is half the internet; name at least two labels"));
            }
            (Pattern::Below(name), port)
        }
        None if rest.contains('*') => {
            return Err("a star stands at the beginning only, with a dot: *.example.com".to_owned());
        }
        None => {
            let (host, port) = url::authority_of(rest)?;
            (Pattern::Host(host), port)
        }
    };
    if let Pattern::Host(Host::Address(address)) = &pattern {
        reachable(*address)?;
    }
    Ok((scheme, pattern, port))
}

fn reachable(address: IpAddr) -> Result<(), String> {
    let kind = kind_of(address);
    if kind.opening == Opening::Never {
        return Err(format!("{address} is {}, which is never reached", kind.name));
    }
    Ok(())
}

impl TryFrom<Table> for HostRule {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let (written_scheme, pattern, written_port) = read(&table.host)?;
        if (written_scheme.is_some() && table.scheme.is_some())
            || (written_port.is_some() && table.port.is_some())
        {
            return Err("scheme or port is given twice".to_owned());
        }
        let scheme = table.scheme.or(written_scheme).unwrap_or(Scheme::Https);
        let port = table.port.or(written_port).unwrap_or(scheme.port());
        if port == 0 {
            return Err("a port is 1 to 65535".to_owned());
        }
        if table.methods.as_ref().is_some_and(Vec::is_empty) {
            return Err("methods is empty; leave it out for all".to_owned());
        }
        Ok(Self { scheme, pattern, port, methods: table.methods, private: table.private })
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(host) => write!(f, "{host}"),
            Self::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

impl std::str::FromStr for HostRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl std::fmt::Display for HostRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.scheme == Scheme::Http {
            f.write_str("http://")?;
        }
        write!(f, "{}", self.pattern)?;
        if self.port != self.scheme.port() {
            write!(f, ":{}", self.port)?;
        }
        if let Some(methods) = &self.methods {
            let names: Vec<&str> = methods.iter().map(|method| method.name()).collect();
            write!(f, " ({})", names.join(", "))?;
        }
        Ok(())
    }
}

/// Always the table, with everything in it: for configs that are written down as resolved.
impl Serialize for HostRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = Table {
            host: self.pattern.to_string(),
            scheme: Some(self.scheme),
            port: Some(self.port),
            methods: self.methods.clone(),
            private: self.private,
        };
        table.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for HostRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        // By hand and not `untagged`, which would hide the reason behind "did not match any variant".
        impl<'de> Visitor<'de> for Forms {
            type Value = HostRule;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a host such as \"api.example.com\", or a table with `host`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HostRule, E> {
                HostRule::parse(text).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HostRule, A::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                let host = table.host.clone();
                HostRule::try_from(table)
                    .map_err(|reason| de::Error::custom(format!("egress rule for {host:?}: {reason}")))
            }
        }
        deserializer.deserialize_any(Forms)
    }
}
