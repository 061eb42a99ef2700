//! The host's side of the border: loads a backend library and drives it from one thread.
//!
//! libtorch keeps state per thread (gradient mode, random generators, OpenMP teams), so a backend lives on one
//! thread of its own from `open` to `close`. [`NativePolicy`] is the handle to it: each method is one message to
//! that thread and one answer. Progress comes back over the same channel and is shown on the caller's thread.
//!
//! Nothing here blocks for ever: see [`crate::timeouts`]. The library is never unloaded, because libtorch and
//! OpenMP leave threads and exit handlers behind that point into it.

use std::ffi::{OsString, c_void};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY, RTLD_LOCAL, RTLD_NOW, Symbol};

use crate::abi::message::{self, Answer, Request};
use crate::abi::{ABI, Buffer, ENTRY, EntryFn, STATUS_OK, Table};
use crate::error::Error;
use crate::policy::Policy;
use crate::timeouts::{BACKEND_CLOSE, BACKEND_OPEN, BACKEND_SILENCE};
use crate::types::{
    Completion, LoraConfig, OptimizerConfig, PolicyConfig, PolicyInfo, SampleRequest, SampleResponse,
    StepMetrics, TrainBatch,
};

/// Sets the OpenMP variables that libtorch reads when it is loaded; the first thing that `main` does.
///
/// Threads that spin while they wait are six times slower on a machine that others use too, so waiting is
/// passive. `threads` 0 leaves their number to OpenMP. What a person set in the environment stays.
///
/// Changing the environment is only sound while no other thread may read it, so this counts the threads of the
/// process first and refuses (`false`, nothing changed) when it is not the only one or cannot tell.
pub fn prepare_environment(threads: u32) -> bool {
    let alone = std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1);
    if alone {
        let set = |name: &str, value: OsString| {
            if std::env::var_os(name).is_none() {
                // SAFETY: this is the only thread of the process, so nobody reads the environment meanwhile.
                unsafe { std::env::set_var(name, value) };
            }
        };
        set("OMP_WAIT_POLICY", "passive".into());
        if threads > 0 {
            set("OMP_NUM_THREADS", threads.to_string().into());
        }
    }
    alone
}

/// Opens a backend library and a policy in it.
///
/// A missing library, a missing libtorch and a library of another version are [`Error::Backend`], in one line
/// that says what to do.
pub fn load_native(library: &Path, config: &PolicyConfig) -> Result<Box<dyn Policy>, Error> {
    if library.is_file() && (config.device == "auto" || config.device.starts_with("cuda")) {
        load_cuda(library, config.device != "auto")?;
    }
    let table = load_table(library)?;
    // SAFETY: it is the table of a backend that was just checked and is never unloaded.
    Ok(Box::new(unsafe { NativePolicy::from_table(table, config) }?))
}

/// Whether a backend library can be loaded here; no model is opened. The errors are those of [`load_native`].
pub fn probe(library: &Path) -> Result<(), Error> {
    load_table(library).map(drop)
}

/// Loads the library and checks that it speaks this version of the border.
fn load_table(library: &Path) -> Result<Table, Error> {
    if !library.is_file() {
        return Err(Error::Backend(format!(
            "no policy backend at {}; `make torch` builds it, and `backend = \"scripted\"` needs none",
            library.display()
        )));
    }
    // Not RTLD_GLOBAL: the backend's symbols are its own business.
    // SAFETY: loading runs the constructors of libtorch and of the backend; the operator chose the file.
    let loaded = unsafe { Library::open(Some(library), RTLD_LAZY | RTLD_LOCAL) }
        .map_err(|error| Error::Backend(load_failure(library, &one_line(&error))))?;
    // Never unloaded, whatever happens below.
    let loaded: &'static Library = Box::leak(Box::new(loaded));
    // SAFETY: the symbol has this type in every version of the border.
    let entry: Symbol<EntryFn> = unsafe { loaded.get(ENTRY.as_bytes()) }.map_err(|_| {
        Error::Backend(format!(
            "{} is not a policy backend (it exports no `{ENTRY}`); give the file that `make torch` built",
            library.display()
        ))
    })?;
    // SAFETY: the function takes nothing and returns a pointer to a static table.
    let table = unsafe { entry() };
    // SAFETY: a backend's table begins with `abi` and `size` in every version, and only these are read so far.
    let (abi, size) = unsafe { ((*table).abi, (*table).size) };
    if abi != ABI || (size as usize) < size_of::<Table>() {
        return Err(Error::Backend(format!(
            "{} speaks version {abi} of the policy border ({size} bytes), this program version {ABI} ({} bytes); \
             build both from the same checkout",
            library.display(),
            size_of::<Table>()
        )));
    }
    // SAFETY: version and size agree, so the table has these functions.
    Ok(unsafe { *table })
}

