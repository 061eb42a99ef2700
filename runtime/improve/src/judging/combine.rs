//! Several verifiers: how their words become one.
//!
//! | rule | passes | fails | score |
//! |---|---|---|---|
//! | all | when all pass | when one fails | the lowest |
//! | any | when one passes | when one fails and none passes | the highest |
//! | quorum | when so many pass | when so many fail, and not so many pass | the mean of those that agree |
//! | mean | when those that pass have more than half of the weight | likewise | the weighted mean |
//! | cascade | as the first says who is sure; the next is asked only where one is not | likewise | its own |
//!
//! Whoever abstains counts neither for nor against, but for `all`, where nobody may. A score in one of the two orders is that of the
//! panel in that order: what one verifier says both ways must hold against what the others say.

use sport_sandbox::Verdict;

use super::hear::mean;
use super::rank::Ranking;
use super::{Panel, Word};
use crate::config::Rule;
use crate::store::Standing;

/// Whether a cascade may stop here: somebody won, or nobody is in doubt.
pub(super) fn is_sure(ranking: &Ranking) -> bool {
    let doubt = |standing: &Standing| matches!(standing, Standing::Abstained | Standing::Tied);
    ranking.winner.is_some() || !ranking.standings.iter().any(doubt)
}

/// The words of all verifiers on each class as one.
pub(super) fn together(rule: Rule, panel: &Panel, heard: &[Vec<Word>]) -> Vec<Word> {
    let weights: Vec<f64> = panel.members.iter().map(|member| member.weight).collect();
    let classes = heard.first().map_or(0, Vec::len);
    (0..classes)
        .map(|class| {
            let words: Vec<&Word> = heard.iter().map(|words| &words[class]).collect();
            combine(rule, panel.quorum, &weights, &words)
        })
        .collect()
}

/// The words of all verifiers on one candidate as one; `weights` are the verifiers' own, in the same order.
pub fn combine(rule: Rule, quorum: u32, weights: &[f64], words: &[&Word]) -> Word {
    let count = |wanted| words.iter().filter(|word| word.verdict == wanted).count();
    let (passes, fails) = (count(Verdict::Pass), count(Verdict::Fail));
    let verdict = match rule {
        Rule::All if fails > 0 => Verdict::Fail,
        Rule::All if passes == words.len() => Verdict::Pass,
        Rule::Any if passes > 0 => Verdict::Pass,
        Rule::Any if fails > 0 => Verdict::Fail,
        Rule::Quorum if passes >= quorum as usize => Verdict::Pass,
        Rule::Quorum if fails >= quorum as usize => Verdict::Fail,
        Rule::Mean => weighed(weights, words),
        _ => Verdict::Abstain,
    };
    let orders = words.iter().map(|word| word.by_order.len()).max().unwrap_or(1);
    // a verifier that was asked once says the same in either order
    let in_order =
        |word: &Word, order: usize| word.by_order.get(order).or(word.by_order.first()).copied().flatten();
    let score = |of: &dyn Fn(&Word) -> Option<f64>| scored(rule, verdict, weights, words, of);
    let saying = words.iter().find(|word| word.verdict == verdict).unwrap_or(&words[0]);
    Word {
        verdict,
        score: score(&|word| word.score),
        by_order: (0..orders).map(|order| score(&|word| in_order(word, order))).collect(),
        place: words[0].place,
        rationale: saying.rationale.clone(),
        evidence: saying.evidence.clone(),
    }
}

fn weighed(weights: &[f64], words: &[&Word]) -> Verdict {
    let weight = |wanted: Option<Verdict>| -> f64 {
        let counts = |word: &Word| match wanted {
            Some(wanted) => word.verdict == wanted,
            None => word.verdict != Verdict::Abstain,
        };
        words.iter().zip(weights).filter(|(word, _)| counts(word)).map(|(_, weight)| weight).sum()
    };
    let half = weight(None) / 2.0;
    match (weight(Some(Verdict::Pass)) > half, weight(Some(Verdict::Fail)) > half) {
        (true, _) => Verdict::Pass,
        (_, true) => Verdict::Fail,
        _ => Verdict::Abstain,
    }
}

fn scored(
    rule: Rule,
    verdict: Verdict,
    weights: &[f64],
    words: &[&Word],
    of: &dyn Fn(&Word) -> Option<f64>,
) -> Option<f64> {
    let speaking: Vec<(f64, f64)> = words
        .iter()
        .zip(weights)
        .filter(|(word, _)| {
            word.verdict != Verdict::Abstain && (rule != Rule::Quorum || word.verdict == verdict)
        })
        .filter_map(|(word, weight)| Some((of(word)?, *weight)))
        .collect();
    let scores = speaking.iter().map(|(score, _)| *score);
    match rule {
        Rule::All => scores.min_by(f64::total_cmp),
        Rule::Any => scores.max_by(f64::total_cmp),
        Rule::Mean => {
            let weight: f64 = speaking.iter().map(|(_, weight)| weight).sum();
            (weight > 0.0)
                .then(|| speaking.iter().map(|(score, weight)| score * weight).sum::<f64>() / weight)
        }
        Rule::Quorum | Rule::Cascade => mean(scores),
    }
}
