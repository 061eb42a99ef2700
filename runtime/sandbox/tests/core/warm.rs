//! The warm start of a tool.
//!
//! * every call begins with what `warm` left: memory, grown memory, globals; and with nothing that another call left
//! * memory of 20 MiB, one byte far away from the others, more of it than a description may have
//! * it is handed the granted artifacts, by name, and can read them; a call cannot
//! * it may log; its panic's last words are in the error
//! * other artifacts are another start; without them it is what it does without them
//! * what was made is kept: a second sandbox on the same cache does not run it again
//! * failing, trapping, calling what it may not, leaving too much, changing a table, an unknown version: each is an error with a
//!   code, and nothing is loaded

use std::sync::Arc;

use serde_json::json;
use sport_sandbox::{Error, Grants, Limits, Sandbox, SandboxOptions, Tool};

use crate::support::{Bench, Guest, import};

/// A guest that answers with the number in memory at 512, plus the global, and then changes both.
fn counting(warm: &str) -> Guest {
    let mut guest = Guest::doing(
        "(local $sum i32)
         (local.set $sum (i32.add (i32.load (i32.const 512)) (global.get $kept)))
         (i32.store (i32.const 512) (i32.const 900))
         (global.set $kept (i32.const 90))
         ;; three digits
         (i32.store8 (i32.const 600) (i32.add (i32.const 48) (i32.div_u (local.get $sum) (i32.const 100))))
         (i32.store8 (i32.const 601) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $sum) (i32.const 10)) (i32.const 10))))
         (i32.store8 (i32.const 602) (i32.add (i32.const 48) (i32.rem_u (local.get $sum) (i32.const 10))))
         (call $json (i32.const 600) (i32.const 3))",
    );
    guest.top = "(global $kept (mut i32) (i32.const 1))".to_owned();
    guest.warm = Some(warm.to_owned());
    guest
}

fn answer(bench: &Bench, tool: &Tool) -> serde_json::Value {
    bench.call(tool, json!({}), Limits::tool()).unwrap().structured.unwrap()
}

fn load(bench: &Bench, guest: Guest, artifacts: &[(&str, &[u8])]) -> Result<Arc<Tool>, Error> {
    let path = bench.file("probe", &guest.build());
    let mut grants = Grants::none();
    for (name, bytes) in artifacts {
        grants = grants.with_artifact(name, *bytes)?;
    }
    bench.sandbox.tool(&path, &grants)
}

#[test]
fn every_call_begins_where_it_ended() {
    let bench = Bench::new();
    let warm = "(i32.store (i32.const 512) (i32.const 300)) (global.set $kept (i32.const 25))";
    let tool = load(&bench, counting(warm), &[]).unwrap();
    for _ in 0..3 {
        assert_eq!(answer(&bench, &tool), json!(325));
    }
    // grown, written far away, and found there by a call
    let mut guest = counting("");
    guest.warm = Some(
        "(drop (memory.grow (i32.const 320)))
         (memory.fill (i32.const 1000000) (i32.const 7) (i32.const 20000000))
         (drop (memory.grow (i32.const 2400)))
         (i32.store8 (i32.const 60000000) (i32.const 120))"
            .to_owned(),
    );
    guest.call = format!(
        "(i32.store (i32.const 512) (i32.add (i32.load8_u (i32.const 60000000)) (i32.load8_u (i32.const 20999999))))
         {}",
        guest.call.replace("(local $sum i32)", "")
    );
    guest.call.insert_str(0, "(local $sum i32)");
    let tool = load(&bench, guest, &[]).unwrap();
    assert_eq!(answer(&bench, &tool), json!(128));
    assert_eq!(answer(&bench, &tool), json!(128));
}

