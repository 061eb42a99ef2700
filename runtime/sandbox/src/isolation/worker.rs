//! The worker process of a trust domain, from inside.
//!
//! Its main thread reads the control socket. Every session has two threads: one that does what is asked, one thing after the
//! other, and one that reads, so that a run can be cancelled. The process ends when the host closes the control socket.

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::domain::NOTHING;
use super::ledger::Ledger;
use super::message::{CallNote, Done, DoneStep, Invoke, Order, Word};
use super::pack::{PackedChange, PackedMark, PackedRequest, PackedStep, perhaps};
use super::seal;
use super::wire::{Body, Received, Taken, Wire, WireError};
use crate::aot;
use crate::artifacts::ArtifactStore;
use crate::branch::{Branch, ToolHost};
use crate::budget::{Budget, Resource};
use crate::engine::{self, SessionEngine};
use crate::files::FileView;
use crate::files::scratch::Scratch;
use crate::files::task::TaskFiles;
use crate::judging::ToolInfo;
use crate::limits::Limits;
use crate::session::caller::Sink;
use crate::session::interpreter::{Compiled, LocalInterpreter};
use crate::session::journal::Call;
use crate::session::memory::{self, Image};
use crate::session::run::LocalSession;
use crate::session::{Channel, ForkError, Made};
use crate::types::{Content, Failure, FailureKind, Outcome, RunReport, RunRequest, ToolCall};

/// The whole work of a worker process: serves the host that started it over its standard input, until that is closed. Gives back
/// the exit code.
///
/// The caller has started no thread yet: a process with several cannot leave its network.
pub fn session_worker() -> i32 {
    let network = seal::leave_network();
    let control = match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(control) => Wire::new(control),
        Err(error) => {
            eprintln!("no control socket: {error}");
            return 1;
        }
    };
    match serve(&control, network) {
        Ok(()) => 0,
        Err(reason) => {
            let word = Word::Failed { step: None, reason: reason.clone() };
            // The host may be gone, which may be the reason.
            let _ = control.send(&word, &Body::default(), NOTHING);
            eprintln!("{reason}");
            1
        }
    }
}

