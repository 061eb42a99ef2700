//! Boxes, points, arrows and texts on pictures.
//!
//! * a frame is where its box is, as thick as asked for, and nothing else changes; boxes thinner than two lines
//! * colours by name, `#rrggbb` and `#rgb`
//! * a text is where it was put, in a colour that can be read there, broken at the edge, on a ground if asked for
//! * marks: a frame, a dot, an arrow, each in its colour, with labels within the picture
//! * transparent, gray and 16-bit pictures
//! * places outside, wrong colours and sizes, empty and endless texts, letters that the font does not have

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

mod support;

use image::{DynamicImage, GenericImageView, Rgba, RgbaImage};
use serde_json::{Value, json};
use support::{call, file, open, plain, refuse};

const GRAY: [u8; 3] = [128, 128, 128];
const RED: [u8; 3] = [255, 0, 0];

/// The pixels that are no longer of the colour that all had: the box around them, and how many.
fn changed(image: &DynamicImage, before: [u8; 3]) -> ([u32; 4], u32) {
    let mut area = [u32::MAX, u32::MAX, 0, 0];
    let mut count = 0;
    for (x, y, Rgba([red, green, blue, _])) in image.pixels() {
        if [red, green, blue] != before {
            area = [area[0].min(x), area[1].min(y), area[2].max(x + 1), area[3].max(y + 1)];
            count += 1;
        }
    }
    (area, count)
}

fn color_at(image: &DynamicImage, x: u32, y: u32) -> [u8; 3] {
    let [red, green, blue, _] = image.get_pixel(x, y).0;
    [red, green, blue]
}

#[test]
fn a_frame_is_where_its_box_is() {
    let image = file(&plain(100, 80, GRAY), "photos/desk.png");
    let arguments = json!({ "image": image, "box": [10, 20, 60, 50], "color": "#ff0000", "thickness": 3 });
    let result = call("draw_box", arguments).expect("box");
    assert_eq!((&result["name"], &result["media-type"]), (&json!("desk-box.png"), &json!("image/png")));
    let drawn = open(&result);
    assert_eq!(changed(&drawn, GRAY), ([10, 20, 60, 50], 2 * 3 * (50 + 30) - 4 * 9));
    assert_eq!((color_at(&drawn, 12, 22), color_at(&drawn, 13, 23)), (RED, GRAY));
    // A box of one pixel is one pixel, and the whole picture is a box too.
    for (area, count) in [([5, 5, 6, 6], 1), ([0, 0, 100, 80], 2 * 3 * 180 - 36), ([5, 5, 9, 8], 12)] {
        let arguments = json!({ "image": image, "box": area, "color": "#f00", "thickness": 3 });
        assert_eq!(changed(&open(&call("draw_box", arguments).expect("box")), GRAY).1, count, "{area:?}");
    }
    let usual = open(&call("draw_box", json!({ "image": image, "box": [0, 0, 50, 50] })).expect("box"));
    assert_eq!(changed(&usual, GRAY).1, 2 * 2 * 100 - 16);
}

#[test]
fn a_text_is_where_it_was_put() {
    for (ground, letters) in [([20, 20, 30], 255), ([240, 240, 230], 0)] {
        let image = file(&plain(300, 200, ground), "a.png");
        let arguments = json!({ "image": image, "text": "Ähre Ω", "at": [40, 60], "size": 30 });
        let drawn = open(&call("add_text", arguments).expect("text"));
        let ([left, top, right, bottom], count) = changed(&drawn, ground);
        assert!((40..46).contains(&left) && (60..70).contains(&top), "{left} {top}");
        assert!(
            (120..200).contains(&right) && (85..100).contains(&bottom) && count > 500,
            "{right} {bottom} {count}"
        );
        let extreme = drawn.pixels().filter(|(_, _, pixel)| pixel.0[0] == letters).count();
        assert!(extreme > 200, "the letters can be read");
    }
    let image = file(&plain(300, 200, GRAY), "a.png");
    let long = "several words that are too long for one line of this picture";
    let arguments = json!({ "image": image, "text": long, "at": [10, 10], "size": 20 });
    let ([_, _, right, bottom], _) = changed(&open(&call("add_text", arguments).expect("text")), GRAY);
    assert!(right <= 300 && bottom > 60, "{right} {bottom}");
    let two = json!({ "image": image, "text": "a\nb", "at": [10, 10], "size": 20 });
    let ([_, _, _, below], _) = changed(&open(&call("add_text", two).expect("text")), GRAY);
    assert!(below > 45, "{below}");
    let arguments =
        json!({ "image": image, "text": "on blue", "at": [100, 100], "size": 20, "background": "#0000ff" });
    let drawn = open(&call("add_text", arguments).expect("text"));
    let ([left, top, ..], count) = changed(&drawn, GRAY);
    assert_eq!((left, top, color_at(&drawn, 100, 100)), (100, 100, [0, 0, 255]));
    let white = drawn.pixels().filter(|(_, _, pixel)| pixel.0 == [255, 255, 255, 255]).count();
    assert!(count > 1500 && white > 50, "{count} {white}");
}

