//! What is on the pictures, measured in their pixels.
//!
//! * bars are as high as their values; below zero they hang; those on top of each other are as high as their sum
//! * lying bars are as long as their values, the first name on top
//! * a line passes through its points, breaks where a value is missing, and stays in its frame
//! * thinned lines look as all of their points do
//! * dots are where their points are
//! * slices cover as much as their parts; more than ten become "others"
//! * a histogram counts right: known values, bins asked for, a value far away, a single value
//! * logarithmic axes: equal factors are equal distances
//! * sizes; the same bytes every time

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

mod support;

use image::RgbaImage;
use serde_json::{Value, json};
use support::{call, data, picture};

const BLUE: [u8; 3] = [0x4c, 0x78, 0xa8];
const ORANGE: [u8; 3] = [0xf5, 0x85, 0x18];

fn is(pixels: &RgbaImage, x: u32, y: u32, color: [u8; 3]) -> bool {
    let found = pixels.get_pixel(x, y).0;
    (0..3).all(|index| found[index].abs_diff(color[index]) < 24)
}

fn count(pixels: &RgbaImage, color: [u8; 3]) -> u32 {
    let all = (0..pixels.height()).flat_map(|y| (0..pixels.width()).map(move |x| (x, y)));
    u32::try_from(all.filter(|(x, y)| is(pixels, *x, *y, color)).count()).expect("few")
}

/// For each run of columns that have the colour, how many pixels of it are in its middle column.
fn heights(pixels: &RgbaImage, color: [u8; 3]) -> Vec<u32> {
    let column = |x: u32| {
        u32::try_from((0..pixels.height()).filter(|y| is(pixels, x, *y, color)).count()).expect("few")
    };
    runs((0..pixels.width()).map(|x| column(x) > 0))
        .into_iter()
        .map(|(start, end)| column(u32::midpoint(start, end)))
        .collect()
}

/// The same for rows.
fn widths(pixels: &RgbaImage, color: [u8; 3]) -> Vec<u32> {
    let row = |y: u32| {
        u32::try_from((0..pixels.width()).filter(|x| is(pixels, *x, y, color)).count()).expect("few")
    };
    runs((0..pixels.height()).map(|y| row(y) > 0))
        .into_iter()
        .map(|(start, end)| row(u32::midpoint(start, end)))
        .collect()
}

fn runs(flags: impl Iterator<Item = bool>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    let mut last = false;
    for (place, flag) in (0..).zip(flags) {
        match (flag, last) {
            (true, false) => runs.push((place, place)),
            (true, true) => runs.last_mut().expect("run").1 = place,
            _ => {}
        }
        last = flag;
    }
    runs
}

#[track_caller]
fn ratio(found: u32, other: u32, expected: f64) {
    let ratio = f64::from(found) / f64::from(other);
    assert!((ratio / expected - 1.0).abs() < 0.03, "{found} to {other} is {ratio}, not {expected}");
}

#[test]
fn bars_are_as_high_as_their_values() {
    let bars = json!({ "names": ["a", "b", "c"], "series": [{ "values": [10, 20, 5] }] });
    let heights = heights(&picture("bar_chart", bars), BLUE);
    assert_eq!(heights.len(), 3);
    ratio(heights[1], heights[0], 2.0);
    ratio(heights[0], heights[2], 2.0);

    let stacked = json!({ "names": ["a", "b"], "series": [{ "values": [10, 20] }, { "values": [30, 10] }], "stacked": true });
    let pixels = picture("bar_chart", stacked);
    let (low, high) = (self::heights(&pixels, BLUE), self::heights(&pixels, ORANGE));
    // The square in the legend is the first of each.
    ratio(low[2], low[1], 2.0);
    ratio(high[high.len() - 1], low[1], 1.0);
    ratio(count(&pixels, ORANGE), count(&pixels, BLUE), 4.0 / 3.0);

    let hanging = json!({ "names": ["a", "b"], "series": [{ "values": [10, -10] }] });
    let pixels = picture("bar_chart", hanging);
    let middle = |from: u32, to: u32| {
        let rows: Vec<u32> =
            (0..pixels.height()).filter(|y| (from..to).any(|x| is(&pixels, x, *y, BLUE))).collect();
        (rows[0], rows[rows.len() - 1])
    };
    let (up, down) = (middle(0, 500), middle(500, 960));
    assert!(up.1.abs_diff(down.0) < 4 && up.0 < up.1 && down.0 < down.1, "{up:?} {down:?}");
}

