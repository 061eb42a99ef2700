//! Bytes as what a guest gives back: its memory from [`AT`] on and the address of its result, which the host then reads.
//!
//! The first byte chooses the tool (with or without an output schema), the next four are the address. All discriminants,
//! pointers and lengths of the canonical ABI are in the rest.
//!
//! * no panic of the host and no read outside of the guest's memory;
//! * an outcome holds only what may be in one: bounded, clean, and artifacts that are in the store;
//! * a failure that the host makes has one of the codes that it may make; one that the guest gives is cleaned;
//! * the next honest call works.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sport_fuzz::{Bench, Guest, assert_fit_to_show, assert_sound, call, echo, honest_call_works};
use sport_sandbox::{ArtifactRef, ArtifactStore, Content, Outcome, Tool, limits};

/// Where the bytes go: the guest's usual place for results, so that a seed is what an honest guest would write.
const AT: u32 = 1024;

/// Codes of failures that the host makes of what a guest gives back.
const CODES: [&str; 8] = [
    "bad-guest-value",
    "trapped",
    "hostcall-exhausted",
    "artifact-out-of-reach",
    "artifact-missing",
    "artifact-too-big",
    "artifacts-exhausted",
    "memory-exhausted",
];

struct Tools {
    echo: Arc<Tool>,
    plain: Arc<Tool>,
    typed: Arc<Tool>,
}

static TOOLS: LazyLock<Tools> = LazyLock::new(|| {
    let bench = Bench::new();
    let mut typed = answering();
    typed.output_schema = Some(
        r#"{"type":"object","properties":{"n":{"type":"number"},"file":{"format":"sport-artifact"},
            "files":{"type":"array","items":{"format":"sport-artifact"}}}}"#
            .to_owned(),
    );
    Tools {
        echo: bench.load("echo", echo()),
        plain: bench.load("plain", answering()),
        typed: bench.load("typed", typed),
    }
});

/// A guest that writes the hex digits of its arguments into its memory, and gives back the address that stands before them.
fn answering() -> Guest {
    let mut guest = Guest::doing(&format!(
        r#"(local $from i32) (local $to i32) (local $result i32)
           ;; after `{{"hex":"` come eight digits of the address, then the memory, up to a quote
           (local.set $from (i32.add (local.get $args) (i32.const 8)))
           (local.set $result (i32.or
             (i32.or (call $byte (local.get $from))
               (i32.shl (call $byte (i32.add (local.get $from) (i32.const 2))) (i32.const 8)))
             (i32.or (i32.shl (call $byte (i32.add (local.get $from) (i32.const 4))) (i32.const 16))
               (i32.shl (call $byte (i32.add (local.get $from) (i32.const 6))) (i32.const 24)))))
           (local.set $from (i32.add (local.get $from) (i32.const 8)))
           (local.set $to (i32.const {AT}))
           (block $done (loop $more
             (br_if $done (i32.eq (i32.load8_u (local.get $from)) (i32.const 34)))
             (i32.store8 (local.get $to) (call $byte (local.get $from)))
             (local.set $from (i32.add (local.get $from) (i32.const 2)))
             (local.set $to (i32.add (local.get $to) (i32.const 1)))
             (br $more)))
           (local.get $result)"#
    ));
    guest.top = r#"
        (func $digit (param $at i32) (result i32) (local $c i32)
          (local.set $c (i32.load8_u (local.get $at)))
          (i32.sub (local.get $c) (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $c) (i32.const 57)))))
        (func $byte (param $at i32) (result i32)
          (i32.or (i32.shl (call $digit (local.get $at)) (i32.const 4))
            (call $digit (i32.add (local.get $at) (i32.const 1)))))"#
        .to_owned();
    guest.input_schema = r#"{"type":"object","properties":{"file":{"format":"sport-artifact"}}}"#.to_owned();
    guest
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, memory)) = bytes.split_first() else { return };
    let Some((address, memory)) = memory.split_at_checked(4) else { return };
    let store = ArtifactStore::new_in_memory();
    // One artifact is within its reach, another one is in the store and is not.
    let given = store.put(b"given", "text/plain", Some("given.txt")).expect("it is stored");
    store.put(b"secret", "text/plain", None).expect("it is stored");
    let hex: String = address.iter().chain(memory).map(|byte| format!("{byte:02x}")).collect();
    let arguments = json!({ "hex": hex, "file": reference(&given) });
    let tool = if choice & 1 == 0 { &TOOLS.plain } else { &TOOLS.typed };
    match call(tool, &arguments, &store) {
        Ok(outcome) => check(&outcome, &store),
        Err(failure) => {
            assert_sound(&failure);
            let guests_own = address != AT.to_le_bytes() || memory.first() == Some(&1);
            assert!(guests_own || CODES.contains(&failure.code.as_str()), "{failure:?}");
        }
    }
    honest_call_works(&TOOLS.echo);
});

fn reference(artifact: &ArtifactRef) -> Value {
    json!({ "digest": artifact.digest, "media_type": artifact.media_type, "size": artifact.size })
}

fn check(outcome: &Outcome, store: &ArtifactStore) {
    assert!(outcome.content.len() <= limits::CONTENT_PIECES);
    for piece in &outcome.content {
        match piece {
            Content::Text { text } => assert_fit_to_show(text, limits::TEXT_BYTES),
            Content::Artifact(artifact) => {
                let bytes = store.get(&artifact.digest).expect("it is in the store");
                assert_eq!(bytes.len() as u64, artifact.size, "its size is the true one");
                assert_ne!(&*bytes, b"secret", "it was not within reach");
                if let Some(name) = &artifact.name {
                    assert!(!name.contains(['/', '\\', '\0']) && name != ".." && name != ".", "{name:?}");
                    assert_fit_to_show(name, limits::SHORT_TEXT_BYTES);
                }
            }
            Content::Other { kind, .. } => assert_fit_to_show(kind, limits::NAME_BYTES),
        }
    }
    if let Some(structured) = &outcome.structured {
        assert!(structured.to_string().len() <= 8 * limits::JSON_BYTES);
    }
}
