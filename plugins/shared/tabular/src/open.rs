//! Which format a file has, and what a caller may say about how it is to be read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sport_sdk::{Artifact, Failure};

use crate::table::Table;
use crate::{json, limits, text, workbook};

/// The formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Format {
    Csv,
    Json,
    Xlsx,
}

/// What is usually found out by itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// Whether the first row holds the names of the columns.
    pub header: Option<bool>,
    /// How many rows to leave out at the top, before the names of the columns.
    pub skip: Option<u32>,
    /// The character between two values of a CSV file, for example ";" or "\t".
    pub delimiter: Option<String>,
    /// The encoding of a text file, for example "windows-1252".
    pub encoding: Option<String>,
}

/// How a file was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Source {
    /// Its format.
    pub format: Format,
    /// The encoding of its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The character between two values of a CSV file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// The sheet that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// All sheets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sheets: Vec<String>,
    /// Whether the first row was taken for the names of the columns.
    pub header: bool,
    /// What a reader should know: decimal commas, rows of unequal length, characters that could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Source {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            encoding: None,
            delimiter: None,
            sheet: None,
            sheets: Vec::new(),
            header: true,
            notes: Vec::new(),
        }
    }
}

/// A table and how it was read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The table.
    pub table: Table,
    /// How it was read.
    pub source: Source,
}

/// Reads a table. `sheet` is the name of a sheet, or of a list in a JSON file; the first if left out.
pub fn open(file: &Artifact, sheet: Option<&str>, options: &ReadOptions) -> Result<Opened, Failure> {
    let label = file.label();
    if file.size > limits::FILE_BYTES {
        let message = format!(
            "{label} has {} MiB, which is too large; tables of at most {} MiB are read",
            file.size >> 20,
            limits::FILE_BYTES >> 20
        );
        return Err(Failure::exhausted(message).code("file-too-large"));
    }
    let bytes = file.bytes()?;
    if bytes.is_empty() {
        return Err(Failure::invalid_input(format!("{label} is empty")).code("empty-file"));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return workbook::read(bytes, label, sheet, options);
    }
    if let Some(what) = foreign(&bytes) {
        let message = format!("{label} is {what}, not a table; CSV, JSON and XLSX can be read");
        return Err(Failure::invalid_input(message).code("not-a-table"));
    }
    let decoded = text::decode(bytes, label, options.encoding.as_deref())?;
    if looks_like_json(&decoded.text, label) {
        return json::read(decoded, label, sheet, options);
    }
    if let Some(sheet) = sheet {
        let message = format!("{label} is a CSV file and has no sheets; leave out the sheet `{sheet}`");
        return Err(Failure::not_found(message).code("no-such-sheet"));
    }
    text::read(decoded, label, options)
}

/// What a file is that certainly is no table.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 8] = [
        (b"\xd0\xcf\x11\xe0", "an XLS file of before 2007 or one with a password"),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"GIF8", "a picture"),
        (b"%PDF", "a PDF file"),
        (b"\x1f\x8b", "a gzip file"),
        (b"PAR1", "a Parquet file"),
        (b"SQLite format 3", "an SQLite database"),
    ];
    known.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| what)
}

/// A bracket in front is JSON, unless the name says CSV.
fn looks_like_json(text: &str, label: &str) -> bool {
    let name = label.to_ascii_lowercase();
    text.trim_start().starts_with(['{', '['])
        && ![".csv", ".tsv", ".tab"].iter().any(|end| name.ends_with(end))
}
