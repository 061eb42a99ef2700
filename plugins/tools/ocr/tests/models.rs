//! The models that the operator grants. In one test, as what is loaded stays.
//!
//! * before they are loaded, calls fail and say how to grant them
//! * one is missing, none is there, one is there twice, one is a stranger
//! * a file that is no model, one that is cut short, the two exchanged, one that is too large
//! * after all these failures the right ones are loaded, once
//!
//! And pictures that are none.

mod support;

use image::{Rgb, RgbImage};
use serde_json::json;
use sport_ocr::ocr::{self, SPORT_TOOLS};
use sport_sdk::{Artifact, Failure, FailureKind, testing};
use support::{artifact, call, model, png};

#[track_caller]
fn refused(result: Result<impl std::fmt::Debug, Failure>, kind: FailureKind, code: &str, message: &str) {
    let failure = result.expect_err("a failure");
    assert_eq!((failure.kind, failure.code.as_str()), (kind, code), "{failure}");
    assert!(failure.message.contains(message), "{failure}");
}

fn file(bytes: &[u8], name: &str) -> Artifact {
    Artifact::create(bytes, "application/octet-stream", Some(name)).expect("artifact")
}

#[test]
fn loading() {
    let picture = png(&RgbImage::from_pixel(60, 40, Rgb([255; 3])));
    for tool in ["read_text", "read_line"] {
        let result = testing::call(SPORT_TOOLS, tool, json!({ "image": picture }));
        let remedy = "sport plugin add ocr.wasm --artifact detect.onnx=PATH --artifact recognise.onnx=PATH";
        refused(result, FailureKind::Unavailable, "models-not-loaded", remedy);
    }

    let (detect, recognise) = (|| model("detect.onnx"), || model("recognise.onnx"));
    let lacking = [
        (vec![], "was granted nothing; add --artifact detect.onnx=PATH"),
        (vec![detect()], "was granted detect.onnx; add --artifact recognise.onnx=PATH"),
        (vec![recognise()], "was granted recognise.onnx; add --artifact detect.onnx=PATH"),
        (vec![detect(), detect(), recognise()], "each once"),
    ];
    for (artifacts, message) in lacking {
        refused(ocr::load(artifacts), FailureKind::NotFound, "missing-model", message);
    }
    let stranger = vec![detect(), recognise(), file(b"", "classify.onnx")];
    refused(ocr::load(stranger), FailureKind::InvalidInput, "unknown-model", "no classify.onnx");

    let (found, read) = (detect().bytes().expect("bytes"), recognise().bytes().expect("bytes"));
    let wrong = [
        (file(b"", "detect.onnx"), recognise(), "detect.onnx cannot be read as a model"),
        (file(b"not a model", "detect.onnx"), recognise(), "detect.onnx cannot be read as a model"),
        (
            file(&found[..found.len() / 2], "detect.onnx"),
            recognise(),
            "detect.onnx cannot be read as a model",
        ),
        (file(&found, "detect.onnx"), file(&read[..1_000_000], "recognise.onnx"), "recognise.onnx"),
        (
            file(&found, "detect.onnx"),
            file(&found, "recognise.onnx"),
            "recognise.onnx has no list of characters",
        ),
        (file(&read, "detect.onnx"), file(&read, "recognise.onnx"), "detect.onnx"),
        (file(&vec![0; 33 << 20], "detect.onnx"), recognise(), "models of at most 32 MB are loaded"),
    ];
    for (detector, recogniser, message) in wrong {
        refused(ocr::load(vec![detector, recogniser]), FailureKind::InvalidInput, "bad-model", message);
    }

    let white = call("read_text", picture).expect("the right models");
    assert_eq!(white["text"], "");
    refused(
        ocr::load(vec![detect(), recognise()]),
        FailureKind::InvalidInput,
        "already-loaded",
        "loaded once",
    );

    for tool in ["read_text", "read_line"] {
        refused(call(tool, artifact(b"hello", "a.png")), FailureKind::InvalidInput, "not-an-image", "a.png");
        let damaged = artifact(b"\x89PNG\r\n\x1a\n and no more", "a.png");
        refused(call(tool, damaged), FailureKind::InvalidInput, "bad-image", "a.png");
    }
}
