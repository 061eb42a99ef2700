//! Conditions on rows, and their order.
//!
//! A value that is missing meets no condition but `empty`, `!=` and `not-in`: a row without a price is not cheaper than
//! 5, and its price is not 5 either.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sport_sdk::Failure;
use sport_tabular::{Cell, Kind, Table, infer};

/// Most conditions, and most columns to sort by: more are a mistake.
const MOST: usize = 32;

/// A condition on one column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Name of the column.
    pub column: String,
    /// What must hold. `contains`, `starts-with` and `ends-with` take no notice of upper and lower case.
    pub op: Operator,
    /// What to compare with: a number, a text, true or false; a list for `in` and `not-in`; nothing for `empty` and
    /// `not-empty`.
    #[serde(default)]
    pub value: Option<Operand>,
}

/// What must hold between a value of the column and the one given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Operator {
    #[serde(rename = "==")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = "in")]
    In,
    #[serde(rename = "not-in")]
    NotIn,
    #[serde(rename = "contains")]
    Contains,
    #[serde(rename = "starts-with")]
    StartsWith,
    #[serde(rename = "ends-with")]
    EndsWith,
    #[serde(rename = "empty")]
    Empty,
    #[serde(rename = "not-empty")]
    NotEmpty,
}

/// One value to compare with.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Scalar {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

/// What to compare with.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Operand {
    One(Scalar),
    Several(Vec<Scalar>),
}

/// A column to sort by. Missing values come last either way.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    /// Name of the column.
    pub column: String,
    /// From the largest to the smallest.
    #[serde(default)]
    pub descending: bool,
}

/// The rows that meet all conditions.
pub fn matching(table: &Table, conditions: &[Condition]) -> Result<Vec<usize>, Failure> {
    bounded(conditions.len(), "conditions")?;
    let tests =
        conditions.iter().map(|condition| Test::new(table, condition)).collect::<Result<Vec<_>, _>>()?;
    Ok((0..table.len()).filter(|row| tests.iter().all(|test| test.holds(table.row(*row)))).collect())
}

