//! What the calculator answers.
//!
//! * the four operations, powers and parentheses, with the ranks of school and Python
//! * a minus sign before a power, after an operator, after a power
//! * functions, constants, other signs for the same operators
//! * whole numbers are exact up to 2 ^ 53 and come as integers
//! * no value: division by zero however hidden, roots of negative numbers, results that are too large
//! * expressions that cannot be read: each message says what is wrong
//! * arguments of the wrong kind, unknown and missing ones

use serde_json::{Value, json};
use sport_calculator::SPORT_TOOLS;
use sport_sdk::{Failure, FailureKind, testing};

fn calculate(expression: &str) -> Result<Value, Failure> {
    let outcome = testing::call(SPORT_TOOLS, "calculate", json!({ "expression": expression }))?;
    Ok(outcome.structured.expect("structured")["result"].clone())
}

#[track_caller]
fn check(expression: &str, expected: f64) {
    let value = calculate(expression).expect(expression).as_f64().expect("a number");
    assert!(
        (value - expected).abs() <= 1e-12 * expected.abs().max(1.0),
        "{expression} = {value}, not {expected}"
    );
}

#[track_caller]
fn refuse(expression: &str, message: &str) {
    let failure = calculate(expression).expect_err(expression);
    assert_eq!(failure.kind, FailureKind::InvalidInput, "{expression}: {failure}");
    assert!(failure.message.contains(message), "{expression}: {failure}");
}

#[test]
fn operators_have_the_usual_ranks() {
    check("1 + 2 * 3", 7.0);
    check("(1 + 2) * 3", 9.0);
    check("1 - 2 + 3", 2.0);
    check("100 / 10 / 5", 2.0);
    check("2 * 3 ^ 2", 18.0);
    check("2 ^ 3 ^ 2", 512.0);
    check("(2 ^ 3) ^ 2", 64.0);
    check("7 // 2 * 2", 6.0);
    check("-7 % 3", 2.0);
    check("49 * 1 / 49", 1.0);
    check("10 - 2 * 3 - 1", 3.0);
    check("300*451/1000", 135.3);
}

#[test]
fn minus_signs_mean_what_they_mean_in_school() {
    check("-2 ^ 2", -4.0);
    check("(-2) ^ 2", 4.0);
    check("2 ^ -1", 0.5);
    check("2 ^ -2 ^ 2", 0.0625);
    check("3 / -2", -1.5);
    check("3 - -2", 5.0);
    check("3 * -2 ^ 2", -12.0);
    check("--2", 2.0);
    check("-(1 + 2)", -3.0);
    check("-sqrt(4) ^ 2", -4.0);
    check("+5", 5.0);
}

#[test]
fn functions_and_constants_are_known() {
    check("sqrt(2) * sqrt(2)", 2.0);
    check("sqrt(3 ^ 2 + 4 ^ 2)", 5.0);
    check("min(3, 1, 2) + max(4, 5)", 6.0);
    check("2 * min(1 + 1, 5) ^ 2", 8.0);
    check("sin(pi / 2)", 1.0);
    check("ln(e)", 1.0);
    check("e ^ 2", std::f64::consts::E.powi(2));
    check("round(2.5) + floor(-0.5) + ceil(0.5)", 2.0);
    check("abs(-3) × 2 ÷ 3", 2.0);
    check("2 ** 10", 1024.0);
    check("1.5e3 + 2E-1", 1500.2);
    check("log10(1000)", 3.0);
}

#[test]
fn whole_numbers_are_exact_and_come_as_integers() {
    assert_eq!(calculate("9007199254740991 + 1").expect("value"), json!(9_007_199_254_740_992_i64));
    assert_eq!(calculate("9007199254740991 - 9007199254740990").expect("value"), json!(1));
    assert_eq!(calculate("512 * 512 * 3").expect("value").to_string(), "786432");
    assert_eq!(calculate("7 / 2").expect("value").to_string(), "3.5");
    assert_eq!(calculate("6 / 2").expect("value").to_string(), "3");
}

#[test]
fn what_has_no_value_says_why() {
    refuse("1 / 0", "divides by zero");
    refuse("1 / (1 / 0)", "divides by zero");
    refuse("min(1 / (2 - 2), 1)", "divides by zero");
    refuse("(1 / 0) ^ 0", "divides by zero");
    refuse("5 % 0", "divides by zero");
    refuse("5 // 0", "divides by zero");
    refuse("0 ^ -1", "divides by zero");
    refuse("sqrt(-1)", "root of a negative number");
    refuse("(-8) ^ 0.5", "root of a negative number");
    refuse("ln(0)", "outside its domain");
    refuse("10 ^ 400", "too large");
    refuse("exp(1000)", "too large");
}

#[test]
fn what_cannot_be_read_says_where() {
    refuse("", "empty");
    refuse("1 +", "ends where a number is missing");
    refuse("* 2", "a number is missing before `*`");
    refuse("1 2", "an operator is missing before 2");
    refuse("2(3)", "an operator is missing before `(`");
    refuse("(1 + 2", "never closed");
    refuse("1 + 2)", "never opened");
    refuse("width * 2", "no name `width`");
    refuse("foo(2)", "no function `foo`");
    refuse("sqrt 2", "needs parentheses");
    refuse("sqrt(1, 2)", "takes one number");
    refuse("1,000 * 2", "an operator is missing before `,`");
    refuse("1 = 1", "the sign `=`");
    refuse("1.2.3", "an operator is missing");
    refuse(&"1+".repeat(2000), "characters");
    refuse(&format!("{}1{}", "(".repeat(200), ")".repeat(200)), "nested");
    refuse(&format!("2{}", "^2".repeat(200)), "nested");
}

#[test]
fn wrong_arguments_are_explained() {
    let call = |arguments| testing::call(SPORT_TOOLS, "calculate", arguments).expect_err("failure");
    let failure = call(json!({}));
    assert_eq!(
        failure.message, "calculate needs the argument `expression`; it takes `expression` (a string)",
        "{failure}"
    );
    let failure = call(json!({ "expression": 3 }));
    assert!(failure.message.starts_with("the argument `expression` must be a string, not 3"), "{failure}");
    let failure = call(json!({ "expr": "3" }));
    assert!(failure.message.starts_with("calculate has no argument `expr`"), "{failure}");
}