/// An error with its causes: what the loader said is in the cause.
fn one_line(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line about a library that did not load.
fn load_failure(library: &Path, reason: &str) -> String {
    // The loader says `<name>: cannot open shared object file: No such file or directory` for a dependency.
    let missing = reason.split(": cannot open shared object").next().unwrap_or_default();
    let missing = missing.rsplit(' ').next().unwrap_or_default();
    if reason.contains("cannot open shared object") && missing != library.to_string_lossy() {
        format!(
            "{} needs {missing}, which is not on this machine; run `make setup` (or point LD_LIBRARY_PATH at \
             the `lib` folder of libtorch 2.13)",
            library.display()
        )
    } else {
        format!(
            "cannot load the policy backend {}: {reason}; build it again with `make torch`",
            library.display()
        )
    }
}

/// Makes CUDA known to libtorch: its library registers itself when it is loaded, and must be there first.
///
/// This path loads the library; computing on a GPU was never tried by this project's tests.
fn load_cuda(library: &Path, required: bool) -> Result<(), Error> {
    const NAME: &str = "libtorch_cuda.so";
    let beside = library.parent().map(|folder| folder.join(NAME));
    let from_variable = std::env::var_os("LIBTORCH").map(|root| PathBuf::from(root).join("lib").join(NAME));
    let found = from_variable.into_iter().chain(beside).find(|path| path.is_file());
    // By name alone the loader looks in its own places, LD_LIBRARY_PATH among them.
    let path = found.unwrap_or_else(|| NAME.into());
    // SAFETY: loading runs the constructors of libtorch; the operator installed it.
    match unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) } {
        Ok(loaded) => {
            std::mem::forget(loaded);
            Ok(())
        }
        Err(error) if required => {
            let reason = one_line(&error);
            Err(Error::Backend(format!(
                "cannot load {}: {reason}; install a libtorch 2.13 with CUDA and set LIBTORCH, or use device \
                 \"cpu\"",
                path.display()
            )))
        }
        Err(error) => {
            tracing::debug!(%error, "no CUDA library, the device is the cpu");
            Ok(())
        }
    }
}

/// What the actor's thread is asked.
struct Job {
    request: Vec<u8>,
    events: Sender<Event>,
    stop: std::sync::Arc<AtomicBool>,
}

/// What it sends back while it works on a job.
enum Event {
    Progress(u64, u64),
    Reply(Result<Vec<u8>, Error>),
}

/// A policy in a native library.
pub struct NativePolicy {
    info: PolicyInfo,
    jobs: Option<Sender<Job>>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    /// A call was given up on; the thread may still be in it.
    lost: bool,
}

impl NativePolicy {
    /// Opens a policy through a table. [`load_native`] is the usual way; this one is for a backend that is
    /// linked into the program.
    ///
    /// # Safety
    ///
    /// The functions of the table keep the promises of [`crate::abi`], for ever (the library is not unloaded).
    pub unsafe fn from_table(table: Table, config: &PolicyConfig) -> Result<Self, Error> {
        let request = message::encode_config(config).map_err(lost_in_translation)?;
        let (jobs, inbox) = channel();
        let (opened, opening) = channel();
        let (alive, ended) = channel();
        let thread = std::thread::Builder::new()
            .name("policy".to_owned())
            .spawn(move || {
                // Dropped when the thread ends, however it ends.
                let _alive = alive;
                run_actor(&table, &request, &opened, &inbox);
            })
            .map_err(|error| Error::Backend(format!("cannot start the policy's thread: {error}")))?;
        let info = opening.recv_timeout(BACKEND_OPEN).map_err(|_| no_reply("opening", BACKEND_OPEN))??;
        Ok(Self { info, jobs: Some(jobs), ended, thread: Some(thread), lost: false })
    }

