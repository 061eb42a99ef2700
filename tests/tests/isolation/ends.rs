//! The process ends, and what becomes of its sessions.
//!
//! * killed between runs: every session comes back by replay, with its files, its state and its place in time and chance
//! * killed in a run: that run ends as trapped; a fork of its session goes on from before; other sessions come back
//! * a fork of a session whose process has ended; tools are not called again
//! * stopped in a run: the host waits for the budget and a grace, then ends it
//! * another domain does not notice
//! * a session that cannot come back says so, and can another time
//! * a program that cannot be started, one that ends at once

use std::time::{Duration, Instant};

use sport_sandbox::{
    Budget, EndingKind, Error, Grants, Interpreter, Isolation, Limits, Made, Session, SessionWorker,
};

use crate::support::{Tools, domain, open, printed, request, run, sandbox};

#[expect(clippy::cast_possible_wrap, reason = "process ids are small")]
fn signal(python: &Interpreter, signal: i32) {
    let process = python.process().unwrap() as i32;
    // SAFETY: sends a signal to a process that this test started.
    assert_eq!(unsafe { libc::kill(process, signal) }, 0);
    if signal == libc::SIGKILL {
        while python.process().is_some() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn killed_between_runs() {
    let python = domain();
    let mut sessions: Vec<Session> = (0..3).map(|_| open(&python)).collect();
    let mut unhurt = open(&domain());
    let begin =
        "import random, time\nx = [random.random()]\nopen('/scratch/a', 'w').write('a')\necho(value=1)";
    let mut tools = Tools::default();
    for session in sessions.iter_mut().chain([&mut unhurt]) {
        session.run(&request(begin), &mut tools, &Budget::new(Limits::interpreter()));
    }
    let first = python.process();
    signal(&python, libc::SIGKILL);
    let next = "x.append(random.random())\nprint(x, time.time(), open('/scratch/a').read())";
    let expected = printed(&mut unhurt, next);
    for session in &mut sessions {
        assert!(session.healthy());
        assert_eq!(printed(session, next), expected);
        assert_eq!(session.steps(), 2);
    }
    assert_eq!(tools.calls, 4, "a replay calls no tool");
    assert!(python.process().is_some() && python.process() != first);
}

#[test]
fn killed_in_a_run() {
    let python = domain();
    let mut other = open(&python);
    printed(&mut other, "y = 'other'");
    let mut session = open(&python);
    printed(&mut session, "x = 'before'");
    let killer = std::thread::spawn({
        let python = std::sync::Arc::clone(&python);
        move || {
            std::thread::sleep(Duration::from_millis(200));
            signal(&python, libc::SIGKILL);
        }
    });
    let report = run(&mut session, "x = 'after'\nwhile True: pass");
    killer.join().unwrap();
    assert_eq!(report.ending, EndingKind::Trapped);
    assert_eq!(report.reason.unwrap(), "its process was ended by signal 9");
    assert!(!session.healthy());
    assert_eq!(run(&mut session, "1").ending, EndingKind::Trapped);
    let mut fork = session.fork().unwrap();
    assert_eq!(*fork.made(), Made::ByReplay("its process had ended".to_owned()));
    assert_eq!(printed(&mut fork, "print(x)"), "before\n");
    assert_eq!(printed(&mut other, "print(y)"), "other\n");
}

#[test]
fn stopped_in_a_run() {
    let python = domain();
    let mut session = open(&python);
    printed(&mut session, "x = 1");
    signal(&python, libc::SIGSTOP);
    let limits = Limits { wall: Duration::from_millis(100), ..Limits::interpreter() };
    let begun = Instant::now();
    let report = session.run(&request("x = 2"), &mut Tools::default(), &Budget::new(limits));
    assert_eq!(report.ending, EndingKind::Deadline, "{report:?}");
    assert!(begun.elapsed() >= limits.wall);
    assert!(python.process().is_none());
    assert_eq!(printed(&mut session.fork().unwrap(), "print(x)"), "1\n");
}

#[test]
fn domains_are_apart() {
    let (first, second) = (domain(), domain());
    assert_ne!(first.process(), second.process());
    let mut session = open(&second);
    let before = second.process();
    signal(&first, libc::SIGKILL);
    assert_eq!(printed(&mut session, "print(1)"), "1\n");
    assert_eq!(second.process(), before);
}

/// Loads Python with another program.
fn load(program: &std::path::Path, arguments: &[&str]) -> Result<std::sync::Arc<Interpreter>, Error> {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let isolation = Isolation::Process(SessionWorker { program: program.to_owned(), arguments });
    sandbox(isolation).interpreter(&sport_tests::component("python"), &Grants::new(["tools"]).unwrap())
}

#[test]
fn a_session_that_cannot_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("sport");
    std::os::unix::fs::symlink(sport_tests::binary(), &program).unwrap();
    let python = load(&program, &["run-sessions"]).unwrap();
    let mut session = open(&python);
    printed(&mut session, "x = 1");
    signal(&python, libc::SIGKILL);
    let aside = folder.path().join("aside");
    std::fs::rename(&program, &aside).unwrap();
    let report = run(&mut session, "print(x)");
    assert_eq!(report.ending, EndingKind::Trapped);
    assert!(report.reason.as_ref().unwrap().contains("cannot start"), "{report:?}");
    assert!(session.fork().is_err());
    std::fs::rename(&aside, &program).unwrap();
    assert_eq!(printed(&mut session, "print(x)"), "1\n");
}

#[test]
fn programs_that_are_no_workers() {
    let text = |result: Result<_, Error>| {
        let error = result.map(drop).unwrap_err();
        assert_eq!(error.code(), "isolation");
        error.to_string()
    };
    let nowhere = text(load("/nowhere/sport".as_ref(), &[]));
    assert!(nowhere.contains("cannot start /nowhere/sport"), "{nowhere}");
    let ended = text(load("/bin/false".as_ref(), &[]));
    assert!(ended.contains("its process ended with 1"), "{ended}");
    let other = text(load(&sport_tests::binary(), &["no-such-command"]));
    assert!(other.contains("its process ended with 2: error: unrecognized"), "{other}");
}