#[test]
fn marks_are_drawn_in_their_colors() {
    let image = file(&plain(400, 300, GRAY), "a.png");
    let marks = json!([
        { "box": [50, 60, 150, 160], "label": "cat" },
        { "point": [300, 80], "color": "#00ff00" },
        { "arrow": [350, 280, 220, 200], "label": "exit", "color": "yellow" },
    ]);
    let drawn = open(&call("annotate_image", json!({ "image": image, "marks": marks })).expect("marks"));
    assert_eq!(color_at(&drawn, 50, 100), [230, 25, 75]);
    assert_eq!(color_at(&drawn, 300, 80), [0, 255, 0]);
    assert_eq!(color_at(&drawn, 285, 240), [255, 220, 0]);
    assert_eq!(color_at(&drawn, 100, 110), GRAY);
    // The label is on the box; where there is no room above, it is within.
    assert_eq!(color_at(&drawn, 51, 52), [230, 25, 75]);
    let marks = json!([{ "box": [380, 0, 400, 20], "label": "a rather long label" }]);
    let drawn = open(&call("annotate_image", json!({ "image": image, "marks": marks })).expect("marks"));
    let ([left, top, right, bottom], _) = changed(&drawn, GRAY);
    assert!(left < 300 && top == 0 && right == 400 && bottom < 30, "{left} {top} {right} {bottom}");
}

#[test]
fn every_kind_of_picture_can_be_drawn_on() {
    let clear: DynamicImage = RgbaImage::from_pixel(50, 50, Rgba([9, 9, 9, 0])).into();
    let kinds = [
        clear.clone(),
        plain(50, 50, GRAY).to_luma8().into(),
        plain(50, 50, GRAY).to_rgb16().into(),
        plain(50, 50, GRAY).to_luma_alpha16().into(),
    ];
    for image in kinds {
        let arguments =
            json!({ "image": file(&image, "a.png"), "box": [10, 10, 40, 40], "color": "#ff0000" });
        let drawn = open(&call("draw_box", arguments).expect("box"));
        assert_eq!(drawn.get_pixel(10, 10).0, [255, 0, 0, 255]);
        assert_eq!(drawn.color().has_alpha(), image.color().has_alpha());
    }
    let drawn = open(
        &call("draw_box", json!({ "image": file(&clear, "a.png"), "box": [10, 10, 40, 40] })).expect("box"),
    );
    assert_eq!(drawn.get_pixel(25, 25).0[3], 0);
}

#[test]
fn what_cannot_be_drawn_is_explained() {
    let image = file(&plain(100, 80, GRAY), "a.png");
    let with = |more: Value| {
        let mut arguments = json!({ "image": image, "box": [0, 0, 9, 9] });
        arguments.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        arguments
    };
    refuse("draw_box", with(json!({ "box": [0, 0, 101, 9] })), "box-outside-image", "100 pixels wide");
    refuse("draw_box", with(json!({ "color": "reddish" })), "bad-color", "`reddish` is no color");
    refuse("draw_box", with(json!({ "color": "#12345" })), "bad-color", "#rrggbb");
    refuse("draw_box", with(json!({ "color": "#ääää" })), "bad-color", "#rrggbb");
    refuse("draw_box", with(json!({ "thickness": 0 })), "bad-size", "from 1 to 500");
    let text =
        |text: &str, at: Value, size: u32| json!({ "image": image, "text": text, "at": at, "size": size });
    refuse("add_text", text("a", json!([100, 0]), 20), "place-outside-image", "[100, 0]");
    refuse("add_text", text("a", json!([0, -1]), 20), "place-outside-image", "80 high");
    refuse("add_text", text("a", json!([0, 0]), 5), "bad-size", "from 6 to 1000");
    refuse("add_text", text(" ", json!([0, 0]), 20), "empty-text", "empty");
    refuse("add_text", text(&"a".repeat(1001), json!([0, 0]), 20), "text-too-long", "1000 characters");
    refuse("add_text", text("日本 a", json!([0, 0]), 20), "unknown-characters", "`日本`");
    let marks = |marks: Value| json!({ "image": image, "marks": marks });
    refuse("annotate_image", marks(json!([])), "bad-marks", "from 1 to 200");
    refuse("annotate_image", marks(json!([{ "label": "a" }])), "bad-marks", "mark 1 needs exactly one");
    refuse(
        "annotate_image",
        marks(json!([{ "point": [1, 1], "box": [0, 0, 5, 5] }])),
        "bad-marks",
        "exactly one",
    );
    refuse(
        "annotate_image",
        marks(json!([{ "point": [1, 1] }, { "point": [1, 80] }])),
        "place-outside-image",
        "mark 2",
    );
    refuse(
        "annotate_image",
        marks(json!([{ "arrow": [0, 0, i64::MAX, 5] }])),
        "place-outside-image",
        "mark 1",
    );
}
