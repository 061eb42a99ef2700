//! The sessions of a served sandbox, and who may reach which.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sport_sandbox::{ArtifactStore, Interpreter, Limits, Session, SessionOptions, TaskFile, Tool, Toolbox};

use super::limits;
use super::outbox::{Outbox, Reply};
use super::protocol::{Cancel, Fault, File, Hello, Id, Open, PROTOCOL};
use super::session::{Control, Job, Worker};
use super::tools::{Asks, ClientTools, SessionTools};

/// What a server is started with.
pub struct Setup {
    /// What runs the code.
    pub interpreter: Arc<Interpreter>,
    /// What the code may call.
    pub tools: Vec<Arc<Tool>>,
    /// What lies in every session's `/task`.
    pub files: Vec<TaskFile>,
    /// The most that a run may use.
    pub limits: Limits,
    /// For sessions that are opened without a seed.
    pub seed: u64,
}

/// What all sessions share.
pub struct Server {
    /// The way to the client.
    pub outbox: Outbox,
    /// The most that a run may use.
    pub limits: Limits,
    /// Tool calls that the client has to answer.
    pub asks: Arc<Asks>,
    setup: Setup,
    next: AtomicU64,
    next_run: AtomicU64,
    sessions: Mutex<BTreeMap<String, Handle>>,
    runs: Mutex<Runs>,
}

/// The runs that wait or are under way, by a number of our own: a run need not have an id.
type Runs = HashMap<u64, (Option<Id>, Arc<Control>)>;

struct Handle {
    jobs: SyncSender<(Job, Reply)>,
    thread: JoinHandle<()>,
}

impl Server {
    /// One without sessions.
    pub fn new(setup: Setup, outbox: Outbox) -> Self {
        Self {
            limits: setup.limits,
            asks: Arc::new(Asks::new(outbox.clone())),
            outbox,
            setup,
            next: AtomicU64::new(1),
            next_run: AtomicU64::new(1),
            sessions: Mutex::default(),
            runs: Mutex::default(),
        }
    }

    /// What there is: the answer to `hello`.
    pub fn describe(&self, hello: &Hello) -> Result<Value, Fault> {
        if let Some(asked) = hello.protocol.filter(|asked| *asked != PROTOCOL) {
            let message = format!("the client speaks protocol {asked}, this is protocol {PROTOCOL}");
            return Err(Fault::new("protocol", message));
        }
        let toolbox = Toolbox::new(self.setup.tools.clone(), ArtifactStore::new_in_memory())?;
        let limits = &self.limits;
        Ok(json!({
            "protocol": PROTOCOL,
            "version": env!("CARGO_PKG_VERSION"),
            "interpreter": self.setup.interpreter.info(),
            "tools": sport_sandbox::ToolHost::tools(&toolbox),
            "budget": {
                "wall_ms": limits.wall.as_millis() as u64,
                "cpu_ms": limits.cpu.as_millis() as u64,
                "memory_bytes": limits.memory_bytes,
                "output_bytes": limits.output_bytes,
                "tool_calls": limits.tool_calls,
                "host_calls": limits.host_calls,
                "model_calls": limits.model_calls,
                "tokens": limits.tokens,
            },
        }))
    }

    /// Opens a session.
    pub fn open(self: &Arc<Self>, open: Open) -> Result<Value, Fault> {
        let store = ArtifactStore::new_in_memory();
        let toolbox = Toolbox::new(self.setup.tools.clone(), store.clone())?;
        let client = Arc::new(ClientTools::new(open.tools, &toolbox)?);
        // The files are held open, so the folder may go when the session is there.
        let folder = tempfile::tempdir()
            .map_err(|error| Fault::new("no-folder", format!("cannot make a temporary folder: {error}")))?;
        let mut files = self.setup.files.clone();
        for (number, file) in open.files.into_iter().enumerate() {
            files.push(task_file(file, &folder.path().join(number.to_string()))?);
        }
        let seed = open.seed.unwrap_or(self.setup.seed);
        let session = self.setup.interpreter.open(SessionOptions { seed, files, store })?;
        let tools = SessionTools { toolbox, client, asks: Arc::clone(&self.asks) };
        Ok(json!({ "session": self.start(session, tools)? }))
    }

