//! Chosen and rejected actions: explicit rules, one of which a run names.
//!
//! Never is a pair made of two equal texts, nor of a winner and one that did the same as well. Log-probabilities
//! compare token ids, so texts that differ only in how they were drawn are equal here too.

use std::time::Instant;

use serde_json::json;
use sport_sandbox::{EndingKind, Verdict};

use super::needs;
use crate::config::PairRule;
use crate::error::Error;
use crate::observer::{Observer, Stage};
use crate::seed::{Purpose, order};
use crate::store::{CandidateRow, Folder, JudgementRow, PairRow, Standing};

/// Below this character BLEU an action counts as unlike the winner (the published code's number).
const UNLIKE: f64 = 0.3;
/// So many erring losers the published code takes.
const MOST_ERRING: usize = 2;

/// Makes the pairs of an iteration.
pub fn pair(folder: &Folder, observer: &mut dyn Observer, iteration: u32) -> Result<(), Error> {
    let store = &folder.store;
    if store.stage_done(iteration, Stage::Pair)? {
        return Ok(());
    }
    needs(store, iteration, Stage::Explore)?;
    let began = Instant::now();
    observer.begin(iteration, Stage::Pair, 0, "steps");
    let settings = &folder.config.pair;
    let mut pairs = Vec::new();
    let mut winners = 0;
    for step in store.steps_of_iteration(iteration)? {
        let Some(winner) = step.winner else { continue };
        winners += 1;
        let candidates = store.candidates(step.id)?;
        let judgements = store.last_words(step.id)?;
        let Some(winner) = candidates.iter().find(|candidate| candidate.number == winner) else { continue };
        let losers = losers(settings.rule, winner, &candidates, &judgements);
        // by seed, not by place: the first candidates may have been drawn in another way than the last
        let ids = [step.task.as_str(), &step.depth.to_string()];
        let mut taken: Vec<u32> = order(losers.len(), folder.config.run.seed, Purpose::Pair, &ids)
            .into_iter()
            .take(settings.max_losers as usize)
            .map(|place| losers[place])
            .collect();
        taken.sort_unstable();
        for rejected in taken {
            pairs.push(PairRow {
                number: pairs.len() as u32,
                step: step.id,
                chosen: winner.number,
                rejected,
                reference: None,
            });
        }
    }
    store.put_pairs(iteration, &pairs)?;
    let result = json!({ "winners": winners, "pairs": pairs.len() });
    store.end_stage(iteration, Stage::Pair, began.elapsed().as_secs_f64(), &result)?;
    observer.end(iteration, Stage::Pair, &format!("{} pairs of {winners} winners", pairs.len()));
    Ok(())
}

/// Numbers of the candidates that a rule pairs with the winner, each text once.
pub fn losers(
    rule: PairRule,
    winner: &CandidateRow,
    candidates: &[CandidateRow],
    judgements: &[JudgementRow],
) -> Vec<u32> {
    // what facts ruled out was not judged: it failed all the same
    let failed = |candidate: &CandidateRow| {
        candidate.standing == Some(Standing::Vetoed)
            || judgements.iter().any(|judgement| {
                judgement.candidate == candidate.number && judgement.verdict == Verdict::Fail
            })
    };
    let mut erring = 0;
    let mut taken: Vec<&CandidateRow> = Vec::new();
    for candidate in candidates {
        let same_text = |other: &CandidateRow| {
            other.sample.tokens == candidate.sample.tokens
                || other.sample.text.trim() == candidate.sample.text.trim()
        };
        let as_good = matches!(candidate.standing, Some(Standing::Winner | Standing::CoWinner) | None);
        if as_good || same_text(winner) || taken.iter().any(|other| same_text(other)) {
            continue;
        }
        let take = match rule {
            PairRule::WinnerVsLosers => {
                matches!(candidate.standing, Some(Standing::Loser | Standing::Vetoed))
            }
            PairRule::WinnerVsFailed => failed(candidate),
            PairRule::WinnerVsAll => true,
            PairRule::ErrorOrUnlike => {
                let errs = candidate.report.as_ref().is_none_or(|report| {
                    !matches!(report.ending, EndingKind::Value | EndingKind::Answered | EndingKind::Exited)
                });
                erring += usize::from(errs);
                (errs && erring <= MOST_ERRING)
                    || character_bleu(&winner.sample.text, &candidate.sample.text) < UNLIKE
            }
        };
        if take {
            taken.push(candidate);
        }
    }
    taken.into_iter().map(|candidate| candidate.number).collect()
}

/// Sentence BLEU-4 over characters, with NLTK's first smoothing: an order without a match counts as 0.1.
pub fn character_bleu(reference: &str, text: &str) -> f64 {
    let reference: Vec<char> = reference.chars().collect();
    let text: Vec<char> = text.chars().collect();
    if text.is_empty() || reference.is_empty() {
        return 0.0;
    }
    let mut log_precision = 0.0;
    for n in 1..=4 {
        let mut left: std::collections::HashMap<&[char], usize> = std::collections::HashMap::new();
        for gram in reference.windows(n) {
            *left.entry(gram).or_default() += 1;
        }
        let mut matched = 0;
        for gram in text.windows(n) {
            if let Some(count) = left.get_mut(gram).filter(|count| **count > 0) {
                *count -= 1;
                matched += 1;
            }
        }
        if n == 1 && matched == 0 {
            return 0.0;
        }
        let all = text.len().saturating_sub(n - 1).max(1) as f64;
        let matched = if matched == 0 { 0.1 } else { matched as f64 };
        log_precision += (matched / all).ln() / 4.0;
    }
    let brevity = if text.len() > reference.len() {
        1.0
    } else {
        (1.0 - reference.len() as f64 / text.len() as f64).exp()
    };
    brevity * log_precision.exp()
}
