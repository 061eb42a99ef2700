//! Components that know nothing of Sport are plugins of tools.
//!
//! * plain functions, at the top and in an interface: names, schemas, descriptions from `package-docs`, calls
//! * every type goes in and comes back: integers with their ends, floats, texts, characters, records, options, tuples, lists,
//!   enums, flags, variants, results, nested ones
//! * what does not fit is `bad-arguments` with the place; what is no JSON is the component's fault
//! * bytes: a file goes in, a file comes out; none at all; one that is too large
//! * a function's error is a failure with its text, or its value in the details
//! * what it may import: WASI without `wasi:http`, with nothing in it; nothing of `sport:host`
//! * functions that are no tools are left out; a component of which none is left; names that meet; a trap with its words
//! * types that are too deep or too many; results that are too large

use std::sync::Arc;

use serde_json::{Value, json};
use sport_sandbox::{
    Branch, Budget, Error, Failure, FailureKind, Grants, Kind, Limits, Outcome, PluginState, Tool, ToolHost,
    Toolbox, inspect,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::support::Bench;

/// A component of a world, from its WIT and a core module.
fn component(wit: &str, module: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}: {module}"));
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).unwrap_or_else(|error| panic!("{error:#}: {wit}"));
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// Memory and an allocator that only goes forward.
const MEMORY: &str = r#"
    (memory (export "memory") 40)
    (global $free (mut i32) (i32.const 65536))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
        (global.set $free (i32.add (local.get $at) (local.get 3)))
        (local.get $at))"#;

fn load(bench: &Bench, bytes: &[u8]) -> Result<Arc<Tool>, Error> {
    bench.sandbox.tool(&bench.file("foreign", bytes), &Grants::none())
}

fn call(bench: &Bench, tool: &Tool, name: &str, arguments: Value) -> Result<Outcome, Failure> {
    let budget = Budget::new(Limits::tool());
    tool.call(name, &arguments, &bench.store, &mut PluginState::new(), &budget)
}

const CALCULATES: &str = r#"
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "local:calc/ops@0.1.0#mul-div") (param i32 i32 i32) (result i32)
        (i32.div_s (i32.mul (local.get 0) (local.get 1)) (local.get 2)))"#;

fn calculator() -> Vec<u8> {
    let wit = "package local:calc@0.1.0;
        interface ops { mul-div: func(a: s32, b: s32, by: s32) -> s32; }
        world w { export add: func(a: s32, b: s32) -> s32; export ops; }";
    component(wit, &format!("(module {CALCULATES} {MEMORY})"))
}

#[test]
fn functions_are_tools() {
    let bench = Bench::new();
    let bytes = calculator();
    let path = bench.file("calc", &bytes);
    assert_eq!(inspect(&path).unwrap().kind, Some(Kind::Foreign));
    let tool = load(&bench, &bytes).unwrap();
    let names: Vec<_> = tool.descriptors().iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["add", "calc_ops_mul_div"]);
    let add = &tool.descriptors()[0];
    let integer = json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX });
    assert_eq!(
        add.input_schema,
        json!({ "type": "object", "properties": { "a": integer, "b": integer }, "required": ["a", "b"],
            "additionalProperties": false })
    );
    assert_eq!(add.output_schema, Some(integer));
    assert_eq!(add.description, "The function `add` of foreign.");
    assert_eq!(call(&bench, &tool, "add", json!({ "a": 2, "b": -3 })).unwrap().structured, Some(json!(-1)));
    let arguments = json!({ "a": 7, "b": 6, "by": 2 });
    assert_eq!(call(&bench, &tool, "calc_ops_mul_div", arguments).unwrap().structured, Some(json!(21)));
    for (arguments, what) in [
        (json!({ "a": 1 }), "\"b\" is a required property"),
        (json!({ "a": 1, "b": 3_000_000_000_u32 }), "b: "),
        (json!({ "a": 1, "b": "2" }), "b: "),
        (json!({ "a": 1, "b": 2.5 }), "b: "),
    ] {
        let failure = call(&bench, &tool, "add", arguments).unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::InvalidInput, "bad-arguments"));
        assert!(failure.message.contains(what), "{failure}");
    }
    let trap = call(&bench, &tool, "calc_ops_mul_div", json!({ "a": 7, "b": 6, "by": 0 })).unwrap_err();
    assert_eq!((trap.code.as_str(), trap.kind), ("trapped", FailureKind::Internal), "{trap}");
    assert!(trap.message.contains("divide by zero"), "{trap}");
    // an instance of its own each time: the next call is well
    assert!(call(&bench, &tool, "add", json!({ "a": 2.0, "b": 1 })).is_ok());
    assert_eq!(call(&bench, &tool, "sub", json!({})).unwrap_err().code, "no-such-tool");
}