#[test]
fn lying_bars_are_as_long_as_their_values() {
    let bars =
        json!({ "names": ["first", "second"], "series": [{ "values": [30, 10] }], "horizontal": true });
    let widths = widths(&picture("bar_chart", bars), BLUE);
    assert_eq!(widths.len(), 2);
    ratio(widths[0], widths[1], 3.0);
}

/// Where the colour is in a column, at its middle.
fn place_in_column(pixels: &RgbaImage, x: u32, color: [u8; 3]) -> Option<f64> {
    let rows: Vec<u32> = (0..pixels.height()).filter(|y| is(pixels, x, *y, color)).collect();
    rows.first().map(|first| f64::from(first + rows[rows.len() - 1]) / 2.0)
}

#[test]
fn a_line_passes_through_its_points() {
    let line = json!({ "series": [{ "x": [0, 10], "y": [0, 100] }], "axes": { "y_min": 0, "y_max": 100 } });
    let pixels = picture("line_chart", line);
    let columns: Vec<u32> =
        (0..pixels.width()).filter(|x| place_in_column(&pixels, *x, BLUE).is_some()).collect();
    let (left, right) = (columns[0], columns[columns.len() - 1]);
    let at = |part: f64| {
        place_in_column(&pixels, left + (f64::from(right - left) * part) as u32, BLUE).expect("line")
    };
    assert!((at(0.5) - f64::midpoint(at(0.25), at(0.75))).abs() < 1.5);
    assert!(at(0.25) > at(0.5) && at(0.5) > at(0.75));

    let mut values = vec![Some(5); 60];
    values[30] = None;
    let broken = json!({ "series": [{ "y": values }] });
    let pixels = picture("line_chart", broken);
    let seen = runs((0..pixels.width()).map(|x| place_in_column(&pixels, x, BLUE).is_some()));
    assert_eq!(seen.len(), 2, "{seen:?}");

    // Far above what the axis shows: nothing of it is above the frame.
    let beyond = json!({ "series": [{ "y": [1, 2, 90, 2, 1] }], "axes": { "y_min": 0, "y_max": 3 }, "title": "Title" });
    let pixels = picture("line_chart", beyond);
    assert!((0..40).all(|y| (0..pixels.width()).all(|x| !is(&pixels, x, y, BLUE))));
}

#[test]
fn thinned_lines_look_the_same() {
    let values: Vec<f64> = (0..60_000)
        .map(|index| (f64::from(index) / 900.0).sin() * (1.0 + f64::from(index % 7) / 20.0))
        .collect();
    let rows: Vec<String> =
        values.iter().enumerate().map(|(index, value)| format!("{index},{value}")).collect();
    let file = support::file(format!("x,y\n{}\n", rows.join("\n")).as_bytes(), "wave.csv");
    let pixels = picture("line_chart", json!({ "file": file, "x": "x", "y": ["y"] }));
    // The same line in the form that is not thinned: it goes back one step at the end.
    let mut x: Vec<f64> = (0..60_000).map(f64::from).collect();
    x.push(59_998.0);
    let mut y = values.clone();
    y.push(values[59_998]);
    let whole =
        picture("line_chart", json!({ "series": [{ "x": x, "y": y }], "x_label": "x", "y_label": "y" }));
    let different = pixels
        .pixels()
        .zip(whole.pixels())
        .filter(|(left, right)| left.0[0].abs_diff(right.0[0]) > 96)
        .count();
    let drawn = count(&whole, BLUE) as usize;
    assert!(drawn > 10_000 && different * 40 < drawn, "{different} of {drawn} pixels differ");
    let svg = call("line_chart", json!({ "file": file, "x": "x", "y": ["y"], "format": "svg" }));
    assert!(support::bytes(&svg.expect("svg")).len() < 120_000);
}

#[test]
fn dots_are_where_their_points_are() {
    let dots = json!({ "series": [{ "x": [0, 5, 10], "y": [0, 10, 0] }], "axes": { "x_min": -5, "x_max": 15, "y_min": -5, "y_max": 15 } });
    let pixels = picture("scatter_chart", dots);
    // Opaque by 80 %.
    let faded = BLUE.map(|value| (f64::from(value) * 0.8 + 51.0) as u8);
    let columns = runs((0..pixels.width()).map(|x| place_in_column(&pixels, x, faded).is_some()));
    let middles: Vec<f64> = columns.iter().map(|(from, to)| f64::from(from + to) / 2.0).collect();
    assert_eq!(middles.len(), 3, "{middles:?}");
    assert!((middles[1] - f64::midpoint(middles[0], middles[2])).abs() < 1.5, "{middles:?}");
    let row = |index: usize| place_in_column(&pixels, middles[index] as u32, faded).expect("dot");
    assert!((row(0) - row(2)).abs() < 1.0 && row(1) < row(0));
}