    /// Gives a session a thread and a name.
    pub fn start(self: &Arc<Self>, session: Session, tools: SessionTools) -> Result<String, Fault> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whose thread came to its end in a way that nobody asked for.
        sessions.retain(|_, handle| !handle.thread.is_finished());
        if sessions.len() >= limits::SESSIONS {
            let message = format!("{} sessions are open, the most there may be; close some", sessions.len());
            return Err(Fault::new("too-many-sessions", message));
        }
        let id = format!("s{}", self.next.fetch_add(1, Relaxed));
        let (jobs, queue) = sync_channel(limits::QUEUE);
        let worker = Worker { id: id.clone(), session, tools, server: Arc::clone(self) };
        let thread = std::thread::Builder::new()
            .name(format!("sport-{id}"))
            .spawn(move || work(worker, &queue))
            .map_err(|error| Fault::new("no-thread", format!("cannot start a thread: {error}")))?;
        sessions.insert(id.clone(), Handle { jobs, thread });
        Ok(id)
    }

    /// Gives a session something to do, which then answers by itself. Whether it was taken; if not, the answer says why.
    pub fn give(&self, session: &str, job: Job, reply: Reply) -> bool {
        let jobs = {
            let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.get(session).map(|handle| handle.jobs.clone())
        };
        // Answers are written without the lock: a client that does not read must not stop the sessions.
        let Some(jobs) = jobs else {
            let session: String = session.chars().filter(|c| !c.is_control()).take(40).collect();
            reply.answer(Err(Fault::new("no-such-session", format!("there is no session {session:?}"))));
            return false;
        };
        match jobs.try_send((job, reply)) {
            Ok(()) => true,
            Err(TrySendError::Full((_, reply))) => {
                let message = format!("{} requests wait for {session} already", limits::QUEUE);
                reply.answer(Err(Fault::new("busy", message)));
                false
            }
            // The reply is dropped, and says that the session was closed.
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    /// Closes a session when it has done what it was asked before.
    pub fn close(&self, session: &str, reply: Reply) {
        if self.give(session, Job::Close, reply) {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
        }
    }

    /// The open sessions' names.
    pub fn names(&self) -> Vec<String> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, handle| !handle.thread.is_finished());
        sessions.keys().cloned().collect()
    }

    /// A run that can be cancelled from now on, by its id if it has one.
    pub fn begun(self: &Arc<Self>, request: Option<&Id>) -> Result<Begun, Fault> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if request.is_some() && runs.values().any(|(id, _)| id.as_ref() == request) {
            return Err(Fault::message("another run has this id and is not done".to_owned()));
        }
        let (number, control) = (self.next_run.fetch_add(1, Relaxed), Arc::new(Control::default()));
        runs.insert(number, (request.cloned(), Arc::clone(&control)));
        Ok(Begun { server: Arc::clone(self), number, control })
    }

    /// Stops a run.
    pub fn cancel(&self, cancel: &Cancel) -> Value {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let found = runs.values().find(|(id, _)| id.as_ref() == Some(&cancel.request));
        if let Some((_, control)) = found {
            control.cancel();
        }
        json!({ "cancelled": found.is_some() })
    }

    /// Stops everything and waits until it has stopped: a tick for what runs, and no longer than [`limits::SHUT`] for what
    /// cannot be stopped (a fork that does steps again, a write to a client that does not read). The end of the process ends
    /// that.
    pub fn shut(&self) {
        for (_, control) in self.runs.lock().unwrap_or_else(PoisonError::into_inner).values() {
            control.cancel();
        }
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        let threads: Vec<_> = sessions.into_values().map(|handle| handle.thread).collect();
        let began = Instant::now();
        while began.elapsed() < limits::SHUT && !threads.iter().all(JoinHandle::is_finished) {
            std::thread::sleep(limits::TOOL_POLL);
        }
        for thread in threads.into_iter().filter(JoinHandle::is_finished) {
            if thread.join().is_err() {
                tracing::error!("a session's thread ended in a panic");
            }
        }
    }
}

/// A run from its request to its end; it can be cancelled as long as this is there.
pub struct Begun {
    server: Arc<Server>,
    number: u64,
    /// Stops it.
    pub control: Arc<Control>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.server.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

fn work(mut worker: Worker, queue: &Receiver<(Job, Reply)>) {
    for (job, reply) in queue {
        if !worker.work(job, reply) {
            return;
        }
    }
}

/// A file that a client gave; `place` is where its bytes may be put.
fn task_file(file: File, place: &Path) -> Result<TaskFile, Fault> {
    let File { name, path, base64 } = file;
    match (path, base64) {
        (Some(path), None) => {
            let own = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            let name = name.or(own).ok_or_else(|| Fault::params("a file has no name"))?;
            Ok(TaskFile { name, path })
        }
        (None, Some(base64)) => {
            let name = name.ok_or_else(|| Fault::params("a file that is given by its bytes needs a name"))?;
            let bytes = BASE64_STANDARD
                .decode(base64)
                .map_err(|error| Fault::params(format!("the bytes of {name:?} are no base64: {error}")))?;
            std::fs::write(place, bytes)
                .map_err(|error| Fault::new("no-space", format!("cannot keep {name:?}: {error}")))?;
            Ok(TaskFile { name, path: place.to_owned() })
        }
        _ => Err(Fault::params("a file is given by its path or by its bytes (base64)")),
    }
}
