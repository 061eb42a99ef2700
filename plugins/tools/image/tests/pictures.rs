//! The image tools on small pictures made here.
//!
//! * size, format and channels of png, jpeg, gif, webp, tiff, bmp; gray, transparent and 16-bit pictures
//! * a photograph that was held sideways has the size a person sees
//! * mean colour of the whole and of a box; dominant colour of halves; transparent pixels do not count
//! * a crop has exactly the pixels of its box; its name says where it is from
//! * resize: smaller, larger, one side given, to the size it has
//! * boxes that are empty, reach outside or are no boxes; sizes out of range: messages with the numbers
//! * what is no image, what is a broken image, what would unpack to gigabytes
//! * schemas: artifacts by name, boxes of four, colours and formats as enums

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::{Value, json};
use sport_image::tools::SPORT_TOOLS;
use sport_sdk::{Artifact, Failure, FailureKind, testing};

/// Left half red, right half blue, 8 wide and 4 high.
fn halves() -> DynamicImage {
    RgbImage::from_fn(8, 4, |x, _| if x < 4 { Rgb([200, 10, 20]) } else { Rgb([10, 20, 220]) }).into()
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encode");
    bytes.into_inner()
}

fn file(bytes: &[u8], name: &str) -> Value {
    let artifact = Artifact::create(bytes, "application/octet-stream", Some(name)).expect("artifact");
    serde_json::to_value(artifact).expect("json")
}

fn png(image: &DynamicImage, name: &str) -> Value {
    file(&encode(image, ImageFormat::Png), name)
}

fn call(tool: &str, arguments: Value) -> Result<Value, Failure> {
    testing::call(SPORT_TOOLS, tool, arguments).map(|outcome| outcome.structured.expect("structured"))
}

fn open(result: &Value) -> DynamicImage {
    let artifact: Artifact = serde_json::from_value(result.clone()).expect("artifact");
    image::load_from_memory(&artifact.bytes().expect("bytes")).expect("image")
}

#[track_caller]
fn refuse(tool: &str, arguments: Value, kind: FailureKind, code: &str, message: &str) {
    let failure = call(tool, arguments).expect_err("a failure");
    assert_eq!((failure.kind, failure.code.as_str()), (kind, code), "{failure}");
    assert!(failure.message.contains(message), "{failure}");
}

#[test]
fn info_tells_size_format_and_channels() {
    let formats = [
        (ImageFormat::Png, "png", 3),
        (ImageFormat::Jpeg, "jpeg", 3),
        (ImageFormat::Gif, "gif", 4),
        (ImageFormat::WebP, "webp", 3),
        (ImageFormat::Tiff, "tiff", 3),
        (ImageFormat::Bmp, "bmp", 3),
    ];
    for (format, name, channels) in formats {
        let image = file(&encode(&halves(), format), "picture");
        let info = call("image_info", json!({ "image": image })).expect(name);
        assert_eq!(info, json!({ "width": 8, "height": 4, "format": name, "channels": channels }));
    }
    let kinds = [
        (DynamicImage::from(halves().to_luma8()), 1),
        (DynamicImage::from(halves().to_luma_alpha8()), 2),
        (DynamicImage::from(halves().to_rgba8()), 4),
        (DynamicImage::from(halves().to_rgb16()), 3),
    ];
    for (image, channels) in kinds {
        let info = call("image_info", json!({ "image": png(&image, "a.png") })).expect("info");
        assert_eq!(info["channels"], channels);
        call("mean_color", json!({ "image": png(&image, "a.png") })).expect("color");
    }
}

#[test]
fn sideways_photographs_are_turned() {
    // A JPEG with an EXIF segment that says orientation 6: turn right by 90 degrees.
    let jpeg = encode(&halves(), ImageFormat::Jpeg);
    let tiff: &[u8] = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend(u16::try_from(tiff.len() + 2).expect("short").to_be_bytes());
    bytes.extend(tiff);
    bytes.extend(&jpeg[2..]);
    let image = file(&bytes, "held.jpg");
    let info = call("image_info", json!({ "image": image })).expect("info");
    assert_eq!((&info["width"], &info["height"]), (&json!(4), &json!(8)));
    // The left half is at the top now.
    let color = call("mean_color", json!({ "image": image, "box": [0, 0, 4, 3] })).expect("color");
    assert_eq!(color["name"], "red");
}

