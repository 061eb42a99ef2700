//! Other file formats, and what two pictures have in common.
//!
//! * every kind of pixels into every format: size, format and (but for jpeg and gif) every pixel stay
//! * jpeg: quality is size; what can be seen through becomes white
//! * gray
//! * a quality that means nothing, a gif that is too large
//! * equal pictures are identical; of two that differ: how many pixels, where, by how much, and the picture of it
//! * likeness falls with damage, hardly with compression, and is low for other pictures
//! * tolerance; transparency; pictures of unequal size

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

mod support;

use image::{DynamicImage, GenericImage, GenericImageView, ImageFormat, Rgba, RgbaImage};
use serde_json::{Value, json};
use support::{bytes, call, file, open, plain, refuse, scene};

fn convert(image: &DynamicImage, to: &str) -> Value {
    call("convert_image", json!({ "image": file(image, "shots/a.b.png"), "to": to })).expect(to)
}

#[test]
fn every_picture_becomes_every_format() {
    let soft: DynamicImage =
        RgbaImage::from_fn(40, 30, |x, y| Rgba([(x * 6) as u8, (y * 8) as u8, 90, (x * 6) as u8])).into();
    let kinds: [DynamicImage; 8] = [
        scene(40, 30),
        scene(40, 30).to_luma8().into(),
        soft.clone(),
        soft.to_luma_alpha8().into(),
        scene(40, 30).to_rgb16().into(),
        soft.to_rgba16().into(),
        scene(40, 30).to_luma16().into(),
        soft.to_luma_alpha16().into(),
    ];
    let formats = [
        ("bmp", "bmp", ImageFormat::Bmp),
        ("gif", "gif", ImageFormat::Gif),
        ("jpeg", "jpg", ImageFormat::Jpeg),
        ("png", "png", ImageFormat::Png),
        ("tiff", "tiff", ImageFormat::Tiff),
        ("webp", "webp", ImageFormat::WebP),
    ];
    for image in &kinds {
        for (to, ending, format) in formats {
            let result = convert(image, to);
            assert_eq!(result["name"], format!("a.b.{ending}"));
            assert_eq!(image::guess_format(&bytes(&result)).expect("format"), format);
            let written = open(&result);
            assert_eq!((written.width(), written.height()), (40, 30), "{to}");
            if !matches!(to, "jpeg" | "gif") {
                assert_eq!(written.to_rgba8(), image.to_rgba8(), "{:?} as {to}", image.color());
            }
            let info = call("image_info", json!({ "image": result })).expect("info");
            assert_eq!(info["format"], to);
        }
    }
}

#[test]
fn jpeg_has_a_quality_and_no_transparency() {
    let size = |quality: u8| {
        let arguments = json!({ "image": file(&scene(200, 200), "a.png"), "to": "jpeg", "quality": quality });
        bytes(&call("convert_image", arguments).expect("jpeg")).len()
    };
    assert!(size(20) < size(70) && size(70) < size(98));
    let clear: DynamicImage = RgbaImage::from_pixel(16, 16, Rgba([255, 0, 0, 0])).into();
    assert!(
        open(&convert(&clear, "jpeg"))
            .to_rgb8()
            .pixels()
            .all(|pixel| pixel.0.iter().all(|value| *value > 250))
    );
    let half: DynamicImage = RgbaImage::from_pixel(16, 16, Rgba([0, 0, 0, 128])).into();
    assert!(
        open(&convert(&half, "jpeg"))
            .to_rgb8()
            .pixels()
            .all(|pixel| pixel.0.iter().all(|value| value.abs_diff(127) < 4))
    );
    let image = file(&scene(20, 20), "a.png");
    refuse("convert_image", json!({ "image": image, "to": "png", "quality": 5 }), "bad-quality", "only jpeg");
    refuse("convert_image", json!({ "image": image, "to": "jpeg", "quality": 0 }), "bad-quality", "1 to 100");
    refuse("convert_image", json!({ "image": image, "to": "heic" }), "invalid-argument", "\"webp\"");
    let failure =
        call("convert_image", json!({ "image": file(&plain(3000, 2500, [1, 2, 3]), "a.png"), "to": "gif" }));
    assert_eq!(failure.expect_err("large").code, "image-too-large");
}

