//! What files are read as.
//!
//! * real files: daily weather (CSV), measured flowers (JSON), a workbook with a title, dates, formulas and an error
//! * delimiters: comma, semicolon, tab, bar, what `sep=` says, what the caller says; commas within values
//! * encodings: UTF-8 with and without a mark, UTF-16, Windows-1252, Shift_JIS, what the caller says
//! * types: whole numbers, numbers with points and with commas, groups of three, booleans, dates, moments; what stays text
//! * missing values; rows of unequal length; names that are missing or there twice
//! * whether the first row holds names
//! * JSON: lists of objects, lists of lists, columns, several lists by name, JSON Lines, nested values, large numbers
//! * sheets by name; a file without them
//! * the answer of `table_info` fits its own schema

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

mod support;

use serde_json::{Value, json};
use sport_sdk::FailureKind;
use sport_table::tools::SPORT_TOOLS;
use support::{call, columns, csv_info, data, file, refuse, rows, values};

#[test]
fn daily_weather_is_read() {
    let info = call("table_info", json!({ "file": data("seattle-weather.csv") })).expect("info");
    assert_eq!(
        (&info["format"], &info["rows"], &info["delimiter"]),
        (&json!("csv"), &json!(1461), &json!(","))
    );
    assert_eq!(
        columns(&info),
        [
            "date: date",
            "precipitation: number",
            "temp_max: number",
            "temp_min: number",
            "wind: number",
            "weather: text"
        ]
    );
    let date = &info["columns"][0];
    assert_eq!((&date["min"], &date["max"]), (&json!("2012-01-01"), &json!("2015-12-31")));
    assert_eq!(info["columns"][5]["examples"], json!(["drizzle", "rain", "sun"]));
    assert_eq!(info["columns"][2]["missing"], 0);
}

#[test]
fn measured_flowers_are_read() {
    let info = call("table_info", json!({ "file": data("iris.json") })).expect("info");
    assert_eq!((&info["format"], &info["rows"]), (&json!("json"), &json!(150)));
    assert_eq!(columns(&info)[4], "species: text");
    assert_eq!(info["columns"][0]["type"], "number");
}

#[test]
fn a_workbook_is_read() {
    let file = data("sales.xlsx");
    let info = call("table_info", json!({ "file": file })).expect("info");
    assert_eq!(info["sheets"], json!(["About", "Sales 2024", "Empty"]));
    let read = json!({ "skip": 1 });
    let info =
        call("table_info", json!({ "file": file, "sheet": "sales 2024", "read": read })).expect("info");
    assert_eq!(
        columns(&info),
        [
            "Day: date",
            "Article: text",
            "Pieces: integer",
            "Price: number",
            "Paid: boolean",
            "When: datetime",
            "Total: number"
        ]
    );
    assert_eq!(info["sheet"], "Sales 2024");
    assert!(info["notes"][0].as_str().expect("note").contains("1 cells hold an error"), "{info}");
    let page =
        call("table_rows", json!({ "file": file, "sheet": "Sales 2024", "read": read })).expect("rows");
    assert_eq!(
        values(&page),
        [
            json!(["2024-02-29", "Äpfel & Birnen", 3, 1.5, true, "2024-02-29T13:05:00", 4.5]),
            json!(["2024-03-01", "Nüsse <ganz>", 10, 0.25, false, "2024-03-01T08:30:15", 2.5]),
            json!(["2024-03-02", "Äpfel & Birnen", null, 1.75, true, "2024-03-02T00:00:01", 0]),
            json!(["2024-03-04", null, null, null, null, null, null]),
        ]
    );
    let empty = call("table_info", json!({ "file": file, "sheet": "Empty" })).expect("empty");
    assert_eq!((&empty["rows"], &empty["columns"]), (&json!(0), &json!([])));
}

#[test]
fn delimiters_are_found() {
    for (text, delimiter) in [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ("name;note\nx;one, two, three\ny;four\n", ";"),
        ("sep=;\na;b\n1;2\n", ";"),
        ("only\n1\n2\n", ","),
        ("a,b\n\"x;y;z\",1\n\"x;y\",2\n", ","),
    ] {
        assert_eq!(csv_info(text)["delimiter"], delimiter, "{text}");
    }
    let arguments = json!({ "file": file(b"a:b\n1:2\n", "t.csv"), "read": { "delimiter": ":" } });
    assert_eq!(columns(&call("table_info", arguments).expect("info")), ["a: integer", "b: integer"]);
    let arguments = json!({ "file": file(b"a,b\n", "t.csv"), "read": { "delimiter": "::" } });
    refuse("table_info", arguments, FailureKind::InvalidInput, "bad-delimiter", "one ASCII character");
}