/// Reads the first byte of the first two artifacts into the two places.
fn reading() -> Guest {
    let read = |number: usize, to: &str| {
        // a reference: digest, media type, size, name; each takes 40 bytes of a list
        let at = number * 40;
        let field =
            |offset: usize, kind: &str| format!("({kind}.load offset={} (local.get $list))", at + offset);
        format!(
            "(call $read {} {} {} {} {} {} {} {} (i64.const 0) (i32.const 1) (i32.const 1100))
             (if (i32.load8_u (i32.const 1100)) (then unreachable))
             {to}",
            field(0, "i32"),
            field(4, "i32"),
            field(8, "i32"),
            field(12, "i32"),
            field(16, "i64"),
            format_args!("(i32.load8_u offset={} (local.get $list))", at + 24),
            field(28, "i32"),
            field(32, "i32"),
        )
    };
    // the place of a list's bytes in the result area is behind its discriminant, aligned as a failure asks
    let byte = "(i32.load8_u (i32.load offset=4 (i32.const 1100)))";
    let mut guest = counting(&format!(
        "(if (i32.ne (local.get $count) (i32.const 2)) (then unreachable))
         {}
         {}",
        read(0, &format!("(i32.store (i32.const 512) {byte})")),
        read(1, &format!("(global.set $kept {byte})")),
    ));
    guest.top = format!("{}\n{}", import::READ, guest.top);
    guest
}

#[test]
fn artifacts_are_handed_over() {
    let bench = Bench::new();
    // by name, whatever the order of the grants
    let tool = load(&bench, reading(), &[("b.bin", &[100, 1]), ("a.bin", &[23])]).unwrap();
    assert_eq!(answer(&bench, &tool), json!(123));
    let other = load(&bench, reading(), &[("a.bin", &[24]), ("b.bin", &[100, 1])]).unwrap();
    assert_eq!(answer(&bench, &other), json!(124));
    assert_eq!(answer(&bench, &tool), json!(123));
    // what it expects of them is its own affair
    let error = load(&bench, reading(), &[("a.bin", &[24])]).unwrap_err();
    assert_eq!(error.code(), "warm-failed");
}

#[test]
fn a_call_cannot_read_them() {
    let bench = Bench::new();
    let mut guest = reading();
    // keeps the reference, and asks again in a call
    let warm = guest.warm.take().unwrap();
    guest.warm = Some(format!("(memory.copy (i32.const 700) (local.get $list) (i32.const 40)) {warm}"));
    guest.call = "(call $read (i32.load (i32.const 700)) (i32.load (i32.const 704)) (i32.load (i32.const 708)) (i32.load (i32.const 712))
           (i64.load (i32.const 716)) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 1) (i32.const 1100))
         (i32.store8 (i32.const 600) (i32.add (i32.const 48) (i32.load8_u (i32.const 1100))))
         (call $json (i32.const 600) (i32.const 1))"
        .to_owned();
    let tool = load(&bench, guest, &[("a.bin", &[1]), ("b.bin", &[2])]).unwrap();
    // a failure: out of reach
    assert_eq!(answer(&bench, &tool), json!(1));
}

#[test]
fn granted_artifacts_are_checked() {
    for (name, bytes, part) in [
        ("../up.bin", vec![1], "no file name"),
        ("", vec![1], "no file name"),
        ("large.bin", vec![0; (128 << 20) + 1], "the most is"),
    ] {
        let error = Grants::none().with_artifact(name, bytes).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let twice = Grants::none().with_artifact("a", [1]).unwrap().with_artifact("a", [2]).unwrap_err();
    assert!(twice.to_string().contains("of that name already"), "{twice}");
    let grants = Grants::none().with_artifact("a", [1]).unwrap();
    assert_eq!(grants.names().collect::<Vec<_>>(), ["artifacts"]);
}

#[test]
fn what_was_made_is_kept() {
    let bench = Bench::new();
    let guest = counting("(i32.store (i32.const 512) (i32.const 300))").build();
    let path = bench.file("probe", &guest);
    bench.sandbox.tool(&path, &Grants::none()).unwrap();
    let kept = || {
        let shelves =
            std::fs::read_dir(bench.folder.path().join("aot")).unwrap().map(|entry| entry.unwrap().path());
        let files =
            shelves.flat_map(|shelf| std::fs::read_dir(shelf).unwrap().map(|entry| entry.unwrap().path()));
        let mut code: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|ending| ending == "cwasm"))
            .map(|path| (path.clone(), path.metadata().unwrap().modified().unwrap()))
            .collect();
        code.sort();
        code
    };
    let before = kept();
    assert_eq!(before.len(), 1, "the copy with doors in it is not kept: {before:?}");
    let again = Sandbox::new(SandboxOptions::new(bench.folder.path().join("aot"))).unwrap();
    let tool = again.tool(&path, &Grants::none()).unwrap();
    assert_eq!(answer(&bench, &tool), json!(301));
    assert_eq!(kept(), before);
}

