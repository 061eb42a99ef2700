//! A component of another world, through the binary.
//!
//! * `plugin inspect` says what it is; `plugin run` calls its functions, and says what is wrong with arguments
//! * agent code calls it by path, and by name once it is installed
//! * what it asks for and may not have is refused, by name

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sport_tests::{assert_one_line_error, run, sport, write};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WIT: &str = "package local:calc@0.1.0;
    interface ops {
        enum rounding { down, up }
        half: func(of: s32, rounding: option<rounding>) -> result<s32, string>;
    }
    world w { export add: func(a: s32, b: s32) -> s32; export ops; }";

/// `half` gives 21 for 42, and fails on odd numbers unless it is told how to round.
const MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
    (data (i32.const 64) "an odd number has no half")
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "local:calc/ops@0.1.0#half") (param $of i32) (param $some i32) (param $rounding i32) (result i32)
        (i32.store (i32.const 32) (i32.and (local.get $of) (i32.eqz (local.get $some))))
        (if (i32.load (i32.const 32))
            (then (i32.store (i32.const 36) (i32.const 64)) (i32.store (i32.const 40) (i32.const 25)))
            (else (i32.store (i32.const 36)
                (i32.shr_s (i32.add (local.get $of) (local.get $rounding)) (i32.const 1)))))
        (i32.const 32)))"#;

fn component(folder: &Path, name: &str, wit: &str, module: &str) -> PathBuf {
    let mut module = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let bytes = ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap();
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let calc = component(folder.path(), "calc", WIT, MODULE);
    let (code, stdout, stderr) = run(sport(["plugin", "inspect"]).arg(&calc));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("foreign tool"), "{stdout}");
    let call = |tool: &str, arguments: Value| {
        run(sport(["plugin", "run"]).arg(&calc).args([tool, &arguments.to_string()]))
    };
    let (code, stdout, stderr) = call("add", json!({ "a": 2, "b": 3 }));
    assert_eq!((code, stdout.trim()), (0, "5"), "{stderr}");
    let (code, stdout, stderr) = call("calc_ops_half", json!({ "of": 43, "rounding": "up" }));
    assert_eq!((code, stdout.trim()), (0, "22"), "{stderr}");
    let (code, _, stderr) = call("calc_ops_half", json!({ "of": 43 }));
    assert_ne!(code, 0);
    assert_one_line_error(&stderr, "an odd number has no half");
    let (code, _, stderr) = call("add", json!({ "a": 2 }));
    assert_ne!(code, 0);
    assert_one_line_error(&stderr, "\"b\" is a required property");
}

#[test]
fn by_agent_code() {
    let folder = tempfile::tempdir().unwrap();
    let calc = component(folder.path(), "calc", WIT, MODULE);
    let text = "print(add(a=1, b=2), calc_ops_half(of=42))\ntry:\n    calc_ops_half(of=1)\nexcept ToolError as e:\n    print(e)";
    let code = write(folder.path(), "code.py", text);
    let config = folder.path().join("config");
    let installed = run(sport(["plugin", "add"]).arg(&calc).env("SPORT_CONFIG", &config));
    assert_eq!(installed.0, 0, "{installed:?}");
    for tool in [calc.as_os_str(), "calc".as_ref()] {
        let mut command = sport(["exec", "--tool"]);
        command.arg(tool).arg(&code).env("SPORT_CONFIG", &config);
        let (status, stdout, stderr) = run(&mut command);
        assert_eq!(status, 0, "{stderr}");
        let lines: Vec<_> = stdout.lines().collect();
        assert_eq!(lines[0], "3 21");
        assert!(lines[1].contains("an odd number has no half"), "{stdout}");
    }
}

#[test]
fn what_it_may_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let wit = "package local:asks; world w { import wasi:http/outgoing@0.2.3; export go: func() -> u32; }
        package wasi:http@0.2.3 { interface outgoing { go: func() -> u32; } }";
    let module = r#"(module (import "wasi:http/outgoing@0.2.3" "go" (func $go (result i32)))
        (memory (export "memory") 1) (func (export "go") (result i32) (call $go)))"#;
    let asks = component(folder.path(), "asks", wit, module);
    let (code, _, stderr) = run(sport(["plugin", "run"]).arg(&asks).args(["go", "{}"]));
    assert_ne!(code, 0);
    assert_one_line_error(&stderr, "wasi:http/outgoing@0.2.3");
}