#[test]
fn encodings_are_found() {
    let utf16: Vec<u8> =
        "\u{feff}Stadt,Höhe\nZürich,408\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let unmarked: Vec<u8> =
        "Stadt,Land\nZug,CH\nBern,CH\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let cases: [(&[u8], &str, &str); 6] = [
        ("Stadt,Höhe\nZürich,408\n".as_bytes(), "utf-8", "Zürich"),
        ("\u{feff}Stadt,Höhe\nZürich,408\n".as_bytes(), "utf-8", "Zürich"),
        (b"Stadt,H\xf6he\nZ\xfcrich,408\nM\xfcnchen,519\nK\xf6ln,53\n", "windows-1252", "Zürich"),
        (&utf16, "utf-16le", "Zürich"),
        (&unmarked, "utf-16be", "Zug"),
        (
            b"\x93s\x8es,\x90l\x8c\xfb\n\x93\x8c\x8b\x9e,14000000\n\x91\xe5\x8d\xe3,2700000\n",
            "shift_jis",
            "東京",
        ),
    ];
    for (bytes, encoding, first) in cases {
        let file = file(bytes, "staedte.csv");
        let info = call("table_info", json!({ "file": file })).expect(encoding);
        assert_eq!(info["encoding"], encoding);
        assert_eq!(rows(&file)[0][0], first);
        assert!(!info["columns"][0]["name"].as_str().expect("name").starts_with('\u{feff}'));
    }
    let greek = file(b"\xd0\xfc\xeb\xe7,a\n\xc1\xe8\xde\xed\xe1,1\n", "t.csv");
    let arguments = json!({ "file": greek, "read": { "encoding": "iso-8859-7" } });
    assert_eq!(values(&call("table_rows", arguments).expect("greek"))[0], json!(["Αθήνα", 1]));
    let arguments = json!({ "file": greek, "read": { "encoding": "klingon" } });
    refuse("table_info", arguments, FailureKind::InvalidInput, "unknown-encoding", "klingon");
    let arguments = json!({ "file": greek, "read": { "encoding": "utf-8" } });
    let info = call("table_info", arguments).expect("damaged");
    assert!(info["notes"][0].as_str().expect("note").contains("not UTF-8"), "{info}");
}

/// The type and first value of a column of these values.
fn column(delimiter: &str, values: &[&str]) -> (String, Value) {
    let lines: Vec<String> = values.iter().map(|value| format!("{value}{delimiter}x\n")).collect();
    let file = file(format!("a{delimiter}b\n{}", lines.concat()).as_bytes(), "t.csv");
    let info = call("table_info", json!({ "file": file })).expect("info");
    (info["columns"][0]["type"].as_str().expect("type").to_owned(), rows(&file)[0][0].clone())
}

#[test]
fn columns_have_the_types_of_their_values() {
    for (delimiter, values, kind, first) in [
        (",", &["1", "-20", "0"][..], "integer", json!(1)),
        (",", &["1", "2.5", "1e3"], "number", json!(1.0)),
        (",", &["\"1,234.5\"", "\"12,345,678\"", "3"], "number", json!(1234.5)),
        (";", &["1,5", "1.234,5", "7"], "number", json!(1.5)),
        (";", &["1 234,5", "2"], "number", json!(1234.5)),
        (";", &["1,234", "5,678"], "number", json!(1.234)),
        (",", &["\"1,234\"", "\"5,678\""], "number", json!(1234.0)),
        (",", &["true", "FALSE", "Yes"], "boolean", json!(true)),
        (",", &["2024-02-29", "2023-12-01"], "date", json!("2024-02-29")),
        (";", &["29.2.2024", "1.12.2023"], "date", json!("2024-02-29")),
        (",", &["2024/3/1", "2024/03/02"], "date", json!("2024-03-01")),
        (",", &["2024-02-29 13:05", "2024-03-01T08:00:30Z"], "datetime", json!("2024-02-29T13:05:00")),
        (",", &["Jan 1 2000", "Feb 29 2000"], "date", json!("2000-01-01")),
        (",", &["3 March 2024", "\"December 24, 2024\""], "date", json!("2024-03-03")),
        (",", &["Jan 32 2000", "May 1 2000"], "text", json!("Jan 32 2000")),
        // what one would not calculate with
        (",", &["01067", "10115"], "text", json!("01067")),
        (",", &["+49 89 1", "2"], "text", json!("+49 89 1")),
        (",", &["2023-02-29", "2024-01-01"], "text", json!("2023-02-29")),
        (",", &["03/04/2024", "05/06/2024"], "text", json!("03/04/2024")),
        (",", &["12345678901234567890", "1"], "text", json!("12345678901234567890")),
        (",", &["inf", "nan"], "text", json!("inf")),
        (",", &["1e999", "2"], "text", json!("1e999")),
        (",", &["5", "n.v."], "text", json!("5")),
    ] {
        assert_eq!(column(delimiter, values), (kind.to_owned(), first), "{values:?}");
    }
    assert!(csv_info("a;b\n1,5;x\n")["notes"][0].as_str().expect("note").contains("decimal commas"));
}

