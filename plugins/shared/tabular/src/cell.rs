//! One value of a table, and what the values of a column have in common.

use std::cmp::Ordering;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One value. Dates are texts in ISO form, which sort as dates do.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number; finite.
    Number(f64),
    /// A text.
    Text(Box<str>),
}

/// What the values of a column are, empty ones left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// There is no value.
    Empty,
    /// True or false.
    Boolean,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Days: `2024-02-29`.
    Date,
    /// Moments: `2024-02-29T13:05:00`.
    Datetime,
    /// Texts.
    Text,
    /// More than one of these.
    Mixed,
}

impl Kind {
    /// Whether one can calculate with it.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }

    /// The kind of two.
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, kind) | (kind, Self::Empty) => kind,
            (Self::Integer, Self::Number) | (Self::Number, Self::Integer) => Self::Number,
            (Self::Date, Self::Datetime) | (Self::Datetime, Self::Date) => Self::Datetime,
            (left, right) if left == right => left,
            _ => Self::Mixed,
        }
    }
}

/// The name in lower case, as in JSON.
impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "empty",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Text => "text",
            Self::Mixed => "mixed",
        })
    }
}

impl Cell {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// A number; what is not finite is nothing.
    pub fn number(value: f64) -> Self {
        if value.is_finite() { Self::Number(value) } else { Self::Empty }
    }

    /// Whether it is nothing.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Its value, if it is a number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// Its text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is by itself; dates are known to their column only.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Empty => Kind::Empty,
            Self::Boolean(_) => Kind::Boolean,
            Self::Integer(_) => Kind::Integer,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
        }
    }

    /// A total order: booleans, numbers, texts, and nothing last.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(left), Self::Boolean(right)) => left.cmp(right),
            (Self::Integer(left), Self::Integer(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (left, right) => match (left.as_number(), right.as_number()) {
                (Some(left), Some(right)) => left.total_cmp(&right),
                _ => left.rank().cmp(&right.rank()),
            },
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Integer(_) | Self::Number(_) => 1,
            Self::Text(_) => 2,
            Self::Empty => 3,
        }
    }

    /// Its JSON form.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Boolean(value) => Value::from(*value),
            Self::Integer(value) => Value::from(*value),
            Self::Number(value) => Value::from(*value),
            Self::Text(text) => Value::from(&**text),
        }
    }
}

/// As it stands in a CSV file.
impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Boolean(value) => value.fmt(formatter),
            Self::Integer(value) => value.fmt(formatter),
            Self::Number(value) => value.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
        }
    }
}
