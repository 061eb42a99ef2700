//! What a component may import.
//!
//! * an import that was not granted: refused, naming what is missing, what is asked and what is granted
//! * the same import, granted
//! * `log` and `context` need no grant; `output` is for interpreters only
//! * `wasi:http` refused by name, whatever was granted; WASI is for interpreters only
//! * a made-up import of a made-up package
//! * an interface of another version
//! * grants that do not exist, that are not answered yet

use serde_json::json;
use sport_sandbox::Grants;

use crate::support::{Bench, CONTRACT, Guest, import};

fn with_kv() -> Guest {
    let mut guest = Guest::new();
    guest.top = import::KV_GET.to_owned();
    let (key, text) = (guest.text("k"), guest.text("1"));
    guest.call = format!("(call $get {key} (i32.const 512)) (call $json {text})");
    guest
}

#[test]
fn imports_must_be_granted() {
    let bench = Bench::new();
    let error = bench.load(with_kv(), &["artifacts"]).unwrap_err();
    assert_eq!(error.code(), "not-granted");
    let message = error.to_string();
    assert!(message.contains("not granted: sport:host/kv@0.1.0"), "{message}");
    assert!(message.contains("granted are sport:host/artifacts"), "{message}");
    assert!(bench.load(with_kv(), &[]).unwrap_err().to_string().contains("granted are nothing"));
    assert_eq!(bench.answer(with_kv(), &["kv"], json!({})), json!(1));
}

#[test]
fn some_need_no_grant() {
    let bench = Bench::new();
    let mut guest = Guest::new();
    guest.top = format!("{} {}", import::LOG, import::REMAINING);
    let text = guest.text("1");
    guest.call = format!("(call $remaining (i32.const 512)) (call $json {text})");
    assert_eq!(bench.answer(guest, &[], json!({})), json!(1));
}

/// A component that imports an instance of this name and exports an empty tool interface.
fn importing(name: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (import "{name}" (instance))
            (instance $tool)
            (export "sport:tool/tool@0.1.0" (instance $tool))
            (@custom "sport:contract" "{}"))"#,
        CONTRACT.replace('"', "\\\"")
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn foreign_imports_are_refused_by_name() {
    let bench = Bench::new();
    for name in [
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:http/types@0.2.3",
        "wasi:cli/environment@0.2.0",
        "wasi:filesystem/types@0.2.0",
        "wasi:sockets/tcp@0.2.0",
        "evil:host/everything",
        "sport:host/output@0.1.0",
        "sport:host/grants@0.1.0",
        "sport:host/secrets@0.1.0",
    ] {
        let path = bench.file("asks", &importing(name));
        let grants = Grants::new(["artifacts", "kv", "tools"]).unwrap();
        let error = bench.sandbox.tool(&path, &grants).unwrap_err();
        assert_eq!(error.code(), "not-granted", "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
        if name.starts_with("wasi:http") {
            let verifier = bench.sandbox.verifier(&path, &grants).unwrap_err();
            assert_ne!(verifier.code(), "io");
        }
    }
}

#[test]
fn another_version_of_an_interface_is_another_contract() {
    let bench = Bench::new();
    let path = bench.file("asks", &importing("sport:host/log@0.9.0"));
    let error = bench.sandbox.tool(&path, &Grants::none()).unwrap_err();
    assert_eq!(error.code(), "contract-unsupported");
    assert!(error.to_string().contains("sport:host/log@0.9.0"), "{error}");
}

#[test]
fn grants_must_exist() {
    let error = Grants::new(["everything"]).unwrap_err();
    assert_eq!(error.code(), "unknown-grant");
    assert!(error.to_string().contains("artifacts, kv, tools, secrets, fetch, chat"), "{error}");
    let error = Grants::new(["code"]).unwrap_err();
    assert!(error.to_string().contains("not answered by this version"), "{error}");
    assert!(Grants::new(["log", "kv", "kv"]).unwrap().allows("kv"));
    assert!(!Grants::none().allows("kv"));
}
