//! Rows by condition and order, and groups, against what pandas calculated (`data/make.py`).
//!
//! * groups of daily weather: count, mean, standard deviation, median, sum, last date
//! * groups of flowers and of shares; all rows as one group; several columns; sorted by a result; distinct, first, last
//! * sums of whole numbers are whole, and large ones exact
//! * hot sunny days: two conditions, two columns to sort by
//! * each operator, on each type; missing values; case; lists
//! * columns by name, in other letters too; the order asked for
//! * limit, offset, totals; long texts and wide rows are cut; what does not fit says so
//! * wrong columns, values, functions and limits are explained

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

mod support;

use serde_json::{Value, json};
use sport_sdk::FailureKind;
use support::{call, data, file, refuse, values};

fn expected() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/expected.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("expected")).expect("json")
}

#[track_caller]
fn near(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_f64().expect("number"), expected.as_f64().expect("number"));
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
}

#[test]
fn groups_of_weather_are_what_pandas_says() {
    let page = call(
        "table_group",
        json!({ "file": data("seattle-weather.csv"), "by": ["weather"], "aggregate": [
            { "function": "count" },
            { "function": "mean", "column": "temp_max" },
            { "function": "std", "column": "wind" },
            { "function": "median", "column": "wind" },
            { "function": "sum", "column": "precipitation" },
            { "function": "max", "column": "date" },
        ] }),
    )
    .expect("groups");
    let expected = expected();
    let expected = expected["weather"].as_object().expect("groups");
    assert_eq!(page["total"], expected.len());
    for row in page["rows"].as_array().expect("rows") {
        let group = &expected[row["weather"].as_str().expect("name")];
        assert_eq!((&row["count"], &row["max_date"]), (&group["count"], &group["max_date"]));
        for name in ["mean_temp_max", "std_wind", "median_wind", "sum_precipitation"] {
            near(&row[name], &group[name]);
        }
    }
    assert_eq!(page["columns"][6], json!({ "name": "max_date", "type": "date" }));
}

#[test]
fn groups_of_flowers_and_shares_are_what_pandas_says() {
    let arguments = json!({ "file": data("iris.json"), "by": ["species"], "aggregate": [
        { "function": "mean", "column": "petalLength", "name": "mean" },
        { "function": "std", "column": "petalLength", "name": "std" },
        { "function": "median", "column": "petalLength", "name": "median" },
    ] });
    let page = call("table_group", arguments).expect("groups");
    for row in page["rows"].as_array().expect("rows") {
        let group = &expected()["iris"][row["species"].as_str().expect("name")];
        for (index, name) in ["mean", "std", "median"].into_iter().enumerate() {
            near(&row[name], &group[index]);
        }
    }
    let arguments = json!({ "file": data("stocks.csv"), "by": ["symbol"],
        "aggregate": [{ "function": "max", "column": "price", "name": "top" }],
        "sort": [{ "column": "top", "descending": true }] });
    let page = call("table_group", arguments).expect("groups");
    let found = values(&page);
    assert_eq!((found.len(), &found[0][0]), (5, &json!("GOOG")));
    for row in &found {
        near(&row[1], &expected()["stocks"][row[0].as_str().expect("name")]);
    }
    assert!(found.windows(2).all(|pair| pair[0][1].as_f64() >= pair[1][1].as_f64()));
}

#[test]
fn hot_sunny_days_are_what_pandas_says() {
    let arguments = json!({ "file": data("seattle-weather.csv"), "columns": ["date", "temp_max"],
        "where": [
            { "column": "temp_max", "op": ">=", "value": 33 },
            { "column": "weather", "op": "==", "value": "sun" },
        ],
        "sort": [{ "column": "temp_max", "descending": true }, { "column": "date" }], "limit": 1000 });
    let page = call("table_rows", arguments).expect("rows");
    assert_eq!(json!(values(&page)), expected()["hot"]);
    assert!(values(&page).len() > 10);
}

const PEOPLE: &[u8] =
    b"name,age,city,born,member\nAnn,30,Ulm,1994-05-01,true\nBob,25,Bonn,1999-01-31,false\n\
    Cem,,ulm,2001-12-24,true\nDoris,41,,1983-07-07,\n";

