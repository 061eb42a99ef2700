//! Arguments and results against the plugin's schemas.
//!
//! * arguments that do not fit: `bad-arguments`, with the place and the reason, before the guest runs
//! * a result that does not fit; no structured result where the schema promises one
//! * arguments that are too deep or too big
//! * a pattern that would take for ever in a backtracking engine
//! * an unknown tool
//! * references within a schema work
//! * what a schema is told of itself can be shown, whatever stands in it

use serde_json::json;
use sport_sandbox::{FailureKind, Limits};

use crate::support::{Bench, Guest};

fn with_schema(schema: &str) -> Guest {
    let mut guest = Guest::answering("true");
    guest.input_schema = schema.to_owned();
    guest
}

#[test]
fn arguments_are_checked() {
    let bench = Bench::new();
    let schema = r##"{"type":"object","required":["x"],"additionalProperties":false,
        "properties":{"x":{"type":"integer","minimum":1},"box":{"$ref":"#/$defs/box"}},
        "$defs":{"box":{"type":"array","items":{"type":"integer"},"minItems":4,"maxItems":4}}}"##;
    let tool = bench.load(with_schema(schema), &[]).unwrap();
    assert!(bench.call(&tool, json!({ "x": 1, "box": [1, 2, 3, 4] }), Limits::tool()).is_ok());
    for (arguments, word) in [
        (json!({}), "\"x\" is a required property"),
        (json!({ "x": "one" }), "x: "),
        (json!({ "x": 0 }), "x: "),
        (json!({ "x": 1, "y": 2 }), "'y'"),
        (json!({ "x": 1, "box": [1, 2, 3] }), "box: "),
        (json!({ "x": 1, "box": [1, 2, 3, "4"] }), "box/3: "),
        (json!([]), "object"),
        (json!(null), "object"),
    ] {
        let failure = bench.call(&tool, arguments.clone(), Limits::tool()).unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::InvalidInput, "bad-arguments"));
        assert!(failure.message.contains(word), "{arguments}: {}", failure.message);
        assert!(!failure.message.contains('\n'));
    }
}

#[test]
fn results_are_checked() {
    let bench = Bench::new();
    let result = |text: &str| {
        let mut guest = Guest::answering(text);
        guest.output_schema =
            Some(r#"{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}"#.to_owned());
        let tool = bench.load(guest, &[]).unwrap();
        bench.call(&tool, json!({}), Limits::tool())
    };
    assert_eq!(result(r#"{"n":1}"#).unwrap().structured, Some(json!({ "n": 1 })));
    for text in [r#"{"n":"1"}"#, "{}", "1"] {
        assert_eq!(result(text).unwrap_err().code, "bad-guest-value", "{text}");
    }

    let mut guest = Guest::doing(
        "(i32.store8 (i32.const 1024) (i32.const 0)) (i32.store (i32.const 1032) (i32.const 0))
         (i32.store8 (i32.const 1036) (i32.const 0)) (i32.const 1024)",
    );
    guest.output_schema = Some(r#"{"type":"object"}"#.to_owned());
    let tool = bench.load(guest, &[]).unwrap();
    assert_eq!(bench.call(&tool, json!({}), Limits::tool()).unwrap_err().code, "bad-guest-value");
}

#[test]
fn arguments_are_bounded() {
    let bench = Bench::new();
    let tool = bench.load(Guest::answering("true"), &[]).unwrap();
    let mut deep = json!(1);
    for _ in 0..80 {
        deep = json!([deep]);
    }
    let failure = bench.call(&tool, json!({ "deep": deep }), Limits::tool()).unwrap_err();
    assert_eq!(failure.code, "bad-arguments");
    let failure = bench.call(&tool, json!({ "long": "x".repeat(2 << 20) }), Limits::tool()).unwrap_err();
    assert_eq!(failure.code, "bad-arguments");
    assert!(bench.call(&tool, json!({ "long": "x".repeat(900 << 10) }), Limits::tool()).is_ok());
}

#[test]
fn patterns_are_linear() {
    let bench = Bench::new();
    let schema = r#"{"type":"object","properties":{"x":{"type":"string","pattern":"^(a+)+$"}}}"#;
    let tool = bench.load(with_schema(schema), &[]).unwrap();
    let bad = format!("{}b", "a".repeat(50_000));
    let failure = bench.call(&tool, json!({ "x": bad }), Limits::tool()).unwrap_err();
    assert_eq!(failure.code, "bad-arguments");
    assert!(failure.message.len() <= 8 << 10, "the message is cut");
    // Look-around and back-references cannot be had in linear time.
    let schema = r#"{"type":"object","properties":{"x":{"type":"string","pattern":"(a)\\1"}}}"#;
    assert_eq!(bench.load(with_schema(schema), &[]).unwrap_err().code(), "bad-description");
}

#[test]
fn unknown_tools_are_named() {
    let bench = Bench::new();
    let tool = bench.load(Guest::answering("true"), &[]).unwrap();
    let budget = sport_sandbox::Budget::new(Limits::tool());
    let mut state = sport_sandbox::PluginState::new();
    let failure = tool.call("nothing", &json!({}), &bench.store, &mut state, &budget).unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::NotFound, "no-such-tool"));
}

#[test]
fn messages_can_be_shown() {
    let reason = sport_sandbox::Schema::parse("{\"type\":\"arra\u{7f}\\u001b[31m\"}", None).unwrap_err();
    assert!(reason.contains("arra") && !reason.chars().any(char::is_control), "{reason:?}");
}
