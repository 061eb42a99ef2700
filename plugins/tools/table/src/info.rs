//! What a file holds, column by column.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sport_tabular::{Cell, Kind, Opened, Source, Table};

/// Columns that are described; more are counted.
const COLUMNS_SHOWN: usize = 200;
/// Examples of a column.
const EXAMPLES: usize = 3;
/// Rows in which examples are looked for.
const EXAMPLE_ROWS: usize = 200;
/// Longest example.
const EXAMPLE_CHARS: usize = 60;

/// What a file holds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Info {
    /// How the file was read.
    #[serde(flatten)]
    pub source: Source,
    /// How many rows there are, without the one that holds the names.
    pub rows: usize,
    /// How many columns there are.
    pub column_count: usize,
    /// The columns, the first 200 of them.
    pub columns: Vec<ColumnInfo>,
}

/// What a column holds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// How many of its values are missing.
    pub missing: usize,
    /// The smallest number or the first date.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schemars(with = "Option<Edge>")]
    pub min: Value,
    /// The largest number or the last date.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schemars(with = "Option<Edge>")]
    pub max: Value,
    /// Some values.
    #[schemars(with = "Vec<Example>")]
    pub examples: Vec<Value>,
}

/// The schema of a smallest or largest value.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the schema only")]
enum Edge {
    Number(f64),
    Text(String),
}

/// The schema of an example.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the schema only")]
enum Example {
    Number(f64),
    Text(String),
    Boolean(bool),
}

/// Looks through a table.
pub fn info(opened: Opened) -> Info {
    let Opened { table, source } = opened;
    let columns = (0..table.columns().len().min(COLUMNS_SHOWN)).map(|index| column(&table, index)).collect();
    Info { source, rows: table.len(), column_count: table.columns().len(), columns }
}

fn column(table: &Table, index: usize) -> ColumnInfo {
    let head = &table.columns()[index];
    let values = || table.column(index).filter(|cell| !cell.is_empty());
    let (mut min, mut max) = (Value::Null, Value::Null);
    if head.kind.is_numeric() || matches!(head.kind, Kind::Date | Kind::Datetime) {
        let edge = |cell: Option<&Cell>| cell.map_or(Value::Null, Cell::to_json);
        min = edge(values().min_by(|left, right| left.compare(right)));
        max = edge(values().max_by(|left, right| left.compare(right)));
    }
    let mut examples: Vec<Value> = Vec::new();
    for cell in values().take(EXAMPLE_ROWS) {
        let value = match cell {
            Cell::Text(text) => Value::from(text.chars().take(EXAMPLE_CHARS).collect::<String>()),
            other => other.to_json(),
        };
        if examples.len() == EXAMPLES {
            break;
        }
        if !examples.contains(&value) {
            examples.push(value);
        }
    }
    ColumnInfo {
        name: head.name.clone(),
        kind: head.kind,
        missing: table.len() - values().count(),
        min,
        max,
        examples,
    }
}