#[test]
fn what_goes_wrong_is_told() {
    let bench = Bench::new();
    let mut failing = counting("");
    let (code, message) = (failing.text("no-model"), failing.text("grant a model"));
    // result<_, failure>: kind, code, message, retryable, no details
    let store = |at: usize, text: &str| {
        let (place, length) = text.split_once(") ").unwrap();
        format!("(i32.store (i32.const {at}) {place})) (i32.store (i32.const {}) {length})", at + 4)
    };
    failing.warm = Some(format!(
        "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const 1)) {} {}
         (i32.store8 (i32.const 1048) (i32.const 0)) (i32.store8 (i32.const 1052) (i32.const 0))
         (return (i32.const 1024))",
        store(1032, &code),
        store(1040, &message)
    ));
    let trapping = counting("unreachable");
    let mut forbidden = counting("(call $get (i32.const 512) (i32.const 1) (i32.const 1100))");
    forbidden.top = format!("{}\n{}", import::KV_GET, forbidden.top);
    let large = counting(
        "(drop (memory.grow (i32.const 1700)))
         (memory.fill (i32.const 1000000) (i32.const 7) (i32.const 105000000))",
    );
    let mut tables = counting("(table.set (i32.const 0) (ref.null func))");
    tables.top.push_str("(table 1 funcref)");
    for (what, guest, part) in [
        ("failing", failing, "grant a model"),
        ("trapping", trapping, "unreachable"),
        ("forbidden", forbidden, "may only read the artifacts"),
        ("large", large, "the most is"),
        ("tables", tables, "table.set"),
    ] {
        let path = bench.file(what, &guest.build());
        let error = bench.sandbox.tool(&path, &Grants::new(["kv"]).unwrap()).unwrap_err();
        assert_eq!(error.code(), "warm-failed", "{what}: {error}");
        assert!(error.to_string().contains(part), "{what}: {error}");
        assert!(!error.to_string().contains('\n'), "{what}: {error}");
    }
}

#[test]
fn it_may_log() {
    let bench = Bench::new();
    let mut guest = counting("");
    let text = guest.text("the model is odd");
    guest.top = format!("{}\n{}", import::LOG, guest.top);
    guest.warm = Some(format!(
        "(call $log (i32.const 4) {text} (i32.const 0) (i32.const 0)) (i32.store (i32.const 512) (i32.const 300))"
    ));
    let tool = load(&bench, guest, &[]).unwrap();
    assert_eq!(answer(&bench, &tool), json!(301));
    // the panic hook of the SDK logs an error and traps
    let mut guest = counting("");
    let text = guest.text("panicked at load: the model is odd");
    guest.top = format!("{}\n{}", import::LOG, guest.top);
    guest.warm = Some(format!("(call $log (i32.const 4) {text} (i32.const 0) (i32.const 0)) unreachable"));
    let error = load(&bench, guest, &[]).unwrap_err();
    assert!(error.to_string().contains("the model is odd"), "{error}");
}

#[test]
fn an_unknown_version_is_refused() {
    let bench = Bench::new();
    let mut bytes = counting("").build();
    let (known, unknown) = (b"sport:tool/warm@0.1.0", b"sport:tool/warm@0.7.0");
    for at in 0..bytes.len() - known.len() {
        if bytes[at..].starts_with(known) {
            bytes[at..at + known.len()].copy_from_slice(unknown);
        }
    }
    let error = bench.sandbox.tool(&bench.file("probe", &bytes), &Grants::none()).unwrap_err();
    assert_eq!(error.code(), "contract-unsupported", "{error}");
    assert!(error.to_string().contains("sport:tool/warm@0.7.0"), "{error}");
}
