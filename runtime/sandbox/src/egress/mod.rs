//! Where guests may send requests: the decision, without any I/O.
//!
//! The threat: a tool is foreign code, and what it asks for may be the wish of whoever wrote the page that an
//! agent just read. So a guest must not reach what its operator did not name: not by odd spellings of a URL
//! (`url`), not through a name that leads to this machine, to its network or to a cloud's metadata
//! (`address`), not through a name that changes its mind between the check and the connection (the addresses
//! that were checked are the ones that are connected to), and not through a redirect (none is followed; what
//! the guest asks for next is checked like everything else).
//!
//! Two steps: [`Egress::decide`] reads a URL and finds the rules that cover it, before any name is looked up;
//! [`Destination::admit`] looks at all the addresses that the name led to. One bad address among good ones
//! refuses the request: such a name is broken or hostile.

mod address;
mod rule;
mod url;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use address::{AddressKind, Opening, kind_of};
pub use rule::{HostRule, Method};
pub use url::{Host, Scheme, Url};

use crate::error::Error;
use crate::fetch::Resolver;

/// The hosts that an operator grants, and how they are reached. Empty by default; then nothing is.
///
/// Serialized as its list of rules; authorities and resolver are no part of that.
#[derive(Clone, Default)]
pub struct Egress {
    rules: Vec<HostRule>,
    roots: Vec<CertificateDer<'static>>,
    resolver: Option<Arc<dyn Resolver>>,
}

/// Why a request is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not well-formed.
    #[error("{0}")]
    Invalid(String),
    /// It is not granted.
    #[error("{0}")]
    Denied(String),
}

/// A request that a rule covers, as far as it can be known before its name is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The method.
    pub method: Method,
    /// The URL in its parts.
    pub url: Url,
    private: bool,
}

impl Egress {
    /// These hosts.
    pub fn new(rules: Vec<HostRule>) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Trusts these authorities (PEM) too: for hosts with certificates of one's own.
    pub fn with_roots(mut self, pem: &[u8]) -> Result<Self, Error> {
        let bad = |reason: String| Error::Invalid { what: "certificates of authorities".to_owned(), reason };
        let before = self.roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.roots.push(certificate.map_err(|error| bad(error.to_string()))?);
        }
        if self.roots.len() == before {
            return Err(bad("there is none in the text; PEM is wanted".to_owned()));
        }
        Ok(self)
    }

    /// Looks names up in another way than the system does.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// The rules.
    pub fn rules(&self) -> &[HostRule] {
        &self.rules
    }

    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(crate) fn roots(&self) -> &[CertificateDer<'static>] {
        &self.roots
    }

    pub(crate) fn resolver(&self) -> Option<Arc<dyn Resolver>> {
        self.resolver.clone()
    }

    pub(crate) fn uses_tls(&self) -> bool {
        self.rules.iter().any(HostRule::uses_tls)
    }

    /// Reads method and URL and finds the rules that cover them.
    pub fn decide(&self, method: &str, url: &str) -> Result<Destination, Refusal> {
        let method = Method::parse(method).ok_or_else(|| {
            Refusal::Invalid("the method is GET, HEAD, POST, PUT, PATCH or DELETE, in upper case".to_owned())
        })?;
        let url = Url::parse(url).map_err(Refusal::Invalid)?;
        let mut covering = self.rules.iter().filter(|rule| rule.covers(method, &url)).peekable();
        if covering.peek().is_none() {
            return Err(Refusal::Denied(self.explain(method, &url)));
        }
        let private = covering.any(HostRule::allows_private);
        Ok(Destination { method, url, private })
    }

    /// Says which rule would have to be there.
    fn explain(&self, method: Method, url: &Url) -> String {
        let scheme = if url.scheme == Scheme::Http { "http://" } else { "" };
        let wanted = format!("{scheme}{}", url.authority());
        let of_host: Vec<String> =
            self.rules.iter().filter(|rule| rule.matches_host(&url.host)).map(HostRule::to_string).collect();
        let advice = format!("the operator would have to grant the egress rule \"{wanted}\"");
        if self.rules.iter().any(|rule| rule.matches_place(url)) {
            return format!("{} to {wanted} is not granted, only {}", method.name(), of_host.join(", "));
        }
        if !of_host.is_empty() {
            return format!("{wanted} is not granted, only {}; {advice}", of_host.join(", "));
        }
        if self.rules.is_empty() {
            return format!("no host is granted; {advice}");
        }
        format!("{wanted} is not granted; {advice}")
    }
}

impl Destination {
    /// Checks every address that the host led to, and gives back where to connect.
    pub fn admit(&self, addresses: &[IpAddr]) -> Result<Vec<SocketAddr>, Refusal> {
        for address in addresses {
            let kind = kind_of(*address);
            let granted = match kind.opening {
                Opening::Host => true,
                // A rule covers an address in a URL only if it has the same address.
                Opening::Private => self.private || self.url.host == Host::Address(*address),
                Opening::Literal => self.url.host == Host::Address(*address),
                Opening::Never => false,
            };
            if granted {
                continue;
            }
            // The address itself is nothing that a guest should learn.
            tracing::info!(host = %self.url.host, %address, kind = kind.name, "an address was refused");
            let advice = match kind.opening {
                Opening::Host | Opening::Private => {
                    "only an egress rule with `private = true` or with the address itself allows that"
                }
                Opening::Literal => "only an egress rule with the address itself allows that",
                Opening::Never => "nothing allows that",
            };
            return Err(Refusal::Denied(format!(
                "{} leads to an address of kind {}; {advice}",
                self.url.host, kind.name
            )));
        }
        Ok(addresses.iter().map(|address| SocketAddr::new(*address, self.url.port)).collect())
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rules: Vec<String> = self.rules.iter().map(HostRule::to_string).collect();
        f.debug_struct("Egress")
            .field("rules", &rules)
            .field("roots", &self.roots.len())
            .finish_non_exhaustive()
    }
}

impl Serialize for Egress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rules.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Egress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::new)
    }
}
