//! From what was said to verdicts and scores.
//!
//! | candidate | verdict | score |
//! |---|---|---|
//! | there was no code, or the host had to stop it | fail, and nobody is asked | 0 |
//! | pairwise, and there is nothing else that it could be compared with | abstain | none |
//! | any other | pass if the score is `pass_at` or more, else fail | pairwise: mean over all other candidates of 1 for better, ½ for a tie, 0 for worse; listwise: what the model gave it |
//!
//! Candidates that look the same to the model get the same score by construction, and are not compared with each other.

use sport_sdk::verify::{Candidate, EndingKind, Judgement, Step};
use sport_sdk::{Failure, context};

use crate::config::{Config, Mode};
use crate::critic::{self, Preference, Side};
use crate::shown::{self, Look};

/// Most questions for one step: the host allows 32, and some answers need a repair.
const MOST_PAIRS: usize = 28;

/// Most candidates in one question: more is nothing that a model keeps apart.
const MOST_LISTED: usize = 16;

/// What is shown of candidates that are asked about.
struct Field {
    task: Look,
    /// Different looks, in the order in which they first occur.
    looks: Vec<Look>,
    /// Which look each candidate has; none where it is not asked about.
    look_of: Vec<Option<usize>>,
}

/// Judges every candidate, in the order given.
pub fn judge(step: &Step, config: &Config) -> Result<Vec<Judgement>, Failure> {
    config.check()?;
    let field = Field::of(step, config);
    match config.mode {
        Mode::Pairwise => pairwise(&field, config),
        Mode::Listwise => listwise(&field, config),
    }
}

impl Field {
    fn of(step: &Step, config: &Config) -> Self {
        let at_once = match config.mode {
            Mode::Pairwise => 2,
            Mode::Listwise => step.candidates.len(),
        };
        let largest = shown::image_bytes(at_once);
        let mut looks: Vec<Look> = Vec::new();
        let mut look_of = Vec::new();
        for candidate in &step.candidates {
            if was_stopped(candidate) {
                look_of.push(None);
                continue;
            }
            let look = shown::candidate(candidate, config, largest);
            let place = looks.iter().position(|other| *other == look).unwrap_or_else(|| {
                looks.push(look);
                looks.len() - 1
            });
            look_of.push(Some(place));
        }
        Self { task: shown::task(step, config, largest), looks, look_of }
    }
}

/// Whether there is nothing to go on with, whatever anybody says.
fn was_stopped(candidate: &Candidate) -> bool {
    match candidate.execution.ending {
        EndingKind::Value | EndingKind::Answered | EndingKind::Raised | EndingKind::Exited => false,
        EndingKind::Deadline
        | EndingKind::Exhausted
        | EndingKind::Trapped
        | EndingKind::Cancelled
        | EndingKind::Unparsed => true,
    }
}

fn stopped() -> Judgement {
    Judgement::fail(0.0, "there was no code, or the host had to stop it")
}

fn passed(score: f64, config: &Config, rationale: String) -> Judgement {
    if score >= config.pass_at {
        Judgement::pass(score, rationale)
    } else {
        Judgement::fail(score, rationale)
    }
}

fn too_many(count: usize, most: usize, what: &str) -> Failure {
    let message = format!(
        "there are {count} {what}, the most is {most}; sample fewer candidates, or ask in the other mode"
    );
    Failure::exhausted(message).code("too-many-candidates")
}

fn pairwise(field: &Field, config: &Config) -> Result<Vec<Judgement>, Failure> {
    let count = field.looks.len();
    let pairs: Vec<(usize, usize)> =
        (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second))).collect();
    if pairs.len() > MOST_PAIRS {
        return Err(too_many(pairs.len(), MOST_PAIRS, "pairs"));
    }
    let mut said: Vec<(usize, usize, Preference)> = Vec::with_capacity(pairs.len());
    for (first, second) in &pairs {
        context::progress(said.len() as f64 / pairs.len() as f64, "comparing candidates");
        let preference = critic::compare(config, &field.task, &field.looks[*first], &field.looks[*second])?;
        said.push((*first, *second, preference));
    }
    let judged = |look: &Option<usize>| match look {
        None => stopped(),
        Some(look) => compared(field, &said, *look, config),
    };
    Ok(field.look_of.iter().map(judged).collect())
}

/// One candidate against all others.
fn compared(field: &Field, said: &[(usize, usize, Preference)], own: usize, config: &Config) -> Judgement {
    let others = field.look_of.len() - 1;
    if field.look_of.iter().all(|look| *look == Some(own)) {
        return Judgement::abstain("there is nothing else that it could be compared with");
    }
    let against = |other: usize| {
        said.iter().find_map(|(first, second, preference)| {
            let side = match (*first, *second) {
                pair if pair == (own, other) => Side::First,
                pair if pair == (other, own) => Side::Second,
                _ => return None,
            };
            Some((preference.better.map(|better| better == side), preference.reason.as_str()))
        })
    };
    let (mut better, mut worse) = (0, 0);
    for look in &field.look_of {
        match look {
            // against one that was stopped, everybody wins
            None => better += 1,
            Some(look) => match against(*look) {
                Some((Some(true), _)) => better += 1,
                Some((Some(false), _)) => worse += 1,
                // a tie, or one that looks the same
                Some((None, _)) | None => {}
            },
        }
    }
    let ties = others - better - worse;
    let mut rationale = format!("better than {better} others, as good as {ties}, worse than {worse}");
    for (_, reason) in
        (0..field.looks.len()).filter_map(against).filter(|(_, reason)| !reason.is_empty()).take(4)
    {
        rationale.push_str(&format!("; {reason:?}"));
    }
    let points = better as f64 + ties as f64 / 2.0;
    passed(points / others as f64, config, rationale)
}

fn listwise(field: &Field, config: &Config) -> Result<Vec<Judgement>, Failure> {
    let looks: Vec<&Look> = field.looks.iter().collect();
    if looks.len() > MOST_LISTED {
        return Err(too_many(looks.len(), MOST_LISTED, "candidates"));
    }
    let scores = if looks.is_empty() { Vec::new() } else { critic::score(config, &field.task, &looks)? };
    let judged = |look: &Option<usize>| match look.and_then(|look| scores.get(look)) {
        None => stopped(),
        Some(score) => passed(score.score, config, score.reason.clone()),
    };
    Ok(field.look_of.iter().map(judged).collect())
}
