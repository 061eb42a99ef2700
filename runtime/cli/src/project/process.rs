//! Programs of others that build and test a project: cargo, Python, Node.js, the shell. Every wait for one has a deadline.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::exit::{CommandError, Exit};

/// Building a component, its dependencies and, where the machine has no wasm target, Rust's standard library: minutes on a
/// slow machine, more when the registry is slow.
pub const BUILD: Duration = Duration::from_secs(3600);

/// The author's native tests, built first.
pub const TESTS: Duration = Duration::from_secs(3600);

/// A program saying its version or where it lies.
pub const ASK: Duration = Duration::from_secs(30);

/// How often a program that has closed its output is looked at whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// Runs a program to its end, with its standard error on ours, and calls `line` with every line that it prints.
pub fn run(
    command: &mut Command,
    deadline: Duration,
    mut line: impl FnMut(&str),
) -> Result<ExitStatus, CommandError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let end = Instant::now() + deadline;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| {
        let message = format!("cannot run {name} ({error}); install it or put it on the PATH");
        CommandError::new(Exit::NotSetUp, "program-missing", message)
    })?;
    let (sender, lines) = mpsc::channel();
    let stdout = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let Some(stdout) = stdout else { return };
        // what is no UTF-8 ends it; these programs print JSON and plain text
        for text in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    let late = |child: &mut std::process::Child| {
        let _ = child.kill();
        let _ = child.wait();
        let message = format!("{name} was stopped: it did not end within {} s", deadline.as_secs());
        CommandError::new(Exit::BadInput, "deadline", message)
    };
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(text) => line(&text),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => return Err(late(&mut child)),
        }
    }
    let _ = reader.join();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > end {
            return Err(late(&mut child));
        }
        std::thread::sleep(POLL);
    }
}

/// The first line that a program prints; an error if it ends badly.
pub fn ask(command: &mut Command) -> Result<String, CommandError> {
    let mut first = None;
    let status = run(command, ASK, |line| {
        first.get_or_insert_with(|| line.to_owned());
    })?;
    match first {
        Some(line) if status.success() => Ok(line),
        _ => {
            let message = format!("{} does not answer ({status})", command.get_program().to_string_lossy());
            Err(CommandError::new(Exit::NotSetUp, "program-broken", message))
        }
    }
}
