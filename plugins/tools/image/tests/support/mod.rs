//! Pictures, calls and refusals for the tests of what changes and compares pictures.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::Value;
use sport_image::tools::SPORT_TOOLS;
use sport_sdk::{Artifact, Failure, FailureKind, testing};

/// A picture of one colour.
pub fn plain(width: u32, height: u32, color: [u8; 3]) -> DynamicImage {
    RgbImage::from_pixel(width, height, Rgb(color)).into()
}

/// A picture with slow changes of colour and a pattern of small squares, as cloth or leaves have.
pub fn scene(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| {
        let pattern = ((x / 4).wrapping_mul(2_654_435_761) ^ (y / 4).wrapping_mul(2_246_822_519)) >> 13 & 63;
        let wave =
            |value: u32, length: f32| ((value as f32 / length).sin() * 50.0 + 90.0) as u8 + pattern as u8;
        Rgb([wave(x + y, 9.0), wave(x, 23.0), wave(y * 2, 31.0)])
    })
    .into()
}

pub fn file(image: &DynamicImage, name: &str) -> Value {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).expect("encode");
    let artifact = Artifact::create(&bytes.into_inner(), "image/png", Some(name)).expect("artifact");
    serde_json::to_value(artifact).expect("json")
}

pub fn call(tool: &str, arguments: Value) -> Result<Value, Failure> {
    testing::call(SPORT_TOOLS, tool, arguments).map(|outcome| outcome.structured.expect("structured"))
}

pub fn bytes(result: &Value) -> Vec<u8> {
    let artifact: Artifact = serde_json::from_value(result.clone()).expect("artifact");
    artifact.bytes().expect("bytes")
}

pub fn open(result: &Value) -> DynamicImage {
    image::load_from_memory(&bytes(result)).expect("image")
}

#[track_caller]
pub fn refuse(tool: &str, arguments: Value, code: &str, message: &str) {
    let failure = call(tool, arguments).expect_err("a failure");
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::InvalidInput, code), "{failure}");
    assert!(failure.message.contains(message), "{failure}");
}
