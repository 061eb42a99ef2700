//! Files that the tools write, read again by the tools and, for XLSX, by their reader's own checks.
//!
//! * each format into each: values and types stay
//! * what is hard to write: delimiters, quotes, line ends, markup, control characters, texts like formulas, dates of all kinds
//! * rows that were found are saved in their order, all of them, not only those given
//! * names of files follow from the file that was read
//! * a text that does not fit into a cell of a workbook

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

mod support;

use serde_json::{Value, json};
use sport_sdk::FailureKind;
use support::{bytes, call, columns, data, file, refuse, rows, values};

fn convert(file: &Value, to: &str) -> Value {
    call("table_convert", json!({ "file": file, "to": to })).expect(to)
}

#[test]
fn every_format_becomes_every_other() {
    let weather = data("seattle-weather.csv");
    let expected = rows(&weather);
    let types = columns(&call("table_info", json!({ "file": weather })).expect("info"));
    let mut from = weather;
    for to in ["json", "csv", "xlsx", "json", "xlsx", "csv"] {
        from = convert(&from, to);
        assert_eq!(from["name"], format!("seattle-weather.{to}"));
        let info = call("table_info", json!({ "file": from })).expect(to);
        assert_eq!(info["format"], to);
        assert_eq!(columns(&info), types, "{to}");
        assert_eq!(numbers(rows(&from)), numbers(expected.clone()), "{to}");
    }
}

/// Whole numbers as they are, whatever they are written as: a workbook knows no difference.
fn numbers(rows: Vec<Value>) -> Vec<Vec<Value>> {
    let plain = |value: &Value| value.as_f64().map_or(value.clone(), Value::from);
    rows.iter().map(|row| row.as_array().expect("row").iter().map(plain).collect()).collect()
}

#[test]
fn what_is_hard_to_write_is_written() {
    let hard = json!([
        { "text": "a,b;\"c\"\r\nd", "moment": "2024-02-29T23:59:59", "day": "1900-03-01", "flag": true },
        { "text": "<&>' ]]> ä 🎉", "moment": "1999-12-31T00:00:01", "day": "2024-12-31", "flag": false },
        { "text": "=1+1", "moment": "2024-01-01T12:00:00", "day": "2100-02-28", "flag": null },
        { "text": "  kept  ", "moment": null, "day": "9999-12-31", "flag": true },
    ]);
    let file = file(hard.to_string().as_bytes(), "hard.json");
    for to in ["csv", "xlsx", "json"] {
        assert_eq!(rows(&convert(&file, to)), rows(&file), "{to}");
    }
    // Days that a workbook cannot say stay texts; what XML cannot hold is replaced.
    let odd = json!([{ "day": "1899-01-01", "text": "a\u{1}b" }, { "day": "2024-01-01T10:00:00+02:00", "text": "c" }]);
    let odd = support::file(odd.to_string().as_bytes(), "odd.json");
    assert_eq!(
        rows(&convert(&odd, "xlsx")),
        [json!(["1899-01-01", "a\u{fffd}b"]), json!(["2024-01-01T10:00:00+02:00", "c"])]
    );
}

#[test]
fn rows_that_were_found_are_saved() {
    let arguments = json!({ "file": data("seattle-weather.csv"), "columns": ["date", "wind"], "limit": 2,
        "where": [{ "column": "wind", "op": ">", "value": 8 }], "sort": [{ "column": "wind", "descending": true }],
        "save": "csv" });
    let page = call("table_rows", arguments).expect("rows");
    let saved = &page["file"];
    assert_eq!(
        (&saved["name"], &saved["media-type"]),
        (&json!("seattle-weather-rows.csv"), &json!("text/csv"))
    );
    let text = String::from_utf8(bytes(saved)).expect("text");
    let total = usize::try_from(page["total"].as_u64().expect("total")).expect("few");
    assert!(total > 5 && text.lines().count() == total + 1, "{text}");
    assert!(text.starts_with("date,wind\n2012-12-17,9.5\n"), "{text}");

    let arguments = json!({ "file": data("iris.json"), "by": ["species"], "save": "xlsx" });
    let page = call("table_group", arguments).expect("groups");
    assert_eq!(page["file"]["name"], "iris-groups.xlsx");
    assert_eq!(rows(&page["file"]), values(&page));
    let arguments = json!({ "file": data("iris.json"), "to": "csv", "columns": ["species"] });
    let text = String::from_utf8(bytes(&call("table_convert", arguments).expect("csv"))).expect("text");
    assert!(text.starts_with("species\nsetosa\n") && text.lines().count() == 151);
}

#[test]
fn a_text_that_is_too_long_for_a_workbook_is_refused() {
    let long = file(format!("a\n{}\n", "x".repeat(40_000)).as_bytes(), "t.csv");
    refuse(
        "table_convert",
        json!({ "file": long, "to": "xlsx" }),
        FailureKind::Exhausted,
        "text-too-long",
        "save as csv",
    );
    assert_eq!(bytes(&convert(&long, "csv")).len(), 40_003);
}
