//! An answer in a form that can be compared.
//!
//! Answers are the same if they are the same but for the size of their numbers ([`Answer::shape`]), and the numbers are near each other place
//! by place. Being near does not carry on (of 1.0, 1.5 and 2.0 each may be near the next), so groups are built from the smallest number up, and a
//! group is no wider than the tolerance: that depends on the answers alone, not on their order.

use serde_json::Value;

use crate::config::Config;

/// An answer, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Everything but the numbers: keys in order, texts trimmed and in lower case, `#` where a number was.
    pub shape: String,
    /// The numbers, in the order of the shape.
    pub numbers: Vec<f64>,
}

impl Answer {
    /// Takes an answer apart.
    pub fn read(value: &Value, config: &Config) -> Self {
        let mut answer = Self { shape: String::new(), numbers: Vec::new() };
        answer.add(value, config);
        answer
    }

    /// Whether nothing but tolerated differences tells two answers apart.
    pub fn is_like(&self, other: &Self, config: &Config) -> bool {
        let near = |(one, other): (&f64, &f64)| {
            let most = config.absolute.max(config.relative * one.abs().max(other.abs()));
            one == other || (one - other).abs() <= most
        };
        self.shape == other.shape && self.numbers.iter().zip(&other.numbers).all(near)
    }

    /// The order in which groups are built; the same for every order of the candidates.
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        let numbers = self.numbers.iter().zip(&other.numbers).map(|(one, other)| one.total_cmp(other));
        self.shape
            .cmp(&other.shape)
            .then(numbers.fold(std::cmp::Ordering::Equal, |so_far, next| so_far.then(next)))
    }

    fn add(&mut self, value: &Value, config: &Config) {
        match value {
            Value::Null | Value::Bool(_) => self.shape.push_str(&value.to_string()),
            Value::Number(number) => match number.as_f64() {
                Some(number) => self.add_number(number),
                None => self.shape.push_str(&number.to_string()),
            },
            Value::String(text) => {
                match Some(text.trim()).filter(|_| config.texts_as_numbers).and_then(decimal) {
                    Some(number) => self.add_number(number),
                    None => self.shape.push_str(&format!("{:?}", folded(text))),
                }
            }
            Value::Array(items) => {
                self.shape.push('[');
                for item in items {
                    self.add(item, config);
                    self.shape.push(',');
                }
                self.shape.push(']');
            }
            Value::Object(fields) => {
                let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| *name);
                self.shape.push('{');
                for (name, field) in fields {
                    self.shape.push_str(&format!("{name:?}:"));
                    self.add(field, config);
                    self.shape.push(',');
                }
                self.shape.push('}');
            }
        }
    }

    fn add_number(&mut self, number: f64) {
        self.shape.push('#');
        // -0 is 0
        self.numbers.push(if number == 0.0 { 0.0 } else { number });
    }
}

/// A text without regard to case, to white space around it and between its words, and to `/task/` before a file's name.
fn folded(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix("/task/").unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The number that a text is, if it is one as people write them: `007` is a name, `nan` a word.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let whole = digits.split(['.', 'e', 'E']).next().unwrap_or_default();
    let begins = whole.bytes().all(|byte| byte.is_ascii_digit()) && !whole.is_empty();
    let padded = whole.len() > 1 && whole.starts_with('0');
    if !begins || padded {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