#[test]
fn mean_color_is_of_the_whole_or_of_a_box() {
    let image = png(&halves(), "halves.png");
    let whole = call("mean_color", json!({ "image": image })).expect("whole");
    assert_eq!((&whole["red"], &whole["green"], &whole["blue"]), (&json!(105), &json!(15), &json!(120)));
    let none = call("mean_color", json!({ "image": image, "box": null })).expect("null");
    assert_eq!(none, whole);
    let left = call("mean_color", json!({ "image": image, "box": [0, 0, 4, 4] })).expect("left");
    assert_eq!(left, json!({ "red": 200, "green": 10, "blue": 20, "name": "red" }));
    let floats = call("mean_color", json!({ "image": image, "box": [0.0, 0.0, 4.0, 4.0] })).expect("floats");
    assert_eq!(floats, left);
    let mostly_blue = call("mean_color", json!({ "image": image, "box": [3, 0, 8, 4] })).expect("right");
    assert_eq!(mostly_blue["name"], "blue");
}

#[test]
fn transparent_pixels_do_not_count() {
    let image: DynamicImage =
        RgbaImage::from_fn(4, 4, |x, _| if x == 0 { Rgba([0, 200, 0, 255]) } else { Rgba([255, 0, 0, 0]) })
            .into();
    let image = png(&image, "sprite.png");
    let color = call("mean_color", json!({ "image": image })).expect("color");
    assert_eq!(color, json!({ "red": 0, "green": 200, "blue": 0, "name": "green" }));
    refuse(
        "mean_color",
        json!({ "image": image, "box": [1, 0, 4, 4] }),
        FailureKind::InvalidInput,
        "no-color",
        "transparent",
    );
}

#[test]
fn colors_have_the_names_people_give_them() {
    use sport_image::ColorName::{self, *};
    let colors = [
        ([0, 0, 0], Black),
        ([128, 128, 128], Gray),
        ([250, 250, 245], White),
        ([220, 20, 30], Red),
        ([255, 140, 0], Orange),
        ([120, 70, 30], Brown),
        ([210, 180, 140], Brown),
        ([250, 230, 30], Yellow),
        ([30, 160, 50], Green),
        ([0, 220, 220], Cyan),
        ([30, 60, 200], Blue),
        ([135, 206, 250], Blue),
        ([130, 40, 180], Purple),
        ([255, 182, 193], Pink),
        ([255, 20, 160], Pink),
    ];
    for (color, name) in colors {
        assert_eq!(ColorName::of(color), name, "{color:?}");
    }
}

#[test]
fn a_crop_has_the_pixels_of_its_box() {
    let image = png(&halves(), "photos/halves.png");
    let result = call("crop_image", json!({ "image": image, "box": [3, 1, 6, 4] })).expect("crop");
    assert_eq!(
        (&result["media-type"], &result["name"]),
        (&json!("image/png"), &json!("halves-crop-3-1-6-4.png"))
    );
    assert_eq!(open(&result).to_rgb8(), halves().crop_imm(3, 1, 3, 3).to_rgb8());
    let deep = png(&DynamicImage::from(halves().to_rgb16()), "deep.png");
    let deep = open(&call("crop_image", json!({ "image": deep, "box": [0, 0, 2, 2] })).expect("crop"));
    assert_eq!(deep.color(), image::ColorType::Rgb16);
}

#[test]
fn resize_makes_the_size_that_was_asked_for() {
    let image = png(&halves(), "halves.png");
    let sizes = [
        (json!({ "width": 4, "height": 2 }), (4, 2)),
        (json!({ "width": 16, "height": 8 }), (16, 8)),
        (json!({ "width": 2, "height": 9 }), (2, 9)),
        (json!({ "width": 4 }), (4, 2)),
        (json!({ "height": 8 }), (16, 8)),
        (json!({ "width": 8, "height": 4 }), (8, 4)),
        (json!({ "width": 1, "height": 1 }), (1, 1)),
    ];
    for (mut arguments, (width, height)) in sizes {
        arguments["image"] = image.clone();
        let result = call("resize_image", arguments).expect("resize");
        assert_eq!(result["name"], format!("halves-{width}x{height}.png"));
        let resized = open(&result);
        assert_eq!((resized.width(), resized.height()), (width, height));
        if width >= 4 {
            assert_eq!(resized.to_rgb8().get_pixel(0, 0), &Rgb([200, 10, 20]));
            assert_eq!(resized.to_rgb8().get_pixel(width - 1, height - 1), &Rgb([10, 20, 220]));
        }
    }
}

