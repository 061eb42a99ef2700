//! Arithmetic as a tool.
//!
//! # Layout
//!
//! * `notation`: what people and models write, made into what the expression crate reads;
//! * `number`: a number that remembers why it has no value, and the operators on it.

use schemars::JsonSchema;
use serde::Serialize;
use sport_sdk::{Failure, tool};

mod notation;
mod number;

/// The result of a calculation.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Calculation {
    /// The value: a whole number where it is one.
    #[schemars(with = "f64")]
    pub result: serde_json::Number,
}

/// Calculates an arithmetic expression, for example "(3 + 4) * 2 ^ 0.5".
///
/// Knows + - * / // % ^ ** and parentheses, the functions abs, sqrt, cbrt, exp, ln, log2, log10, sin, cos, tan, asin,
/// acos, atan, floor, ceil, round, trunc, min, max, and the constants pi and e.
#[tool(read_only, idempotent, deterministic)]
pub fn calculate(
    /// The expression.
    expression: String,
) -> Result<Calculation, Failure> {
    let readable = notation::translate(&expression)?;
    let value = number::evaluate(&readable)?;
    Ok(Calculation { result: json_number(value)? })
}

/// Whole numbers that a double holds exactly become integers.
fn json_number(value: f64) -> Result<serde_json::Number, Failure> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        return Ok(serde_json::Number::from(value as i64));
    }
    serde_json::Number::from_f64(value).ok_or_else(|| Failure::internal("the result is not a number"))
}
