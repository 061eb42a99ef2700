//! Single lines of text, rendered here.
//!
//! * fifty lines of prose, names, numbers and punctuation, in eight faces of five families and in sizes from 18 to 52 pixels:
//!   at least 95 % of the characters are right by edit distance, in every face at least 90 %
//! * light on dark, coloured, on a transparent ground; the same picture gives the same answer
//! * a wide line is read to its end
//! * an empty picture and one of a single pixel have no text

mod support;

use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};
use support::{LINES, call, distance, fonts, line, line_size, png};

#[test]
fn fifty_lines_in_eight_faces() {
    let fonts = fonts();
    let mut faces = vec![(0, 0); fonts.len()];
    for (index, text) in LINES.iter().enumerate() {
        let face = index % fonts.len();
        let size = line_size(index);
        let read = call("read_line", png(&line(&fonts[face].1, text, size))).expect("text");
        let read = read["text"].as_str().expect("text");
        let wrong = distance(text, read);
        if wrong > 0 {
            println!("{} at {size}: {text:?} was read as {read:?}", fonts[face].0);
        }
        faces[face].0 += wrong;
        faces[face].1 += text.chars().count();
    }
    let right = |(wrong, all): (usize, usize)| 100.0 * (1.0 - wrong as f64 / all as f64);
    for ((name, _), counts) in fonts.iter().zip(&faces) {
        println!("{name}: {:.1} % of {} characters", right(*counts), counts.1);
        assert!(right(*counts) >= 90.0, "{name}: {counts:?}");
    }
    let all = faces.iter().fold((0, 0), |sum, face| (sum.0 + face.0, sum.1 + face.1));
    println!("all: {:.2} % of {} characters", right(all), all.1);
    assert!(right(all) >= 95.0, "{all:?}");
}

#[test]
fn colors_and_grounds() {
    let text = "Ticket 4821 to Vienna";
    let black = line(&fonts()[0].1, text, 36.0);
    let painted = |ground: [u8; 3], ink: [u8; 3]| {
        RgbImage::from_fn(black.width(), black.height(), |x, y| {
            let white = u32::from(black.get_pixel(x, y).0[0]);
            let mixed = |ground: u8, ink: u8| {
                ((u32::from(ground) * white + u32::from(ink) * (255 - white)) / 255) as u8
            };
            Rgb([0, 1, 2].map(|channel| mixed(ground[channel], ink[channel])))
        })
    };
    let transparent = RgbaImage::from_fn(black.width(), black.height(), |x, y| {
        Rgba([20, 20, 90, 255 - black.get_pixel(x, y).0[0]])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    DynamicImage::from(transparent).write_to(&mut file, image::ImageFormat::Png).expect("encode");
    let pictures = [
        ("light on dark", png(&painted([10, 20, 40], [240, 240, 200]))),
        ("red on yellow", png(&painted([250, 220, 40], [180, 10, 20]))),
        ("pale gray", png(&painted([255; 3], [150; 3]))),
        ("transparent", support::artifact(&file.into_inner(), "transparent.png")),
    ];
    for (name, picture) in pictures {
        let read = call("read_line", picture.clone()).expect(name);
        assert_eq!(read["text"], text, "{name}");
        assert!(
            read["confidence"].as_f64().is_some_and(|sure| (0.8..=1.0).contains(&sure)),
            "{name}: {read}"
        );
        assert_eq!(call("read_line", picture).expect(name), read, "{name}, once more");
    }
}

#[test]
fn a_wide_line_is_read_to_its_end() {
    let text = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of \
                foolishness, it was the epoch of belief, it was the epoch of incredulity";
    let read = call("read_line", png(&line(&fonts()[2].1, text, 30.0))).expect("text");
    let read = read["text"].as_str().expect("text");
    assert!(distance(text, read) * 20 <= text.len(), "{read}");
    assert!(read.ends_with("incredulity"), "{read}");
}

#[test]
fn nothing_is_written_there() {
    for (width, height) in [(1, 1), (1, 300), (300, 1), (200, 48)] {
        let empty = RgbImage::from_pixel(width, height, Rgb([255; 3]));
        let read = call("read_line", png(&empty)).expect("an answer");
        assert_eq!((&read["text"], &read["confidence"]), (&"".into(), &0.0.into()), "{width} x {height}");
    }
}
