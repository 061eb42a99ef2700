//! Virtual time: the same in every run and in every fork, and nobody ever waits for it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::Machine;
use std::sync::Arc;

/// The date at which every session starts: 2026-01-01 00:00:00 UTC.
pub(crate) const EPOCH_NS: u64 = 1_767_225_600 * SECOND_NS;

const SECOND_NS: u64 = 1_000_000_000;

/// How far one reading moves the clock. A loop that waits for time to pass ends: a second of it is ten thousand readings.
const READING_NS: u64 = 100_000;

/// Time stops here, a hundred years on, so that no date computed from it overflows in a guest.
const MOST_NS: u64 = 100 * 365 * 86_400 * SECOND_NS;

/// A session's clock, in nanoseconds since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    /// The time since the session was opened; reading it takes a little.
    pub fn read(&self) -> u64 {
        self.advance_to(self.peek().saturating_add(READING_NS));
        self.peek()
    }

    /// The time since the session was opened, without moving it.
    pub fn peek(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// The date, in nanoseconds since 1970, without moving it.
    pub fn date(&self) -> u64 {
        EPOCH_NS + self.peek()
    }

    /// Makes it the clock of another session.
    pub fn set(&self, time: u64) {
        self.0.store(time, Relaxed);
    }

    /// Goes forward to a time; never back.
    pub fn advance_to(&self, time: u64) {
        self.0.fetch_max(time.min(MOST_NS), Relaxed);
    }
}

/// Nanoseconds since 1970 as WASI has it.
pub(super) fn datetime(ns: u64) -> wall_clock::Datetime {
    // The remainder is below a thousand million, so it fits.
    wall_clock::Datetime { seconds: ns / SECOND_NS, nanoseconds: (ns % SECOND_NS) as u32 }
}

/// WASI's date in nanoseconds since 1970, if it is one that can be kept.
pub(super) fn nanoseconds(date: &wall_clock::Datetime) -> Option<u64> {
    let nanoseconds = u64::from(date.nanoseconds);
    if nanoseconds >= SECOND_NS {
        return None;
    }
    let sum = date.seconds.checked_mul(SECOND_NS)?.checked_add(nanoseconds)?;
    (sum <= EPOCH_NS + MOST_NS).then_some(sum)
}

/// A time that somebody waits for. Waiting is going there: there is nothing else in a session that could happen first,
/// since standard input is empty and there is no network.
struct Wake {
    clock: Arc<Clock>,
    at: u64,
}

#[async_trait]
impl Pollable for Wake {
    async fn ready(&mut self) {
        self.clock.advance_to(self.at);
    }
}

impl Machine<'_> {
    fn wake(&mut self, at: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let wake = Wake { clock: Arc::clone(&self.wasi.clock), at };
        let wake = self.host.table.push(wake)?;
        subscribe(&mut self.host.table, wake)
    }
}

impl wall_clock::Host for Machine<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        self.enter()?;
        self.wasi.clock.read();
        Ok(datetime(self.wasi.clock.date()))
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        self.enter()?;
        Ok(datetime(READING_NS))
    }
}

impl monotonic_clock::Host for Machine<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.enter()?;
        Ok(self.wasi.clock.read())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.enter()?;
        Ok(READING_NS)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.enter()?;
        self.wake(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.enter()?;
        self.wake(self.wasi.clock.peek().saturating_add(duration))
    }
}
