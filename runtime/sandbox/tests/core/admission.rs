//! What is refused before any of it is compiled or run.
//!
//! * a good component is admitted, described and inspected
//! * a core module
//! * an empty file, a text file, a missing file, a folder
//! * every truncation of a component, in steps
//! * flipped bits all over a component: an error or a component that still works, never a panic
//! * no contract section, another version, another package, a section that is no JSON
//! * a contract section at the component's top level instead of in the core module
//! * two contract sections that contradict each other
//! * a verifier where a tool is wanted
//! * too many tables
//! * bad descriptions: a bad name, a schema that is no object, that refers elsewhere, that is too deep
//! * `describe` that calls an import, that traps

use serde_json::json;
use sport_sandbox::{Grants, Kind, Limits, inspect};

use crate::support::{Bench, Guest, import};

fn code(bench: &Bench, bytes: &[u8]) -> &'static str {
    let path = bench.file("bad", bytes);
    match bench.sandbox.tool(&path, &Grants::none()) {
        Ok(_) => "admitted",
        Err(error) => {
            assert!(!error.to_string().contains('\n'), "one line: {error}");
            error.code()
        }
    }
}

#[test]
fn a_good_component_is_admitted() {
    let bench = Bench::new();
    let path = bench.file("good", &Guest::answering("{\"n\":1}").build());
    let found = inspect(&path).unwrap();
    assert_eq!(found.kind, Some(Kind::Tool));
    assert!(found.digest.starts_with("sha256:") && found.digest.len() == 71);
    assert_eq!(found.contract.as_ref().unwrap().packages["sport:tool"], "0.1.0");
    assert_eq!(found.exports, ["sport:tool/tool@0.1.0"]);
    assert!(serde_json::to_value(&found).unwrap()["imports"].is_array());

    let tool = bench.sandbox.tool(&path, &Grants::none()).unwrap();
    assert_eq!((tool.name(), tool.digest()), ("good", found.digest.as_str()));
    assert_eq!(tool.descriptors()[0].name, "probe");
    assert!(tool.descriptors()[0].hints.read_only && !tool.descriptors()[0].hints.destructive);
    let outcome = bench.call(&tool, json!({}), Limits::tool()).unwrap();
    assert_eq!(outcome.structured, Some(json!({ "n": 1 })));
}

#[test]
fn what_is_no_component_is_refused() {
    let bench = Bench::new();
    let module = wat::parse_str("(module (func (export \"f\")))").unwrap();
    assert_eq!(code(&bench, &module), "not-a-component");
    assert_eq!(code(&bench, b""), "not-a-component");
    assert_eq!(code(&bench, b"print(1)"), "not-a-component");
    assert_eq!(
        bench.sandbox.tool(&bench.folder.path().join("none.wasm"), &Grants::none()).unwrap_err().code(),
        "io"
    );
    assert_eq!(bench.sandbox.tool(bench.folder.path(), &Grants::none()).unwrap_err().code(), "io");
}

#[test]
fn truncated_components_are_refused() {
    let bench = Bench::new();
    let whole = Guest::answering("1").build();
    for end in (0..whole.len()).step_by(whole.len() / 97) {
        let code = code(&bench, &whole[..end]);
        // Cut between two sections it may still be well-formed, but then it lacks its export or its contract.
        assert!(
            ["not-a-component", "contract-unsupported", "wrong-kind"].contains(&code),
            "cut at {end} of {}: {code}",
            whole.len()
        );
    }
}

#[test]
fn flipped_bits_never_do_harm() {
    let bench = Bench::new();
    let whole = Guest::answering("1").build();
    let mut refused = 0;
    for index in 0..160 {
        // A fixed walk over the file and its bits.
        let at = index * whole.len() / 160;
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (index % 8);
        if code(&bench, &bytes) != "admitted" {
            refused += 1;
        }
    }
    assert!(refused > 40, "only {refused} of 160 were noticed");
    // And the sandbox still works.
    assert_eq!(bench.answer(Guest::answering("2"), &[], json!({})), json!(2));
}

