//! The native stand-ins for the host, and what is built on them.
//!
//! * an artifact written in pieces reads back whole, in pieces, after seeking, as text
//! * an artifact that is not there fails with kind not-found
//! * keys: revisions, compare-and-set, deletion, prefixes
//! * no host is reached and no secret known

use std::io::{BufRead, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use sport_sdk::fetch::{ErrorCode, Request};
use sport_sdk::secrets::Secret;
use sport_sdk::{Artifact, ArtifactWriter, Failure, FailureKind, kv};

#[test]
fn artifacts_read_back_as_written() {
    let bytes: Vec<u8> = (0..2_500_000_u32).map(|i| (i * 7 % 251) as u8).collect();
    let mut writer = ArtifactWriter::create("application/octet-stream", None).expect("writer");
    for piece in bytes.chunks(333_333) {
        writer.write_all(piece).expect("write");
    }
    let artifact = writer.finish().expect("finish");
    assert_eq!(artifact.size, bytes.len() as u64);
    assert_eq!(artifact.bytes().expect("bytes"), bytes);
    assert_eq!(artifact.label(), artifact.digest);

    let mut all = Vec::new();
    artifact.reader().read_to_end(&mut all).expect("read");
    assert_eq!(all, bytes);

    let mut reader = artifact.reader();
    let mut four = [0; 4];
    for at in [2_000_000_usize, 10, 1_048_574, 2_499_996] {
        reader.seek(SeekFrom::Start(at as u64)).expect("seek");
        reader.read_exact(&mut four).expect("read");
        assert_eq!(four, bytes[at..at + 4]);
    }
    assert!(reader.fill_buf().expect("end").is_empty());
    reader.seek(SeekFrom::End(-1)).expect("seek");
    assert_eq!(reader.read(&mut four).expect("read"), 1);
    reader.seek(SeekFrom::Start(0)).expect("seek");
    assert!(reader.seek(SeekFrom::Current(-1)).is_err());
}

#[test]
fn text_must_be_text() {
    let artifact = Artifact::create("naïve".as_bytes(), "text/plain", Some("a.txt")).expect("artifact");
    assert_eq!(artifact.text().expect("text"), "naïve");
    let artifact = Artifact::create(&[0xff, 0xfe], "text/plain", Some("b.txt")).expect("artifact");
    assert_eq!(artifact.text().expect_err("failure").message, "b.txt is not UTF-8 text");
    let empty = Artifact::create(&[], "text/plain", None).expect("artifact");
    assert_eq!(empty.bytes().expect("bytes"), b"");
}

#[test]
fn an_unknown_artifact_is_not_found() {
    let artifact = Artifact { digest: "sha256:0".into(), media_type: "a/b".into(), size: 5, name: None };
    assert_eq!(artifact.bytes().expect_err("failure").kind, FailureKind::NotFound);
    assert!(artifact.reader().read(&mut [0; 4]).is_err());
}

#[test]
fn keys_compare_and_set() {
    assert_eq!(kv::get("a").expect("get"), None);
    let first = kv::set("a", b"1").expect("set");
    assert_eq!(kv::set_if("a", b"2", first + 1).expect_err("conflict").kind, FailureKind::Conflict);
    let second = kv::set_if("a", b"2", first).expect("set");
    assert!(second > first);
    assert_eq!(kv::get("a").expect("get").expect("entry").value, b"2");
    kv::set_if("ab", b"", 0).expect("only if absent");
    assert_eq!(kv::keys("a").expect("keys"), ["a", "ab"]);
    assert_eq!(kv::delete_if("a", first).expect_err("conflict").kind, FailureKind::Conflict);
    assert!(kv::delete("a").expect("delete"));
    assert!(!kv::delete("a").expect("delete"));
}

#[test]
fn natively_nothing_is_reached() {
    assert_eq!(Secret::lookup("token").unwrap_err().code, "secret-missing");
    let request = Request::post("https://api.example.com/", b"{}").header("accept", "text/plain");
    let error = request.timeout(Duration::from_secs(1)).max_body(10).send().unwrap_err();
    assert_eq!((error.code, error.sent), (ErrorCode::Denied, false));
    let failure = Failure::from(error);
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Denied, "fetch-denied"));
}
