//! What is written on charts, read from their SVG.
//!
//! * every chart is well-formed XML, whatever its words are
//! * no text reaches out of the picture, none lies on another: long titles, names, numbers and legends, small pictures
//! * title, names of axes, legend; names of columns where nothing was said
//! * marks: round numbers, thousands, millions, tiny numbers, whole numbers, dates from seconds to centuries
//! * series by the values of a column; dates as text in lists
//! * numbers at the ends of bars

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

mod support;

use serde_json::{Value, json};
use sport_lettering::Lettering;
use support::{bytes, call, data};

/// A text with where it is.
#[derive(Clone, Debug)]
struct Word {
    text: String,
    /// Left, top, right, bottom; of a text that is turned, what it covers.
    area: [f32; 4],
    degrees: f32,
}

fn svg(tool: &str, mut arguments: Value) -> String {
    arguments["format"] = json!("svg");
    let result = call(tool, arguments).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(result["media-type"], "image/svg+xml");
    String::from_utf8(bytes(&result)).expect("text")
}

/// The texts of a chart; panics if it is no XML.
fn words(svg: &str) -> Vec<Word> {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    document.descendants().filter(|node| node.has_tag_name("text")).map(word).collect()
}

fn word(node: roxmltree::Node<'_, '_>) -> Word {
    let number = |name: &str| node.attribute(name).expect(name).parse::<f32>().expect("number");
    let bold = node.attribute("font-weight").is_some();
    let font = if bold { Lettering::bold() } else { Lettering::regular() }.expect("font");
    let text = node.text().unwrap_or_default().to_owned();
    let (x, y, size) = (number("x"), number("y"), number("font-size"));
    let width = font.width(&text, size);
    let left = match node.attribute("text-anchor") {
        Some("middle") => -width / 2.0,
        Some("end") => -width,
        _ => 0.0,
    };
    let degrees: f32 = node.attribute("transform").map_or(0.0, |transform| {
        let inner = transform.trim_start_matches("rotate(");
        inner.split(' ').next().expect("degrees").parse().expect("number")
    });
    let (sin, cos) = degrees.to_radians().sin_cos();
    let corners =
        [(left, -size * 0.75), (left + width, -size * 0.75), (left, size * 0.2), (left + width, size * 0.2)]
            .map(|(across, down)| (x + across * cos - down * sin, y + across * sin + down * cos));
    let edge = |of: fn(&(f32, f32)) -> f32, pick: fn(f32, f32) -> f32| {
        corners.iter().map(of).reduce(pick).expect("corner")
    };
    let area =
        [edge(|c| c.0, f32::min), edge(|c| c.1, f32::min), edge(|c| c.0, f32::max), edge(|c| c.1, f32::max)];
    Word { text, area, degrees }
}

/// Nothing is cut off, and nothing that stands upright covers another.
#[track_caller]
fn check(svg: &str, width: f32, height: f32) -> Vec<Word> {
    let words = words(svg);
    for word in &words {
        let [left, top, right, bottom] = word.area;
        assert!(
            left > -1.0 && top > -1.0 && right < width + 1.0 && bottom < height + 1.0,
            "{word:?} is cut off"
        );
    }
    let straight: Vec<&Word> = words.iter().filter(|word| word.degrees == 0.0).collect();
    for (index, one) in straight.iter().enumerate() {
        for other in &straight[index + 1..] {
            let [left, top, right, bottom] = one.area;
            let apart = other.area[0] > right - 0.5
                || other.area[2] < left + 0.5
                || other.area[1] > bottom - 0.5
                || other.area[3] < top + 0.5;
            assert!(apart, "{one:?} lies on {other:?}");
        }
    }
    words
}

fn texts(words: &[Word]) -> Vec<&str> {
    words.iter().map(|word| word.text.as_str()).collect()
}

#[test]
fn nothing_is_cut_off_and_nothing_covers_anything() {
    let long = "a name that is much longer than anybody would like to read below a bar of a chart ".repeat(3);
    let names: Vec<String> = (0..40).map(|index| format!("{index} {long}")).collect();
    let values: Vec<f64> = (0..40).map(|index| f64::from(index) * 123_456.789).collect();
    let series: Vec<Value> =
        (0..40).map(|index| json!({ "name": format!("series {index} {long}"), "y": [index, 1] })).collect();
    for (width, height) in [(960, 600), (200, 200), (320, 240), (2000, 300), (300, 2000), (4000, 3000)] {
        let charts = [
            (
                "bar_chart",
                json!({ "names": names, "series": [{ "values": values }], "title": long, "x_label": long, "y_label": long }),
            ),
            (
                "bar_chart",
                json!({ "names": names, "series": [{ "values": values }], "horizontal": true, "x_label": long }),
            ),
            (
                "bar_chart",
                json!({ "names": ["a", "b", "c"], "series": [{ "values": [-1.0, 0.5, 1.0] }], "title": "Short" }),
            ),
            ("line_chart", json!({ "series": series, "title": long, "y_label": "y" })),
            ("line_chart", json!({ "file": data("seattle-weather.csv"), "x": "date", "title": "Weather" })),
            ("scatter_chart", json!({ "series": [{ "x": [1e-9, 2e-9], "y": [-1e12, 1e12] }] })),
            ("scatter_chart", json!({ "series": [{ "x": names, "y": values }], "x_label": "names" })),
            ("histogram", json!({ "values": values, "title": "Values", "x_label": long })),
            ("pie_chart", json!({ "names": names, "values": values, "title": long })),
        ];
        for (tool, mut arguments) in charts {
            arguments["width"] = json!(width);
            arguments["height"] = json!(height);
            check(&svg(tool, arguments), width as f32, height as f32);
        }
    }
}

