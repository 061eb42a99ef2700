//! A trust domain as the host sees it: the compiled interpreter, and the process that runs it.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::fs::{OFlags, fcntl_setfl};

use super::message::{Order, Word};
use super::wire::{Body, Wire, WireError};
use super::{SessionWorker, check};
use crate::admission::Admitted;
use crate::aot::AotCache;
use crate::engine::SessionEngine;
use crate::error::Error;
use crate::session::InterpreterInfo;
use crate::session::interpreter::compile;
use crate::{limits, text, timeouts};

/// What a worker can link. All else reaches things that a worker must not have.
const LINKED: [&str; 4] = ["context", "log", "output", "tools"];

/// An interpreter in a process of its own.
pub(crate) struct Domain {
    name: String,
    digest: String,
    interfaces: Vec<String>,
    restless: Option<String>,
    code: File,
    image: Option<OwnedFd>,
    program: SessionWorker,
    info: InterpreterInfo,
    worker: Mutex<Option<Arc<Worker>>>,
}

impl Domain {
    /// Compiles the interpreter, or takes it from the cache, and starts its process.
    pub fn load(
        engine: &SessionEngine,
        aot: &AotCache,
        program: &SessionWorker,
        admitted: Admitted,
    ) -> Result<Self, Error> {
        let Admitted { name, source, inspection, interfaces, .. } = admitted;
        let isolation = |reason: String| Error::Isolation { name: name.clone(), reason };
        let other: Vec<String> =
            interfaces.iter().filter(|name| !LINKED.contains(&name.as_str())).cloned().collect();
        if !other.is_empty() {
            let reason = format!(
                "it uses {}, and a process of its own is given only {}; run it without",
                text::listed(&other),
                LINKED.join(", ")
            );
            return Err(isolation(reason));
        }
        let compiled = compile(engine, aot, &name, &inspection.digest, &source)?;
        let code = aot.code(engine.engine(), &compiled.key)?.ok_or_else(|| {
            isolation("its compiled code could not be kept, and is handed over as a file; make the cache's folder writable".to_owned())
        })?;
        let image = compiled.image.map(|image| image.file().try_clone_to_owned()).transpose();
        let image = image.map_err(|error| isolation(format!("its image cannot be handed over: {error}")))?;
        let mut domain = Self {
            digest: inspection.digest,
            interfaces,
            restless: compiled.restless,
            code,
            image,
            program: program.clone(),
            info: InterpreterInfo { language: String::new(), version: String::new(), packages: Vec::new() },
            worker: Mutex::default(),
            name,
        };
        let (worker, info) = domain.start().map_err(|reason| domain.broken(reason))?;
        domain.info = info;
        *domain.current() = Some(Arc::new(worker));
        Ok(domain)
    }

    /// The component's file name without the ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The component's digest.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the interpreter says of itself.
    pub fn info(&self) -> &InterpreterInfo {
        &self.info
    }

    /// The id of the process, if it is alive.
    pub fn process(&self) -> Option<u32> {
        let worker = self.current().clone()?;
        worker.ended().is_none().then(|| worker.id())
    }

    /// The process; a new one if the last has ended.
    pub(super) fn worker(&self) -> Result<Arc<Worker>, String> {
        let mut current = self.current();
        if let Some(worker) = current.as_ref().filter(|worker| worker.ended().is_none()) {
            return Ok(Arc::clone(worker));
        }
        let (worker, _) = self.start()?;
        let worker = Arc::new(worker);
        *current = Some(Arc::clone(&worker));
        Ok(worker)
    }

    /// An error about this interpreter's process.
    pub fn broken(&self, reason: String) -> Error {
        Error::Isolation { name: self.name.clone(), reason }
    }

