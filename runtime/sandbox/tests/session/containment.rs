//! Hostile code costs its own run, never the host.
//!
//! * an endless loop inside `except BaseException`; in a regular expression; in a big number
//! * a memory bomb: a `MemoryError` that code can catch; uncaught, the ending says so
//! * an output flood, caught or not; through the runtime's own standard output
//! * deep recursion in Python and in C
//! * a flood of files, of handles, of random bytes, of log records by sleeping
//! * after each, a new session on the same interpreter works

use std::time::Duration;

use sport_sandbox::{Budget, EndingKind, Limits, RunReport};

use crate::support::{Tools, code, printed, run, session};

#[track_caller]
fn host_goes_on() {
    assert_eq!(printed(&mut session(), "print(1 + 1)"), "2\n");
}

/// Runs code that would go on for ever.
#[track_caller]
fn stopped(text: &str) -> RunReport {
    // a loop that does nothing but ask the host may use up its calls before its time on a quick machine
    let wall = Duration::from_millis(300);
    let budget = Budget::new(Limits { wall, host_calls: u64::MAX, ..Limits::interpreter() });
    let report = session().run(&code(text), &mut Tools::default(), &budget);
    assert_eq!(report.ending, EndingKind::Deadline, "{report:?}");
    host_goes_on();
    report
}

#[test]
fn endless_loops() {
    stopped("while True: pass");
    stopped("while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass");
    stopped("import re\nre.match(r'(a+)+$', 'a' * 64 + 'b')");
    stopped("x = 9 ** 9 ** 7\n");
    stopped("import time\nwhile True: time.sleep(1000)");
    stopped("import itertools\nsum(itertools.repeat(1))");
}

#[test]
fn cpu_time_ends_a_loop_too() {
    let budget = Budget::new(Limits { cpu: Duration::from_millis(200), ..Limits::interpreter() });
    let report = session().run(&code("while True: pass"), &mut Tools::default(), &budget);
    assert_eq!(report.ending, EndingKind::Deadline, "{report:?}");
    assert!(report.reason.unwrap().contains("cpu"));
}

#[test]
fn a_memory_bomb() {
    let mut first = session();
    let caught = "try:\n    x = bytearray(1 << 30)\nexcept MemoryError:\n    print('caught')";
    assert_eq!(printed(&mut first, caught), "caught\n");
    assert_eq!(printed(&mut first, "print('on')"), "on\n");
    let report = run(&mut session(), "x = []\nwhile True: x.append(bytearray(1 << 20))");
    assert_eq!(report.ending, EndingKind::Exhausted, "{:?} {:?}", report.ending, report.reason);
    assert!(report.reason.unwrap().contains("memory"));
    host_goes_on();
}

#[test]
fn a_smaller_memory_limit_of_the_run_holds() {
    let budget = Budget::new(Limits { memory_bytes: 64 << 20, ..Limits::interpreter() });
    let report = session().run(&code("x = bytearray(60 << 20)"), &mut Tools::default(), &budget);
    assert_eq!(report.ending, EndingKind::Exhausted, "{report:?}");
    assert!(report.usage.memory_bytes <= 64 << 20);
}

#[test]
fn an_output_flood() {
    let budget = || Budget::new(Limits { output_bytes: 10_000, ..Limits::interpreter() });
    for text in [
        "while True: print('x' * 99)",
        "while True:\n    try:\n        print('x' * 99)\n    except BaseException:\n        pass",
        "import os\nwhile True: os.write(1, b'x' * 99)",
        "import sys\nsys.__stdout__.write('x' * 1000000)\nsys.__stdout__.flush()",
    ] {
        let report = session().run(&code(text), &mut Tools::default(), &budget());
        assert_eq!(report.ending, EndingKind::Exhausted, "{text}: {:?} {:?}", report.ending, report.reason);
        assert_eq!(report.stdout.len(), 10_000, "{text}");
        assert_eq!(report.usage.output_bytes, 10_000, "{text}");
        host_goes_on();
    }
}

#[test]
fn deep_recursion() {
    let report = run(&mut session(), "def f(): f()\nf()");
    assert_eq!(report.ending, EndingKind::Raised, "{report:?}");
    assert_eq!(report.raised.unwrap().class, "RecursionError");
    let deep = "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr(self)\nprint('in')\nrepr(A())";
    let report = run(&mut session(), deep);
    assert!(matches!(report.ending, EndingKind::Trapped | EndingKind::Raised), "{report:?}");
    assert_eq!(report.stdout, "in\n");
    host_goes_on();
}

#[test]
fn a_flood_of_open_files() {
    let text = "files = []\ntry:\n    while True: files.append(open('/scratch/a', 'a'))\nexcept OSError as e:\n    print('refused')";
    let report = run(&mut session(), text);
    assert!(
        report.stdout == "refused\n" || matches!(report.ending, EndingKind::Exhausted | EndingKind::Trapped),
        "{report:?}"
    );
    host_goes_on();
}

#[test]
fn a_flood_of_random_bytes() {
    let report = run(&mut session(), "import os\nwhile True: os.urandom(60000)");
    assert_eq!(report.ending, EndingKind::Exhausted, "{report:?}");
    host_goes_on();
}

#[test]
fn a_flood_of_host_calls() {
    let budget = Budget::new(Limits { host_calls: 1_000, ..Limits::interpreter() });
    let text =
        "import time\nwhile True:\n    try:\n        time.time()\n    except BaseException:\n        pass";
    let report = session().run(&code(text), &mut Tools::default(), &budget);
    assert_eq!(report.ending, EndingKind::Exhausted, "{report:?}");
    assert!(report.reason.unwrap().contains("host calls"));
}

#[test]
fn the_network_is_not_there() {
    let text = "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 80), timeout=1)\n    print('connected')\nexcept OSError as e:\n    print('refused')";
    let report = run(&mut session(), text);
    assert!(!report.stdout.contains("connected"), "{report:?}");
    host_goes_on();
}

#[test]
fn the_environment_is_empty() {
    assert_eq!(printed(&mut session(), "import os\nprint(dict(os.environ))"), "{}\n");
}