fn names(condition: Value) -> Vec<String> {
    let arguments = json!({ "file": file(PEOPLE, "people.csv"), "where": [condition] });
    let page = call("table_rows", arguments).expect("rows");
    values(&page).iter().map(|row| row[0].as_str().expect("name").to_owned()).collect()
}

#[test]
fn operators_do_what_they_say() {
    for (column, op, value, expected) in [
        ("age", "==", json!(30), &["Ann"][..]),
        ("age", "==", json!("30"), &["Ann"]),
        ("age", "==", json!(30.0), &["Ann"]),
        ("age", "!=", json!(30), &["Bob", "Cem", "Doris"]),
        ("age", "<", json!(30), &["Bob"]),
        ("age", "<=", json!(30), &["Ann", "Bob"]),
        ("age", ">", json!(29.5), &["Ann", "Doris"]),
        ("age", ">=", json!(41), &["Doris"]),
        ("age", "in", json!([25, 41, 99]), &["Bob", "Doris"]),
        ("age", "not-in", json!([25, 41]), &["Ann", "Cem"]),
        ("age", "empty", json!(null), &["Cem"]),
        ("city", "not-empty", json!(null), &["Ann", "Bob", "Cem"]),
        ("city", "==", json!("Ulm"), &["Ann"]),
        ("city", "contains", json!("UL"), &["Ann", "Cem"]),
        ("city", "starts-with", json!("b"), &["Bob"]),
        ("city", "ends-with", json!("M"), &["Ann", "Cem"]),
        ("city", ">", json!("C"), &["Ann", "Cem"]),
        ("born", ">", json!("1999-01-31"), &["Cem"]),
        ("born", "<=", json!("31.1.1999"), &["Ann", "Bob", "Doris"]),
        ("member", "==", json!(true), &["Ann", "Cem"]),
        ("member", "==", json!("no"), &["Bob"]),
        ("MEMBER ", "!=", json!(true), &["Bob", "Doris"]),
        ("age", "contains", json!(4), &["Doris"]),
    ] {
        let found = names(json!({ "column": column, "op": op, "value": value }));
        assert_eq!(found, expected, "{column} {op} {value}");
    }
}

#[test]
fn groups_keep_to_missing_values_and_large_sums() {
    let people = file(PEOPLE, "people.csv");
    let arguments = json!({ "file": people, "by": ["member"], "aggregate": [
        { "function": "count" }, { "function": "count", "column": "age" }, { "function": "mean", "column": "age" },
        { "function": "first", "column": "name" }, { "function": "last", "column": "name" },
    ] });
    assert_eq!(
        values(&call("table_group", arguments).expect("groups")),
        [
            json!([false, 1, 1, 25.0, "Bob", "Bob"]),
            json!([true, 2, 1, 30.0, "Ann", "Cem"]),
            json!([null, 1, 1, 41.0, "Doris", "Doris"]),
        ]
    );
    let large = file(b"a,b\n9007199254740993,1\n2,1\n9223372036854775807,2\n1,2\n", "t.csv");
    let arguments =
        json!({ "file": large, "by": ["b"], "aggregate": [{ "function": "sum", "column": "a" }] });
    let sums = values(&call("table_group", arguments).expect("sums"));
    assert_eq!(sums, [json!([1, 9_007_199_254_740_995_i64]), json!([2, 9.223_372_036_854_776e18])]);
    let arguments = json!({ "file": people, "by": [], "aggregate": [
        { "function": "distinct", "column": "city" }, { "function": "std", "column": "age" },
        { "function": "min", "column": "born" },
    ], "where": [{ "column": "age", "op": "<", "value": 30 }] });
    assert_eq!(values(&call("table_group", arguments).expect("one")), [json!([1, null, "1999-01-31"])]);
    let arguments =
        json!({ "file": people, "by": ["name"], "where": [{ "column": "age", "op": ">", "value": 99 }] });
    assert_eq!(call("table_group", arguments).expect("none")["total"], 0);
}

