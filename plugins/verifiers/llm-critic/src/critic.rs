//! The questions.

use serde_json::{Value, json};
use sport_asking::ask::ask;
use sport_sdk::Failure;
use sport_sdk::chat::{Message, Question, Role};

use crate::config::Config;
use crate::shown::{self, Look};

const CRITERIA: &str = include_str!("../prompts/criteria.md");
const PAIRWISE: &str = include_str!("../prompts/pairwise.md");
const LISTWISE: &str = include_str!("../prompts/listwise.md");
const PAIR_FORM: &str = include_str!("../prompts/form-pairwise.md");
const LIST_FORM: &str = include_str!("../prompts/form-listwise.md");

/// The best score that a model may give.
const BEST: f64 = 10.0;

/// Longest reason that is passed on, in letters.
const REASON: usize = 300;

/// Which of two is better, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Which one; none is a tie.
    pub better: Option<Side>,
    /// The model's own words.
    pub reason: String,
}

/// One of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that was shown first.
    First,
    /// The other one.
    Second,
}

/// A score from 0 to 1, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The score.
    pub score: f64,
    /// The model's own words.
    pub reason: String,
}

/// Asks which of two is better.
pub fn compare(config: &Config, task: &Look, first: &Look, second: &Look) -> Result<Preference, Failure> {
    let schema = json!({
        "type": "object",
        "properties": { "reason": { "type": "string" }, "better": { "type": "integer", "enum": [0, 1, 2] } },
        "required": ["reason", "better"],
        "additionalProperties": false,
    });
    ask(question(config, PAIRWISE, PAIR_FORM, task, &[first, second]), &schema, |answer| {
        let better = match answer.get("better").and_then(Value::as_u64) {
            Some(0) => None,
            Some(1) => Some(Side::First),
            Some(2) => Some(Side::Second),
            _ => return Err("`better` must be 0, 1 or 2".to_owned()),
        };
        Ok(Preference { better, reason: reason(answer) })
    })
}

/// Asks for a score of each; they come back in the order of the candidates.
pub fn score(config: &Config, task: &Look, candidates: &[&Look]) -> Result<Vec<Score>, Failure> {
    let count = candidates.len();
    let one = json!({
        "type": "object",
        "properties": {
            "candidate": { "type": "integer", "minimum": 1, "maximum": count },
            "reason": { "type": "string" },
            "score": { "type": "number", "minimum": 0, "maximum": BEST },
        },
        "required": ["candidate", "reason", "score"],
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "properties": { "scores": { "type": "array", "items": one, "minItems": count, "maxItems": count } },
        "required": ["scores"],
        "additionalProperties": false,
    });
    ask(question(config, LISTWISE, LIST_FORM, task, candidates), &schema, |answer| scores(answer, count))
}

fn scores(answer: &Value, count: usize) -> Result<Vec<Score>, String> {
    let list = answer.get("scores").and_then(Value::as_array).ok_or("it has no list `scores`")?;
    let mut scores: Vec<Option<Score>> = vec![None; count];
    for one in list {
        let number =
            one.get("candidate").and_then(Value::as_u64).ok_or("an item has no number `candidate`")?;
        let place = usize::try_from(number).ok().and_then(|number| scores.get_mut(number.checked_sub(1)?));
        let place = place.ok_or_else(|| format!("there is no candidate {number}, only 1 to {count}"))?;
        let score = one.get("score").and_then(Value::as_f64).ok_or("an item has no number `score`")?;
        if !(0.0..=BEST).contains(&score) {
            return Err(format!("the score of candidate {number} is {score}; it must be from 0 to {BEST}"));
        }
        if place.replace(Score { score: score / BEST, reason: reason(one) }).is_some() {
            return Err(format!("candidate {number} has more than one score"));
        }
    }
    let missing = scores.iter().position(Option::is_none).map(|place| place + 1);
    match missing {
        Some(number) => Err(format!("candidate {number} has no score")),
        None => Ok(scores.into_iter().flatten().collect()),
    }
}

fn reason(answer: &Value) -> String {
    let reason = answer.get("reason").and_then(Value::as_str).unwrap_or_default();
    reason.trim().chars().take(REASON).collect()
}

fn question(config: &Config, instructions: &str, form: &str, task: &Look, candidates: &[&Look]) -> Question {
    let instructions = config.instructions.as_deref().unwrap_or(instructions);
    let criteria = config.criteria.as_deref().unwrap_or(CRITERIA);
    let told = format!("{}\n\n{form}", instructions.replace("{criteria}", criteria.trim()).trim());
    let mut question = Question::new(&config.role)
        .system(told)
        .temperature(config.temperature)
        .max_tokens(config.max_tokens);
    question.seed = config.seed;
    question.messages.push(Message { role: Role::User, content: shown::question(task, candidates) });
    question
}
