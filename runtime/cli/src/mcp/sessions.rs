//! The interpreter's sessions, each behind a handle that its client was given. Nothing else leads to one: not the connection,
//! not the order of calls.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use sport_sandbox::{
    ArtifactStore, Failure, FailureKind, FileView, Interpreter, Limits, ResolvedFile, Session,
    SessionOptions, TaskFile,
};
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

use super::files::Given;
use super::shelf::Shelf;
use super::{failure, limits};

/// What the link to a session's file begins with; the handle and the path follow.
pub const SCHEME: &str = "session://";

/// The sessions, and what they are made of.
pub struct Sessions {
    /// What runs the code.
    pub interpreter: Arc<Interpreter>,
    /// The most that one run may use.
    pub limits: Limits,
    /// For sessions that are opened without a seed.
    pub seed: u64,
    /// A session that nobody used for so long is closed.
    pub idle: Duration,
    seats: Mutex<BTreeMap<String, Arc<Seat>>>,
}

/// One session.
pub struct Seat {
    /// What it is called by: long and random, so that it cannot be guessed.
    pub handle: String,
    /// Its artifacts.
    pub store: ArtifactStore,
    /// Its files after the last run, to be read while the next one is under way.
    view: Mutex<FileView>,
    /// Held by whoever works in it; others wait in their order.
    session: Arc<Turns<Session>>,
    waiting: AtomicUsize,
    used: Mutex<Instant>,
}

impl Sessions {
    /// None yet.
    pub fn new(interpreter: Arc<Interpreter>, limits: Limits, seed: u64, idle: Duration) -> Self {
        Self { interpreter, limits, seed, idle, seats: Mutex::default() }
    }

    /// Opens a session with these files in `/task`. Takes a moment: not for a thread that must not wait.
    pub fn open(
        &self,
        seed: Option<u64>,
        granted: &[TaskFile],
        given: &[Given],
        shelf: &Shelf,
    ) -> Result<Arc<Seat>, Failure> {
        self.room()?;
        if given.len() > limits::FILES {
            let message = format!("{} files are given, the most is {}", given.len(), limits::FILES);
            return Err(failure::bad(message));
        }
        // The files are held open, so the folder may go when the session is there.
        let folder = tempfile::tempdir().map_err(|error| no_space(&error))?;
        let mut files = granted.to_vec();
        for (number, file) in given.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            write(&path, &file.read(shelf)?.bytes)?;
            files.push(TaskFile { name: file.name.clone(), path });
        }
        let store = ArtifactStore::new_in_memory();
        let options = SessionOptions { seed: seed.unwrap_or(self.seed), files, store: store.clone() };
        let session = self.interpreter.open(options).map_err(|error| failure::of(&error))?;
        self.seat(session, store)
    }

    /// Gives a session a handle.
    pub fn seat(&self, session: Session, store: ArtifactStore) -> Result<Arc<Seat>, Failure> {
        let seat = Arc::new(Seat {
            handle: uuid::Uuid::new_v4().simple().to_string(),
            store,
            view: Mutex::new(session.branch().files.clone()),
            session: Arc::new(Turns::new(session)),
            waiting: AtomicUsize::new(0),
            used: Mutex::new(Instant::now()),
        });
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.len() >= limits::SESSIONS {
            return Err(full());
        }
        seats.insert(seat.handle.clone(), Arc::clone(&seat));
        Ok(seat)
    }

    fn room(&self) -> Result<(), Failure> {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.len() < limits::SESSIONS { Ok(()) } else { Err(full()) }
    }

    /// The session of this handle.
    pub fn get(&self, handle: &str) -> Result<Arc<Seat>, Failure> {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.get(handle).cloned().ok_or_else(|| self.missing(handle))
    }

    fn missing(&self, handle: &str) -> Failure {
        let message = format!(
            "there is no session {:?}; it was closed, or not used for {} s; open another",
            failure::shown(handle),
            self.idle.as_secs()
        );
        Failure::new(FailureKind::NotFound, "no-such-session", message)
    }

    /// Takes the handle away. What runs comes to its end.
    pub fn close(&self, handle: &str) -> Result<Arc<Seat>, Failure> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.remove(handle).ok_or_else(|| self.missing(handle))
    }

    /// Closes what nobody used for long. Not for a thread that must not wait.
    pub fn sweep(&self) {
        let idle = |seat: &Arc<Seat>| {
            let used = *seat.used.lock().unwrap_or_else(PoisonError::into_inner);
            used.elapsed() > self.idle && seat.waiting.load(Relaxed) == 0
        };
        let gone: Vec<Arc<Seat>> = {
            let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
            let handles: Vec<String> =
                seats.iter().filter(|(_, seat)| idle(seat)).map(|(handle, _)| handle.clone()).collect();
            handles.iter().filter_map(|handle| seats.remove(handle)).collect()
        };
        // Without the lock: giving back their memory takes a moment.
        drop(gone);
    }

    /// The file behind a link to a session's file.
    pub fn file(&self, uri: &str) -> Result<ResolvedFile, Failure> {
        let rest = uri.strip_prefix(SCHEME).unwrap_or_default();
        let (handle, path) = rest.split_once('/').unwrap_or((rest, ""));
        let seat = self.get(handle)?;
        let path = format!("/{}", percent_decode_str(path).decode_utf8_lossy());
        seat.files().resolve(&path)
    }
}

impl Seat {
    /// Its files after the last run.
    pub fn files(&self) -> FileView {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers the files, after a run.
    pub fn look(&self, session: &Session) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = session.branch().files.clone();
    }

    /// The link to one of its files.
    pub fn uri(&self, path: &str) -> String {
        format!("{SCHEME}{}{}", self.handle, utf8_percent_encode(path, ESCAPED))
    }

    /// Waits until nobody else works in it, in the order in which they came.
    pub async fn turn(self: &Arc<Self>, context: &RequestContext<RoleServer>) -> Result<Turn, Failure> {
        let place = Place::take(self)?;
        let turn = Arc::clone(&self.session).lock_owned();
        let session = tokio::select! {
            turn = tokio::time::timeout(limits::TURN, turn) => turn.map_err(|_| {
                failure::busy("busy", format!("another call was at work in this session for {} s", limits::TURN.as_secs()))
            })?,
            () = context.ct.cancelled() => {
                return Err(Failure::new(FailureKind::Cancelled, "cancelled", "the call was cancelled"));
            }
        };
        Ok(Turn { session, _place: place })
    }
}

/// The right to work in a session.
pub struct Turn {
    /// The session.
    pub session: OwnedMutexGuard<Session>,
    _place: Place,
}

/// A place in the queue of a session, given back when the work is done.
struct Place(Arc<Seat>);

impl Place {
    fn take(seat: &Arc<Seat>) -> Result<Self, Failure> {
        // One works, the others wait.
        if seat.waiting.fetch_add(1, Relaxed) > limits::QUEUE {
            seat.waiting.fetch_sub(1, Relaxed);
            return Err(failure::busy(
                "busy",
                format!("{} calls wait for this session already", limits::QUEUE),
            ));
        }
        Ok(Self(Arc::clone(seat)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

/// What stays as it is in a path of a link.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

fn full() -> Failure {
    let message = format!("{} sessions are open, the most there may be; close some", limits::SESSIONS);
    failure::busy("too-many-sessions", message)
}

fn no_space(error: &std::io::Error) -> Failure {
    Failure::new(FailureKind::Exhausted, "no-space", format!("cannot keep a file: {error}"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| no_space(&error))
}
