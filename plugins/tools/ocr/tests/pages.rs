//! Pages and photographs, where lines must be found first.
//!
//! * a rendered page of a heading and eight lines: all are found, in order, with boxes that hold them; the same twice
//! * a page that is turned a little, either way
//! * two columns are read one after the other, a table row by row
//! * a word that is written from top to bottom, and a single letter that is not
//! * a photographed page of a book (scikit-image's `page.png`), a motorcycle with its maker's name
//! * pictures without text have no lines: plain ones, noise, photographs of things
//! * a page of A4 at 300 dots per inch: as much of it as one call can read, from the top, and that there is more

mod support;

use ab_glyph::FontRef;
use image::{Rgb, RgbImage};
use serde_json::Value;
use support::{Paper, call, distance, fonts, photograph, png};

const PROSE: [&str; 8] = [
    "The harbour was quiet when the first boat came in.",
    "Nobody had expected it before Thursday, 14 May,",
    "and the 23 men on board were tired and hungry.",
    "They had lost two sails and most of the water,",
    "but the cargo, 480 crates of oranges, was safe.",
    "The captain asked for bread, soup and dry clothes.",
    "By noon the whole village stood at the pier;",
    "the children counted the crates as they passed.",
];

fn texts(page: &Value) -> Vec<&str> {
    page["lines"].as_array().expect("lines").iter().map(|line| line["text"].as_str().expect("text")).collect()
}

/// Fails unless at least 95 % of the characters are right.
#[track_caller]
fn nearly(expected: &str, page: &Value) {
    let read = page["text"].as_str().expect("text");
    let wrong = distance(expected, read);
    assert!(wrong * 20 <= expected.chars().count(), "{wrong} wrong:\n{read}");
}

fn prose(font: &FontRef) -> Paper {
    let mut paper = Paper::new(900, 620);
    paper.write(font, "Oranges for Port Ellen", 60.0, 60.0, 90.0);
    for (index, text) in PROSE.iter().enumerate() {
        paper.write(font, text, 34.0, 60.0, 170.0 + 54.0 * index as f32);
    }
    paper
}

#[test]
fn a_page_with_a_heading() {
    let expected = format!("Oranges for Port Ellen\n{}", PROSE.join("\n"));
    let fonts = fonts();
    for (name, font) in [&fonts[0], &fonts[4]] {
        let picture = png(&prose(font).0);
        let page = call("read_text", picture).expect(name);
        nearly(&expected, &page);
        let lines = page["lines"].as_array().expect("lines");
        assert_eq!(lines.len(), 9, "{name}: {page}");
        for (index, line) in lines.iter().enumerate() {
            let [left, top, right, bottom] =
                [0, 1, 2, 3].map(|side| line["box"][side].as_i64().expect("box"));
            let baseline = if index == 0 { 90 } else { 170 + 54 * (index as i64 - 1) };
            assert!((30..=65).contains(&left) && right <= 900, "{name}: {line}");
            assert!(top < baseline - 10 && bottom >= baseline && bottom - top < 90, "{name}: {line}");
            assert!(line["confidence"].as_f64().is_some_and(|sure| (0.5..=1.0).contains(&sure)), "{line}");
        }
    }
    let (first, second) = (png(&prose(&fonts[2].1).0), png(&prose(&fonts[2].1).0));
    assert_eq!(call("read_text", first).expect("text"), call("read_text", second).expect("text"));
}

/// The page turned about its middle.
fn turned(page: &RgbImage, degrees: f32) -> RgbImage {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (wide, high) = (page.width() as f32, page.height() as f32);
    RgbImage::from_fn(page.width() + 100, page.height() + 200, |x, y| {
        let (x, y) = (x as f32 - 50.0 - wide / 2.0, y as f32 - 100.0 - high / 2.0);
        let (x, y) = (x * cosine + y * sine + wide / 2.0, y * cosine - x * sine + high / 2.0);
        if x < 0.0 || y < 0.0 || x > wide - 2.0 || y > high - 2.0 {
            return Rgb([255; 3]);
        }
        let (left, top) = (x as u32, y as u32);
        let at = |x: u32, y: u32| f32::from(page.get_pixel(x, y).0[0]);
        let (across, below) = (x - left as f32, y - top as f32);
        let upper = at(left, top) * (1.0 - across) + at(left + 1, top) * across;
        let lower = at(left, top + 1) * (1.0 - across) + at(left + 1, top + 1) * across;
        Rgb([(upper * (1.0 - below) + lower * below) as u8; 3])
    })
}

#[test]
fn a_page_that_is_turned_a_little() {
    let page = prose(&fonts()[2].1).0;
    for degrees in [-7.0, 4.0] {
        let read = call("read_text", png(&turned(&page, degrees))).expect("text");
        nearly(&format!("Oranges for Port Ellen\n{}", PROSE.join("\n")), &read);
    }
}