    fn start(&self) -> Result<(Worker, InterpreterInfo), String> {
        let started = Instant::now();
        let mut worker = Worker::spawn(&self.program)?;
        let order = Order::Load {
            name: self.name.clone(),
            digest: self.digest.clone(),
            interfaces: self.interfaces.clone(),
            restless: self.restless.clone(),
        };
        let mut beside = vec![self.code.as_fd()];
        beside.extend(self.image.as_ref().map(|image| image.as_fd()));
        let said = worker.control.get_mut().unwrap_or_else(PoisonError::into_inner);
        let said = said.send(&order, &Body::default(), &beside).map_err(WireError::from).and_then(|()| {
            let until = started + timeouts::WORKER_START;
            said.receive_from_stranger(&mut || if Instant::now() < until { Ok(()) } else { Err(()) })
        });
        match said.map(|received| received.message) {
            Ok(Word::Loaded { info, seal }) => {
                tracing::debug!(
                    name = self.name,
                    process = worker.id(),
                    ms = started.elapsed().as_millis(),
                    ?seal,
                    "an interpreter has a process of its own"
                );
                Ok((worker, check::info(info)))
            }
            Ok(Word::Failed { reason, .. }) => Err(text::clean_line(&reason, limits::MESSAGE_BYTES)),
            Ok(_) => Err("its process did not begin with its description".to_owned()),
            Err(error) => Err(worker.end(&error)),
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Worker>>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker process. It is ended with its last session.
pub(super) struct Worker {
    control: Mutex<Wire>,
    process: Mutex<Process>,
    id: u32,
}

struct Process {
    child: Child,
    words: Option<ChildStderr>,
    /// How it ended, once it is known.
    ended: Option<String>,
}

impl Worker {
    fn spawn(program: &SessionWorker) -> Result<Self, String> {
        let failed =
            |error: std::io::Error| format!("cannot start {} for it: {error}", program.program.display());
        let (control, theirs) = Wire::pair().map_err(failed)?;
        control.patience(timeouts::WORKER_TICK, timeouts::WORKER_WRITE).map_err(failed)?;
        let mut child = Command::new(&program.program)
            .args(&program.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let words = child.stderr.take();
        // Read when it has ended, and then without waiting: a panic's words, if there are any.
        if let Some(words) = &words {
            let _ = fcntl_setfl(words, OFlags::NONBLOCK);
        }
        let id = child.id();
        let process = Mutex::new(Process { child, words, ended: None });
        Ok(Self { control: Mutex::new(control), process, id })
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// A socket to a new session.
    pub fn open(&self) -> std::io::Result<Wire> {
        let (ours, theirs) = Self::socket()?;
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        control.send(&Order::Open, &Body::default(), &[theirs.as_fd()])?;
        Ok(ours)
    }

    /// A socket, and its other end for the worker.
    pub fn socket() -> std::io::Result<(Wire, OwnedFd)> {
        let (ours, theirs) = Wire::pair()?;
        ours.patience(timeouts::WORKER_TICK, timeouts::WORKER_WRITE)?;
        Ok((ours, theirs))
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<String> {
        let mut process = self.process();
        if process.ended.is_none()
            && let Ok(Some(status)) = process.child.try_wait()
        {
            process.note(status);
        }
        process.ended.clone()
    }

    /// Ends it, because of this; gives back how it ended.
    pub fn end<Stop>(&self, why: &WireError<Stop>) -> String {
        let mut process = self.process();
        if process.ended.is_none() {
            // One that closed its socket is ending by itself, and its exit says more.
            let until = Instant::now() + timeouts::WORKER_TICK * 10;
            let mut status = process.child.try_wait();
            while matches!(status, Ok(None)) && matches!(why, WireError::Ended) && Instant::now() < until {
                std::thread::sleep(timeouts::COMPILE_POLL);
                status = process.child.try_wait();
            }
            match status {
                Ok(Some(status)) => process.note(status),
                _ => {
                    let _ = process.child.kill();
                    let _ = process.child.wait();
                    process.ended = Some(format!("its process was ended by the host: {why}"));
                }
            }
        }
        process.ended.clone().unwrap_or_default()
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    fn note(&mut self, status: std::process::ExitStatus) {
        let how = match (status.signal(), status.code()) {
            (Some(libc::SIGSYS), _) => "was ended by the system for asking what it may not".to_owned(),
            (Some(signal), _) => format!("was ended by signal {signal}"),
            (None, code) => format!("ended with {}", code.unwrap_or(-1)),
        };
        let mut words = vec![0; limits::SHORT_TEXT_BYTES];
        let read = self.words.as_mut().and_then(|from| from.read(&mut words).ok()).unwrap_or(0);
        let words = text::clean_line(&String::from_utf8_lossy(&words[..read]), limits::SHORT_TEXT_BYTES);
        let said = if words.is_empty() { String::new() } else { format!(": {words}") };
        self.ended = Some(format!("its process {how}{said}"));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        if process.ended.is_none() {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

/// What goes beside a message: nothing.
pub(super) const NOTHING: &[BorrowedFd<'_>] = &[];