#[test]
fn the_contract_is_checked_first() {
    let bench = Bench::new();
    for contract in [
        None,
        Some(r#"{"packages":{"sport:tool":"0.2.0"}}"#),
        Some(r#"{"packages":{"sport:tool":"1.0.0"}}"#),
        Some(r#"{"packages":{"sport:tool":"0.1.0","other:thing":"0.1.0"}}"#),
        Some(r#"{"packages":{}}"#),
        Some(r#"{"packages":{"sport:base":"0.1.0"}}"#),
        Some("no json"),
        Some("[]"),
    ] {
        let mut guest = Guest::answering("1");
        guest.contract = contract.map(str::to_owned);
        let error = bench.load(guest, &[]).unwrap_err();
        assert_eq!(error.code(), "contract-unsupported", "{contract:?}");
        assert!(error.to_string().contains("sport:tool@0.1.0"), "names what is taken: {error}");
        assert!(error.to_string().contains("found "), "names what was found: {error}");
    }
    // A patch version is the same contract.
    let mut guest = Guest::answering("1");
    guest.contract = Some(r#"{"packages":{"sport:tool":"0.1.7"}}"#.to_owned());
    assert!(bench.load(guest, &[]).is_ok());
}

/// Appends a custom section to a component.
fn with_section(mut bytes: Vec<u8>, data: &str) -> Vec<u8> {
    let name = b"sport:contract";
    let body_len = 1 + name.len() + data.len();
    assert!(body_len < 128 * 128);
    bytes.push(0);
    bytes.extend([(body_len & 127) as u8 | 128, (body_len >> 7) as u8, name.len() as u8]);
    bytes.extend(name);
    bytes.extend(data.as_bytes());
    bytes
}

#[test]
fn the_section_may_be_at_the_top() {
    let bench = Bench::new();
    let mut guest = Guest::answering("1");
    guest.contract = None;
    let bytes = with_section(guest.build(), r#"{"packages":{"sport:tool":"0.1.0"},"sdk":"build step"}"#);
    assert_eq!(code(&bench, &bytes), "admitted");
    let twice = with_section(bytes, r#"{"packages":{"sport:tool":"0.1.1"}}"#);
    assert_eq!(code(&bench, &twice), "contract-unsupported");
}

#[test]
fn another_kind_is_refused() {
    let bench = Bench::new();
    let mut guest = Guest::new();
    guest.judge = Some("unreachable".to_owned());
    let error = bench.load(guest, &[]).unwrap_err();
    assert_eq!(error.code(), "wrong-kind");
    assert!(error.to_string().contains("sport:verifier/verifier@0.1.0"), "{error}");
    let error = bench.load_verifier(Guest::answering("1"), &[]).unwrap_err();
    assert_eq!(error.code(), "wrong-kind");
}

#[test]
fn sizes_are_bounded() {
    let bench = Bench::new();
    let mut guest = Guest::answering("1");
    guest.top = "(table 1 funcref) ".repeat(40);
    let error = bench.load(guest, &[]).unwrap_err();
    assert_eq!(error.code(), "component-too-big");
    assert!(error.to_string().contains("tables is 40"), "{error}");
}

#[test]
fn bad_descriptions_are_refused() {
    let bench = Bench::new();
    let deep = format!("{{\"type\":\"object\",\"properties\":{}1{}}}", "{\"a\":".repeat(40), "}".repeat(40));
    for (name, schema) in [
        ("two words", r#"{"type":"object"}"#),
        ("", r#"{"type":"object"}"#),
        ("probe", r#"{"type":"string"}"#),
        ("probe", "[]"),
        ("probe", "{"),
        ("probe", r#"{"type":"object","properties":{"a":{"$ref":"https://example.com/a.json"}}}"#),
        ("probe", r#"{"type":"object","properties":{"a":{"$ref":"file:///etc/passwd"}}}"#),
        ("probe", r#"{"type":"object","properties":{"a":{"type":"strange"}}}"#),
        ("probe", &deep),
    ] {
        let mut guest = Guest::answering("1");
        guest.name = name.to_owned();
        guest.input_schema = schema.to_owned();
        let error = bench.load(guest, &[]).unwrap_err();
        assert_eq!(error.code(), "bad-description", "{name} {schema}: {error}");
    }
}

#[test]
fn describe_must_be_pure() {
    let bench = Bench::new();
    let mut guest = Guest::answering("1");
    guest.top = import::LOG.to_owned();
    let text = guest.text("hello");
    guest.on_describe = format!("(call $log (i32.const 2) {text} (i32.const 0) (i32.const 0))");
    let error = bench.load(guest, &[]).unwrap_err();
    assert_eq!(error.code(), "bad-description");
    assert!(error.to_string().contains("describe called an import"), "{error}");

    let mut guest = Guest::answering("1");
    guest.on_describe = "unreachable".to_owned();
    assert_eq!(bench.load(guest, &[]).unwrap_err().code(), "bad-description");
}