#[test]
fn columns_and_tables() {
    let font = &fonts()[2].1;
    let mut paper = Paper::new(1200, 420);
    paper.write(font, "Two letters to the editor of the Port Ellen Weekly", 44.0, 60.0, 60.0);
    for (index, text) in PROSE.iter().enumerate() {
        let (x, row) = if index < 4 { (40.0, index) } else { (640.0, index - 4) };
        paper.write(font, text, 27.0, x, 150.0 + 50.0 * row as f32);
    }
    let page = call("read_text", png(&paper.0)).expect("text");
    let heading = "Two letters to the editor of the Port Ellen Weekly";
    // The order is what counts here. Between words of small letters the network leaves out many spaces, so they do not.
    let dense = |text: &str| text.replace(' ', "");
    let read = page["text"].as_str().expect("text");
    let expected = format!("{heading}\n{}", PROSE.join("\n"));
    assert!(distance(&dense(&expected), &dense(read)) * 20 <= expected.len(), "{read}");

    let rows = [
        ["Article", "Pieces", "Price"],
        ["Oranges", "480", "96.00"],
        ["Lemons", "35", "8.75"],
        ["Sum", "515", "104.75"],
    ];
    let mut paper = Paper::new(900, 330);
    for (row, cells) in rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            paper.write(font, cell, 36.0, 60.0 + 300.0 * column as f32, 60.0 + 70.0 * row as f32);
        }
    }
    let page = call("read_text", png(&paper.0)).expect("text");
    nearly(&rows.map(|cells| cells.join(" ")).join("\n"), &page);
}

#[test]
fn upright_words_and_single_letters() {
    let font = &fonts()[0].1;
    let mut paper = Paper::new(500, 120);
    paper.write(font, "Emergency exit 24", 48.0, 30.0, 75.0);
    let upright = image::imageops::rotate90(&paper.0);
    let page = call("read_text", png(&upright)).expect("text");
    assert_eq!(texts(&page), ["Emergency exit 24"]);

    let mut paper = Paper::new(400, 300);
    paper.write(font, "A", 90.0, 60.0, 180.0);
    paper.write(font, "7", 90.0, 280.0, 180.0);
    let page = call("read_text", png(&paper.0)).expect("text");
    assert_eq!(page["text"], "A 7", "{page}");
}

#[test]
fn photographs_with_text() {
    let page = call("read_text", photograph("page.png")).expect("text");
    let expected = "Region-based segmentation\n\
                    Let us first determine markers of the coins and the\n\
                    background. These markers are pixels that we can label\n\
                    unambiguously as either object or background. Here,\n\
                    the markers are found at the two extreme parts of the\n\
                    histogram of grey values:\n\
                    >>> markers = np.zeros_like(coins)";
    let read = page["text"].as_str().expect("text");
    println!("page.png: {} of {} characters wrong\n{read}", distance(expected, read), expected.len());
    // Half of a line that the photograph cuts off is there besides.
    assert!(distance(expected, read) * 10 <= expected.len(), "{read}");

    let page = call("read_text", photograph("motorcycle_left.png")).expect("text");
    println!("motorcycle_left.png: {:?}", texts(&page));
    assert!(texts(&page).contains(&"YAMAHA"), "{page}");
}

#[test]
fn pictures_without_text() {
    let mut seed = 1u32;
    let noise = RgbImage::from_fn(300, 200, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([seed >> 24, seed >> 16 & 255, seed >> 8 & 255].map(|value| value as u8))
    });
    let pictures = [
        ("white", png(&RgbImage::from_pixel(400, 300, Rgb([255; 3])))),
        ("one pixel", png(&RgbImage::from_pixel(1, 1, Rgb([0; 3])))),
        ("a thread", png(&RgbImage::from_pixel(3000, 1, Rgb([90; 3])))),
        ("noise", png(&noise)),
        ("coffee.png", photograph("coffee.png")),
        ("chelsea.png", photograph("chelsea.png")),
        ("flower.jpg", photograph("flower.jpg")),
    ];
    for (name, picture) in pictures {
        let page = call("read_text", picture).expect(name);
        assert_eq!(page, serde_json::json!({ "text": "", "lines": [], "truncated": false }), "{name}");
    }
}

#[test]
fn a_scanned_sheet() {
    let font = &fonts()[2].1;
    let mut paper = Paper::new(2480, 3508);
    let expected: Vec<String> = (1..=40).map(|number| format!("{number}. {}", PROSE[number % 8])).collect();
    for (index, text) in expected.iter().enumerate() {
        paper.write(font, text, 58.0, 250.0, 300.0 + 75.0 * index as f32);
    }
    let page = call("read_text", png(&paper.0)).expect("text");
    let lines = page["lines"].as_array().expect("lines").len();
    assert!((20..40).contains(&lines), "{lines} lines: {page}");
    assert_eq!(page["truncated"], true);
    nearly(&expected[..lines].join("\n"), &page);
}
