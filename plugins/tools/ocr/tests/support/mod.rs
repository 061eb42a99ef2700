//! Models, fonts and rendered text for the tests of reading.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Once;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use sport_ocr::ocr::{self, SPORT_TOOLS};
use sport_sdk::{Artifact, Failure, testing};

/// Where `make` fetches to.
pub fn cache() -> PathBuf {
    std::env::var_os("SPORT_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME")).join(".cache/sport"),
        PathBuf::from,
    )
}

/// A model as the operator grants it.
pub fn model(name: &str) -> Artifact {
    let path = cache().join("ocr").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}; run `make ocr`"));
    Artifact::create(&bytes, "application/octet-stream", Some(name)).expect("artifact")
}

/// A photograph that `make images` fetches.
pub fn photograph(name: &str) -> Value {
    let path = cache().join("images").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}; run `make images`"));
    artifact(&bytes, name)
}

/// Calls a tool, the models loaded.
pub fn call(tool: &str, image: Value) -> Result<Value, Failure> {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| ocr::load(vec![model("detect.onnx"), model("recognise.onnx")]).expect("models"));
    testing::call(SPORT_TOOLS, tool, json!({ "image": image }))
        .map(|outcome| outcome.structured.expect("structured"))
}

/// A file.
pub fn artifact(bytes: &[u8], name: &str) -> Value {
    let artifact = Artifact::create(bytes, "application/octet-stream", Some(name)).expect("artifact");
    serde_json::to_value(artifact).expect("json")
}

/// A picture as a PNG file.
pub fn png(picture: &RgbImage) -> Value {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture.clone()).write_to(&mut bytes, ImageFormat::Png).expect("encode");
    artifact(&bytes.into_inner(), "picture.png")
}

/// Eight faces of five families: with and without serifs, for code, light, bold and italic.
pub fn fonts() -> Vec<(&'static str, FontRef<'static>)> {
    // The crate gives its files in this order and without names.
    let typst: Vec<&[u8]> = typst_assets::fonts().collect();
    let files = [
        ("DejaVu Sans", dejavu::sans::regular()),
        ("DejaVu Serif Italic", dejavu::serif::italic()),
        ("Libertinus Serif", typst[0]),
        ("Libertinus Serif Semibold", typst[4]),
        ("New Computer Modern", typst[9]),
        ("New Computer Modern Bold", typst[10]),
        ("Ubuntu Light", epaint_default_fonts::UBUNTU_LIGHT),
        ("Hack", epaint_default_fonts::HACK_REGULAR),
    ];
    files.map(|(name, file)| (name, FontRef::try_from_slice(file).expect(name))).into()
}

/// Fifty lines of prose, names, numbers and punctuation.
pub const LINES: [&str; 50] = [
    "The quick brown fox jumps over the lazy dog.",
    "Invoice no. 2024-0173, due on 15 March",
    "Total: 1,284.50 EUR (incl. 19% VAT)",
    "Please keep this receipt for your records",
    "Dr. Elizabeth M. Hawthorne, PhD",
    "Room 408, Building C, 3rd floor",
    "Tel. +44 20 7946 0958",
    "Departure 07:45 from platform 12",
    "What is the capital of Australia?",
    "No smoking! Fire exit - keep clear",
    "Temperature: 21.5 degrees, humidity 48%",
    "Figure 3: Results of the second experiment",
    "See pages 112-118 for details.",
    "Chapter 7. The Long Way Home",
    "\"To be, or not to be\", said Hamlet",
    "Version 4.2.1 was released in June 2023",
    "Price per kg: $3.99; you save $0.50",
    "e-mail: info@example.org",
    "Open Monday to Friday, 9 am to 6 pm",
    "Made in Germany - 230 V, 50 Hz, 1200 W",
    "Twelve jurors were chosen from a list of sixty",
    "Batch 88B/17, best before 09/2026",
    "WARNING: HIGH VOLTAGE",
    "Speed limit 30 mph",
    "Area = 3.14 * r * r",
    "The water was cold, but they swam anyway.",
    "Serial number QX7-4491-ZK",
    "Ingredients: flour, sugar, eggs, butter, salt",
    "Flight BA 2490 to New York is delayed",
    "Gate B14 closes at 18:20",
    "Mix well and bake for 35 minutes at 180 C",
    "Population (2020): 8,336,817",
    "if x > 10: print(x + 1)",
    "return [a for a in items if a % 2 == 0]",
    "Only members may use this entrance.",
    "They had forgotten why they came here",
    "Order #55210: 2 x coffee, 1 x apple pie",
    "Signature of parent or guardian",
    "The committee approved the budget in 1998",
    "Vol. 12, No. 4, pp. 301-322",
    "Beware of the dog",
    "Account 4417 1234 5678 9113",
    "How many pieces fit into the box?",
    "Patient: J. Kowalski, born 04.11.1961",
    "Yesterday, all 27 students passed the exam.",
    "Latitude 48.2082 N, longitude 16.3738 E",
    "Turn left after the church, then go straight",
    "Net weight 500 g",
    "We look forward to hearing from you soon!",
    "Step 1: remove the cover; step 2: press reset",
];

/// The size in which one of them is written, from 18 to 52 pixels; its face is that of the same number, and so on from the first.
pub fn line_size(index: usize) -> f32 {
    18.0 + (index * 7 % 35) as f32
}

/// A white page to write on.
pub struct Paper(pub RgbImage);

impl Paper {
    pub fn new(width: u32, height: u32) -> Self {
        Self(RgbImage::from_pixel(width, height, Rgb([255; 3])))
    }

    /// Writes a line, its baseline beginning at `x`, `y`; gives where it ends. `size` is from the highest to the lowest letter.
    pub fn write(&mut self, font: &FontRef, text: &str, size: f32, x: f32, y: f32) -> f32 {
        let scale = PxScale::from(size);
        let (mut at, mut last) = (x, None);
        for sign in text.chars() {
            let glyph = font.glyph_id(sign);
            assert_ne!(glyph.0, 0, "the font has no {sign:?}");
            let scaled = font.as_scaled(scale);
            at += last.map_or(0.0, |last| scaled.kern(last, glyph));
            if let Some(outline) = font.outline_glyph(glyph.with_scale_and_position(scale, point(at, y))) {
                let bounds = outline.px_bounds();
                outline.draw(|column, row, cover| {
                    let (column, row) =
                        (bounds.min.x as i32 + column as i32, bounds.min.y as i32 + row as i32);
                    let (width, height) = (self.0.width() as i32, self.0.height() as i32);
                    if (0..width).contains(&column) && (0..height).contains(&row) {
                        let pixel = self.0.get_pixel_mut(column as u32, row as u32);
                        let shade = (f32::from(pixel.0[0]) * (1.0 - cover.clamp(0.0, 1.0))) as u8;
                        *pixel = Rgb([shade; 3]);
                    }
                });
            }
            at += scaled.h_advance(glyph);
            last = Some(glyph);
        }
        at
    }
}

/// A picture of one line.
pub fn line(font: &FontRef, text: &str, size: f32) -> RgbImage {
    let end = Paper::new(1, 1).write(font, text, size, 0.0, 0.0);
    let mut paper = Paper::new((end + size / 2.0) as u32, (size * 1.2) as u32);
    paper.write(font, text, size, size / 4.0, size * 0.9);
    paper.0
}

/// How many characters must be put in, taken out or replaced to make one text of the other.
pub fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, sign) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = index + 1;
        for at in 0..other.len() {
            let replaced = corner + usize::from(sign != other[at]);
            corner = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}
