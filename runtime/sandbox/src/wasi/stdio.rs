//! Where a run's output goes: kept for the report, charged to the run's budget, and shown live when somebody looks.
//!
//! Both ways of printing end here: `sport:host/output`, which the interpreter component uses, and the standard streams of
//! WASI, which the language's runtime uses below it. The output budget is a hard end: what fits is kept, then the guest
//! is stopped, so that a flood inside a loop that catches everything ends too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wasmtime::component::Resource as Handle;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::cli::{stderr, stdout};
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::Machine;
use crate::budget::{Budget, Resource, Stop};
use crate::limits;
use crate::types::Content;

/// Which of the two a piece of output was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Somebody who sees output as it is made.
pub(crate) type Watcher = dyn FnMut(Channel, &[u8]) + Send;

/// The output of a session's run at hand.
#[derive(Default)]
pub(crate) struct Output(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// None between runs: what is written then is dropped.
    budget: Option<Budget>,
    taken: Taken,
    watcher: Option<Box<Watcher>>,
}

/// What a run wrote.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Taken {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// What it displayed.
    pub displays: Vec<Content>,
}

impl Output {
    /// Begins a run: output is charged to `budget`.
    pub fn begin(&self, budget: Budget, watcher: Option<Box<Watcher>>) {
        *self.lock() = Inner { budget: Some(budget), taken: Taken::default(), watcher };
    }

    /// Ends a run and takes what it wrote.
    pub fn end(&self) -> Taken {
        std::mem::take(&mut *self.lock()).taken
    }

    /// Writes; cut at the budget.
    pub fn write(&self, channel: Channel, bytes: &[u8]) -> Result<(), Stop> {
        let mut inner = self.lock();
        let Some(budget) = &inner.budget else { return Ok(()) };
        let wanted = bytes.len() as u64;
        let granted = budget.charge_up_to(Resource::Output, wanted);
        let stopped =
            if granted < wanted { budget.charge(Resource::Output, wanted - granted) } else { Ok(()) };
        // No more was granted than there is.
        let kept = &bytes[..usize::try_from(granted).unwrap_or(bytes.len())];
        match channel {
            Channel::Stdout => inner.taken.stdout.extend_from_slice(kept),
            Channel::Stderr => inner.taken.stderr.extend_from_slice(kept),
        }
        if !kept.is_empty()
            && let Some(watcher) = &mut inner.watcher
        {
            watcher(channel, kept);
        }
        stopped
    }

    /// Keeps a piece that was displayed. Its size was charged where it was lifted.
    pub fn display(&self, content: Content) -> Result<(), Stop> {
        let mut inner = self.lock();
        let Some(budget) = &inner.budget else { return Ok(()) };
        budget.charge(Resource::Output, size_of_content(&content))?;
        if inner.taken.displays.len() >= limits::DISPLAYS {
            return Err(Stop::Exhausted { resource: Resource::Output, limit: limits::DISPLAYS as u64 });
        }
        inner.taken.displays.push(content);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a displayed piece costs of the output budget; artifacts have a budget of their own.
fn size_of_content(content: &Content) -> u64 {
    let size = match content {
        Content::Text { text } => text.len(),
        Content::Artifact(_) => 64,
        Content::Other { kind, value } => kind.len() + value.to_string().len(),
    };
    size as u64
}

/// One of the two standard streams, as the engine's stream object.
struct Sink {
    output: Arc<Output>,
    channel: Channel,
}

#[async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.write(self.channel, &bytes).map_err(|stop| StreamError::Trap(stop.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(limits::FILE_CHUNK)
    }
}

impl Machine<'_> {
    fn sink(&mut self, channel: Channel) -> wasmtime::Result<Handle<DynOutputStream>> {
        self.enter()?;
        let sink: DynOutputStream = Box::new(Sink { output: Arc::clone(&self.wasi.output), channel });
        Ok(self.host.table.push(sink)?)
    }
}

impl stdout::Host for Machine<'_> {
    fn get_stdout(&mut self) -> wasmtime::Result<Handle<DynOutputStream>> {
        self.sink(Channel::Stdout)
    }
}

impl stderr::Host for Machine<'_> {
    fn get_stderr(&mut self) -> wasmtime::Result<Handle<DynOutputStream>> {
        self.sink(Channel::Stderr)
    }
}
