//! A rule ready to be held against a candidate.

use regex::Regex;
use serde_json::Value;
use sport_sdk::Failure;
use sport_sdk::verify::Candidate;

use crate::config::{Check, Config, Near, Pattern, Rule, Text};
use crate::schema::Schema;

/// Largest size of a compiled pattern: `\w{3,40}` with all of Unicode fits, a pattern that is a program does not.
const PATTERN_BYTES: usize = 2 << 20;

/// Longest text that a pattern is looked for in. Longer answers and code are none that a person would write a pattern for.
const TEXT_BYTES: usize = 256 << 10;

/// Most rules: see [`Config`].
const MOST_RULES: usize = 64;

/// What a rule finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The candidate keeps it.
    Kept,
    /// It breaks it: how.
    Broken(String),
    /// Nobody can say: why.
    Unclear(String),
}

/// A rule with its patterns and schema compiled.
#[derive(Debug)]
pub struct Ready {
    /// What it is called.
    pub name: String,
    /// Whether a candidate that breaks it fails.
    pub must: bool,
    /// Its part in the score.
    pub weight: f64,
    check: Compiled,
}

#[derive(Debug)]
enum Compiled {
    Required(Vec<String>),
    Forbidden(Vec<String>),
    MostCalls(usize),
    Schema(Schema),
    Pattern { place: Text, regex: Regex, wanted: bool },
    Near(Near),
}

/// Makes the rules of a config ready, or says which one cannot mean anything.
pub fn ready(config: &Config) -> Result<Vec<Ready>, Failure> {
    let wrong = |message: String| Failure::invalid_input(message).code("invalid-config");
    if config.rules.is_empty() || config.rules.len() > MOST_RULES {
        let found = config.rules.len();
        return Err(wrong(format!("the config has {found} rules; give 1 to {MOST_RULES}")));
    }
    let one = |(index, rule): (usize, &Rule)| {
        let name = if rule.name.is_empty() { kind(&rule.check).to_owned() } else { rule.name.clone() };
        compiled(rule)
            .map(|check| Ready { name: name.clone(), must: rule.must, weight: rule.weight, check })
            .map_err(|reason| wrong(format!("rule {} of the config ({name}): {reason}", index + 1)))
    };
    config.rules.iter().enumerate().map(one).collect()
}

impl Ready {
    /// Holds it against a candidate.
    pub fn find(&self, candidate: &Candidate) -> Finding {
        let calls = &candidate.execution.tools;
        let answer = candidate.answer.as_ref();
        let (broken, kept) = (|why: String| Finding::Broken(why), Finding::Kept);
        match &self.check {
            Compiled::Required(tools) => {
                let gave =
                    |name: &&String| !calls.iter().any(|call| call.name == **name && call.outcome.is_ok());
                tools.iter().find(gave).map_or(kept, |name| broken(format!("{name} gave no result")))
            }
            Compiled::Forbidden(tools) => calls
                .iter()
                .find(|call| tools.contains(&call.name))
                .map_or(kept, |call| broken(format!("it called {}", call.name))),
            Compiled::MostCalls(most) if calls.len() > *most => {
                broken(format!("it made {} calls, the most is {most}", calls.len()))
            }
            Compiled::MostCalls(_) => kept,
            Compiled::Schema(schema) => match answer {
                None => broken("it gave no answer".to_owned()),
                Some(answer) => schema.mismatch(answer).map_or(kept, broken),
            },
            Compiled::Pattern { place, regex, wanted } => pattern(*place, regex, *wanted, candidate),
            Compiled::Near(near) => match answer.map(|answer| answer.pointer(&near.answer)) {
                None => broken("it gave no answer".to_owned()),
                Some(found) => match found.and_then(Value::as_f64) {
                    None => broken("there is no number in the answer".to_owned()),
                    Some(number) => is_near(near, number, candidate),
                },
            },
        }
    }
}

