//! Artifacts: the store, and what a component may read.
//!
//! * put, get, read in ranges; the same bytes twice; in memory and in a folder
//! * a damaged blob, a missing one, a digest that is a path
//! * a component reads what its arguments hold
//! * a component that knows a digest but was not given it: `artifact-out-of-reach`
//! * a reference hidden outside of the places that the schema marks gives no reach
//! * a component reads what it made itself; what it made is in the store
//! * a component that gives back an artifact that is not its own to give
//! * an inline image becomes an artifact
//! * a chunk that is too big; more bytes than the budget has

use serde_json::{Value, json};
use sport_sandbox::{ArtifactRef, ArtifactStore, Content, FailureKind, Limits, digest_of};

use crate::support::{Bench, Guest, import};

fn value(artifact: &ArtifactRef) -> Value {
    serde_json::to_value(artifact).unwrap()
}

#[test]
fn the_store_keeps_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for store in [ArtifactStore::new_in_memory(), ArtifactStore::open(folder.path().join("blobs")).unwrap()] {
        let artifact = store.put(b"hello", "text/plain", Some("a.txt")).unwrap();
        assert_eq!(artifact.digest, digest_of(b"hello"));
        assert_eq!((artifact.size, artifact.name.as_deref()), (5, Some("a.txt")));
        assert_eq!(store.put(b"hello", "text/plain", None).unwrap().digest, artifact.digest);
        assert_eq!(&*store.get(&artifact.digest).unwrap(), b"hello");
        assert_eq!(store.read(&artifact, 1, 3).unwrap(), b"ell");
        assert_eq!(store.read(&artifact, 4, 100).unwrap(), b"o");
        assert_eq!(store.read(&artifact, 400, 100).unwrap(), b"");
        assert!(store.contains(&artifact.digest) && !store.contains(&digest_of(b"other")));
        for bad in
            ["sha256:../../etc/passwd", "", "sha256:", &digest_of(b"other"), &artifact.digest.to_uppercase()]
        {
            assert_eq!(store.get(bad).unwrap_err().code(), "artifact", "{bad}");
        }
    }
}

#[test]
fn damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = ArtifactStore::open(folder.path()).unwrap();
    let artifact = store.put(b"hello", "text/plain", None).unwrap();
    let hex = &artifact.digest["sha256:".len()..];
    std::fs::write(folder.path().join(&hex[..2]).join(&hex[2..]), b"hellO").unwrap();
    let error = store.get(&artifact.digest).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
}

/// A guest that reads a fixed digest and answers with its text, or with the failure's code.
fn reader(digest: &str) -> Guest {
    let mut guest = Guest::new();
    guest.input_schema =
        r#"{"type":"object","properties":{"file":{"format":"sport-artifact"},"note":{}}}"#.to_owned();
    guest.top = import::READ.to_owned();
    let (digest, kind) = (guest.text(digest), guest.text("text/plain"));
    guest.call = format!(
        "(call $read {digest} {kind} (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i64.const 0) (i32.const 100) (i32.const 512))
         (if (result i32) (i32.load8_u (i32.const 512))
            (then (call $quoted (i32.load (i32.const 520)) (i32.load (i32.const 524))))
            (else (call $quoted (i32.load (i32.const 516)) (i32.load (i32.const 520)))))"
    );
    guest
}

#[test]
fn only_what_it_was_given() {
    let bench = Bench::new();
    let given = bench.store.put(b"given", "text/plain", None).unwrap();
    let secret = bench.store.put(b"secret", "text/plain", None).unwrap();

    let read = |digest: &str, arguments: Value| bench.answer(reader(digest), &["artifacts"], arguments);
    assert_eq!(read(&given.digest, json!({ "file": value(&given) })), "given");
    assert_eq!(read(&secret.digest, json!({ "file": value(&given) })), "artifact-out-of-reach");
    assert_eq!(read(&secret.digest, json!({})), "artifact-out-of-reach");
    assert_eq!(read(&secret.digest, json!({ "note": value(&secret) })), "artifact-out-of-reach");
    assert_eq!(read("sha256:zz", json!({})), "artifact-out-of-reach");

    let tool = bench.load(reader(&given.digest), &["artifacts"]).unwrap();
    let lost = json!({ "file": { "digest": digest_of(b"nowhere") } });
    let failure = bench.call(&tool, lost, Limits::tool()).unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::NotFound, "artifact-missing"));
    let failure = bench.call(&tool, json!({ "file": "/task/a.txt" }), Limits::tool()).unwrap_err();
    assert_eq!(failure.code, "bad-arguments");
}

/// A guest that makes an artifact and then does `then`, with the reference's digest at 520 and its length at
/// 524.
fn maker(chunk: &str, then: &str) -> Guest {
    let mut guest = Guest::new();
    guest.top = [import::READ, import::CREATE, import::APPEND, import::FINISH].join("\n");
    let (kind, name, chunk) = (guest.text("text/plain"), guest.text("../made.txt"), guest.text(chunk));
    guest.call = format!(
        "(call $create {kind} (i32.const 1) {name} (i32.const 512))
         (i32.store (i32.const 600) (i32.load (i32.const 516)))
         (call $append (i32.load (i32.const 600)) {chunk} (i32.const 512))
         (if (i32.load8_u (i32.const 512))
            (then (return (call $quoted (i32.load (i32.const 520)) (i32.load (i32.const 524))))))
         (call $finish (i32.load (i32.const 600)) (i32.const 512))
         {then}"
    );
    guest
}

