//! Files, charts and refusals for the tests of the chart tools.

#![allow(dead_code, reason = "each test file uses a part of it")]

use image::RgbaImage;
use serde_json::Value;
use sport_plot::tools::SPORT_TOOLS;
use sport_sdk::{Artifact, Failure, FailureKind, testing};

pub fn file(bytes: &[u8], name: &str) -> Value {
    let artifact = Artifact::create(bytes, "text/csv", Some(name)).expect("artifact");
    serde_json::to_value(artifact).expect("json")
}

/// One of the files that the table tools are tested with.
pub fn data(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../table/tests/data").join(name);
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
pub fn picture(tool: &str, arguments: Value) -> RgbaImage {
    let result = call(tool, arguments).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(result["media-type"], "image/png");
    image::load_from_memory(&bytes(&result)).expect("png").to_rgba8()
}

#[track_caller]
pub fn refuse(tool: &str, arguments: Value, kind: FailureKind, code: &str, message: &str) {
    let failure = call(tool, arguments).expect_err("a failure");
    assert_eq!((failure.kind, failure.code.as_str()), (kind, code), "{failure}");
    assert!(failure.message.contains(message), "{failure}");
}
