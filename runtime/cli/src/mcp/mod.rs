//! `sport mcp`: tools and the interpreter for any client of the Model Context Protocol.
//!
//! The client is whoever holds the pipe, or the bearer token. What it can reach is what the operator granted: it names no
//! path of this machine, and nothing that it can send changes what is served or granted. The code that it hands over runs in
//! the sandbox; every call runs on a budget with a deadline and ends within some ticks when its request is cancelled.
//!
//! The protocol itself is rmcp's, in all its revisions; here is what lies behind it. The asynchronous runtime is started by
//! this command alone.
//!
//! # Layout
//!
//! * `server`: the methods; `call`: a call under way (its thread, its progress, its end); `failure`: how what went wrong is told;
//! * `catalogue`: which tools are served now; `describe`: how they are listed; `tools`: how they are called;
//! * `python`: the interpreter's tools; `sessions`: what they work on; `report`: how a run is told;
//! * `shelf`: artifacts that can be read; `files`: what a client hands in;
//! * `http`, `token`: the way to it over a network; `limits`: what bounds all this.

mod call;
mod catalogue;
mod describe;
mod failure;
mod files;
mod http;
mod limits;
mod python;
mod report;
mod server;
mod sessions;
mod shelf;
mod token;
mod tools;

use std::io::Write as _;
use std::sync::Arc;

use rmcp::ServiceExt as _;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::sync::Notify;

use crate::exit::{CommandError, Exit};
pub use catalogue::{Catalogue, Wanted};
pub use http::Door;
pub use limits::{OUTPUT_BYTES, SESSION_IDLE_SECONDS};
pub use python::{PUT, names};
use server::Handler;
pub use server::Shared;
pub use sessions::Sessions;
pub use token::Token;

/// Serves the one client at the other end of standard input and output.
pub fn serve_pipe(shared: Shared) -> Result<Exit, CommandError> {
    run(shared, |shared, stop| async move {
        let (read, write) = rmcp::transport::stdio_pipes();
        let transport = AsyncRwTransport::new(read, write).with_max_line_length(limits::MESSAGE_BYTES);
        let serving = async {
            // A client that says nothing is one that is gone, as far as its pipe tells.
            let Ok(service) = Handler::new(shared, None).serve(transport).await else { return };
            let _ = service.waiting().await;
        };
        tokio::select! {
            () = serving => {}
            () = stop.notified() => {}
        }
        Ok(())
    })
}

/// Serves over HTTP until it is interrupted.
pub fn serve_http(shared: Shared, door: Door) -> Result<Exit, CommandError> {
    run(shared, |shared, stop| http::serve(shared, door, stop))
}

/// Starts the runtime, looks after tools and sessions beside `serve`, and ends everything after it.
fn run<F, S>(shared: Shared, serve: F) -> Result<Exit, CommandError>
where
    F: FnOnce(Arc<Shared>, Arc<Notify>) -> S,
    S: Future<Output = Result<(), CommandError>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // They only pass messages on: whatever takes long has a thread of its own.
        .worker_threads(2)
        .thread_name("sport-mcp")
        // Every call, every resource that is read, and what looks after the rest.
        .max_blocking_threads(2 * limits::CALLS + 8)
        .enable_all()
        .build()?;
    let stop = Arc::new(Notify::new());
    let interrupted = Arc::clone(&stop);
    ctrlc::set_handler(move || interrupted.notify_one())
        .map_err(|error| CommandError::new(Exit::Internal, "signals", error.to_string()))?;
    let shared = Arc::new(shared);
    let result = runtime.block_on(async {
        let watch = tokio::spawn(look_after(Arc::clone(&shared)));
        let result = serve(Arc::clone(&shared), stop).await;
        watch.abort();
        result
    });
    // Calls under way lose whoever waited for them, which stops them.
    runtime.shutdown_timeout(limits::SHUT);
    result.map(|()| Exit::Done)
}

/// Tells the operator, on standard error. Where nobody reads that (a client may have closed it) nothing is told, and the server
/// goes on.
fn tell(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// Takes up what was installed, changed or removed, and closes idle sessions.
async fn look_after(shared: Arc<Shared>) {
    let mut changes = shared.catalogue.changes();
    loop {
        tokio::time::sleep(limits::REGISTRY_POLL).await;
        let looking = Arc::clone(&shared);
        let looked = tokio::task::spawn_blocking(move || {
            looking.catalogue.look();
            if let Some(sessions) = &looking.sessions {
                sessions.sweep();
            }
        });
        if let Err(error) = looked.await {
            tracing::error!(%error, "looking after the tools ended in a panic");
        }
        if changes.has_changed().unwrap_or(false) {
            changes.mark_unchanged();
            shared.tell_peers().await;
        }
    }
}
