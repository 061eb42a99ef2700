//! Files, calls and refusals for the tests of the table tools.

#![allow(dead_code, reason = "each test file uses a part of it")]

use serde_json::{Value, json};
use sport_sdk::{Artifact, Failure, FailureKind, testing};
use sport_table::tools::SPORT_TOOLS;

pub fn file(bytes: &[u8], name: &str) -> Value {
    let artifact = Artifact::create(bytes, "application/octet-stream", Some(name)).expect("artifact");
    serde_json::to_value(artifact).expect("json")
}

/// One of the files in `data`.
pub fn data(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    file(&std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())), name)
}

pub fn call(tool: &str, arguments: Value) -> Result<Value, Failure> {
    testing::call(SPORT_TOOLS, tool, arguments).map(|outcome| outcome.structured.expect("structured"))
}

pub fn bytes(result: &Value) -> Vec<u8> {
    let artifact: Artifact = serde_json::from_value(result.clone()).expect("artifact");
    artifact.bytes().expect("bytes")
}

#[track_caller]
pub fn refuse(tool: &str, arguments: Value, kind: FailureKind, code: &str, message: &str) {
    let failure = call(tool, arguments).expect_err("a failure");
    assert_eq!((failure.kind, failure.code.as_str()), (kind, code), "{failure}");
    assert!(failure.message.contains(message), "{failure}");
}

/// Names and types of a file's columns, as `name: type`.
pub fn columns(info: &Value) -> Vec<String> {
    let columns = info["columns"].as_array().expect("columns");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    columns.iter().map(|column| format!("{}: {}", text(&column["name"]), text(&column["type"]))).collect()
}

pub fn csv_info(text: &str) -> Value {
    call("table_info", json!({ "file": file(text.as_bytes(), "t.csv") })).expect(text)
}

/// All rows of a file, each as the list of its values.
pub fn rows(file: &Value) -> Vec<Value> {
    let page = call("table_rows", json!({ "file": file, "limit": 1000 })).expect("rows");
    values(&page)
}

/// The rows of an answer, each as the list of its values.
pub fn values(page: &Value) -> Vec<Value> {
    let rows = page["rows"].as_array().expect("rows");
    rows.iter()
        .map(|row| Value::from(row.as_object().expect("row").values().cloned().collect::<Vec<_>>()))
        .collect()
}