#[test]
fn descriptions_of_the_author() {
    let bench = Bench::new();
    let docs = json!({
        "worlds": { "w": { "func_exports": { "add": { "docs": "Adds two\u{7} numbers." } } } },
        "interfaces": { "ops": { "funcs": { "mul-div": "Multiplies, then divides." } } },
    });
    let mut bytes = calculator();
    let data = [&[1], docs.to_string().as_bytes()].concat();
    let name = b"package-docs";
    let size = 1 + name.len() + data.len();
    assert!(size >= 128, "a size of two bytes");
    bytes.extend([0, (size & 127 | 128) as u8, (size >> 7) as u8, name.len() as u8]);
    bytes.extend(name);
    bytes.extend(data);
    let tool = load(&bench, &bytes).unwrap();
    let texts: Vec<_> = tool.descriptors().iter().map(|tool| tool.description.as_str()).collect();
    assert_eq!(texts, ["Adds two  numbers.", "Multiplies, then divides."]);
}

/// A function `echo` that takes and gives a record of `ty` and so much else that both go through memory, at the same place.
fn echo(types: &str, ty: &str) -> Vec<u8> {
    let wit = format!(
        "package local:echo;
         interface types {{ {types} record whole {{ value: {ty}, rest: tuple<{}> }} }}
         world w {{ use types.{{whole}}; export echo: func(x: whole) -> whole; }}",
        vec!["u8"; 17].join(", ")
    );
    component(
        &wit,
        &format!(r#"(module (func (export "echo") (param i32) (result i32) (local.get 0)) {MEMORY})"#),
    )
}

fn wrap(value: Option<&Value>) -> Value {
    let mut whole = json!({ "rest": vec![0; 17] });
    if let Some(value) = value {
        whole["value"] = value.clone();
    }
    json!({ "x": whole })
}

const TYPES: &str = "
    enum colour { red, dark-blue }
    flags rights { read, write, run }
    record point { x: f64, y: option<f64> }
    variant shape { nothing, circle(f64), polygon(list<point>), named(string) }";

#[test]
fn every_type_goes_in_and_comes_back() {
    let bench = Bench::new();
    let cases: &[(&str, &[Value], &[Value])] = &[
        ("bool", &[json!(true), json!(false)], &[json!(0), json!("true"), json!(null)]),
        ("u8", &[json!(0), json!(255)], &[json!(-1), json!(256)]),
        ("s8", &[json!(-128), json!(127)], &[json!(-129), json!(128)]),
        ("u16", &[json!(65_535)], &[json!(65_536)]),
        ("s16", &[json!(-32_768)], &[json!(32_768)]),
        ("u32", &[json!(u32::MAX)], &[json!(u64::from(u32::MAX) + 1)]),
        ("s32", &[json!(i32::MIN)], &[json!(i64::from(i32::MIN) - 1)]),
        (
            "u64",
            &[json!(0), json!(1_u64 << 53), json!("18446744073709551615")],
            &[json!(-1), json!("18446744073709551616"), json!("1e3"), json!("")],
        ),
        ("s64", &[json!(-1), json!("-9223372036854775808")], &[json!("9223372036854775808"), json!("x")]),
        ("f64", &[json!(0.1), json!(-1e300), json!(2.0)], &[json!("NaN"), json!(null)]),
        ("f32", &[json!(0.5)], &[json!(1e300)]),
        ("char", &[json!("x"), json!("é"), json!("🦀")], &[json!(""), json!("ab")]),
        ("string", &[json!(""), json!("a \u{1F980} text")], &[json!(1)]),
        ("colour", &[json!("red"), json!("dark-blue")], &[json!("dark_blue"), json!(0)]),
        (
            "rights",
            &[json!([]), json!(["read", "run"])],
            &[json!(["read", "read"]), json!(["fly"]), json!("read")],
        ),
        ("tuple<u8, string>", &[json!([1, "a"])], &[json!([1]), json!([1, "a", 2]), json!(["a", 1])]),
        ("list<string>", &[json!([]), json!(["a", "b"])], &[json!("a"), json!([1])]),
        ("list<list<u16>>", &[json!([[], [1, 2]])], &[json!([1])]),
        (
            "point",
            &[json!({ "x": 1.5, "y": 2.5 }), json!({ "x": 1.5 })],
            &[json!({ "y": 1 }), json!({ "x": 1, "z": 1 })],
        ),
        (
            "shape",
            &[
                json!("nothing"),
                json!({ "circle": 1.5 }),
                json!({ "polygon": [{ "x": 0.5 }] }),
                json!({ "named": "nothing" }),
            ],
            &[
                json!("circle"),
                json!({ "nothing": 1 }),
                json!({ "circle": 1, "named": "x" }),
                json!({}),
                json!({ "box": 1 }),
            ],
        ),
        (
            "result<u8, string>",
            &[json!({ "ok": 1 }), json!({ "err": "no" })],
            &[json!("ok"), json!({ "ok": "x" })],
        ),
        ("result", &[json!("ok"), json!("err")], &[json!({ "ok": 1 }), json!("maybe")]),
        ("option<u8>", &[json!(1)], &[json!("x"), json!(256)]),
        ("option<colour>", &[json!("red")], &[json!("green")]),
        ("option<option<u8>>", &[json!({ "some": 1 }), json!({ "some": null })], &[json!(1), json!({})]),
        ("list<option<u8>>", &[json!([1, null, 2])], &[json!(["x"])]),
        (
            "tuple<option<shape>, list<rights>>",
            &[json!([null, []]), json!([{ "circle": 0.5 }, [["write"]]])],
            &[json!([[], []])],
        ),
    ];
    for (ty, good, bad) in cases {
        let tool = load(&bench, &echo(TYPES, ty)).unwrap_or_else(|error| panic!("{ty}: {error}"));
        for value in *good {
            let outcome = call(&bench, &tool, "echo", wrap(Some(value)));
            let outcome = outcome.unwrap_or_else(|failure| panic!("{ty} {value}: {failure}"));
            assert_eq!(outcome.structured.unwrap()["value"], *value, "{ty}");
        }
        for value in *bad {
            let failure = call(&bench, &tool, "echo", wrap(Some(value)));
            let failure = failure.map(drop).expect_err(&format!("{ty} {value}"));
            assert_eq!(failure.code, "bad-arguments", "{ty} {value}: {failure}");
            assert!(failure.message.contains('x'), "{ty} {value}: {failure}");
        }
    }
}

#[test]
fn an_option_may_be_left_out() {
    let bench = Bench::new();
    for ty in ["option<u8>", "option<string>", "option<point>", "option<option<u8>>", "option<list<u8>>"] {
        let tool = load(&bench, &echo(TYPES, ty)).unwrap();
        for value in [None, Some(&Value::Null)] {
            let whole = call(&bench, &tool, "echo", wrap(value)).unwrap().structured.unwrap();
            assert_eq!(whole.get("value"), None, "{ty}");
        }
    }
}

#[test]
fn bytes_are_files() {
    let bench = Bench::new();
    let tool = load(&bench, &echo("", "list<u8>")).unwrap();
    let value = &tool.descriptors()[0].input_schema["properties"]["x"]["properties"]["value"];
    assert_eq!(*value, json!({ "type": "string", "format": "sport-artifact" }));
    // by agent code: names go in and come out
    let mut toolbox = Toolbox::new(vec![Arc::clone(&tool)], bench.store.clone()).unwrap();
    let mut branch = Branch::open(&[]).unwrap();
    for bytes in [&b"some \xff bytes"[..], b""] {
        let artifact = bench.store.put(bytes, "text/plain", Some("in.bin")).unwrap();
        let path = branch.files.add_artifact(&artifact, &bench.store).unwrap();
        let arguments = wrap(Some(&json!(path)));
        let outcome = toolbox.invoke("echo", &arguments, &mut branch, &Budget::new(Limits::tool())).unwrap();
        let path = outcome.structured.unwrap()["value"].as_str().unwrap().to_owned();
        assert_eq!(&*branch.files.resolve(&path).unwrap().bytes, bytes, "{path}");
        assert_eq!(outcome.content.len(), 1);
    }
    let large = bench.store.put(&vec![1; 3 << 20], "text/plain", None).unwrap();
    let reference =
        json!({ "digest": large.digest, "media_type": "text/plain", "size": large.size, "name": null });
    assert!(call(&bench, &tool, "echo", wrap(Some(&reference))).is_err(), "its memory has not so much room");
    let larger = bench.store.put(&vec![1; 5 << 20], "text/plain", None).unwrap();
    let reference =
        json!({ "digest": larger.digest, "media_type": "text/plain", "size": larger.size, "name": null });
    assert_eq!(call(&bench, &tool, "echo", wrap(Some(&reference))).unwrap_err().code, "file-too-large");
    let unknown = json!({ "digest": format!("sha256:{}", "0".repeat(64)) });
    assert_eq!(call(&bench, &tool, "echo", wrap(Some(&unknown))).unwrap_err().code, "artifact-missing");
}

/// A function `try` that gives what its return area holds.
fn gives(result: &str, area: &str) -> Vec<u8> {
    let wit = format!(
        "package local:gives; interface types {{ {TYPES} }}
         world w {{ use types.{{shape, point, colour}}; export try: func() -> {result}; }}"
    );
    component(
        &wit,
        &format!(
            r#"(module (func (export "try") (result i32) (i32.const 1024)) (data (i32.const 1024) "{area}") {MEMORY})"#
        ),
    )
}

#[test]
fn errors_are_failures() {
    let bench = Bench::new();
    // discriminant, padding, address, length; the text lies behind
    let text = r"\01\00\00\00\10\04\00\00\05\00\00\00\00\00\00\00wrong";
    let failure = call(&bench, &load(&bench, &gives("result<u32, string>", text)).unwrap(), "try", json!({}));
    let failure = failure.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("function-failed", "wrong"));
    assert_eq!(failure.details, None);
    let colour = call(
        &bench,
        &load(&bench, &gives("result<u32, colour>", r"\01\00\00\00\01")).unwrap(),
        "try",
        json!({}),
    );
    assert_eq!(colour.unwrap_err().message, "dark-blue");
    let record = r"\01\00\00\00\00\00\00\00\00\00\00\00\00\00\f8\3f\00";
    let point = call(&bench, &load(&bench, &gives("result<u32, point>", record)).unwrap(), "try", json!({}));
    let point = point.unwrap_err();
    assert_eq!((point.message.as_str(), point.details), (r#"{"x":1.5}"#, Some(json!({ "x": 1.5 }))));
    let fine = load(&bench, &gives("result<u32, string>", r"\00\00\00\00\2a\00\00\00")).unwrap();
    assert_eq!(call(&bench, &fine, "try", json!({})).unwrap().structured, Some(json!(42)));
    assert_eq!(fine.descriptors()[0].output_schema.as_ref().unwrap()["type"], "integer");
}

#[test]
fn what_is_no_json_is_its_own_fault() {
    let bench = Bench::new();
    let nan = r"\00\00\00\00\00\00\f8\7f\00\00\00\00\00\00\00\00";
    let tool = load(&bench, &gives("tuple<f64, u64>", nan)).unwrap();
    let failure = call(&bench, &tool, "try", json!({})).unwrap_err();
    assert_eq!(failure.code, "bad-guest-value", "{failure}");
    // a text of two megabytes
    let text = r"\00\00\01\00\00\00\20\00";
    let tool = load(&bench, &gives("string", text)).unwrap();
    let failure = call(&bench, &tool, "try", json!({})).unwrap_err();
    assert_eq!(failure.code, "bad-guest-value", "{failure}");
    // a list that says it has four thousand million texts
    let list = r"\00\00\01\00\ff\ff\ff\0f";
    let tool = load(&bench, &gives("list<string>", list)).unwrap();
    assert!(call(&bench, &tool, "try", json!({})).is_err());
}

#[test]
fn what_it_may_import() {
    let bench = Bench::new();
    let wit = |import: &str| {
        format!(
            "package local:asks; world w {{ import {import}; export count: func() -> u32; }}
             package wasi:cli@0.2.3 {{
                 interface environment {{ get-environment: func() -> list<tuple<string, string>>; }}
             }}
             package wasi:http@0.2.3 {{ interface outgoing {{ go: func() -> u32; }} }}
             package sport:host@0.1.0 {{ interface kv {{ go: func() -> u32; }} }}
             package other:host@0.1.0 {{ interface door {{ go: func() -> u32; }} }}"
        )
    };
    let environment = component(
        &wit("wasi:cli/environment@0.2.3"),
        &format!(
            r#"(module (import "wasi:cli/environment@0.2.3" "get-environment" (func $get (param i32))) {MEMORY}
                (func (export "count") (result i32) (call $get (i32.const 64)) (i32.load (i32.const 68))))"#
        ),
    );
    let tool = load(&bench, &environment).unwrap();
    assert_eq!(call(&bench, &tool, "count", json!({})).unwrap().structured, Some(json!(0)));
    for (import, what) in [
        ("wasi:http/outgoing@0.2.3", "not-granted"),
        ("other:host/door@0.1.0", "not-granted"),
        ("sport:host/kv@0.1.0", "contract-unsupported"),
    ] {
        let bytes = component(
            &wit(import),
            &format!(
                r#"(module (import "{import}" "go" (func $go (result i32))) {MEMORY} (func (export "count") (result i32) (call $go)))"#
            ),
        );
        assert_eq!(load(&bench, &bytes).unwrap_err().code(), what, "{import}");
    }
}

#[test]
fn functions_that_are_no_tools() {
    let bench = Bench::new();
    let wit = "package local:mixed;
        interface things { resource thing { constructor(); } make: func() -> thing; count: func() -> u32; }
        world w { export things; }";
    let module = format!(
        r#"(module
            (import "[export]local:mixed/things" "[resource-new]thing" (func $new (param i32) (result i32)))
            (func (export "local:mixed/things#[constructor]thing") (result i32) (call $new (i32.const 1)))
            (func (export "local:mixed/things#make") (result i32) (call $new (i32.const 1)))
            (func (export "local:mixed/things#count") (result i32) (i32.const 3)) {MEMORY})"#
    );
    let tool = load(&bench, &component(wit, &module)).unwrap();
    let names: Vec<_> = tool.descriptors().iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["mixed_things_count"]);
    let only = wit.replace(" count: func() -> u32;", "");
    let error = load(&bench, &component(&only, &module)).unwrap_err();
    assert_eq!(error.code(), "bad-description");
    assert!(error.to_string().contains("it passes a resource"), "{error}");

    let wit = "package local:a; interface b { c: func() -> u32; } world w { export b; export a-b-c: func() -> u32; }";
    let module = format!(
        r#"(module (func (export "local:a/b#c") (result i32) (i32.const 1)) (func (export "a-b-c") (result i32) (i32.const 2)) {MEMORY})"#
    );
    let error = load(&bench, &component(wit, &module)).unwrap_err();
    assert!(error.to_string().contains("would be called a_b_c"), "{error}");
}

#[test]
fn types_are_bounded() {
    let bench = Bench::new();
    let deep = (0..40).fold("u32".to_owned(), |inner, _| format!("list<{inner}>"));
    let error = load(&bench, &echo("", &deep)).unwrap_err();
    assert!(error.to_string().contains("nested too deeply"), "{error}");
    // a small text that stands for 8,192 values
    let names: String = (1..14).map(|n| format!("type t{n} = tuple<t{}, t{}>; ", n - 1, n - 1)).collect();
    match load(&bench, &echo(&format!("type t0 = u8; {names}"), "t13")) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(_) => panic!("it was taken"),
    }
}