#[test]
fn gray_has_no_color() {
    let arguments = json!({ "image": file(&plain(8, 8, [200, 100, 0]), "a.png"), "to": "png", "gray": true });
    let gray = open(&call("convert_image", arguments).expect("gray"));
    assert_eq!(gray.color(), image::ColorType::L8);
    assert!((100..125).contains(&gray.to_luma8().get_pixel(0, 0).0[0]));
}

fn compare(first: &DynamicImage, second: &DynamicImage, more: Value) -> Value {
    let mut arguments = json!({ "image": file(first, "first.png"), "other": file(second, "second.png") });
    arguments.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
    call("compare_images", arguments).expect("comparison")
}

#[test]
fn differences_are_counted_and_found() {
    let first = scene(120, 90);
    let same = compare(&first, &first, json!({}));
    assert_eq!((&same["identical"], &same["similarity"]), (&json!(true), &json!(1.0)));
    assert_eq!((&same["different_pixels"], &same["box"]), (&json!(0), &Value::Null));
    // The same pixels in another kind of file are the same picture.
    assert_eq!(compare(&first, &first.to_rgba16().into(), json!({}))["identical"], true);

    let mut second = first.clone();
    for (x, y) in [(30, 40), (50, 60)] {
        let Rgba([red, green, blue, opacity]) = first.get_pixel(x, y);
        second.put_pixel(x, y, Rgba([red + 10, green, blue, opacity]));
    }
    let found = compare(&first, &second, json!({ "save": true }));
    assert_eq!((&found["identical"], &found["same_size"]), (&json!(false), &json!(true)));
    assert_eq!((&found["different_pixels"], &found["box"]), (&json!(2), &json!([30, 40, 51, 61])));
    let share = found["different_share"].as_f64().expect("share");
    let mean = found["mean_difference"].as_f64().expect("mean");
    assert!((share - 2.0 / 10_800.0).abs() < 1e-12 && (mean - 20.0 / 32_400.0).abs() < 1e-12, "{found}");
    assert_eq!(found["difference"]["name"], "first-difference.png");
    let drawn = open(&found["difference"]).to_luma8();
    assert_eq!(drawn.pixels().filter(|pixel| pixel.0[0] < 255).count(), 2);
    assert!(drawn.get_pixel(30, 40).0[0] < 201);
    let tolerant = compare(&first, &second, json!({ "tolerance": 10 }));
    assert_eq!((&tolerant["different_pixels"], &tolerant["identical"]), (&json!(0), &json!(false)));

    let clear: DynamicImage = RgbaImage::from_pixel(9, 9, Rgba([5, 5, 5, 0])).into();
    let solid: DynamicImage = RgbaImage::from_pixel(9, 9, Rgba([5, 5, 5, 255])).into();
    assert_eq!(compare(&clear, &solid, json!({}))["different_pixels"], 81);
}

#[test]
fn likeness_is_as_people_see_it() {
    let likeness = |first: &DynamicImage, second: &DynamicImage| {
        compare(first, second, json!({}))["similarity"].as_f64().expect("similarity")
    };
    let first = scene(400, 300);
    let jpeg = open(&convert(&first, "jpeg"));
    let smaller = first.thumbnail_exact(200, 150);
    let blurred = first.blur(6.0);
    let other = plain(400, 300, [90, 120, 30]);
    let (jpeg, smaller, blurred) =
        (likeness(&first, &jpeg), likeness(&first, &smaller), likeness(&first, &blurred));
    let other = likeness(&first, &other);
    assert!(jpeg > 0.9 && smaller > 0.7, "{jpeg} {smaller}");
    assert!(blurred < jpeg && other < blurred && other < 0.2, "{blurred} {other}");
    assert_eq!(compare(&first, &first.thumbnail_exact(200, 150), json!({}))["same_size"], false);
    let arguments = json!({ "image": file(&first, "a.png"), "other": file(&plain(9, 9, [1, 1, 1]), "b.png"), "save": true });
    refuse("compare_images", arguments, "different-sizes", "400 times 300");
    let dot = plain(1, 1, [7, 7, 7]);
    assert!((likeness(&dot, &dot) - 1.0).abs() < 1e-9);
    assert!(likeness(&plain(1, 500, [7, 7, 7]), &first) < 0.5);
}
