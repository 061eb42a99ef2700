//! What cannot be drawn, and what was made to do harm.
//!
//! * neither list nor file, both, lists of unequal length, nothing to draw
//! * columns that are not there, or hold no numbers
//! * too many series, bars, points and names; sizes and bins out of range
//! * axes from more to less, logarithmic axes without a positive value
//! * a part below nothing
//! * numbers at the edge of what can be held: the largest, the smallest, equal ones, one

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

mod support;

use serde_json::{Value, json};
use sport_sdk::FailureKind;
use support::{call, data, file, refuse};

const INPUT: FailureKind = FailureKind::InvalidInput;

#[test]
fn data_must_be_there() {
    let weather = || data("seattle-weather.csv");
    refuse("line_chart", json!({}), INPUT, "wrong-data", "either `series`, or a `file`");
    refuse("line_chart", json!({ "series": [], "file": weather() }), INPUT, "wrong-data", "not both");
    refuse("line_chart", json!({ "series": [] }), INPUT, "no-data", "not a single number");
    refuse("line_chart", json!({ "series": [{ "y": [null] }] }), INPUT, "no-data", "not a single number");
    let unequal = json!({ "series": [{ "x": [1], "y": [1, 2] }] });
    refuse("scatter_chart", unequal, INPUT, "unequal-lengths", "1 places in `x` but 2 values");
    let unequal = json!({ "names": ["a"], "series": [{ "values": [1, 2] }] });
    refuse("bar_chart", unequal, INPUT, "unequal-lengths", "1 names but 2 values");
    refuse("bar_chart", json!({ "names": ["a"] }), INPUT, "wrong-data", "either names and values");
    refuse("bar_chart", json!({ "file": weather() }), INPUT, "missing-argument", "`x`");
    refuse("histogram", json!({ "values": [] }), INPUT, "no-data", "not a single number");
    refuse("histogram", json!({ "file": weather() }), INPUT, "missing-argument", "`column`");
    refuse(
        "histogram",
        json!({ "file": weather(), "column": "rain" }),
        FailureKind::NotFound,
        "no-such-column",
        "`precipitation`",
    );
    refuse(
        "histogram",
        json!({ "file": weather(), "column": "weather" }),
        INPUT,
        "not-a-number-column",
        "is text",
    );
    let both = json!({ "file": weather(), "y": ["wind", "temp_max"], "by": "weather" });
    refuse("line_chart", both, INPUT, "wrong-data", "exactly one column");
    refuse(
        "line_chart",
        json!({ "file": file(b"\x89PNG", "a.png"), "x": "a" }),
        INPUT,
        "not-a-table",
        "a picture",
    );
}

#[test]
fn charts_are_bounded() {
    let series: Vec<Value> = (0..41).map(|_| json!({ "y": [1] })).collect();
    refuse("line_chart", json!({ "series": series }), INPUT, "too-many-series", "41 series");
    let weather = data("seattle-weather.csv");
    refuse(
        "bar_chart",
        json!({ "file": weather, "x": "date", "y": ["wind"] }),
        INPUT,
        "too-many-values",
        "at most 500",
    );
    let names: Vec<String> = (0..600).map(|index| format!("name {index}")).collect();
    let arguments = json!({ "series": [{ "x": names, "y": vec![1; 600] }] });
    refuse("line_chart", arguments, INPUT, "too-many-values", "600 names");
    let rows = (0..60_000).map(|index| format!("{index},1\n")).collect::<String>();
    let arguments = json!({ "file": file(format!("x,y\n{rows}").as_bytes(), "t.csv"), "x": "x" });
    refuse("scatter_chart", arguments, FailureKind::Exhausted, "too-many-points", "60000 points");
    for (field, value) in [("width", 100), ("height", 5000), ("width", 0)] {
        let mut arguments = json!({ "series": [{ "y": [1] }] });
        arguments[field] = json!(value);
        refuse("line_chart", arguments, INPUT, "bad-size", "from 200 to 4000");
    }
    for bins in [0, 201] {
        refuse("histogram", json!({ "values": [1, 2], "bins": bins }), INPUT, "bad-bins", "from 1 to 200");
    }
}

#[test]
fn axes_must_make_sense() {
    let with = |axes: Value| json!({ "series": [{ "y": [-1, -2] }], "axes": axes });
    refuse("line_chart", with(json!({ "y_min": 5, "y_max": 5 })), INPUT, "bad-axis", "from 5 to 5");
    refuse("line_chart", with(json!({ "y_log": true })), INPUT, "bad-axis", "logarithmic y axis");
    refuse("line_chart", with(json!({ "x_log": true, "x_min": 0 })), INPUT, "bad-axis", "logarithmic x axis");
    refuse("line_chart", with(json!({ "z_min": 0 })), INPUT, "invalid-argument", "axes");
    let bars = json!({ "names": ["a"], "series": [{ "values": [1] }], "axes": { "y_min": 9, "y_max": 2 } });
    refuse("bar_chart", bars, INPUT, "bad-axis", "from 9 to 2");
    let pie = json!({ "names": ["a", "loss"], "values": [1, -2] });
    refuse("pie_chart", pie, INPUT, "negative-value", "`loss` is -2");
    refuse("pie_chart", json!({ "names": ["a"], "values": [0] }), INPUT, "no-data", "above 0");
}

#[test]
fn numbers_at_the_edge_are_drawn() {
    for values in [
        json!([f64::MAX, f64::MIN]),
        json!([f64::MAX, 1]),
        json!([f64::MIN_POSITIVE, 0]),
        json!([5e-324]),
        json!([0]),
        json!([7, 7, 7]),
        json!([1e300, 1e-300]),
        json!([1e15, 1_000_000_000_000_001_i64]),
        json!([-0.0, 0]),
    ] {
        let count = values.as_array().expect("list").len();
        let names: Vec<String> = (0..count).map(|index| index.to_string()).collect();
        for format in ["png", "svg"] {
            for log in [false, true] {
                let axes = json!({ "y_log": log, "x_log": log });
                for tool in ["line_chart", "scatter_chart"] {
                    let arguments =
                        json!({ "series": [{ "x": values, "y": values }], "axes": axes, "format": format });
                    if let Err(failure) = call(tool, arguments) {
                        assert_eq!((failure.code.as_str(), log), ("bad-axis", true), "{values}: {failure}");
                    }
                }
            }
            let bars = json!({ "names": names, "series": [{ "values": values }], "format": format });
            call("bar_chart", bars).unwrap_or_else(|failure| panic!("{values}: {failure}"));
            for bins in [None, Some(3)] {
                let arguments = json!({ "values": values, "bins": bins, "format": format });
                let result =
                    call("histogram", arguments).unwrap_or_else(|failure| panic!("{values}: {failure}"));
                let text = support::bytes(&result);
                assert!(format == "png" || !String::from_utf8_lossy(&text).contains("NaN"), "{values}");
            }
        }
    }
}