fn serve(control: &Wire, network: bool) -> Result<(), String> {
    let received = control.receive().map_err(|error| format!("no interpreter came: {error}"))?;
    let interpreter = load(received)?;
    // The last that it opens and asks the system of itself. Forks and the cache of instances need both.
    let _ = rustix::param::page_size();
    memory::page_table().map_err(|error| format!("cannot look at its own pages: {error}"))?;
    let seal = seal::seal_process(network)?;
    let interpreter = Arc::new(interpreter.described().map_err(|error| error.to_string())?);
    let word = Word::Loaded { info: interpreter.info().clone(), seal };
    control.send(&word, &Body::default(), NOTHING).map_err(|error| error.to_string())?;
    loop {
        match control.receive() {
            Ok(Received { message: Order::Open, descriptors, .. }) => {
                let Some(socket) = descriptors.into_iter().next() else {
                    return Err("a session came without its socket".to_owned());
                };
                begin_session(Arc::clone(&interpreter), socket, None).map_err(|error| error.to_string())?;
            }
            Ok(_) => return Err("the host asked for something out of place".to_owned()),
            Err(WireError::Ended) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn load(received: Received<Order>) -> Result<LocalInterpreter, String> {
    let Received { message: Order::Load { name, digest, interfaces, restless }, descriptors, .. } = received
    else {
        return Err("the first that came is no interpreter".to_owned());
    };
    let mut descriptors = descriptors.into_iter();
    let code = File::from(descriptors.next().ok_or("the interpreter came without its code")?);
    let image = descriptors.next().map(|image| Image::from_file(File::from(image)).map(Arc::new)).transpose();
    let image = image.map_err(|error| format!("its image cannot be mapped: {error}"))?;
    let engine = SessionEngine::new(crate::session::memory_creator()).map_err(|error| error.to_string())?;
    engine::start_ticker(&[engine.engine()]).map_err(|error| error.to_string())?;
    // SAFETY: the host that started this process gives what it took from its own cache, or made a moment ago.
    let component = unsafe { aot::load_code(engine.engine(), &code) };
    let component = component.map_err(|error| format!("its code does not load: {error:#}"))?;
    let compiled = Compiled { component, image, restless, key: String::new() };
    LocalInterpreter::link(&engine, &name, &digest, &interfaces, compiled).map_err(|error| error.to_string())
}

/// Starts a session's threads.
fn begin_session(
    interpreter: Arc<LocalInterpreter>,
    socket: OwnedFd,
    session: Option<LocalSession>,
) -> std::io::Result<()> {
    let wire = Wire::new(socket);
    let reading = wire.another()?;
    let (orders, inbox) = channel();
    let running = Running::default();
    let reader = running.clone();
    std::thread::Builder::new()
        .name("sport-reader".to_owned())
        .spawn(move || read(&reading, &orders, &reader))?;
    let work = move || {
        let mut host = Host { interpreter, wire, inbox, running };
        // Whatever ended it, the host finds the socket closed.
        let _ = host.work(session);
    };
    std::thread::Builder::new().name("sport-worker".to_owned()).spawn(work).map(drop)
}

/// The budget of the run at hand.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<Option<Budget>>>);

impl Running {
    fn lock(&self) -> MutexGuard<'_, Option<Budget>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self) {
        if let Some(budget) = &*self.lock() {
            budget.cancel();
        }
    }
}

/// Reads until the host closes the socket.
fn read(wire: &Wire, orders: &Sender<Received<Order>>, running: &Running) {
    loop {
        match wire.receive() {
            Ok(Received { message: Order::Cancel, .. }) => running.cancel(),
            Ok(received) => {
                if orders.send(received).is_err() {
                    return;
                }
            }
            Err(_) => {
                running.cancel();
                return;
            }
        }
    }
}

/// The host, or the session itself, is gone.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

/// The host, as a session sees it.
struct Host {
    interpreter: Arc<LocalInterpreter>,
    wire: Wire,
    inbox: Receiver<Received<Order>>,
    running: Running,
}

impl Host {
    fn work(&mut self, session: Option<LocalSession>) -> Result<(), Over> {
        let mut session = match session {
            Some(session) => session,
            None => self.begin()?,
        };
        loop {
            let Received { message, body, descriptors } = self.inbox.recv().map_err(|_| Over)?;
            match message {
                Order::Run { request, limits, wall_left_us, live } => {
                    let wall_left = Duration::from_micros(wall_left_us);
                    self.run(&mut session, request, body, *limits, wall_left, live)?;
                }
                Order::Keep => session.keep(),
                Order::Fork { by_replay } => {
                    let socket = descriptors.into_iter().next().ok_or(Over)?;
                    self.fork(&session, socket, by_replay)?;
                }
                _ => return Err(Over),
            }
        }
    }

    fn begin(&self) -> Result<LocalSession, Over> {
        let Received { message: Order::Begin { seed, files, steps }, mut body, .. } =
            self.inbox.recv().map_err(|_| Over)?
        else {
            return Err(Over);
        };
        let files = files.into_iter().map(|(name, size)| Some((name, body.take(size)?.into())));
        let files = TaskFiles::of_bytes(files.collect::<Option<Vec<_>>>().ok_or(Over)?);
        let files = FileView { task: Arc::new(files), scratch: Scratch::default() };
        let steps = steps.into_iter().map(|step: PackedStep| step.unpack(&mut body).map(Arc::new));
        let steps = steps.collect::<Result<Vec<_>, _>>().map_err(|_| Over)?;
        let interpreter = Arc::clone(&self.interpreter);
        // What the code displays goes on to the host with the report.
        let store = ArtifactStore::new_in_memory();
        match LocalSession::restored(interpreter, seed, files, store, steps) {
            Ok(session) => {
                self.say(&Word::Begun)?;
                Ok(session)
            }
            Err(error) => {
                self.say(&failed(&error))?;
                Err(Over)
            }
        }
    }

    fn fork(&self, session: &LocalSession, socket: OwnedFd, by_replay: bool) -> Result<(), Over> {
        let fork = if by_replay { session.fork_by_replay() } else { session.fork() };
        let word = match fork {
            Ok(fork) => {
                let made: Made = fork.made().clone();
                match begin_session(Arc::clone(&self.interpreter), socket, Some(fork)) {
                    Ok(()) => Word::Forked(made),
                    Err(error) => {
                        let reason = format!("cannot start a thread for the fork: {error}");
                        Word::Failed { step: None, reason }
                    }
                }
            }
            Err(error) => failed(&error),
        };
        self.say(&word)
    }

    fn run(
        &mut self,
        session: &mut LocalSession,
        request: PackedRequest,
        mut body: Taken,
        limits: Limits,
        wall_left: Duration,
        live: bool,
    ) -> Result<(), Over> {
        let request: RunRequest = request.unpack(&mut body).map_err(|_| Over)?;
        let budget = Budget::resumed(limits, wall_left);
        *self.running.lock() = Some(budget.clone());
        let mut tools = Tools {
            host: self,
            ledger: Ledger::new(budget.clone()),
            files: session.branch().files.scratch.clone(),
            asked: 0,
        };
        let steps = session.steps();
        let mut gone = false;
        let mut show = |channel: Channel, bytes: &[u8]| {
            let mut body = Body::default();
            body.put(bytes.into());
            gone |= self.wire.send(&Word::Show(channel), &body, NOTHING).is_err();
        };
        let sink = live.then_some(&mut show as &mut Sink<'_>);
        let report = session.run_with(&request, &mut tools, &budget, sink);
        let Tools { mut ledger, files, asked, .. } = tools;
        *self.running.lock() = None;
        let mut body = Body::default();
        let step = session.last_step().filter(|_| session.steps() > steps).map(|step| {
            let change = Scratch::change(&files, &session.branch().files.scratch);
            let calls = step.calls.iter().map(|call| match call {
                Call::ListTools(_) => CallNote::ListTools,
                Call::Invoke(_) => CallNote::Invoke,
                Call::Remaining { wall_ms, calls } => {
                    CallNote::Remaining { wall_ms: *wall_ms, calls: *calls }
                }
            });
            DoneStep {
                limits: step.limits,
                calls: calls.collect(),
                mark: PackedMark::new(&step.mark),
                files: PackedChange::new(&change, &mut body),
            }
        });
        let mut displayed = Vec::new();
        for content in &report.displays {
            if let Content::Artifact(artifact) = content {
                // Put there when it was displayed.
                let bytes = session.store().get(&artifact.digest).map_err(|_| Over)?;
                displayed.push(body.put(bytes));
            }
        }
        let RunReport { tool_calls, .. } = &report;
        let tool_calls = tool_calls.iter().enumerate().map(|(number, call)| {
            // Those that the host was asked for come first: what refuses a call to the worker refuses every later one.
            (number >= asked).then(|| ToolCall::clone(call))
        });
        let tool_calls = tool_calls.collect();
        let mut report = RunReport { tool_calls: Vec::new(), ..report };
        let answer = perhaps(report.answer.take());
        let value = perhaps(report.value.as_mut().and_then(|value| value.json.take()));
        let output = [&mut report.stdout, &mut report.stderr]
            .map(|text| body.put(std::mem::take(text).into_bytes().into()));
        let done = Done { report, output, answer, value, tool_calls, step, displayed, spent: ledger.tell() };
        self.wire.send(&Word::Done(Box::new(done)), &body, NOTHING)?;
        if gone { Err(Over) } else { Ok(()) }
    }

    fn say(&self, word: &Word) -> Result<(), Over> {
        Ok(self.wire.send(word, &Body::default(), NOTHING)?)
    }
}

fn failed(error: &ForkError) -> Word {
    match error {
        ForkError::ReplayDiverged { step, reason } => {
            Word::Failed { step: Some(*step), reason: reason.clone() }
        }
        ForkError::Instance(reason) => Word::Failed { step: None, reason: reason.clone() },
    }
}

/// The host's tools during a run.
struct Tools<'a> {
    host: &'a Host,
    ledger: Ledger,
    /// `/scratch` as the host knows it.
    files: Scratch,
    /// How many calls the host was asked for.
    asked: usize,
}

impl ToolHost for Tools<'_> {
    fn tools(&self) -> Vec<ToolInfo> {
        let asked = self.host.say(&Word::Tools).is_ok();
        match asked.then(|| self.host.inbox.recv()) {
            Some(Ok(Received { message: Order::Tools(tools), .. })) => tools,
            // The host is gone, and the run is cancelled.
            _ => Vec::new(),
        }
    }

    fn invoke(
        &mut self,
        name: &str,
        arguments: &Value,
        branch: &mut Branch,
        budget: &Budget,
    ) -> Result<Outcome, Failure> {
        let gone = || Failure::new(FailureKind::Unavailable, "host-gone", "the host went away");
        self.asked += 1;
        let mut body = Body::default();
        let change = Scratch::change(&self.files, &branch.files.scratch);
        let invoke = Invoke {
            name: name.to_owned(),
            arguments: arguments.clone(),
            files: PackedChange::new(&change, &mut body),
            spent: self.ledger.tell(),
            memory: budget.used(Resource::Memory),
        };
        self.host.wire.send(&Word::Invoke(Box::new(invoke)), &body, NOTHING).map_err(|_| gone())?;
        let Ok(Received { message: Order::Invoked(invoked), mut body, .. }) = self.host.inbox.recv() else {
            return Err(gone());
        };
        let change = invoked.files.unpack(&mut body).map_err(|_| gone())?;
        branch.files.scratch.apply(&change);
        self.files = branch.files.scratch.clone();
        self.ledger.hear(&invoked.spent);
        invoked.outcome.unpack()
    }
}
