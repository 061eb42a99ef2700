//! Asking one verifier: in which orders, how often, and what its answers amount to.

use serde::{Deserialize, Serialize};
use sport_sandbox::{Budget, Judgement, Limits, Verdict};

use super::present::Shown;
use super::{Case, Member, Word};
use crate::observation;
use crate::seed::{Purpose, order, seed};
use crate::store::CandidateRow;

/// One time that a verifier was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asking {
    /// Which of the panel's members.
    pub member: u32,
    /// Counted from 0 for each member.
    pub asked: u32,
    /// The numbers of the candidates in the order in which they were shown.
    pub order: Vec<u32>,
    /// Its answer, in that order.
    pub given: Vec<Judgement>,
}

/// A verifier that calls itself deterministic is asked a second time, in another order, at one step of so many.
const SPOT_CHECK: u64 = 16;

/// What a verifier says of each class that is shown, with every single answer; or why the step cannot be judged.
pub fn hear(
    asked: &Member,
    member: u32,
    repeats: u32,
    case: &Case<'_>,
    shown: &Shown,
) -> Result<(Vec<Word>, Vec<Asking>), String> {
    let deterministic = asked.verifier.descriptor().deterministic;
    let (run, ids) = case.seed;
    let mut askings: Vec<Asking> = Vec::new();
    // for each of the two orders: the answers by class
    let mut answers: [Vec<Vec<Judgement>>; 2] = [Vec::new(), Vec::new()];
    let mut first = Vec::new();
    let rounds = if deterministic { 1 } else { repeats };
    for repeat in 0..rounds {
        let tag = format!("{member}/{repeat}");
        // the first order of the first judge is the one that steps were always judged in
        let own: &[&str] = if member == 0 && repeat == 0 { &[] } else { &[&tag] };
        let forward = order(shown.len(), run, Purpose::JudgeOrder, &[&ids, own].concat());
        let backward: Vec<usize> = forward.iter().rev().copied().collect();
        let checked = seed(run, Purpose::JudgeCheck, &ids).is_multiple_of(SPOT_CHECK);
        let twice = !deterministic || (checked && shown.len() > 1);
        let orders = if twice { vec![forward, backward] } else { vec![forward] };
        for (which, places) in orders.into_iter().enumerate() {
            let given = ask(asked, case, shown, &places)?;
            let number = |&class: &usize| shown.stands_for(class, case.candidates).number;
            let number_of_asking = askings.len() as u32;
            let order = places.iter().map(number).collect();
            askings.push(Asking { member, asked: number_of_asking, order, given: given.clone() });
            let mut by_class = given.clone();
            for (&class, judgement) in places.iter().zip(given) {
                by_class[class] = checked_evidence(judgement, shown.stands_for(class, case.candidates));
            }
            if first.is_empty() {
                first = places;
            }
            answers[which].push(by_class);
        }
    }
    if deterministic && !answers[1].is_empty() {
        let said = |judgement: &Judgement| (judgement.verdict, judgement.score.map(f64::to_bits));
        let same = answers[0][0].iter().map(said).eq(answers[1][0].iter().map(said));
        if !same {
            return Err(format!(
                "{} calls itself deterministic and judged the same candidates differently in another order",
                asked.verifier.name()
            ));
        }
        // it was a check, not a second opinion
        answers[1].clear();
    }
    let words = (0..shown.len()).map(|class| word(class, &answers, &first)).collect();
    Ok((words, askings))
}

fn ask(asked: &Member, case: &Case<'_>, shown: &Shown, places: &[usize]) -> Result<Vec<Judgement>, String> {
    let view = shown.view(&case.step, case.candidates, places);
    let budget = Budget::new(Limits::verifier());
    let given = asked
        .verifier
        .judge(&view, &asked.config, case.artifacts, &budget)
        .map_err(|failure| format!("the verifier failed: {failure}"))?;
    if given.len() != places.len() {
        return Err(format!("the verifier gave {} judgements for {} candidates", given.len(), places.len()));
    }
    Ok(given)
}

/// A judgement whose quotes do not occur in what the candidate wrote, did or got says nothing.
fn checked_evidence(judgement: Judgement, candidate: &CandidateRow) -> Judgement {
    if evidence_holds(candidate, &judgement.evidence) {
        return judgement;
    }
    Judgement { verdict: Verdict::Abstain, score: None, ..judgement }
}

/// Whether every quote occurs in what the candidate wrote, did or got.
fn evidence_holds(candidate: &CandidateRow, evidence: &[String]) -> bool {
    if evidence.is_empty() {
        return true;
    }
    let report = candidate.report.as_ref();
    let mut texts = vec![candidate.action.thought.clone(), candidate.action.code.clone()];
    texts.extend(report.map(observation::text));
    texts.extend(report.and_then(|report| report.answer.as_ref()).map(plain));
    texts.extend(report.and_then(|report| report.answer.as_ref()).map(ToString::to_string));
    texts.extend(report.and_then(|report| serde_json::to_string(&report.tool_calls).ok()));
    evidence.iter().all(|quote| texts.iter().any(|text| text.contains(quote.as_str())))
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What all answers on a class amount to.
fn word(class: usize, answers: &[Vec<Vec<Judgement>>; 2], first: &[usize]) -> Word {
    let of_class = |order: &Vec<Vec<Judgement>>| -> Vec<Judgement> {
        order.iter().map(|round| round[class].clone()).collect()
    };
    let by_order: Vec<Vec<Judgement>> =
        answers.iter().filter(|order| !order.is_empty()).map(of_class).collect();
    let all: Vec<&Judgement> = by_order.iter().flatten().collect();
    let verdict = majority(all.iter().map(|judgement| judgement.verdict));
    let evidence = match verdict {
        Verdict::Abstain => Vec::new(),
        _ => all[0].evidence.clone(),
    };
    Word {
        verdict,
        score: mean(all.iter().filter_map(|judgement| judgement.score)),
        by_order: by_order
            .iter()
            .map(|order| mean(order.iter().filter_map(|judgement| judgement.score)))
            .collect(),
        place: first.iter().position(|&shown| shown == class).unwrap_or(0) as u32,
        rationale: all[0].rationale.clone(),
        evidence,
    }
}

/// What more than half say; abstain where nothing is.
pub fn majority(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let verdicts: Vec<Verdict> = verdicts.collect();
    let most = |wanted| verdicts.iter().filter(|&&verdict| verdict == wanted).count() * 2 > verdicts.len();
    match (most(Verdict::Pass), most(Verdict::Fail)) {
        (true, _) => Verdict::Pass,
        (_, true) => Verdict::Fail,
        _ => Verdict::Abstain,
    }
}

/// The mean; none of nothing.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
