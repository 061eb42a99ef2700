//! Compiling a component: in this process, or in one of its own that may be ended.
//!
//! The compiler is not made for hostile input: a component within all bounds of admission may still cost it minutes or
//! gigabytes, or end it. A worker process has limits for that which the kernel keeps. It is a program that calls
//! [`compile_worker`]; it reads the component from its standard input and writes native code to its standard output, which is
//! trusted as much as this process' own.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Resource as Rlimit, Rlimit as Bounds, setrlimit};
use wasmtime::Engine;

use crate::engine::{CallEngine, SessionEngine};
use crate::error::Error;
use crate::{limits, text, timeouts};

/// Which engine a component is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Tools and verifiers.
    Call,
    /// Interpreters.
    Session,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Session => "session",
        }
    }
}

/// Where components are compiled.
#[derive(Clone, Debug, Default)]
pub enum Compiler {
    /// In this process, without limits: for components that are trusted as much as it is.
    #[default]
    InProcess,
    /// In a process of its own.
    Worker(CompileWorker),
}

/// The program that compiles, and what it may use.
#[derive(Clone, Debug)]
pub struct CompileWorker {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments. The profile, the cpu seconds and the bytes of memory follow: what [`compile_worker`] is given.
    pub arguments: Vec<String>,
    /// Cpu time of all its threads.
    pub cpu: Duration,
    /// Memory beyond what its engine takes at the start.
    pub memory_bytes: u64,
    /// Wall time.
    pub wall: Duration,
}

impl CompileWorker {
    /// This program with the usual limits.
    pub fn new(program: PathBuf, arguments: Vec<String>) -> Self {
        Self {
            program,
            arguments,
            cpu: timeouts::COMPILE_CPU,
            memory_bytes: limits::COMPILE_MEMORY_BYTES,
            wall: timeouts::COMPILE_WALL,
        }
    }
}

/// Native code of a component.
pub(crate) fn compile(
    compiler: &Compiler,
    engine: &Engine,
    profile: Profile,
    name: &str,
    bytes: &[u8],
) -> Result<Vec<u8>, Error> {
    match compiler {
        Compiler::InProcess => {
            engine.precompile_component(bytes).map_err(|error| Error::compile(name, &error))
        }
        Compiler::Worker(worker) => in_worker(worker, profile, name, bytes),
    }
}

fn in_worker(worker: &CompileWorker, profile: Profile, name: &str, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let failed = |action: &'static str| Error::io(action, worker.program.clone());
    let mut child = Command::new(&worker.program)
        .args(&worker.arguments)
        .args([profile.name(), &worker.cpu.as_secs().max(1).to_string(), &worker.memory_bytes.to_string()])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed("start"))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ended = std::thread::scope(|scope| {
        // A worker that ends early closes its pipe; its exit says why.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(bytes)));
        let code = scope.spawn(move || read(stdout, limits::COMPILED_BYTES));
        let words = scope.spawn(move || read(stderr, limits::MESSAGE_BYTES as u64));
        let ended = wait(&mut child, worker.wall);
        (ended, code.join().unwrap_or_default(), words.join().unwrap_or_default())
    });
    let (status, code, words) = ended;
    let exhausted = |what: String| Error::CompileExhausted { name: name.to_owned(), what };
    let Some(status) = status.map_err(failed("wait for"))? else {
        return Err(exhausted(format!("{} s of wall time", worker.wall.as_secs())));
    };
    // Before its exit is looked at: who writes more than is read is told so by a closed pipe.
    if code.len() as u64 > limits::COMPILED_BYTES {
        return Err(exhausted(format!("{} bytes of native code", limits::COMPILED_BYTES)));
    }
    if status.success() {
        return Ok(code);
    }
    match (status.code(), status.signal()) {
        (_, Some(libc::SIGXCPU | libc::SIGKILL)) => {
            Err(exhausted(format!("{} s of cpu time", worker.cpu.as_secs())))
        }
        // An allocation that fails aborts the process.
        (_, Some(libc::SIGABRT)) => Err(exhausted(format!("{} bytes of memory", worker.memory_bytes))),
        (_, Some(signal)) => {
            let reason = format!("the compiler ended by signal {signal}");
            Err(Error::Compile { name: name.to_owned(), reason })
        }
        (Some(REFUSED), None) => {
            let words = text::clean_line(&String::from_utf8_lossy(&words), limits::MESSAGE_BYTES);
            Err(Error::Compile { name: name.to_owned(), reason: words })
        }
        (code, None) => {
            let words = text::clean_line(&String::from_utf8_lossy(&words), limits::SHORT_TEXT_BYTES);
            let reason = format!("the compiler ended with {}: {words}", code.unwrap_or(-1));
            Err(Error::Compile { name: name.to_owned(), reason })
        }
    }
}

/// At most one byte more than `most`, so that too much can be told from enough.
fn read(from: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What broke off is told by the exit.
        let _ = from.take(most + 1).read_to_end(&mut bytes);
    }
    bytes
}

/// Waits for the worker's end; none when it had to be ended.
fn wait(child: &mut Child, wall: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() >= wall {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(timeouts::COMPILE_POLL);
    }
}

/// The worker's exit code when the component cannot be compiled; its standard error says why.
const REFUSED: i32 = 3;

/// The whole work of a worker: takes limits, reads a component from standard input, writes its native code to standard output.
/// `arguments` are those that [`CompileWorker`] appends. Gives back the exit code.
pub fn compile_worker(arguments: &[String]) -> i32 {
    match work(arguments) {
        Ok(()) => 0,
        Err(reason) => {
            eprintln!("{}", text::clean_line(&reason, limits::MESSAGE_BYTES));
            REFUSED
        }
    }
}

fn work(arguments: &[String]) -> Result<(), String> {
    let [profile, cpu, memory] = arguments else {
        return Err("a profile, cpu seconds and bytes of memory are needed".to_owned());
    };
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
    let (cpu, memory) = (number(cpu)?, number(memory)?);
    // The engine of the pool reserves hundreds of gigabytes of addresses; the limit is on what comes after that.
    let engine = match profile.as_str() {
        "call" => CallEngine::new().map(|engine| engine.engine().clone()),
        "session" => {
            SessionEngine::new(crate::session::memory_creator()).map(|engine| engine.engine().clone())
        }
        other => return Err(format!("no profile {other}")),
    };
    let engine = engine.map_err(|error| error.to_string())?;
    let bound = |what, amount| {
        let bounds = Bounds { current: Some(amount), maximum: Some(amount) };
        setrlimit(what, bounds).map_err(|error| format!("cannot limit itself: {error}"))
    };
    bound(Rlimit::Core, 0)?;
    bound(Rlimit::Cpu, cpu)?;
    bound(Rlimit::As, addresses().saturating_add(memory))?;
    let mut bytes = Vec::new();
    let most = limits::COMPONENT_BYTES;
    std::io::stdin().take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("the component is larger than {most} bytes"));
    }
    let code = engine.precompile_component(&bytes).map_err(|error| format!("{error:#}"))?;
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&code).and_then(|()| stdout.flush()).map_err(|error| error.to_string())
}

/// Bytes of addresses that this process has; 0 where that cannot be known, which makes the limit narrower.
fn addresses() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split(' ').next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(rustix::param::page_size() as u64)
}