fn kind(check: &Check) -> &'static str {
    match check {
        Check::RequiredTools(_) => "required tools",
        Check::ForbiddenTools(_) => "forbidden tools",
        Check::MostCalls(_) => "most calls",
        Check::AnswerSchema(_) => "answer schema",
        Check::Matches(_) => "matches",
        Check::Lacks(_) => "lacks",
        Check::Near(_) => "near",
    }
}

fn compiled(rule: &Rule) -> Result<Compiled, String> {
    if !(rule.weight.is_finite() && rule.weight > 0.0) {
        return Err(format!("its weight is {}; it must be above 0", rule.weight));
    }
    let named = |tools: &Vec<String>| {
        if tools.is_empty() { Err("it names no tool".to_owned()) } else { Ok(tools.clone()) }
    };
    Ok(match &rule.check {
        Check::RequiredTools(tools) => Compiled::Required(named(tools)?),
        Check::ForbiddenTools(tools) => Compiled::Forbidden(named(tools)?),
        Check::MostCalls(most) => Compiled::MostCalls(usize::try_from(*most).unwrap_or(usize::MAX)),
        Check::AnswerSchema(schema) => Compiled::Schema(Schema::read(schema)?),
        Check::Matches(pattern) => compiled_pattern(pattern, true)?,
        Check::Lacks(pattern) => compiled_pattern(pattern, false)?,
        Check::Near(near) => {
            let room = [near.below, near.above, near.relative];
            if room.iter().any(|room| !room.is_finite() || *room < 0.0) {
                return Err("`below`, `above` and `relative` are 0 or more".to_owned());
            }
            for pointer in [&near.pointer, &near.answer] {
                if !pointer.is_empty() && !pointer.starts_with('/') {
                    return Err(format!("{pointer:?} is no JSON Pointer; one begins with /"));
                }
            }
            Compiled::Near(near.clone())
        }
    })
}

fn compiled_pattern(pattern: &Pattern, wanted: bool) -> Result<Compiled, String> {
    Ok(Compiled::Pattern { place: pattern.place, regex: regex(&pattern.pattern)?, wanted })
}

/// Compiles a pattern within bounds.
pub fn regex(pattern: &str) -> Result<Regex, String> {
    let mut builder = regex::RegexBuilder::new(pattern);
    builder.size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    builder.build().map_err(|error| {
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("the pattern {pattern:?}: {reason}")
    })
}

fn pattern(place: Text, regex: &Regex, wanted: bool, candidate: &Candidate) -> Finding {
    let (text, what) = match (place, &candidate.answer) {
        (Text::Code, _) => (candidate.code.clone(), "the code"),
        (Text::Answer, None) => return Finding::Broken("it gave no answer".to_owned()),
        (Text::Answer, Some(Value::String(text))) => (text.clone(), "the answer"),
        (Text::Answer, Some(answer)) => (answer.to_string(), "the answer"),
    };
    if text.len() > TEXT_BYTES {
        return Finding::Unclear(format!("{what} is longer than {TEXT_BYTES} bytes"));
    }
    match (regex.is_match(&text), wanted) {
        (true, true) | (false, false) => Finding::Kept,
        (true, false) => Finding::Broken(format!("{what} has what it must not have")),
        (false, true) => Finding::Broken(format!("{what} has not what it must have")),
    }
}

fn is_near(near: &Near, number: f64, candidate: &Candidate) -> Finding {
    let calls = candidate.execution.tools.iter().filter(|call| call.name == near.tool);
    let results = calls.filter_map(|call| call.outcome.as_ref().ok()?.as_ref());
    let found: Vec<f64> =
        results.filter_map(|result| result.pointer(&near.pointer)).filter_map(Value::as_f64).collect();
    if found.is_empty() {
        return Finding::Unclear(format!("{} gave no number at {:?}", near.tool, near.pointer));
    }
    let fits = |value: &f64| {
        let share = near.relative * value.abs();
        (value - near.below.max(share)..=value + near.above.max(share)).contains(&number)
    };
    if found.iter().any(fits) {
        return Finding::Kept;
    }
    let found: Vec<String> = found.iter().take(4).map(f64::to_string).collect();
    Finding::Broken(format!("{number} is not near {}", found.join(" or ")))
}