#[test]
fn answers_are_bounded() {
    let weather = data("seattle-weather.csv");
    let page = call("table_rows", json!({ "file": weather })).expect("head");
    assert_eq!((values(&page).len(), &page["total"], &page["truncated"]), (20, &json!(1461), &json!(true)));
    let page = call("table_rows", json!({ "file": weather, "offset": 1460, "limit": 5 })).expect("tail");
    assert_eq!((values(&page).len(), &page["truncated"]), (1, &json!(false)));
    assert_eq!(values(&page)[0][0], "2015-12-31");
    let page = call("table_rows", json!({ "file": weather, "offset": 9999 })).expect("beyond");
    assert_eq!((values(&page).len(), &page["total"]), (0, &json!(1461)));

    let long = format!("a\n{}\n", "ä".repeat(5000));
    let page = call("table_rows", json!({ "file": file(long.as_bytes(), "t.csv") })).expect("long");
    assert_eq!(page["truncated"], true);
    assert_eq!(page["rows"][0]["a"].as_str().expect("text").chars().count(), 2001);

    let many = format!("a,b\n{}", format!("{},1\n", "x".repeat(1500)).repeat(900));
    let page =
        call("table_rows", json!({ "file": file(many.as_bytes(), "t.csv"), "limit": 900 })).expect("many");
    let given = values(&page).len();
    assert!((100..200).contains(&given) && page["truncated"] == true, "{given}");

    let name = "n".repeat(100);
    let names: Vec<String> = (0..1500).map(|index| format!("{name}{index}")).collect();
    let wide = format!("{}\n{}\n", names.join(","), vec!["y".repeat(100); 1500].join(","));
    let wide = file(wide.as_bytes(), "t.csv");
    refuse("table_rows", json!({ "file": wide }), FailureKind::Exhausted, "row-too-large", "fewer `columns`");
    let info = call("table_info", json!({ "file": wide })).expect("info");
    assert_eq!((&info["column_count"], info["columns"].as_array().map(Vec::len)), (&json!(1500), Some(200)));
}

#[test]
fn columns_come_in_the_order_asked_for() {
    let arguments =
        json!({ "file": file(PEOPLE, "people.csv"), "columns": ["City", "name", "city"], "limit": 1 });
    let page = call("table_rows", arguments).expect("rows");
    assert_eq!(page["rows"][0].to_string(), r#"{"city":"Ulm","name":"Ann"}"#);
}

#[test]
fn wrong_questions_are_explained() {
    let people = file(PEOPLE, "people.csv");
    let input = FailureKind::InvalidInput;
    let with = |field: &str, value: Value| json!({ "file": people, field: value });
    refuse(
        "table_rows",
        with("columns", json!(["agee"])),
        FailureKind::NotFound,
        "no-such-column",
        "`name`, `age`",
    );
    let condition = |column: &str, op: &str, value: Value| {
        with("where", json!([{ "column": column, "op": op, "value": value }]))
    };
    refuse(
        "table_rows",
        condition("age", "<", json!("young")),
        input,
        "wrong-value",
        "holds whole numbers, which cannot be compared with \"young\"",
    );
    refuse("table_rows", condition("born", ">", json!(1999)), input, "wrong-value", "dates");
    refuse("table_rows", condition("age", "==", json!([1])), input, "wrong-value", "`in`");
    refuse("table_rows", condition("age", "==", json!(null)), input, "wrong-value", "needs a value");
    refuse("table_rows", condition("age", "~", json!(1)), input, "invalid-argument", "where");
    refuse("table_rows", with("limit", json!(0)), input, "bad-limit", "from 1 to 1000");
    refuse("table_rows", with("limit", json!(5000)), input, "bad-limit", "`save`");
    let of = |function: &str, column: Value| json!({ "file": people, "by": ["city"], "aggregate": [{ "function": function, "column": column }] });
    refuse("table_group", of("sum", json!("name")), input, "not-a-number-column", "column `name` is text");
    refuse("table_group", of("sum", json!(null)), input, "missing-column", "`sum` needs a column");
    refuse("table_group", of("mode", json!("age")), input, "invalid-argument", "aggregate");
    let conditions = vec![json!({ "column": "age", "op": "empty" }); 40];
    refuse("table_rows", with("where", json!(conditions)), input, "too-many", "at most 32");
}
