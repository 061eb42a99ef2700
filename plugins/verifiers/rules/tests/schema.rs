//! The part of JSON Schema that rules may use.
//!
//! * every keyword, with a value that fits and one that does not
//! * keywords about another type than the value's say nothing
//! * equal numbers are equal, whole or not
//! * unknown keywords, wrong operands, too many levels and too many keywords are refused

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};
use sport_rules::schema::Schema;

#[test]
fn every_keyword() {
    for (schema, fits, misfits) in [
        (json!({ "type": "integer" }), json!(3.0), json!(3.5)),
        (json!({ "type": ["string", "null"] }), json!(null), json!(1)),
        (json!({ "type": "boolean" }), json!(true), json!("true")),
        (json!({ "const": 1 }), json!(1.0), json!(2)),
        (json!({ "enum": ["a", { "b": [1] }] }), json!({ "b": [1.0] }), json!({ "b": [1, 2] })),
        (json!({ "minimum": 2 }), json!(2), json!(1.9)),
        (json!({ "maximum": 2 }), json!(2), json!(2.1)),
        (json!({ "exclusiveMinimum": 2 }), json!(2.1), json!(2)),
        (json!({ "exclusiveMaximum": 2 }), json!(1.9), json!(2)),
        (json!({ "minLength": 2 }), json!("äö"), json!("ä")),
        (json!({ "maxLength": 2 }), json!("äö"), json!("äöü")),
        (json!({ "minItems": 1 }), json!([0]), json!([])),
        (json!({ "maxItems": 1 }), json!([0]), json!([0, 0])),
        (json!({ "items": { "type": "number" } }), json!([1, 2]), json!([1, "2"])),
        (json!({ "pattern": "^a" }), json!("ab"), json!("ba")),
        (json!({ "required": ["a"] }), json!({ "a": 1 }), json!({ "b": 1 })),
        (
            json!({ "properties": { "a": { "type": "string" } } }),
            json!({ "a": "x", "b": 1 }),
            json!({ "a": 1 }),
        ),
        (
            json!({ "properties": { "a": {} }, "additionalProperties": false }),
            json!({ "a": 1 }),
            json!({ "b": 1 }),
        ),
        (json!({ "additionalProperties": { "type": "number" } }), json!({ "b": 1 }), json!({ "b": "1" })),
        (json!({ "allOf": [{ "minimum": 1 }, { "maximum": 2 }] }), json!(1), json!(3)),
        (json!({ "anyOf": [{ "const": 1 }, { "const": 2 }] }), json!(2), json!(3)),
        (json!({ "oneOf": [{ "minimum": 1 }, { "minimum": 2 }] }), json!(1), json!(2)),
        (json!({ "not": { "type": "null" } }), json!(0), json!(null)),
        (json!({ "not": false, "title": "anything", "description": "but this" }), json!([]), Value::Null),
    ] {
        let read = Schema::read(&schema).unwrap();
        assert_eq!(read.mismatch(&fits), None, "{schema} takes {fits}");
        if schema.get("title").is_none() {
            assert!(read.mismatch(&misfits).is_some(), "{schema} takes no {misfits}");
        }
    }
}

#[test]
fn other_types_are_none_of_a_keywords_business() {
    let schema = json!({ "minimum": 5, "minLength": 5, "minItems": 5, "required": ["a"], "pattern": "^x" });
    let read = Schema::read(&schema).unwrap();
    assert_eq!(read.mismatch(&json!(true)), None);
    assert_eq!(read.mismatch(&json!(7)), None);
    assert!(read.mismatch(&json!("xy")).is_some());
    assert_eq!(Schema::read(&json!(true)).unwrap().mismatch(&json!(1)), None);
    assert!(Schema::read(&json!(false)).unwrap().mismatch(&json!(1)).is_some());
}

#[test]
fn what_is_not_understood_is_refused() {
    for schema in [
        json!({ "$ref": "#" }),
        json!({ "format": "date" }),
        json!({ "minItem": 1 }),
        json!({ "type": "float" }),
        json!({ "minimum": "1" }),
        json!({ "minLength": -1 }),
        json!({ "pattern": "(" }),
        json!({ "enum": 1 }),
        json!({ "properties": [] }),
        json!([]),
    ] {
        assert!(Schema::read(&schema).is_err(), "{schema}");
    }
    let deep = (0..20).fold(json!({}), |schema, _| json!({ "items": schema }));
    assert!(Schema::read(&deep).is_err());
    let wide: Vec<Value> = (0..600).map(|_| json!({})).collect();
    assert!(Schema::read(&json!({ "anyOf": wide })).is_err());
}
