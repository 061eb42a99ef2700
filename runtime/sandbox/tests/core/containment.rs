//! What a hostile tool can do to its own call, and to nothing else.
//!
//! Each guest gets its code, and the next call on the same sandbox works:
//! * an endless loop: the wall deadline; the cpu deadline; cancelled from another thread
//! * a loop over a cheap host call: host calls
//! * a memory bomb that traps when refused; one that takes what it gets and answers
//! * memory of a nested budget: the caller's limit counts
//! * a table bomb
//! * endless recursion
//! * an endless loop in the module's start function (by its budget), and a trap in it
//! * a log flood: dropped, the call goes on
//! * a trap: its code, and the guest's last words
//! * a result of 2 GiB, one outside of memory, text that is no UTF-8
//! * JSON that is none, that is too deep
//! * handles: a thousand open writers
//! * calls from many threads at once, hostile and honest mixed

use std::time::Duration;

use serde_json::json;
use sport_sandbox::{Budget, Failure, FailureKind, Limits, PluginState};

use crate::support::{Bench, Guest, import};

fn brief() -> Limits {
    Limits { wall: Duration::from_millis(300), ..Limits::tool() }
}

/// Runs a hostile guest, then an honest one on the same sandbox.
fn fails(bench: &Bench, guest: Guest, grants: &[&str], limits: Limits) -> Failure {
    let tool = bench.load(guest, grants).unwrap();
    let failure = bench.call(&tool, json!({}), limits).unwrap_err();
    assert_eq!(bench.answer(Guest::answering("\"fine\""), &[], json!({})), json!("fine"));
    failure
}

const SPIN: &str = "(loop $again (br $again)) unreachable";

#[test]
fn an_endless_loop_ends() {
    let bench = Bench::new();
    let failure = fails(&bench, Guest::doing(SPIN), &[], brief());
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Deadline, "wall-deadline"));

    let limits = Limits { cpu: Duration::from_millis(100), ..Limits::tool() };
    let failure = fails(&bench, Guest::doing(SPIN), &[], limits);
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Deadline, "cpu-deadline"));
}

#[test]
fn a_call_can_be_cancelled() {
    let bench = Bench::new();
    let tool = bench.load(Guest::doing(SPIN), &[]).unwrap();
    let budget = Budget::new(Limits::tool());
    let failure = std::thread::scope(|scope| {
        let call =
            scope.spawn(|| tool.call("probe", &json!({}), &bench.store, &mut PluginState::new(), &budget));
        std::thread::sleep(Duration::from_millis(50));
        budget.cancel();
        call.join().unwrap().unwrap_err()
    });
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Cancelled, "cancelled"));
}

#[test]
fn a_loop_over_host_calls_ends() {
    let bench = Bench::new();
    let mut guest = Guest::doing("(loop $again (call $remaining (i32.const 512)) (br $again)) unreachable");
    guest.top = import::REMAINING.to_owned();
    let failure = fails(&bench, guest, &[], Limits::tool());
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Exhausted, "host-calls-exhausted"));
}

#[test]
fn memory_is_bounded() {
    let bench = Bench::new();
    let limits = Limits { memory_bytes: 32 << 20, ..Limits::tool() };
    let bomb = "(loop $again
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
        (br $again)) unreachable";
    let failure = fails(&bench, Guest::doing(bomb), &[], limits);
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Exhausted, "memory-exhausted"));
    let failure = fails(&bench, Guest::doing(bomb), &[], Limits::tool());
    assert_eq!(failure.code, "memory-exhausted");

    // A guest that can live with the refusal goes on, and the peak is known.
    let mut guest = Guest::new();
    let text = guest.text("true");
    guest.call = format!(
        "(block $full (loop $again
            (br_if $full (i32.eq (memory.grow (i32.const 16)) (i32.const -1)))
            (br $again)))
         (call $json {text})"
    );
    let tool = bench.load(guest, &[]).unwrap();
    let budget = Budget::new(limits);
    let outcome = tool.call("probe", &json!({}), &bench.store, &mut PluginState::new(), &budget).unwrap();
    assert_eq!(outcome.structured, Some(json!(true)));
    let peak = budget.usage().memory_bytes;
    assert!(peak > 30 << 20 && peak <= 32 << 20, "{peak}");
}

#[test]
fn nested_budgets_only_narrow() {
    let bench = Bench::new();
    let tool = bench.load(Guest::doing(SPIN), &[]).unwrap();
    let outer = Budget::new(Limits { wall: Duration::from_millis(200), ..Limits::tool() });
    let inner = outer.child(Limits { wall: Duration::from_secs(3600), ..Limits::tool() });
    let failure = tool.call("probe", &json!({}), &bench.store, &mut PluginState::new(), &inner).unwrap_err();
    assert_eq!(failure.code, "wall-deadline");
    assert!(failure.message.contains("200 ms"), "names the limit that counted: {}", failure.message);
}

#[test]
fn tables_are_bounded() {
    let bench = Bench::new();
    let mut guest = Guest::doing(
        "(loop $again
            (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))
            (br $again)) unreachable",
    );
    guest.top = "(table $t 1 funcref)".to_owned();
    let failure = fails(&bench, guest, &[], Limits::tool());
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Exhausted, "tables-exhausted"));
}