#[test]
fn wrong_boxes_and_sizes_are_explained() {
    let image = png(&halves(), "halves.png");
    let input = FailureKind::InvalidInput;
    let with = |field: &str, value: Value| json!({ "image": image, field: value });
    refuse(
        "crop_image",
        with("box", json!([0, 0, 9, 4])),
        input,
        "box-outside-image",
        "8 pixels wide and 4 high",
    );
    refuse("crop_image", with("box", json!([-1, 0, 3, 4])), input, "box-outside-image", "[-1, 0, 3, 4]");
    refuse("crop_image", with("box", json!([3, 0, 3, 4])), input, "empty-box", "is empty");
    refuse("crop_image", with("box", json!([5, 0, 3, 4])), input, "empty-box", "left less than right");
    refuse(
        "crop_image",
        with("box", json!([i64::MIN, 0, i64::MAX, 4])),
        input,
        "box-outside-image",
        "outside",
    );
    refuse(
        "crop_image",
        with("box", json!([0, 0, 3])),
        input,
        "invalid-argument",
        "a list of 4 whole numbers",
    );
    refuse(
        "crop_image",
        with("box", json!("left")),
        input,
        "invalid-argument",
        "a list of 4 whole numbers, not \"left\"",
    );
    refuse("crop_image", json!({ "image": image }), input, "missing-argument", "needs the argument `box`");
    refuse(
        "image_info",
        json!({ "image": 7 }),
        input,
        "invalid-argument",
        "must be the name of a file, not 7",
    );
    refuse("resize_image", with("width", json!(0)), input, "bad-size", "from 1 to 4096");
    refuse("resize_image", with("width", json!(i64::MAX)), input, "bad-size", "from 1 to 4096");
    refuse("resize_image", with("height", json!(5000)), input, "bad-size", "from 1 to 4096");
    refuse("resize_image", json!({ "image": image }), input, "missing-argument", "a width, a height or both");
}

#[test]
fn what_is_no_good_image_is_refused() {
    let input = FailureKind::InvalidInput;
    refuse(
        "image_info",
        json!({ "image": file(b"hello", "notes.txt") }),
        input,
        "not-an-image",
        "notes.txt is not",
    );
    refuse("image_info", json!({ "image": file(b"", "empty") }), input, "not-an-image", "empty is not");
    let whole = encode(&halves(), ImageFormat::Png);
    let cut = file(&whole[..whole.len() / 2], "cut.png");
    refuse("mean_color", json!({ "image": cut }), input, "bad-image", "cut.png cannot be read");
    // A PNG that says it is 60,000 pixels square, with a checksum that fits.
    for (side, code) in [(60_000_u32, "image-too-large"), (25_000, "image-too-large")] {
        let mut bomb = whole.clone();
        bomb[16..20].copy_from_slice(&side.to_be_bytes());
        bomb[20..24].copy_from_slice(&side.to_be_bytes());
        let checksum = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
        let bomb = file(&bomb, "bomb.png");
        refuse("image_info", json!({ "image": bomb }), FailureKind::Exhausted, code, "too large");
        refuse("mean_color", json!({ "image": bomb }), FailureKind::Exhausted, code, "too large");
    }
}

#[test]
fn schemas_say_what_a_caller_needs() {
    let schema = |name: &str| {
        let tool = SPORT_TOOLS.iter().find(|tool| tool.name == name).expect("tool");
        (tool.input_schema(), (tool.output)().expect("output"))
    };
    let (input, output) = schema("mean_color");
    assert_eq!(input["required"], json!(["image"]));
    assert_eq!(input["properties"]["image"]["format"], "sport-artifact");
    assert_eq!(input["properties"]["image"]["type"], "string");
    assert_eq!(input["properties"]["box"]["maxItems"], 4);
    assert!(input["properties"]["box"]["description"].as_str().expect("text").starts_with("[left, top"));
    assert_eq!(output["properties"]["red"]["type"], "integer");
    assert!(
        output["properties"]["name"]["enum"].as_array().expect("enum").contains(&json!("purple")),
        "{output}"
    );
    let (_, output) = schema("image_info");
    assert!(
        output["properties"]["format"]["enum"].as_array().expect("enum").contains(&json!("png")),
        "{output}"
    );
    let (_, output) = schema("crop_image");
    assert_eq!(output["format"], "sport-artifact");
}

/// The checksum of PNG chunks.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}
