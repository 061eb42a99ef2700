//! The part of a result that fits into an answer: a model reads it, and the host takes no more than 1 MiB.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use sport_sdk::{Artifact, Failure};
use sport_tabular::{Cell, Kind, Table};

/// Rows that are given if nothing is said.
const USUAL_ROWS: usize = 20;
/// Most rows of an answer.
const MOST_ROWS: usize = 1_000;
/// Most bytes of its rows. They go out twice, as a value and as text.
const MOST_BYTES: usize = 200 << 10;
/// Longest text of a cell; what is cut ends in `…`.
const CELL_CHARS: usize = 2_000;

/// Rows of a result.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Page {
    /// The columns in order.
    pub columns: Vec<ColumnHead>,
    /// The rows: values by the names of their columns.
    pub rows: Vec<Map<String, Value>>,
    /// How many rows were found in all.
    pub total: usize,
    /// There are more rows after these, or cells were cut.
    pub truncated: bool,
    /// File with all of them, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Artifact>,
    /// What to know about how the file was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A column of a result.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ColumnHead {
    /// Its name.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: Kind,
}

/// The rows from `offset` on, as many as were asked for and fit.
pub fn page(
    table: &Table,
    columns: &[usize],
    rows: &[usize],
    offset: Option<u32>,
    limit: Option<u32>,
) -> Result<Page, Failure> {
    let limit = limit.map_or(USUAL_ROWS, |limit| limit as usize);
    if !(1..=MOST_ROWS).contains(&limit) {
        let message = format!(
            "{limit} rows cannot be given: the limit is from 1 to {MOST_ROWS}; for more, put them into a file with `save`"
        );
        return Err(Failure::invalid_input(message).code("bad-limit"));
    }
    let heads = columns
        .iter()
        .filter_map(|column| table.columns().get(*column))
        .map(|column| ColumnHead { name: column.name.clone(), kind: column.kind })
        .collect();
    let offset = offset.unwrap_or(0) as usize;
    let mut page = Page {
        columns: heads,
        rows: Vec::new(),
        total: rows.len(),
        truncated: false,
        file: None,
        notes: Vec::new(),
    };
    let mut bytes = page.columns.iter().map(|column| column.name.len() + 40).sum::<usize>();
    for row in rows.iter().skip(offset).take(limit) {
        let mut fields = Map::new();
        for (column, cell) in
            columns.iter().filter_map(|column| table.row(*row).get(*column).map(|cell| (*column, cell)))
        {
            let (value, cut) = shown(cell);
            page.truncated |= cut;
            fields.insert(table.columns()[column].name.clone(), value);
        }
        let fields = Value::Object(fields);
        bytes += fields.to_string().len() + 1;
        if bytes > MOST_BYTES {
            if page.rows.is_empty() {
                let message = "one row alone is too large for an answer; name fewer `columns`, or use `save`";
                return Err(Failure::exhausted(message).code("row-too-large"));
            }
            break;
        }
        if let Value::Object(fields) = fields {
            page.rows.push(fields);
        }
    }
    page.truncated |= offset + page.rows.len() < rows.len();
    Ok(page)
}

/// A value, cut to what is shown, and whether it was.
pub fn shown(cell: &Cell) -> (Value, bool) {
    match cell {
        Cell::Text(text) => match text.char_indices().nth(CELL_CHARS) {
            Some((end, _)) => (Value::from(format!("{}…", &text[..end])), true),
            None => (cell.to_json(), false),
        },
        _ => (cell.to_json(), false),
    }
}