#[test]
fn words_are_words_whatever_they_are() {
    let odd = "<script>alert(1)</script> & \"quotes\" ]]> \u{0} \u{1b}[31m \u{ffff} ä Ω Ж → 日本";
    let arguments = json!({ "names": [odd, "b"], "series": [{ "name": odd, "values": [1, 2] }, { "name": "b", "values": [3, 4] }],
        "title": odd, "x_label": odd, "y_label": odd });
    let text = svg("bar_chart", arguments.clone());
    assert!(
        !text.contains("<script")
            && texts(&words(&text)).iter().any(|word| word.starts_with("<script>alert(1)")),
        "{text}"
    );
    // The font of a picture has no Japanese; the fonts of whoever opens an SVG may.
    let failure = call("bar_chart", arguments).expect_err("letters");
    assert!(failure.code == "unknown-characters" && failure.message.contains("日本`"), "{failure}");
    support::picture(
        "bar_chart",
        json!({ "names": ["<&>\u{1b}", "ä Ω Ж →"], "series": [{ "values": [1, 2] }] }),
    );
}

#[test]
fn what_is_not_said_is_said_by_the_table() {
    let chart =
        svg("line_chart", json!({ "file": data("stocks.csv"), "x": "date", "y": ["price"], "by": "symbol" }));
    let words = check(&chart, 960.0, 600.0);
    let found = texts(&words);
    for word in ["MSFT", "AMZN", "IBM", "GOOG", "AAPL", "date", "price", "2000", "2010", "800"] {
        assert!(found.contains(&word), "no {word} in {found:?}");
    }
    let chart = svg(
        "scatter_chart",
        json!({ "file": data("iris.json"), "x": "petalLength", "y": ["petalWidth"],
        "by": "species", "title": "Iris", "x_label": "Length", "y_label": "Width" }),
    );
    let words = check(&chart, 960.0, 600.0);
    let found = texts(&words);
    for word in ["Iris", "Length", "Width", "setosa", "versicolor", "virginica"] {
        assert!(found.contains(&word), "no {word} in {found:?}");
    }
    assert!(!found.contains(&"petalLength"));
    assert!(chart.contains("<title>Iris</title>"));
}

/// The marks along the bottom of a line through these places.
fn marks(x: Value) -> Vec<String> {
    let count = x.as_array().expect("list").len();
    let chart = svg("line_chart", json!({ "series": [{ "x": x, "y": vec![1; count] }] }));
    let words = check(&chart, 960.0, 600.0);
    let bottom = words.iter().map(|word| word.area[3]).fold(0.0, f32::max);
    words.into_iter().filter(|word| word.area[3] > bottom - 3.0).map(|word| word.text).collect()
}

#[test]
fn marks_are_what_people_write() {
    for (x, some) in [
        (json!([0, 10]), &["0", "5", "10"][..]),
        (json!([0, 1]), &["0", "1"]),
        (json!([0, 0.3]), &["0.10", "0.20"]),
        (json!([-50_000, 50_000]), &["\u{2212}20,000", "0", "20,000"]),
        (json!([0, 3e6]), &["0", "1.0M", "2.0M"]),
        (json!([0, 5e9]), &["1.0B", "5.0B"]),
        (json!([0, 2e-6]), &["1e-6"]),
        (json!([1990, 2020]), &["1990", "2020"]),
        (json!(["2024-01-01", "2024-12-31"]), &["Mar 2024", "Sep 2024"]),
        (json!(["1900-01-01", "2000-01-01"]), &["1940", "2000"]),
        (json!(["2024-02-26", "2024-03-04"]), &["29 Feb", "1 Mar"]),
        (json!(["2024-02-29T08:00:00", "2024-02-29T20:00:00"]), &["10:00", "18:00"]),
        (json!(["2024-02-29T23:00:00+02:00", "2024-02-29T22:00:00Z"]), &["21:30"]),
        (json!(["2024-02-28T12:00", "2024-03-01T12:00"]), &["29 Feb 12:00"]),
        (json!(["2024-02-29T08:00:00", "2024-02-29T08:00:20"]), &["08:00:10"]),
        (json!(["Mon", "Tue", "Wed"]), &["Mon", "Tue", "Wed"]),
        (json!([7, "seven"]), &["7", "seven"]),
    ] {
        let found = marks(x.clone());
        for word in some {
            assert!(found.iter().any(|mark| mark == word), "no {word} for {x} in {found:?}");
        }
    }
    assert_eq!(marks(json!([1, 2, 3])), ["1", "2", "3"], "no halves between whole numbers");
}

#[test]
fn bars_say_their_values() {
    let chart =
        svg("bar_chart", json!({ "names": ["a", "b"], "series": [{ "values": [1_500_000, -250_000] }] }));
    let words = check(&chart, 960.0, 600.0);
    let found = texts(&words);
    assert!(found.contains(&"1.5M") && found.contains(&"\u{2212}0.25M"), "{found:?}");
}