#[test]
fn slices_cover_as_much_as_their_parts() {
    let pixels = picture("pie_chart", json!({ "names": ["a", "b"], "values": [3, 1] }));
    ratio(count(&pixels, BLUE), count(&pixels, ORANGE), 3.0);
    let names: Vec<String> = (0..15).map(|index| format!("part {index}")).collect();
    let arguments = json!({ "names": names, "values": vec![1; 15], "format": "svg" });
    let svg = String::from_utf8(support::bytes(&call("pie_chart", arguments).expect("svg"))).expect("text");
    assert!(svg.contains("6 others") && svg.contains("(40.0 %)") && !svg.contains("part 9<"), "{svg}");
    let whole = picture("pie_chart", json!({ "names": ["all"], "values": [1] }));
    assert!(count(&whole, BLUE) > 50_000);
}

/// The heights of a histogram's bars, relative to the largest.
fn histogram(arguments: Value) -> Vec<f64> {
    let heights = heights(&picture("histogram", arguments), BLUE);
    let most = f64::from(*heights.iter().max().expect("bars"));
    heights.iter().map(|height| (f64::from(*height) / most * 100.0).round() / 100.0).collect()
}

#[test]
fn a_histogram_counts() {
    let values = json!([0.5, 1.5, 1.6, 1.7, 1.8, 2.5, 2.6, 3.0]);
    // From 0.5 to 3 in five: 1, 0, 4, 0, 3; the largest value is in the last.
    let heights = histogram(json!({ "values": values, "bins": 5 }));
    assert_eq!(heights.len(), 3);
    assert!((heights[0] - 0.25).abs() < 0.02 && (heights[2] - 0.75).abs() < 0.02, "{heights:?}");
    assert_eq!(histogram(json!({ "values": [7, 7, 7] })).len(), 1);
    let mut far: Vec<f64> = (0..500).map(|index| f64::from(index % 50)).collect();
    far.push(2000.0);
    assert!(histogram(json!({ "values": far })).len() >= 3);
    let days = histogram(json!({ "file": data("seattle-weather.csv"), "column": "temp_max" }));
    assert!((15..=25).contains(&days.len()), "{days:?}");
}

#[test]
fn equal_factors_are_equal_distances() {
    let bars = json!({ "series": [{ "x": [1, 2, 3], "y": [1, 10, 100] }], "axes": { "y_log": true } });
    let pixels = picture("line_chart", bars);
    let columns: Vec<u32> =
        (0..pixels.width()).filter(|x| place_in_column(&pixels, *x, BLUE).is_some()).collect();
    let middle = u32::midpoint(columns[0], columns[columns.len() - 1]);
    let quarter = (middle - columns[0]) / 2;
    let at = |x: u32| place_in_column(&pixels, x, BLUE).expect("line");
    assert!((at(middle - quarter) - at(middle) - (at(middle) - at(middle + quarter))).abs() < 2.0);
}

#[test]
fn pictures_have_the_size_asked_for_and_are_the_same_every_time() {
    let arguments = |width: u32, height: u32, format: &str| {
        json!({ "names": ["a", "b"], "series": [{ "values": [1, 2] }],
        "width": width, "height": height, "format": format, "title": "The same" })
    };
    for (width, height) in [(200, 200), (960, 600), (1500, 400), (400, 1500), (4000, 3000)] {
        let pixels = picture("bar_chart", arguments(width, height, "png"));
        assert_eq!((pixels.width(), pixels.height()), (width, height));
        assert!(count(&pixels, BLUE) > width * height / 100, "{width} {height}");
    }
    for format in ["png", "svg"] {
        let one = call("bar_chart", arguments(960, 600, format)).expect("chart");
        assert_eq!(one["name"], format!("the-same.{format}"));
        assert_eq!(
            support::bytes(&one),
            support::bytes(&call("bar_chart", arguments(960, 600, format)).expect("chart"))
        );
    }
}
