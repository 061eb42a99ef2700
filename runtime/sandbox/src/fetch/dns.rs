//! Looks a name up once, with a deadline.
//!
//! The system's resolver cannot be interrupted, so it runs on a thread of its own; a request that cannot wait
//! any longer leaves that thread behind. How many there may be at once is counted, for all plugins of a
//! sandbox together, so that a name server that never answers costs a few threads and no more.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};

use super::clock::Clock;
use super::{Code, Fault};

/// How names are looked up. Called on a thread of its own; may block.
pub trait Resolver: Send + Sync {
    /// All addresses of a name.
    fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The system's own way.
struct System;

impl Resolver for System {
    fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut addresses: Vec<IpAddr> = (host, 0).to_socket_addrs()?.map(|address| address.ip()).collect();
        addresses.dedup();
        Ok(addresses)
    }
}

/// A running lookup; gives its place back when it is dropped.
struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The addresses of a name; at least one.
pub(super) fn lookup(
    host: &str,
    resolver: Option<Arc<dyn Resolver>>,
    places: &Arc<AtomicU32>,
    clock: &Clock<'_>,
) -> Result<Vec<IpAddr>, Fault> {
    let wrong = |reason: String| Fault::wrong(Code::Dns, format!("cannot look {host} up: {reason}"));
    if places.fetch_update(Relaxed, Relaxed, |free| free.checked_sub(1)).is_err() {
        return Err(wrong("too many lookups are under way; try again later".to_owned()));
    }
    let place = Place(Arc::clone(places));
    let resolver = resolver.unwrap_or_else(|| Arc::new(System));
    let (answer, answered) = mpsc::sync_channel(1);
    let name = host.to_owned();
    std::thread::Builder::new()
        .name("sport-lookup".to_owned())
        .spawn(move || {
            let found = resolver.resolve(&name);
            drop(place);
            // Nobody listens when the request is over.
            let _ = answer.send(found);
        })
        .map_err(|error| wrong(format!("cannot start a thread: {error}")))?;
    loop {
        match answered.recv_timeout(clock.tick()) {
            Ok(Ok(addresses)) if addresses.is_empty() => return Err(wrong("it has no address".to_owned())),
            Ok(Ok(addresses)) => return Ok(addresses),
            Ok(Err(error)) => return Err(wrong(error.to_string())),
            Err(RecvTimeoutError::Timeout) => clock.check()?,
            Err(RecvTimeoutError::Disconnected) => return Err(wrong("the resolver gave up".to_owned())),
        }
    }
}