#[test]
fn recursion_ends() {
    let bench = Bench::new();
    let mut guest = Guest::doing("(call $down (i64.const 0)) unreachable");
    guest.top = "(func $down (param i64)
        (call $down (i64.add (local.get 0) (i64.const 1)))
        (call $down (i64.add (local.get 0) (i64.const 2))))"
        .to_owned();
    let failure = fails(&bench, guest, &[], Limits::tool());
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Exhausted, "stack-exhausted"));
}

#[test]
fn a_start_function_is_contained_too() {
    let bench = Bench::new();
    let mut guest = Guest::answering("1");
    guest.top = "(func $begin unreachable) (start $begin)".to_owned();
    assert_eq!(bench.load(guest, &[]).unwrap_err().code(), "bad-description");

    let mut guest = Guest::answering("1");
    guest.top = "(func $begin (loop $again (br $again))) (start $begin)".to_owned();
    let error = bench.load(guest, &[]).unwrap_err();
    assert_eq!(error.code(), "bad-description");
    assert!(error.to_string().contains("time of 5 s is up"), "{error}");
}

#[test]
fn a_log_flood_is_dropped() {
    let bench = Bench::new();
    let mut guest = Guest::new();
    guest.top = format!("{} (global $n (mut i32) (i32.const 0))", import::LOG);
    let (message, text) = (guest.text(&"x".repeat(4000)), guest.text("\"done\""));
    guest.call = format!(
        "(loop $again
            (call $log (i32.const 0) {message} (i32.const 0) (i32.const 0))
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (global.get $n) (i32.const 1000))))
         (call $json {text})"
    );
    assert_eq!(bench.answer(guest, &[], json!({})), json!("done"));
}

#[test]
fn a_trap_carries_the_last_words() {
    let bench = Bench::new();
    let failure = fails(&bench, Guest::doing("unreachable"), &[], Limits::tool());
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Internal, "trapped"));

    let mut guest = Guest::new();
    guest.top = import::LOG.to_owned();
    let words = guest.text("index out of\u{1b}[31m bounds\u{7}");
    guest.call = format!("(call $log (i32.const 4) {words} (i32.const 0) (i32.const 0)) unreachable");
    let failure = fails(&bench, guest, &[], Limits::tool());
    assert_eq!(failure.code, "trapped");
    assert!(failure.message.ends_with("it said: index out of [31m bounds "), "{:?}", failure.message);
    assert!(failure.details.unwrap()["log"][0].as_str().unwrap().starts_with("error: "));
}

#[test]
fn bad_results_are_refused() {
    let bench = Bench::new();
    for body in [
        "(call $json (i32.const 4096) (i32.const 0x7fffffff))",
        "(call $json (i32.const 0xfffffff0) (i32.const 64))",
        "(i32.const 0xffffff00)",
        "(i32.store8 (i32.const 1024) (i32.const 7)) (i32.const 1024)",
        "(i32.store8 (i32.const 4096) (i32.const 0xff)) (call $json (i32.const 4096) (i32.const 1))",
    ] {
        let failure = fails(&bench, Guest::doing(body), &[], Limits::tool());
        assert!(["trapped", "hostcall-exhausted"].contains(&failure.code.as_str()), "{body}: {failure}");
    }
    // 9 MiB within memory: the crossing itself is bounded.
    let body = "(drop (memory.grow (i32.const 256))) (memory.fill (i32.const 262144) (i32.const 49) (i32.const 9437184))
        (call $json (i32.const 262144) (i32.const 9437184))";
    assert_eq!(fails(&bench, Guest::doing(body), &[], Limits::tool()).code, "hostcall-exhausted");
    // 2 MiB of digits pass the crossing, but are more than a result may have.
    let body = "(drop (memory.grow (i32.const 256))) (memory.fill (i32.const 262144) (i32.const 49) (i32.const 2097152))
        (call $json (i32.const 262144) (i32.const 2097152))";
    assert_eq!(fails(&bench, Guest::doing(body), &[], Limits::tool()).code, "bad-guest-value");
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for text in ["{", "nul", "1 2", &deep, &"[".repeat(60_000)] {
        let failure = fails(&bench, Guest::answering(text), &[], Limits::tool());
        assert_eq!(failure.code, "bad-guest-value", "{failure}");
    }
}

#[test]
fn handles_are_bounded() {
    let bench = Bench::new();
    let mut guest = Guest::new();
    guest.top = import::CREATE.to_owned();
    let (kind, text) = (guest.text("text/plain"), guest.text("\"ran out\""));
    // Until the host says no with a failure; its code is at 516.
    guest.call = format!(
        "(loop $again
            (call $create {kind} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
            (br_if $again (i32.eqz (i32.load8_u (i32.const 512)))))
         (call $json {text})"
    );
    assert_eq!(bench.answer(guest, &["artifacts"], json!({})), json!("ran out"));
}

#[test]
fn many_threads_at_once() {
    let bench = Bench::new();
    let honest = bench.load(Guest::answering("7"), &[]).unwrap();
    let hostile = bench.load_as("hostile", Guest::doing(SPIN), &[]).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (bench, honest, hostile) = (&bench, &honest, &hostile);
            scope.spawn(move || {
                for round in 0..20 {
                    if (thread + round) % 8 == 0 {
                        let limits = Limits { wall: Duration::from_millis(50), ..Limits::tool() };
                        assert_eq!(bench.call(hostile, json!({}), limits).unwrap_err().code, "wall-deadline");
                    } else {
                        let outcome = bench.call(honest, json!({}), Limits::tool()).unwrap();
                        assert_eq!(outcome.structured, Some(json!(7)));
                    }
                }
            });
        }
    });
}
