//! One session of a served sandbox: a thread that does what is asked of it, one after the other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sport_sandbox::{Budget, Channel, Made, RunRequest, Session};

use super::limits;
use super::outbox::{Outbox, Reply};
use super::protocol::{Fault, Id, ReadArtifact, ReadFile, Run};
use super::server::{Begun, Server};
use super::tools::{RunTools, SessionTools};

/// What a session can be asked to do.
pub enum Job {
    /// Run code.
    Run(Box<Run>, Option<Id>, Begun),
    /// Make another session of it.
    Fork,
    /// All its files.
    ListFiles,
    /// A file, or a part of it.
    ReadFile(ReadFile),
    /// An artifact, or a part of it.
    ReadArtifact(ReadArtifact),
    /// End.
    Close,
}

/// How a run is cancelled, also one that has not begun.
#[derive(Default)]
pub struct Control {
    cancelled: AtomicBool,
    budget: Mutex<Option<Budget>>,
}

impl Control {
    /// Stops the run within a tick.
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
        if let Some(budget) = &*self.budget.lock().unwrap_or_else(PoisonError::into_inner) {
            budget.cancel();
        }
    }

    /// The run begins, on `budget`.
    fn begin(&self, budget: &Budget) {
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner) = Some(budget.clone());
        if self.cancelled.load(Relaxed) {
            budget.cancel();
        }
    }
}

/// A session with what it needs to do its work.
pub struct Worker {
    /// What the client calls it by.
    pub id: String,
    /// The session.
    pub session: Session,
    /// What its code may call.
    pub tools: SessionTools,
    /// What all sessions share.
    pub server: Arc<Server>,
}

impl Worker {
    /// Does one job; whether there may be another.
    pub fn work(&mut self, job: Job, reply: Reply) -> bool {
        match job {
            Job::Run(run, request, begun) => {
                let result = self.run(*run, request, &begun.control);
                // Before the answer: the client may use the id again as soon as it has that.
                drop(begun);
                reply.answer(Ok(result));
            }
            Job::Fork => reply.answer(self.fork()),
            Job::ListFiles => reply.answer(Ok(self.list_files())),
            Job::ReadFile(which) => reply.answer(self.read_file(&which)),
            Job::ReadArtifact(which) => reply.answer(self.read_artifact(&which)),
            Job::Close => {
                reply.answer(Ok(json!({})));
                return false;
            }
        }
        true
    }

    fn run(&mut self, run: Run, request: Option<Id>, control: &Control) -> Value {
        let Run { session: _, code, stdin, arguments, budget, live, keep } = run;
        if keep {
            self.session.keep();
        }
        let budget = Budget::new(budget.within(self.server.limits));
        control.begin(&budget);
        let code = RunRequest { code, stdin: stdin.map(String::into_bytes), arguments };
        let mut tools = RunTools { tools: &mut self.tools, session: &self.id, run: request.clone() };
        let report = if live {
            let mut shower = Shower { outbox: &self.server.outbox, run: request, rest: HashMap::new() };
            let report = self.session.run_live(&code, &mut tools, &budget, &mut |channel, bytes| {
                shower.show(channel, bytes);
            });
            shower.end();
            report
        } else {
            self.session.run(&code, &mut tools, &budget)
        };
        json!({ "report": report, "steps": self.session.steps(), "healthy": self.session.healthy() })
    }

    fn fork(&self) -> Result<Value, Fault> {
        let session = self.session.fork()?;
        let made = match session.made() {
            Made::Opened => json!({ "by": "open" }),
            Made::FromMemory => json!({ "by": "memory" }),
            Made::ByReplay(reason) => json!({ "by": "replay", "reason": reason }),
        };
        let steps = session.steps();
        let id = self.server.start(session, self.tools.clone())?;
        Ok(json!({ "session": id, "steps": steps, "made": made }))
    }

    fn list_files(&self) -> Value {
        let files = self.session.branch().files.list();
        let files: Vec<Value> =
            files.into_iter().map(|(path, size)| json!({ "path": path, "size": size })).collect();
        json!({ "files": files })
    }

    fn read_file(&self, which: &ReadFile) -> Result<Value, Fault> {
        let file = self.session.branch().files.resolve(&which.path)?;
        let size = file.bytes.len() as u64;
        let (start, end) = part(size, which.offset, which.length);
        Ok(json!({
            "path": file.path,
            "media_type": file.media_type,
            "size": size,
            "offset": start,
            "base64": BASE64_STANDARD.encode(&file.bytes[start..end]),
        }))
    }

    fn read_artifact(&self, which: &ReadArtifact) -> Result<Value, Fault> {
        let bytes = self.tools.toolbox.store().get(&which.digest)?;
        let size = bytes.len() as u64;
        let (start, end) = part(size, which.offset, which.length);
        Ok(json!({
            "digest": which.digest,
            "size": size,
            "offset": start,
            "base64": BASE64_STANDARD.encode(&bytes[start..end]),
        }))
    }
}

/// The part of a file that fits into one answer.
fn part(size: u64, offset: u64, length: Option<u64>) -> (usize, usize) {
    let start = offset.min(size);
    let end = start.saturating_add(length.unwrap_or(u64::MAX).min(limits::READ_BYTES)).min(size);
    // both are at most the length of a slice in memory
    (usize::try_from(start).unwrap_or(usize::MAX), usize::try_from(end).unwrap_or(usize::MAX))
}

/// Sends output as it is made, cut only between characters.
struct Shower<'a> {
    outbox: &'a Outbox,
    run: Option<Id>,
    /// The beginning of a character whose rest has not come yet.
    rest: HashMap<Channel, Vec<u8>>,
}

impl Shower<'_> {
    fn show(&mut self, channel: Channel, bytes: &[u8]) {
        let mut all = self.rest.remove(&channel).unwrap_or_default();
        all.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&all) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => all.len(),
        };
        if whole < all.len() {
            self.rest.insert(channel, all[whole..].to_vec());
        }
        self.send(channel, &all[..whole]);
    }

    fn end(&mut self) {
        for (channel, bytes) in std::mem::take(&mut self.rest) {
            self.send(channel, &bytes);
        }
    }

    fn send(&self, channel: Channel, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let channel = match channel {
            Channel::Stdout => "stdout",
            Channel::Stderr => "stderr",
        };
        let text = String::from_utf8_lossy(bytes);
        self.outbox.notify("output", json!({ "run": self.run, "channel": channel, "text": text }));
    }
}