    fn ask(
        &mut self,
        request: &Request,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Answer, Error> {
        if self.lost {
            return Err(Error::Internal {
                backend: self.info.backend.clone(),
                message: "an earlier call never came back; load the policy again".to_owned(),
            });
        }
        let request = message::encode_request(request).map_err(lost_in_translation)?;
        let (events, inbox) = channel();
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let job = Job { request, events, stop: stop.clone() };
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            return Err(no_thread(&self.info.backend));
        }
        loop {
            match inbox.recv_timeout(BACKEND_SILENCE) {
                Ok(Event::Progress(done, total)) => {
                    if !progress(done, total) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                Ok(Event::Reply(Ok(reply))) => {
                    return message::decode_answer(&reply).map_err(lost_in_translation);
                }
                Ok(Event::Reply(Err(error))) => return Err(error),
                Err(RecvTimeoutError::Timeout) => {
                    stop.store(true, Ordering::Relaxed);
                    self.lost = true;
                    return Err(no_reply("working", BACKEND_SILENCE));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(no_thread(&self.info.backend)),
            }
        }
    }

    fn command(&mut self, request: &Request) -> Result<(), Error> {
        match self.ask(request, &mut |_, _| true)? {
            Answer::Done => Ok(()),
            _ => Err(wrong_answer()),
        }
    }
}

impl Drop for NativePolicy {
    fn drop(&mut self) {
        // The thread ends when nobody can send to it any more.
        self.jobs = None;
        if matches!(self.ended.recv_timeout(BACKEND_CLOSE), Err(RecvTimeoutError::Disconnected))
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn lost_in_translation(message: String) -> Error {
    Error::Internal { backend: "native".to_owned(), message }
}

fn wrong_answer() -> Error {
    lost_in_translation("it answered something else than was asked".to_owned())
}

fn no_thread(backend: &str) -> Error {
    Error::Internal {
        backend: backend.to_owned(),
        message: "its thread is gone; load the policy again".to_owned(),
    }
}

fn no_reply(what: &str, after: std::time::Duration) -> Error {
    lost_in_translation(format!("no sign of life for {} minutes while {what}", after.as_secs() / 60))
}

/// The life of the actor's thread: open, serve, close.
fn run_actor(
    table: &Table,
    config: &[u8],
    opened: &Sender<Result<PolicyInfo, Error>>,
    inbox: &Receiver<Job>,
) {
    let mut handle: *mut c_void = std::ptr::null_mut();
    let mut reply = Buffer::EMPTY;
    // SAFETY: the message lives during the call, both places are writable, and the log callback needs no context.
    let status = unsafe {
        (table.open)(config.as_ptr(), config.len(), write_log, std::ptr::null_mut(), &mut handle, &mut reply)
    };
    let info = take_reply(table, status, reply)
        .and_then(|bytes| message::decode_info(&bytes).map_err(lost_in_translation));
    let usable = info.is_ok();
    let waited_for = opened.send(info).is_ok();
    if usable && waited_for {
        // Ends when the policy is dropped. The wait is as long as the policy lives, by design.
        for job in inbox {
            let reply = serve(table, handle, &job);
            // Nobody may listen any more: the caller gave up.
            let _ = job.events.send(Event::Reply(reply));
        }
    }
    if !handle.is_null() {
        // SAFETY: the handle is open and not used after this.
        unsafe { (table.close)(handle) };
    }
}

fn serve(table: &Table, handle: *mut c_void, job: &Job) -> Result<Vec<u8>, Error> {
    let mut reply = Buffer::EMPTY;
    // SAFETY: handle and message are alive; `job` outlives the call and is what `report_progress` expects.
    let status = unsafe {
        (table.call)(
            handle,
            job.request.as_ptr(),
            job.request.len(),
            report_progress,
            std::ptr::from_ref(job).cast_mut().cast(),
            &mut reply,
        )
    };
    take_reply(table, status, reply)
}

/// Copies a reply and gives the buffer back.
fn take_reply(table: &Table, status: u32, reply: Buffer) -> Result<Vec<u8>, Error> {
    let bytes = if reply.data.is_null() || reply.len == 0 {
        Vec::new()
    } else {
        // SAFETY: the backend filled in a buffer of this many bytes.
        unsafe { std::slice::from_raw_parts(reply.data, reply.len) }.to_vec()
    };
    // SAFETY: each reply is given back once.
    unsafe { (table.free)(reply) };
    if status == STATUS_OK { Ok(bytes) } else { Err(message::decode_error("native", &bytes)) }
}

unsafe extern "C" fn report_progress(context: *mut c_void, done: u64, total: u64) -> u32 {
    // SAFETY: `serve` passes the job, which lives until the call is over.
    let job = unsafe { &*context.cast::<Job>() };
    // A caller that went away wants no more of it.
    let listening = job.events.send(Event::Progress(done, total)).is_ok();
    u32::from(listening && !job.stop.load(Ordering::Relaxed))
}

unsafe extern "C" fn write_log(_context: *mut c_void, level: u32, text: *const u8, len: usize) {
    // SAFETY: the backend passes a live string; broken UTF-8 is replaced.
    let text = String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(text, len) });
    match level {
        1 => tracing::error!(target: "sport::backend", "{text}"),
        2 => tracing::warn!(target: "sport::backend", "{text}"),
        3 => tracing::info!(target: "sport::backend", "{text}"),
        _ => tracing::debug!(target: "sport::backend", "{text}"),
    }
}

impl Policy for NativePolicy {
    fn info(&self) -> &PolicyInfo {
        &self.info
    }

    fn tokenize(&mut self, text: &str) -> Result<Vec<u32>, Error> {
        match self.ask(&Request::Tokenize(text.to_owned()), &mut |_, _| true)? {
            Answer::Tokens(ids) => Ok(ids),
            _ => Err(wrong_answer()),
        }
    }

    fn sample(
        &mut self,
        requests: &[SampleRequest],
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<SampleResponse>, Error> {
        match self.ask(&Request::Sample(requests.to_vec()), progress)? {
            Answer::Samples(responses) if responses.len() == requests.len() => Ok(responses),
            _ => Err(wrong_answer()),
        }
    }

    fn score(
        &mut self,
        items: &[Completion],
        adapter: bool,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<f64>, Error> {
        match self.ask(&Request::Score { items: items.to_vec(), adapter }, progress)? {
            Answer::Scores(values) if values.len() == items.len() => Ok(values),
            _ => Err(wrong_answer()),
        }
    }

    fn new_adapter(&mut self, config: &LoraConfig) -> Result<(), Error> {
        self.command(&Request::NewAdapter(config.clone()))
    }

    fn reset_optimizer(&mut self) -> Result<(), Error> {
        self.command(&Request::ResetOptimizer)
    }

    fn train_step(&mut self, batch: &TrainBatch, optimizer: &OptimizerConfig) -> Result<StepMetrics, Error> {
        let request = Request::TrainStep { batch: batch.clone(), optimizer: *optimizer };
        match self.ask(&request, &mut |_, _| true)? {
            Answer::Metrics(metrics) => Ok(metrics),
            _ => Err(wrong_answer()),
        }
    }

    fn save_adapter(&mut self, folder: &Path) -> Result<(), Error> {
        self.command(&Request::SaveAdapter(folder.to_owned()))
    }

    fn load_adapter(&mut self, folder: &Path) -> Result<(), Error> {
        self.command(&Request::LoadAdapter(folder.to_owned()))
    }

    fn drop_adapter(&mut self) -> Result<(), Error> {
        self.command(&Request::DropAdapter)
    }
}