#[test]
fn missing_values_are_missing() {
    let text = "a,b,c\n1,NA,x\n,2.5,N/A\nnull,,\n";
    let info = csv_info(text);
    assert_eq!(columns(&info), ["a: integer", "b: number", "c: text"]);
    let missing: Vec<&Value> =
        info["columns"].as_array().expect("list").iter().map(|one| &one["missing"]).collect();
    assert_eq!(missing, [&json!(2), &json!(2), &json!(1)]);
    // In a column of texts `N/A` is a text, since nobody can say that it is not.
    assert_eq!(rows(&file(text.as_bytes(), "t.csv"))[1], json!([null, 2.5, "N/A"]));
}

#[test]
fn rows_and_names_that_do_not_fit_are_mended() {
    let file = file(b"a,a,,b\n1,2\n3,4,5,6,7\n", "t.csv");
    let page = call("table_rows", json!({ "file": file })).expect("rows");
    let names: Vec<&str> =
        page["columns"].as_array().expect("list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["a", "a_2", "column_3", "b", "column_5"]);
    assert_eq!(values(&page), [json!([1, 2, null, null, null]), json!([3, 4, 5, 6, 7])]);
    assert!(page["notes"][0].as_str().expect("note").contains("1 rows have fewer values"), "{page}");
}

#[test]
fn the_first_row_holds_names_unless_it_fits_what_is_below() {
    for (text, header) in [
        ("name,age\nAnn,30\nBob,25\n", true),
        ("Ann,30\nBob,25\n", false),
        ("1,2\n3,4\n", false),
        ("country,2019,2020\nCH,1.5,2.5\n", true),
        ("name,city\nAnn,Ulm\n", true),
        ("2024-01-01,x\n2024-01-02,y\n", false),
    ] {
        assert_eq!(csv_info(text)["header"], header, "{text}");
    }
    let read = json!({ "header": false });
    let arguments = json!({ "file": file(b"name,age\nAnn,30\n", "t.csv"), "read": read });
    let info = call("table_info", arguments).expect("info");
    assert_eq!((&info["rows"], columns(&info)[1].as_str()), (&json!(2), "column_2: text"));
}

#[test]
fn json_has_many_shapes() {
    let cases = [
        (
            r#"[{"a": 1, "b": "x"}, {"b": null, "c": [1, {"d": 2}], "a": 2.5}]"#,
            vec![json!([1, "x", null]), json!([2.5, null, "[1, {\"d\": 2}]"])],
        ),
        (r#"[["a", "b"], [1, true], [2, false]]"#, vec![json!([1, true]), json!([2, false])]),
        (r#"[[1, 2], [3]]"#, vec![json!([1, 2]), json!([3, null])]),
        (r#"{"a": [1, 2], "b": ["x"]}"#, vec![json!([1, "x"]), json!([2, null])]),
        (r#"{"meta": {"n": 1}, "items": [{"a": 1}], "more": [{"b": 2}]}"#, vec![json!([1])]),
        (r#"{"a": 1, "b": "one row"}"#, vec![json!([1, "one row"])]),
        ("{\"a\": 1}\n{\"a\": 2}\n\n{\"a\": 3}\n", vec![json!([1]), json!([2]), json!([3])]),
        ("[]", vec![]),
        (
            "[{\"a\": 12345678901234567890, \"\\u0062\": \"\\u00e4\\n\"}]",
            vec![json!(["12345678901234567890", "ä\n"])],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(rows(&file(text.as_bytes(), "t.json")), expected, "{text}");
    }
    let several = file(cases_text(), "t.json");
    let page = call("table_rows", json!({ "file": several, "sheet": "more" })).expect("more");
    assert_eq!(values(&page), [json!([2])]);
    let dates = file(br#"[{"d": "2024-01-02"}, {"d": null}]"#, "t.json");
    assert_eq!(columns(&call("table_info", json!({ "file": dates })).expect("info")), ["d: date"]);
}

fn cases_text() -> &'static [u8] {
    br#"{"items": [{"a": 1}], "more": [{"b": 2}]}"#
}

#[test]
fn sheets_that_are_not_there_are_named() {
    let missing = FailureKind::NotFound;
    let arguments = json!({ "file": data("sales.xlsx"), "sheet": "Sales" });
    refuse("table_info", arguments, missing, "no-such-sheet", "`About`, `Sales 2024`, `Empty`");
    let arguments = json!({ "file": data("stocks.csv"), "sheet": "Sales" });
    refuse("table_info", arguments, missing, "no-such-sheet", "has no sheets");
    let arguments = json!({ "file": file(cases_text(), "t.json"), "sheet": "others" });
    refuse("table_info", arguments, missing, "no-such-sheet", "`items`, `more`");
}

#[test]
fn what_is_required_is_always_there() {
    for tool in SPORT_TOOLS {
        let schema = (tool.output)().expect("schema");
        let arguments = match tool.name {
            "table_convert" => json!({ "file": data("stocks.csv"), "to": "csv" }),
            "table_group" => json!({ "file": data("stocks.csv"), "by": [] }),
            _ => json!({ "file": data("stocks.csv") }),
        };
        let answer = call(tool.name, arguments).expect(tool.name);
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(answer.get(name.as_str().expect("name")).is_some(), "{} lacks {name}", tool.name);
        }
    }
}
