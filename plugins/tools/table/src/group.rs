//! Groups of rows, and what is calculated of each.
//!
//! Groups are found by sorting, not by hashing: the order of the result follows, and equal calls have equal results.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sport_sdk::Failure;
use sport_tabular::{Cell, Kind, Table};

/// Most values calculated of a group.
const MOST_AGGREGATES: usize = 64;

/// Something to calculate of each group. Missing values are left out of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// What to calculate. `count` without a column counts rows; `std` is the standard deviation of a sample.
    pub function: Function,
    /// Of which column.
    #[serde(default)]
    pub column: Option<String>,
    /// Name of the column in the result; for example `sum_price` if left out.
    #[serde(default)]
    pub name: Option<String>,
}

/// What can be calculated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Function {
    Count,
    Sum,
    Mean,
    Median,
    Std,
    Min,
    Max,
    Distinct,
    First,
    Last,
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Std => "std",
            Self::Min => "min",
            Self::Max => "max",
            Self::Distinct => "distinct",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    fn calculates(self) -> bool {
        matches!(self, Self::Sum | Self::Mean | Self::Median | Self::Std)
    }

    /// What it makes of a column of this kind.
    fn kind(self, kind: Kind) -> Kind {
        match self {
            Self::Min | Self::Max | Self::First | Self::Last => kind,
            _ => Kind::Empty,
        }
    }

    fn of(self, values: &[&Cell]) -> Cell {
        let numbers = || values.iter().filter_map(|cell| cell.as_number());
        let count = values.len();
        match self {
            Self::Count => Cell::Integer(whole(count)),
            Self::First => values.first().copied().cloned().unwrap_or_default(),
            Self::Last => values.last().copied().cloned().unwrap_or_default(),
            Self::Min => {
                values.iter().min_by(|left, right| left.compare(right)).copied().cloned().unwrap_or_default()
            }
            Self::Max => {
                values.iter().max_by(|left, right| left.compare(right)).copied().cloned().unwrap_or_default()
            }
            Self::Distinct => {
                let mut sorted = values.to_vec();
                sorted.sort_by(|left, right| left.compare(right));
                sorted.dedup_by(|left, right| left.compare(right).is_eq());
                Cell::Integer(whole(sorted.len()))
            }
            Self::Sum => sum(values),
            Self::Mean if count > 0 => Cell::number(numbers().sum::<f64>() / count as f64),
            Self::Std if count > 1 => {
                let mean = numbers().sum::<f64>() / count as f64;
                let squares: f64 = numbers().map(|value| (value - mean).powi(2)).sum();
                Cell::number((squares / (count - 1) as f64).sqrt())
            }
            Self::Median if count > 0 => {
                let mut sorted: Vec<f64> = numbers().collect();
                sorted.sort_by(f64::total_cmp);
                let middle = sorted.len() / 2;
                match sorted.len() % 2 {
                    0 => Cell::number(f64::midpoint(sorted[middle - 1], sorted[middle])),
                    _ => Cell::number(sorted[middle]),
                }
            }
            Self::Mean | Self::Std | Self::Median => Cell::Empty,
        }
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The sum: exact and whole where all values are.
fn sum(values: &[&Cell]) -> Cell {
    let mut exact: Option<i128> = Some(0);
    let mut float = 0.0;
    for value in values {
        match value {
            Cell::Integer(value) => exact = exact.map(|sum| sum + i128::from(*value)),
            _ => exact = None,
        }
        float += value.as_number().unwrap_or(0.0);
    }
    match exact.map(i64::try_from) {
        Some(Ok(sum)) => Cell::Integer(sum),
        _ => Cell::number(float),
    }
}

/// One row for each group.
pub fn group(
    table: &Table,
    mut rows: Vec<usize>,
    by: &[String],
    aggregates: &[Aggregate],
) -> Result<Table, Failure> {
    if aggregates.len() + by.len() > MOST_AGGREGATES {
        let message = format!("at most {MOST_AGGREGATES} columns can be grouped by and calculated at once");
        return Err(Failure::invalid_input(message).code("too-many"));
    }
    let count = [Aggregate { function: Function::Count, column: None, name: None }];
    let aggregates = if aggregates.is_empty() { &count[..] } else { aggregates };
    let keys = by.iter().map(|name| table.find(name)).collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<String> = keys.iter().map(|key| table.columns()[*key].name.clone()).collect();
    let mut kinds: Vec<Kind> = keys.iter().map(|key| table.columns()[*key].kind).collect();
    let mut sources = Vec::new();
    for aggregate in aggregates {
        let (source, name, kind) = source(table, aggregate)?;
        names.push(name);
        kinds.push(kind);
        sources.push((aggregate.function, source));
    }

    let compare = |left: usize, right: usize| {
        let (left, right) = (table.row(left), table.row(right));
        keys.iter()
            .map(|key| left[*key].compare(&right[*key]))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    // Stable, so that `first` and `last` mean the order of the file.
    rows.sort_by(|left, right| compare(*left, *right));
    let mut groups = Table::new(&names)?;
    let mut of_one = |rows: &[usize]| -> Result<(), Failure> {
        let key = rows.first().map(|row| table.row(*row)).unwrap_or_default();
        let mut cells: Vec<Cell> = keys.iter().filter_map(|column| key.get(*column).cloned()).collect();
        for (function, source) in &sources {
            cells.push(match source {
                None => Cell::Integer(whole(rows.len())),
                Some(column) => {
                    let values: Vec<&Cell> = rows
                        .iter()
                        .filter_map(|row| table.row(*row).get(*column))
                        .filter(|cell| !cell.is_empty())
                        .collect();
                    function.of(&values)
                }
            });
        }
        groups.push(cells)
    };
    if keys.is_empty() {
        of_one(&rows)?;
    } else {
        for rows in rows.chunk_by(|left, right| compare(*left, *right).is_eq()) {
            of_one(rows)?;
        }
    }
    groups.settle(&kinds);
    Ok(groups)
}

/// Where the values of an aggregate are, what it is called, and its kind if it is one that only the column knows.
fn source(table: &Table, aggregate: &Aggregate) -> Result<(Option<usize>, String, Kind), Failure> {
    let function = aggregate.function;
    let Some(column) = &aggregate.column else {
        if function != Function::Count {
            let message = format!("`{}` needs a column; only `count` goes without one", function.name());
            return Err(Failure::invalid_input(message).code("missing-column"));
        }
        return Ok((None, aggregate.name.clone().unwrap_or_else(|| "count".to_owned()), Kind::Empty));
    };
    let index = table.find(column)?;
    let column = &table.columns()[index];
    if function.calculates() && !(column.kind.is_numeric() || column.kind == Kind::Empty) {
        let message = format!(
            "`{}` needs numbers, but column `{}` is {}; `count`, `distinct`, `min`, `max`, `first` and `last` go with any \
             column",
            function.name(),
            column.name,
            column.kind
        );
        return Err(Failure::invalid_input(message).code("not-a-number-column"));
    }
    let name = aggregate.name.clone().unwrap_or_else(|| format!("{}_{}", function.name(), column.name));
    Ok((Some(index), name, function.kind(column.kind)))
}
