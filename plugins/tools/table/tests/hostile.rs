//! Files that are no tables, and files that were made to do harm.
//!
//! * pictures, archives, old workbooks, binary files, empty files, damaged files of each format
//! * a file that is too large; too many rows, columns and cells in CSV and JSON
//! * workbooks: a part that unpacks to a thousand times its size, too many parts, one value in the last corner of a sheet,
//!   a claim to have thousands of millions of texts
//! * JSON that is nested a hundred thousand deep, with thousands of names, with numbers that no float holds
//! * two thousand columns of one name

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

mod support;

use std::io::{Cursor, Write};

use serde_json::{Value, json};
use sport_sdk::{Artifact, FailureKind};
use support::{call, data, file, refuse};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

#[track_caller]
fn refused(bytes: &[u8], name: &str, kind: FailureKind, code: &str, message: &str) {
    refuse("table_info", json!({ "file": file(bytes, name) }), kind, code, message);
}

#[test]
fn what_is_no_table_is_named() {
    let input = FailureKind::InvalidInput;
    refused(b"", "t.csv", input, "empty-file", "t.csv is empty");
    refused(b" \n \n", "t.csv", input, "empty-file", "is empty");
    refused(b"\x89PNG\r\n\x1a\n....", "t.csv", input, "not-a-table", "a picture");
    refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "t.xls", input, "not-a-table", "before 2007");
    refused(b"\x1f\x8b\x08....", "t.csv.gz", input, "not-a-table", "gzip");
    refused(b"\0asm\x01\0\0\0", "t.wasm", input, "not-a-table", "binary");
    refused(br#"{"a": [1, 2"#, "t.json", input, "bad-json", "cannot be read as JSON");
    refused(b"{\"a\": 1}\n{\"a\": \n", "t.jsonl", input, "bad-json", "line 2");
    refused(b"[1, 2, 3]", "t.json", input, "not-a-table", "not all objects");
    refused(br#"[{"a": 1}, [2]]"#, "t.json", input, "not-a-table", "not all objects");
    refused(&zip(&[("notes.txt", b"hello")]), "t.zip", input, "not-a-table", "no XLSX");
    refused(b"PK\x03\x04 and then nothing", "t.xlsx", input, "bad-xlsx", "damaged");
    let whole = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sales.xlsx")).expect("file");
    let mut wrong = whole.clone();
    for byte in &mut wrong[200..600] {
        *byte ^= 0x55;
    }
    refused(&wrong, "t.xlsx", input, "bad-xlsx", "t.xlsx");
    refused(&whole[..whole.len() / 2], "t.xlsx", input, "bad-xlsx", "damaged");
    let arguments = json!({ "file": file(b"a,b\n1,2\n", "t.csv"), "read": { "skip": 5 } });
    refuse("table_info", arguments, input, "no-rows", "no rows after the 5");
}

#[test]
fn what_is_too_large_is_refused() {
    let spent = FailureKind::Exhausted;
    let artifact: Artifact = serde_json::from_value(file(b"a", "big.csv")).expect("artifact");
    let large = Artifact { size: 65 << 20, ..artifact };
    refuse("table_info", json!({ "file": large }), spent, "file-too-large", "65 MiB");
    refused(",".repeat(3000).as_bytes(), "t.csv", spent, "table-too-large", "3001 columns");
    refused(format!("a\n{}\n", ",".repeat(3000)).as_bytes(), "t.csv", spent, "table-too-large", "columns");
    refused("a\n".repeat(1_100_000).as_bytes(), "t.csv", spent, "table-too-large", "rows");
    let wide = format!("{}1\n", "1,".repeat(1999)).repeat(2_100);
    refused(wide.as_bytes(), "t.csv", spent, "table-too-large", "cells");
    let numbers = format!("[{}]", vec!["[1]"; 1_100_000].join(","));
    refused(numbers.as_bytes(), "t.json", spent, "table-too-large", "rows");
    let names: Vec<String> = (0..3000).map(|index| format!("\"n{index}\": 1")).collect();
    refused(format!("[{{{}}}]", names.join(",")).as_bytes(), "t.json", spent, "table-too-large", "columns");
}

#[test]
fn json_that_is_made_to_do_harm_is_read_or_refused() {
    let input = FailureKind::InvalidInput;
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    let answer = call("table_info", json!({ "file": file(deep.as_bytes(), "t.json") }));
    if let Err(failure) = answer {
        assert_eq!((failure.kind, failure.code.as_str()), (input, "bad-json"), "{failure}");
    }
    let open = "[".repeat(100_000);
    refused(open.as_bytes(), "t.json", input, "bad-json", "cannot be read");
    let row = support::rows(&file(br#"[{"a": 1e999, "a": 2, "b": -0}]"#, "t.json"));
    assert_eq!(row, [json!([2, 0])]);
}

#[test]
fn columns_of_one_name_can_be_told_apart() {
    let text = format!("{}\n{}\n", vec!["same"; 2048].join(","), vec!["x"; 2048].join(","));
    let info = call("table_info", json!({ "file": file(text.as_bytes(), "t.csv") })).expect("info");
    let names: std::collections::HashSet<&str> = info["columns"]
        .as_array()
        .expect("list")
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!((info["column_count"].clone(), names.len()), (json!(2048), 200));
}

fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive.start_file(*name, options).expect("part");
        archive.write_all(bytes).expect("bytes");
    }
    archive.finish().expect("archive").into_inner()
}

/// A workbook that the tools wrote, with one part changed.
fn workbook(part: &str, bytes: &[u8]) -> Vec<u8> {
    let made = call("table_convert", json!({ "file": data("iris.json"), "to": "xlsx" })).expect("xlsx");
    let mut archive = zip::ZipArchive::new(Cursor::new(support::bytes(&made))).expect("archive");
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for index in 0..archive.len() {
        let mut found = archive.by_index(index).expect("part");
        let mut own = Vec::new();
        std::io::copy(&mut found, &mut own).expect("bytes");
        parts.push((found.name().to_owned(), own));
    }
    parts.retain(|(name, _)| name != part);
    parts.push((part.to_owned(), bytes.to_vec()));
    let parts: Vec<(&str, &[u8])> = parts.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    zip(&parts)
}

fn sheet(rows: &str) -> Vec<u8> {
    let head = r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#;
    workbook("xl/worksheets/sheet1.xml", format!("{head}{rows}</sheetData></worksheet>").as_bytes())
}

#[test]
fn workbooks_that_are_made_to_do_harm_are_refused() {
    let spent = FailureKind::Exhausted;
    assert_eq!(
        call(
            "table_info",
            json!({ "file": file(&sheet(r#"<row r="2"><c r="B2"><v>7</v></c></row>"#), "t.xlsx") })
        )
        .expect("well")["rows"],
        1
    );

    let bomb = workbook("xl/sharedStrings.xml", &vec![b' '; 60 << 20]);
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    refused(&bomb, "t.xlsx", spent, "table-too-large", "unpacks to more");
    let bomb = workbook("xl/worksheets/sheet1.xml", &vec![b' '; 300 << 20]);
    refused(&bomb, "t.xlsx", spent, "table-too-large", "unpacks to more");
    let bomb = workbook("docProps/app.xml", &vec![b' '; 20 << 20]);
    refused(&bomb, "t.xlsx", spent, "table-too-large", "unpacks to more");

    let names: Vec<String> = (0..5000).map(|index| format!("xl/{index}.xml")).collect();
    let parts: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    refused(&zip(&parts), "t.xlsx", spent, "table-too-large", "unpacks to more");

    let corner =
        r#"<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#;
    refused(&sheet(corner), "t.xlsx", spent, "table-too-large", "columns");
    let corners: String = (0..3000)
        .map(|row| format!(r#"<row r="{0}"><c r="BZA{0}"><v>1</v></c></row>"#, row * 300 + 1))
        .collect();
    refused(&sheet(&corners), "t.xlsx", spent, "table-too-large", "cells");

    let claim =
        br#"<?xml version="1.0"?><sst xmlns="x" count="1" uniqueCount="4000000000"><si><t>a</t></si></sst>"#;
    refused(
        &workbook("xl/sharedStrings.xml", claim),
        "t.xlsx",
        FailureKind::InvalidInput,
        "bad-xlsx",
        "claims more",
    );
}

#[test]
fn damage_never_panics() {
    let whole = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sales.xlsx")).expect("file");
    let mut seed = 1_u64;
    let mut read = 0;
    for _ in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(seed >> 33).expect("small") % bytes.len();
            bytes[place] ^= u8::try_from(seed >> 24 & 0xff).expect("byte");
        }
        let arguments = json!({ "file": file(&bytes, "t.xlsx"), "sheet": "Sales 2024" });
        match call("table_rows", arguments) {
            Ok(page) => read += usize::from(page["total"] != Value::Null),
            Err(failure) => assert!(
                matches!(
                    failure.kind,
                    FailureKind::InvalidInput | FailureKind::Exhausted | FailureKind::NotFound
                ),
                "{failure}"
            ),
        }
    }
    assert!(read < 400, "no damage was noticed");
}
