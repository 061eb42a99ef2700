//! `--trace`: what the sandbox did, in Chrome's format.
//!
//! * a session: opened, instantiated, its run, the host calls in it; every span that begins ends
//! * a tool call: how long it waited, its instance, its run, its host calls; what the guest logged
//! * a file that cannot be written is an error before anything runs

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a failed test")]

#[path = "../../runtime/sandbox/tests/core/guest.rs"]
mod guest;

use std::path::Path;

use guest::{Guest, import};
use serde_json::Value;
use sport_tests::{assert_one_line_error, run, sport, write};

fn traced(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let file = folder.join("trace.json");
    let all = [&["--trace", file.to_str().unwrap()], arguments].concat();
    let (exit, stdout, stderr) = run(&mut sport(all));
    assert_eq!(exit, 0, "{stdout}{stderr}");
    let events: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let count = |kind: &str| events.iter().filter(|event| event["ph"] == kind).count();
    assert!(count("B") > 0 && count("B") == count("E"), "{events:?}");
    events
}

/// What a span of this name was given by its end.
#[track_caller]
fn span<'a>(events: &'a [Value], name: &str) -> &'a Value {
    let found = events.iter().find(|event| event["ph"] == "E" && event["name"] == name);
    &found.unwrap_or_else(|| panic!("no span {name} in {events:?}"))["args"]
}

#[test]
fn sessions() {
    let folder = tempfile::tempdir().unwrap();
    let code = write(folder.path(), "code.py", "print(calculate(expression='6*7'))");
    let events = traced(folder.path(), &["exec", code.to_str().unwrap(), "--tool", "calculator"]);
    for name in ["open", "instantiate", "prelude", "run"] {
        span(&events, name);
    }
    assert_eq!(span(&events, "session")["ending"], "value");
    let call = span(&events, "call");
    assert_eq!((&call["plugin"], &call["what"]), (&"calculator".into(), &"calculate".into()));
    assert!(call["queue_us"].as_str().unwrap().parse::<u64>().is_ok(), "{call}");
    let functions: Vec<&str> = events.iter().filter_map(|event| event["args"]["function"].as_str()).collect();
    for function in ["list-tools", "invoke", "write"] {
        assert!(functions.iter().any(|there| there.contains(function)), "no {function} in {functions:?}");
    }
}

#[test]
fn what_a_guest_logs() {
    let folder = tempfile::tempdir().unwrap();
    let mut guest = Guest::new();
    guest.top = import::LOG.to_owned();
    let (words, json) = (guest.text("words of the guest"), guest.text("1"));
    guest.call = format!("(call $log (i32.const 2) {words} (i32.const 0) (i32.const 0)) (call $json {json})");
    let path = folder.path().join("talks.wasm");
    std::fs::write(&path, guest.build()).unwrap();
    let events = traced(folder.path(), &["plugin", "run", path.to_str().unwrap(), "probe"]);
    assert!(events.iter().any(|event| event.to_string().contains("words of the guest")), "{events:?}");
    assert_eq!(span(&events, "call")["host_calls"], "1");
}

#[test]
fn a_file_that_cannot_be_written() {
    let (exit, _, stderr) = run(&mut sport(["--trace", "/nowhere/trace.json", "version"]));
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "/nowhere/trace.json");
}
