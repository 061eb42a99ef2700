//! A number that remembers why it has no value, and the operators on it.
//!
//! With plain floating-point numbers `1 / (1 / 0)` is 0 and `min(0 / 0, 1)` is 1; here the first thing that went wrong
//! is what the caller reads.

use std::str::FromStr;

use exmex::{BinOp, Express, FlatEx, MakeOperators, Operator};
use sport_sdk::Failure;

const TOO_LARGE: &str = "the result is too large";
const BY_ZERO: &str = "it divides by zero";
const NEGATIVE_ROOT: &str = "it takes a root of a negative number";
const OUTSIDE: &str = "a function is given a number outside its domain";

/// Evaluates what `notation` made.
pub fn evaluate(readable: &str) -> Result<f64, Failure> {
    let expression = FlatEx::<Number, Operators>::parse(readable)
        .map_err(|error| Failure::invalid_input(format!("cannot read the expression: {error}")))?;
    let value = expression
        .eval(&[])
        .map_err(|error| Failure::invalid_input(format!("cannot calculate the expression: {error}")))?;
    value.0.map_err(|reason| {
        Failure::invalid_input(format!("the expression has no value: {reason}")).code("no-value")
    })
}

/// A value, or the reason why there is none.
#[derive(Clone, Debug)]
struct Number(Result<f64, &'static str>);

impl Default for Number {
    fn default() -> Self {
        Self(Ok(0.0))
    }
}

impl FromStr for Number {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<f64>().map(Self::finite)
    }
}

impl Number {
    fn finite(value: f64) -> Self {
        Self(if value.is_nan() {
            Err(OUTSIDE)
        } else if value.is_infinite() {
            Err(TOO_LARGE)
        } else {
            Ok(value)
        })
    }

    fn with(self, other: Self, apply: impl FnOnce(f64, f64) -> Self) -> Self {
        match (self.0, other.0) {
            (Ok(a), Ok(b)) => apply(a, b),
            (Err(reason), _) | (_, Err(reason)) => Self(Err(reason)),
        }
    }

    fn map(self, apply: impl FnOnce(f64) -> f64) -> Self {
        self.0.map_or_else(|reason| Self(Err(reason)), |value| Self::finite(apply(value)))
    }

    fn divided(self, other: Self, divide: impl FnOnce(f64, f64) -> f64) -> Self {
        self.with(other, |a, b| if b == 0.0 { Self(Err(BY_ZERO)) } else { Self::finite(divide(a, b)) })
    }

    fn power(self, exponent: Self) -> Self {
        self.with(exponent, |a, b| {
            if a == 0.0 && b < 0.0 {
                Self(Err(BY_ZERO))
            } else if a < 0.0 && b.fract() != 0.0 {
                Self(Err(NEGATIVE_ROOT))
            } else {
                Self::finite(a.powf(b))
            }
        })
    }
}

/// The operators, by the words that `notation` writes. Those of one rank are worked off from the left.
#[derive(Clone, Debug)]
struct Operators;

impl MakeOperators<Number> for Operators {
    fn make<'a>() -> Vec<Operator<'a, Number>> {
        vec![
            infix("+", 0, |a, b| a.with(b, |a, b| Number::finite(a + b))),
            infix("-", 0, |a, b| a.with(b, |a, b| Number::finite(a - b))),
            infix("*", 1, |a, b| a.with(b, |a, b| Number::finite(a * b))),
            infix("/", 1, |a, b| a.divided(b, |a, b| a / b)),
            infix("floordiv", 1, |a, b| a.divided(b, |a, b| (a / b).floor())),
            // The sign of the divisor, as in Python.
            infix("modulo", 1, |a, b| a.divided(b, |a, b| a - b * (a / b).floor())),
            // `0 negate x`: below the power, so that -2 ^ 2 is -4, and above the rest, so that 3 / -2 is -1.5.
            infix("negate", 2, |a, b| a.with(b, |a, b| Number::finite(a - b))),
            infix("^", 3, Number::power),
            infix("min", 4, |a, b| a.with(b, |a, b| Number::finite(a.min(b)))),
            infix("max", 4, |a, b| a.with(b, |a, b| Number::finite(a.max(b)))),
            Operator::make_unary("abs", |a| a.map(f64::abs)),
            Operator::make_unary("sqrt", |a| match a.0 {
                Ok(value) if value < 0.0 => Number(Err(NEGATIVE_ROOT)),
                _ => a.map(f64::sqrt),
            }),
            Operator::make_unary("cbrt", |a| a.map(f64::cbrt)),
            Operator::make_unary("exp", |a| a.map(f64::exp)),
            Operator::make_unary("ln", |a| logarithm(a, f64::ln)),
            Operator::make_unary("log2", |a| logarithm(a, f64::log2)),
            Operator::make_unary("log10", |a| logarithm(a, f64::log10)),
            Operator::make_unary("sin", |a| a.map(f64::sin)),
            Operator::make_unary("cos", |a| a.map(f64::cos)),
            Operator::make_unary("tan", |a| a.map(f64::tan)),
            Operator::make_unary("asin", |a| a.map(f64::asin)),
            Operator::make_unary("acos", |a| a.map(f64::acos)),
            Operator::make_unary("atan", |a| a.map(f64::atan)),
            Operator::make_unary("floor", |a| a.map(f64::floor)),
            Operator::make_unary("ceil", |a| a.map(f64::ceil)),
            // Halves to the even neighbour, as in Python.
            Operator::make_unary("round", |a| a.map(f64::round_ties_even)),
            Operator::make_unary("trunc", |a| a.map(f64::trunc)),
            Operator::make_constant("pi", Number(Ok(std::f64::consts::PI))),
            Operator::make_constant("euler", Number(Ok(std::f64::consts::E))),
        ]
    }
}

/// None of them counts as commutative: that would permit the crate to change the order, and with it the last digit.
fn infix<'a>(name: &'a str, prio: i64, apply: fn(Number, Number) -> Number) -> Operator<'a, Number> {
    Operator::make_bin(name, BinOp { apply, prio, is_commutative: false })
}

fn logarithm(a: Number, apply: fn(f64) -> f64) -> Number {
    match a.0 {
        Ok(value) if value <= 0.0 => Number(Err(OUTSIDE)),
        _ => a.map(apply),
    }
}
