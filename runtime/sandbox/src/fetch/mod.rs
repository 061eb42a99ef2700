//! Requests to the outside, for guests that were granted some.
//!
//! Own HTTP/1.1 over plain sockets and `rustls`, with `httparse` for the heads, and neither `hyper` nor
//! `ureq`: a host function is synchronous, and with the socket in hand it is exact which address is connected
//! to, when each wait ends, and whether a byte of the request has left. A connection serves one request and
//! is closed, so there is no pool and no state between requests; no cookies, no proxy, no redirect followed.
//!
//! In this order: `egress` decides, `request` builds, `dns` looks up once, `egress` checks the addresses,
//! `wire` connects to exactly those, `response` reads, `scrub` takes secrets out.

mod clock;
mod dns;
mod request;
mod response;
mod scrub;
mod wire;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};

pub use dns::Resolver;
pub(crate) use request::{Request, Value};

use crate::budget::{Budget, Resource, Stop};
use crate::contract::imports::fetch::FetchErrorCode as Code;
use crate::egress::{Egress, Host, Refusal, Scheme};
use crate::error::Error;
use crate::limits;
use crate::secrets::Secrets;
use crate::{text, timeouts};
use clock::Clock;
use scrub::Scrubber;
use wire::Wire;

/// What a plugin's requests go through.
pub(crate) struct Network {
    egress: Egress,
    secrets: Secrets,
    scrubber: Scrubber,
    /// None when nothing that is granted uses it.
    tls: Option<Arc<ClientConfig>>,
    /// Free places for lookups, for all plugins of a sandbox together.
    lookups: Arc<AtomicU32>,
    /// The longest that one request may take.
    most: Duration,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub truncated: bool,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The call is over; the guest is not asked.
    Stop(Stop),
    /// The guest is told.
    Wrong(Code, String),
}

impl Fault {
    fn wrong(code: Code, message: impl Into<String>) -> Self {
        Self::Wrong(code, message.into())
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(message) => Self::Wrong(Code::Invalid, message),
            Refusal::Denied(message) => Self::Wrong(Code::Denied, message),
        }
    }
}

impl Network {
    /// Sets up what the grants need.
    pub fn new(egress: &Egress, secrets: &Secrets, lookups: Arc<AtomicU32>) -> Result<Self, Error> {
        let tls = if egress.uses_tls() { Some(Arc::new(tls_config(egress)?)) } else { None };
        Ok(Self {
            egress: egress.clone(),
            secrets: secrets.clone(),
            scrubber: Scrubber::new(secrets)?,
            tls,
            lookups,
            most: timeouts::FETCH,
        })
    }

    /// The same with another longest time for one request.
    pub fn with_most(self, most: Duration) -> Self {
        Self { most, ..self }
    }

    /// The secrets that may be used.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Makes a request. With a fault comes whether a byte of the request may have left this machine.
    pub fn fetch(&self, budget: &Budget, request: &Request) -> Result<Response, (Fault, bool)> {
        let sent = Cell::new(false);
        let result = self.exchange(budget, request, &sent);
        result.map_err(|fault| {
            let fault = match fault {
                Fault::Stop(stop) => Fault::Stop(stop),
                Fault::Wrong(code, message) => {
                    let message = self.scrubber.text(&message);
                    Fault::Wrong(code, text::clean_line(&message, limits::MESSAGE_BYTES))
                }
            };
            (fault, sent.get())
        })
    }

    fn exchange(&self, budget: &Budget, request: &Request, sent: &Cell<bool>) -> Result<Response, Fault> {
        let clock = Clock::start(budget, request.timeout, self.most);
        let destination = self.egress.decide(&request.method, &request.url)?;
        let body = request.body.as_deref();
        let bytes = request::build(&destination, &request.headers, body, &self.secrets)?;
        budget.charge(Resource::Fetches, 1).map_err(|stop| Fault::wrong(Code::Denied, stop.to_string()))?;
        budget
            .charge(Resource::Fetched, bytes.len() as u64)
            .map_err(|stop| Fault::wrong(Code::TooLarge, stop.to_string()))?;

        let addresses = match &destination.url.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => dns::lookup(name, self.egress.resolver(), &self.lookups, &clock)?,
        };
        let mut addresses = destination.admit(&addresses)?;
        addresses.truncate(limits::FETCH_ADDRESSES);
        let mut wire = Wire::dial(&addresses, &clock, sent)?;
        if destination.url.scheme == Scheme::Https {
            let Some(tls) = &self.tls else {
                return Err(Fault::wrong(Code::Tls, "no rule uses TLS"));
            };
            wire.secure(&destination.url.host, Arc::clone(tls))?;
        }
        wire.send(&bytes);

        let cap = request.max_body.unwrap_or(limits::FETCH_BODY_BYTES).min(limits::FETCH_BODY_BYTES);
        let raw =
            response::read(&mut wire, clock.budget(), destination.method, cap + self.scrubber.overlap())?;
        self.clean(raw, cap)
    }

    /// Takes secrets out of a response and cuts it.
    fn clean(&self, raw: response::Raw, cap: usize) -> Result<Response, Fault> {
        let readable = |(name, value): &(Vec<u8>, Vec<u8>)| {
            !name.eq_ignore_ascii_case(b"content-encoding")
                || value.is_empty()
                || value.eq_ignore_ascii_case(b"identity")
        };
        if !self.scrubber.is_empty() && !raw.headers.iter().all(readable) {
            return Err(Fault::wrong(
                Code::Protocol,
                "the server compressed its answer although plain was asked for, so secrets could not be found in it",
            ));
        }
        if !self.scrubber.is_empty() && (raw.status == 206 || !raw.headers.iter().all(spelt_plainly)) {
            let what =
                "the server answered with a part, or in an alphabet in which secrets could not be found";
            return Err(Fault::wrong(Code::Protocol, what));
        }
        let text_of = |bytes: &[u8]| {
            let (clean, _) = self.scrubber.apply(bytes, usize::MAX);
            text::clean_line(&String::from_utf8_lossy(&clean), limits::FETCH_HEAD_BYTES)
        };
        let headers =
            raw.headers.iter().map(|(name, value)| (text_of(name).to_ascii_lowercase(), text_of(value)));
        let headers = headers.collect();
        let (body, cut) = if self.scrubber.is_empty() && raw.body.len() <= cap {
            (raw.body, false)
        } else {
            self.scrubber.apply(&raw.body, cap)
        };
        Ok(Response { status: raw.status, headers, body, truncated: cut || !raw.whole })
    }
}

/// TLS 1.2 and 1.3 with Mozilla's authorities and the operator's own. Nothing is kept between connections.
fn tls_config(egress: &Egress) -> Result<ClientConfig, Error> {
    let bad = |error: rustls::Error| Error::Invalid { what: "TLS".to_owned(), reason: error.to_string() };
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in egress.roots() {
        roots.add(root.clone()).map_err(bad)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(bad)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Whether a header names no alphabet but those in which ASCII is written as itself.
fn spelt_plainly((name, value): &(Vec<u8>, Vec<u8>)) -> bool {
    if !name.eq_ignore_ascii_case(b"content-type") {
        return true;
    }
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    let Some((_, charset)) = value.split_once("charset") else { return true };
    let charset = charset.trim_start_matches([' ', '=', '"', '\'']);
    ["utf-8", "utf8", "us-ascii", "ascii", "iso-8859-", "latin", "windows-125"]
        .iter()
        .any(|known| charset.starts_with(known))
}
