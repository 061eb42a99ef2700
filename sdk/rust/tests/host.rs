//! The native stand-ins for the host, and what is built on them.
//!
//! * an artifact written in pieces reads back whole, in pieces, after seeking, as text
//! * an artifact that is not there fails with kind not-found
//! * keys: revisions, compare-and-set, deletion, prefixes
//! * no host is reached and no secret known but those of the test
//! * a host is the thread's until it is dropped; log, progress, budget, requests, other tools; the host's limits of keys
//! * cases that hold, and cases that do not

use std::io::{BufRead, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use sport_sdk::fetch::{ErrorCode, Request, Response};
use sport_sdk::secrets::Secret;
use sport_sdk::testing::{self, Host};
use sport_sdk::{Artifact, ArtifactWriter, Failure, FailureKind, Outcome, json, kv, log, tool, tools};

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

#[test]
fn a_host_is_there_until_it_is_dropped() {
    kv::set("outside", b"1").expect("set");
    let host = Host::new();
    assert!(kv::get("outside").expect("get").is_none());
    host.secret("token");
    host.answer_with("https://a.example/", |asked| {
        let body = format!("{} {}", asked.method, asked.headers[0].1).into_bytes();
        Ok(Response { status: 200, body, ..Response::default() })
    });
    let token = Secret::lookup("token").expect("secret");
    let asked =
        |limit| Request::get("https://a.example/").secret("a", "Bearer ", &token).max_body(limit).send();
    assert_eq!(asked(100).expect("answer").text(), "GET Bearer <token>");
    let cut = asked(3).expect("answer");
    assert_eq!((cut.text().as_str(), cut.truncated), ("GET", true));
    assert_eq!(host.requests().len(), 2);

    host.tool("double", |arguments| {
        // a tool may ask the host in its turn
        kv::set("seen", arguments["x"].to_string().as_bytes())?;
        Ok(Outcome { structured: Some(json!(8)), ..Outcome::default() })
    });
    assert_eq!(tools::invoke("double", &json!({ "x": 4 })).expect("outcome").structured, Some(json!(8)));
    assert_eq!(kv::get("seen").expect("get").expect("entry").value, b"4");
    assert_eq!(tools::invoke("other", &json!({})).unwrap_err().code, "no-such-tool");

    log::record(log::Level::Warn, "odd", &[("file", "a")]);
    assert_eq!(host.log()[0].fields, [("file".to_owned(), "a".to_owned())]);
    let long = "x".repeat(300);
    assert_eq!(kv::set(&long, b"").unwrap_err().code, "kv-bad-key");
    assert_eq!(kv::set("a", &vec![0; (64 << 10) + 1]).unwrap_err().code, "kv-value-too-big");
    drop(host);
    assert!(kv::get("outside").expect("get").is_some() && kv::get("seen").expect("get").is_none());
}

/// Reads a file.
#[tool]
fn read(file: Artifact) -> Result<String, Failure> {
    file.text()
}

#[test]
fn cases_hold_or_are_told() {
    testing::cases(
        SPORT_TOOLS,
        r#"[
            { "tool": "read", "arguments": { "file": "Cargo.toml" }, "files": ["Cargo.toml"] },
            { "tool": "read", "failure": "missing-argument" },
            { "tool": "other", "failure": "not-found" }
        ]"#,
    );
    for (cases, words) in [
        (r#"[{ "tool": "read" }]"#, "case 1: read: it failed with invalid-input"),
        (r#"[{ "tool": "read", "failure": "denied" }]"#, "it should fail with denied"),
        (r#"[{ "tool": "read", "arguments": { "file": "a" }, "files": ["no.txt"] }]"#, "cannot read no.txt"),
        (
            r#"[{ "tool": "read", "arguments": { "file": "lib.rs" }, "files": ["src/lib.rs"], "text": "x" }]"#,
            "the text is",
        ),
        ("[]", "no case"),
        ("{", "cases.json"),
    ] {
        let panic = std::panic::catch_unwind(|| testing::cases(SPORT_TOOLS, cases)).expect_err("a panic");
        let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        let message = if message.is_empty() {
            panic.downcast_ref::<&str>().map_or(String::new(), |text| (*text).to_owned())
        } else {
            message
        };
        assert!(message.contains(words), "no {words} in {message}");
    }
}