const READ_BACK: &str = "(call $read (i32.load (i32.const 520)) (i32.load (i32.const 524))
        (i32.load (i32.const 528)) (i32.load (i32.const 532)) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i64.const 2) (i32.const 3) (i32.const 640))
     (call $quoted (i32.load (i32.const 644)) (i32.load (i32.const 648)))";

/// The reference as the only piece of content: copied from 520 to 776, an element of 48 bytes at 768.
const GIVE_BACK: &str = "(i32.store8 (i32.const 768) (i32.const 3))
     (memory.copy (i32.const 776) (i32.const 520) (i32.const 40))
     (i32.store8 (i32.const 1024) (i32.const 0))
     (i32.store (i32.const 1028) (i32.const 768)) (i32.store (i32.const 1032) (i32.const 1))
     (i32.store8 (i32.const 1036) (i32.const 0))
     (i32.const 1024)";

#[test]
fn what_it_made_itself() {
    let bench = Bench::new();
    assert_eq!(bench.answer(maker("0123456789", READ_BACK), &["artifacts"], json!({})), "234");

    let tool = bench.load(maker("0123456789", GIVE_BACK), &["artifacts"]).unwrap();
    let outcome = bench.call(&tool, json!({}), Limits::tool()).unwrap();
    let [Content::Artifact(artifact)] = outcome.content.as_slice() else {
        panic!("one artifact, not {:?}", outcome.content);
    };
    assert_eq!((artifact.size, artifact.media_type.as_str()), (10, "text/plain"));
    assert_eq!(artifact.name.as_deref(), Some("_made.txt"), "a plain name");
    assert_eq!(&*bench.store.get(&artifact.digest).unwrap(), b"0123456789");
}

#[test]
fn what_is_not_its_to_give() {
    let bench = Bench::new();
    let secret = bench.store.put(b"secret", "text/plain", None).unwrap();
    let mut guest = Guest::new();
    guest.top = import::READ.to_owned();
    let (digest, kind) = (guest.text(&secret.digest), guest.text("text/plain"));
    let halves = |text: &str, at: u32| {
        let (address, length) = text.split_once(") (").unwrap();
        format!("(i32.store (i32.const {at}) {address})) (i32.store (i32.const {}) ({length})", at + 4)
    };
    guest.call = format!(
        "{} {} (i32.store8 (i32.const 544) (i32.const 0)) {GIVE_BACK}",
        halves(&digest, 520),
        halves(&kind, 528)
    );
    let tool = bench.load(guest, &["artifacts"]).unwrap();
    let failure = bench.call(&tool, json!({}), Limits::tool()).unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Denied, "artifact-out-of-reach"));
}

#[test]
fn an_inline_image_becomes_an_artifact() {
    let bench = Bench::new();
    let mut guest = Guest::new();
    let kind = guest.text("image/png");
    let (address, length) = kind.split_once(") (").unwrap();
    let inline = |case: u32| {
        format!(
            "(i32.store8 (i32.const 768) (i32.const {case}))
             (i32.store (i32.const 776) {address})) (i32.store (i32.const 780) ({length})
             (i32.store (i32.const 784) (i32.const 4096)) (i32.store (i32.const 788) (i32.const 5))
             (i32.store8 (i32.const 1024) (i32.const 0))
             (i32.store (i32.const 1028) (i32.const 768)) (i32.store (i32.const 1032) (i32.const 1))
             (i32.store8 (i32.const 1036) (i32.const 0)) (i32.const 1024)"
        )
    };
    guest.call = inline(1);
    let tool = bench.load(guest, &[]).unwrap();
    let outcome = bench.call(&tool, json!({}), Limits::tool()).unwrap();
    let [Content::Artifact(artifact)] = outcome.content.as_slice() else {
        panic!("one artifact, not {:?}", outcome.content);
    };
    assert_eq!(&*bench.store.get(&artifact.digest).unwrap(), b"image");

    // The same media type as sound.
    let mut guest = Guest::new();
    guest.text("image/png");
    guest.call = inline(2);
    let tool = bench.load(guest, &[]).unwrap();
    assert_eq!(bench.call(&tool, json!({}), Limits::tool()).unwrap_err().code, "bad-guest-value");
}

#[test]
fn writing_is_bounded() {
    let bench = Bench::new();
    let tool = bench.load(maker("0123456789", READ_BACK), &["artifacts"]).unwrap();
    let limits = Limits { artifact_bytes: 9, ..Limits::tool() };
    let outcome = bench.call(&tool, json!({}), limits).unwrap();
    assert_eq!(outcome.structured, Some(json!("artifacts-exhausted")));

    let mut guest = maker("", "unreachable");
    guest.call = guest.call.replace(
        "(call $append (i32.load (i32.const 600)) ",
        "(drop (memory.grow (i32.const 32)))
         (call $append (i32.load (i32.const 600)) (i32.const 0) (i32.const 1048577) (i32.const 512)) (call $skip ",
    );
    guest.top += "(func $skip (param i32 i32 i32))";
    assert_eq!(bench.answer(guest, &["artifacts"], json!({})), "chunk-too-big");
}
