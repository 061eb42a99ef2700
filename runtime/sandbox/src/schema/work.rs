//! How much work a schema can make.
//!
//! A few kilobytes of schema can ask for more steps than there are atoms: references that double at every level, branches
//! at every level of the value, a long enumeration against a long list. None of the budget's clocks runs while the host
//! checks a value, so the work is bounded beforehand: [`survey`] bounds the schema when it is admitted, [`afford`] counts the
//! steps of one check before it is made.
//!
//! Keywords that look at the same value again (`$ref`, `allOf`, `not`, …) are called *in place* here. A circle of them never
//! ends, and a long chain of them at every level of a deep value fills the host's stack.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{limits, text};

/// Bounds a schema by itself: its values, names, patterns and references, and what is reached in place.
pub fn survey(root: &Value) -> Result<(), String> {
    let mut survey = Survey { root, values: 0, patterns: 0, references: 0, in_place: HashMap::new() };
    survey.count(root)?;
    survey.chains(root)
}

struct Survey<'a> {
    root: &'a Value,
    values: usize,
    patterns: usize,
    references: usize,
    /// The longest chain of in-place keywords from a place on; none while it is being followed.
    in_place: HashMap<*const Value, Option<usize>>,
}

impl<'a> Survey<'a> {
    fn count(&mut self, schema: &'a Value) -> Result<(), String> {
        self.values += 1;
        at_most("values", self.values, limits::SCHEMA_VALUES)?;
        match schema {
            Value::Array(items) => items.iter().try_for_each(|item| self.count(item)),
            Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
                if !text::is_plain(key) {
                    return Err("a name in it has control characters".to_owned());
                }
                match (key.as_str(), value) {
                    ("pattern", Value::String(_)) => self.patterns += 1,
                    ("patternProperties", Value::Object(patterns)) => self.patterns += patterns.len(),
                    ("$ref", Value::String(target)) => {
                        self.references += 1;
                        if resolve(self.root, target).is_none() {
                            let shown = text::clean_line(target, 128);
                            return Err(format!("it refers to {shown:?}, which is not in it"));
                        }
                    }
                    _ => {}
                }
                at_most("patterns", self.patterns, limits::SCHEMA_PATTERNS)?;
                at_most("references", self.references, limits::SCHEMA_REFERENCES)?;
                self.count(value)
            }),
            _ => Ok(()),
        }
    }

    /// Follows the in-place chains from every place.
    fn chains(&mut self, schema: &'a Value) -> Result<(), String> {
        match schema {
            Value::Array(items) => items.iter().try_for_each(|item| self.chains(item)),
            Value::Object(fields) => {
                self.chain(schema)?;
                fields.values().try_for_each(|value| self.chains(value))
            }
            _ => Ok(()),
        }
    }

    /// The longest chain of in-place keywords from here. The recursion is no deeper than the references are many.
    fn chain(&mut self, schema: &'a Value) -> Result<usize, String> {
        let place = std::ptr::from_ref(schema);
        match self.in_place.insert(place, None) {
            Some(None) => return Err("it refers to itself without going deeper into the value".to_owned()),
            Some(Some(known)) => {
                self.in_place.insert(place, Some(known));
                return Ok(known);
            }
            None => {}
        }
        let mut longest = 0;
        for next in in_place(self.root, schema) {
            longest = longest.max(1 + self.chain(next)?);
        }
        at_most("in-place keywords in a row", longest, limits::SCHEMA_IN_PLACE)?;
        self.in_place.insert(place, Some(longest));
        Ok(longest)
    }
}

fn at_most(what: &str, found: usize, limit: usize) -> Result<(), String> {
    if found > limit {
        return Err(format!("it has more than {limit} {what}"));
    }
    Ok(())
}

fn resolve<'a>(root: &'a Value, target: &str) -> Option<&'a Value> {
    root.pointer(target.strip_prefix('#')?)
}

/// The schemas that are asked about the same value.
fn in_place<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let mut next = Vec::new();
    for (keyword, below) in schema.as_object().into_iter().flatten() {
        match (keyword.as_str(), below) {
            ("$ref", Value::String(target)) => next.extend(resolve(root, target)),
            ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => next.extend(branches),
            ("not" | "if" | "then" | "else", _) => next.push(below),
            ("dependentSchemas" | "dependencies", Value::Object(schemas)) => next.extend(schemas.values()),
            _ => {}
        }
    }
    next
}

/// Whether a value can be checked in so many steps as one check may take.
pub fn afford(root: &Value, value: &Value) -> Result<(), String> {
    let mut work = Work { root, left: limits::SCHEMA_STEPS };
    work.at(root, value).ok_or_else(|| {
        format!("to check it by its schema takes more than {} steps; give less at once", limits::SCHEMA_STEPS)
    })
}

struct Work<'a> {
    root: &'a Value,
    left: u64,
}

impl<'a> Work<'a> {
    fn spend(&mut self, steps: usize) -> Option<()> {
        self.left = self.left.checked_sub(steps as u64)?;
        Some(())
    }

    /// None when the steps are used up. No keyword is left out because another one has decided: this is the most that
    /// it can take.
    fn at(&mut self, schema: &'a Value, value: &Value) -> Option<()> {
        self.spend(1)?;
        for next in in_place(self.root, schema) {
            self.at(next, value)?;
        }
        let Some(keywords) = schema.as_object() else { return Some(()) };
        for (keyword, below) in keywords {
            match value {
                Value::Object(fields) => self.fields(keyword, below, fields)?,
                Value::Array(items) => self.items(keyword, below, items)?,
                Value::String(text) if keyword == "pattern" => {
                    self.spend(text.len() * limits::PATTERN_STEPS)?
                }
                _ => {}
            }
            if let ("enum", Value::Array(members)) = (keyword.as_str(), below) {
                self.spend(members.len())?;
            }
        }
        Some(())
    }

    fn fields(&mut self, keyword: &str, below: &'a Value, fields: &Map<String, Value>) -> Option<()> {
        match (keyword, below) {
            ("properties", Value::Object(schemas)) => {
                for (name, schema) in schemas {
                    if let Some(field) = fields.get(name) {
                        self.at(schema, field)?;
                    }
                }
            }
            ("patternProperties", Value::Object(schemas)) => {
                for schema in schemas.values() {
                    for (name, field) in fields {
                        self.spend(name.len() * limits::PATTERN_STEPS)?;
                        self.at(schema, field)?;
                    }
                }
            }
            ("additionalProperties" | "unevaluatedProperties", _) => {
                for field in fields.values() {
                    self.at(below, field)?;
                }
            }
            ("propertyNames", _) => {
                for name in fields.keys() {
                    self.at(below, &Value::String(name.clone()))?;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn items(&mut self, keyword: &str, below: &'a Value, items: &[Value]) -> Option<()> {
        match (keyword, below) {
            ("items" | "contains" | "unevaluatedItems", _) => {
                for item in items {
                    self.at(below, item)?;
                }
            }
            ("prefixItems", Value::Array(schemas)) => {
                for (schema, item) in schemas.iter().zip(items) {
                    self.at(schema, item)?;
                }
            }
            ("uniqueItems", Value::Bool(true)) => self.spend(items.len())?,
            _ => {}
        }
        Some(())
    }
}