/// Sorts rows; those that are equal keep their order.
pub fn order(table: &Table, rows: &mut [usize], sort: &[Sort]) -> Result<(), Failure> {
    bounded(sort.len(), "columns to sort by")?;
    let keys = sort
        .iter()
        .map(|key| Ok((table.find(&key.column)?, key.descending)))
        .collect::<Result<Vec<_>, Failure>>()?;
    if keys.is_empty() {
        return Ok(());
    }
    rows.sort_by(|left, right| {
        let (left, right) = (table.row(*left), table.row(*right));
        keys.iter()
            .map(|(column, descending)| {
                let (left, right) = (&left[*column], &right[*column]);
                let order = left.compare(right);
                if *descending && !left.is_empty() && !right.is_empty() { order.reverse() } else { order }
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    Ok(())
}

/// Where the columns of these names are; all of them if none are named.
pub fn columns(table: &Table, names: Option<&[String]>) -> Result<Vec<usize>, Failure> {
    match names {
        None | Some([]) => Ok((0..table.columns().len()).collect()),
        Some(names) => {
            let mut found: Vec<usize> = Vec::new();
            for name in names {
                let index = table.find(name)?;
                if !found.contains(&index) {
                    found.push(index);
                }
            }
            Ok(found)
        }
    }
}

fn bounded(count: usize, what: &str) -> Result<(), Failure> {
    if count > MOST {
        let message = format!("{count} {what} are too many; at most {MOST} are taken");
        return Err(Failure::invalid_input(message).code("too-many"));
    }
    Ok(())
}

/// A condition, its values made into what the column holds.
struct Test {
    column: usize,
    operator: Operator,
    values: Vec<Cell>,
    /// For the operators on text, in lower case.
    text: String,
}

impl Test {
    fn new(table: &Table, condition: &Condition) -> Result<Self, Failure> {
        let column = table.find(&condition.column)?;
        let Some(head) = table.columns().get(column) else {
            return Err(Failure::internal("a column was found that is not there"));
        };
        let wrong = |message: String| Failure::invalid_input(message).code("wrong-value");
        let operator = condition.op;
        let values: Vec<&Scalar> = match (&condition.value, operator) {
            (_, Operator::Empty | Operator::NotEmpty) => Vec::new(),
            (Some(Operand::Several(values)), Operator::In | Operator::NotIn) => values.iter().collect(),
            (Some(Operand::One(value)), _) => vec![value],
            (Some(Operand::Several(_)), _) => {
                let message =
                    format!("a list on column `{}` goes with `in` or `not-in`, not with this", head.name);
                return Err(wrong(message));
            }
            (None, _) => {
                let message = format!(
                    "the condition on column `{}` needs a value; for missing values use `empty` or `not-empty`",
                    head.name
                );
                return Err(wrong(message));
            }
        };
        let mut text = String::new();
        let mut cells = Vec::new();
        for value in values {
            if matches!(operator, Operator::Contains | Operator::StartsWith | Operator::EndsWith) {
                text = value.text().to_lowercase();
            } else {
                cells.push(value.cell(head.kind).ok_or_else(|| {
                    wrong(format!(
                        "column `{}` holds {}, which cannot be compared with {}",
                        head.name,
                        plural(head.kind),
                        Value::from(value.clone())
                    ))
                })?);
            }
        }
        Ok(Self { column, operator, values: cells, text })
    }

    fn holds(&self, row: &[Cell]) -> bool {
        let Some(cell) = row.get(self.column) else {
            return false;
        };
        let equal = || self.values.iter().any(|value| cell.compare(value).is_eq());
        // Values of another kind are neither smaller nor larger.
        let ordered = |test: fn(Ordering) -> bool| {
            self.values.iter().any(|value| {
                let alike =
                    cell.kind() == value.kind() || (cell.kind().is_numeric() && value.kind().is_numeric());
                alike && test(cell.compare(value))
            })
        };
        match self.operator {
            Operator::Empty => cell.is_empty(),
            Operator::NotEmpty => !cell.is_empty(),
            Operator::NotEqual | Operator::NotIn => !equal(),
            _ if cell.is_empty() => false,
            Operator::Equal | Operator::In => equal(),
            Operator::Less => ordered(Ordering::is_lt),
            Operator::AtMost => ordered(Ordering::is_le),
            Operator::Greater => ordered(Ordering::is_gt),
            Operator::AtLeast => ordered(Ordering::is_ge),
            Operator::Contains => lower(cell).contains(&self.text),
            Operator::StartsWith => lower(cell).starts_with(&self.text),
            Operator::EndsWith => lower(cell).ends_with(&self.text),
        }
    }
}

fn lower(cell: &Cell) -> String {
    cell.to_string().to_lowercase()
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "true and false",
        Kind::Integer => "whole numbers",
        Kind::Number => "numbers",
        Kind::Date => "dates (2024-02-29)",
        Kind::Datetime => "moments (2024-02-29T13:05:00)",
        Kind::Text => "texts",
        Kind::Empty | Kind::Mixed => "values of several kinds",
    }
}

impl Scalar {
    /// The value as one that a column of this kind could hold.
    fn cell(&self, kind: Kind) -> Option<Cell> {
        Some(match (self, kind) {
            (Self::Boolean(value), Kind::Boolean | Kind::Mixed | Kind::Empty) => Cell::Boolean(*value),
            (Self::Integer(value), Kind::Integer | Kind::Number | Kind::Mixed | Kind::Empty) => {
                Cell::Integer(*value)
            }
            (Self::Number(value), Kind::Integer | Kind::Number | Kind::Mixed | Kind::Empty) => {
                Cell::number(*value)
            }
            // Numbers in a column of text, such as postal codes, are compared as texts.
            (Self::Integer(value), Kind::Text) => Cell::text(&value.to_string()),
            (Self::Text(text), Kind::Boolean) => Cell::Boolean(infer::boolean(text.trim())?),
            (Self::Text(text), Kind::Integer | Kind::Number) => {
                Cell::number(infer::number(text.trim(), infer::Decimals::Point)?)
            }
            (Self::Text(text), Kind::Date | Kind::Datetime) => Cell::text(&infer::datetime(text.trim())?),
            (Self::Text(text), Kind::Text | Kind::Mixed | Kind::Empty) => Cell::text(text),
            _ => return None,
        })
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => Value::from(other.clone()).to_string(),
        }
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Boolean(value) => Self::from(value),
            Scalar::Integer(value) => Self::from(value),
            Scalar::Number(value) => Self::from(value),
            Scalar::Text(text) => Self::from(text),
        }
    }
}
