//! Reads the report's view from a run's store.

use std::collections::BTreeSet;

use super::view::{Curve, Point, Tree, TreeCandidate, TreeStep, View};
use crate::error::Error;
use crate::observer::Stage;
use crate::store::{CandidateRow, Standing, StepOutcome, StepRow, Store};
use crate::summary::Summary;
use crate::task::Task;

/// Tasks shown for each iteration: enough to see what the verifier does, few enough to read.
const TREES_PER_ITERATION: usize = 8;
/// Longest text of a candidate that the page shows.
const TEXT_CAP: usize = 2_000;

/// Everything the page shows; `policy` and `verifier` are a line each.
pub fn collect(store: &Store, summary: Summary, policy: String, verifier: String) -> Result<View, Error> {
    let mut curves = Vec::new();
    let mut trees = Vec::new();
    for iteration in summary.iterations.iter().map(|iteration| iteration.number).filter(|&number| number > 0)
    {
        for stage in [Stage::Sft, Stage::Dpo] {
            curves.extend(curve(store, iteration, stage)?);
        }
        trees.extend(pick_trees(store, iteration)?);
    }
    Ok(View { summary, curves, trees, policy, verifier })
}

fn curve(store: &Store, iteration: u32, stage: Stage) -> Result<Option<Curve>, Error> {
    let metrics = store.metrics(iteration, stage)?;
    let compares = stage == Stage::Dpo;
    let points: Vec<Point> = metrics
        .iter()
        .map(|metric| Point {
            loss: metric.loss,
            margin: compares.then_some(metric.rewards_margins),
            accuracy: compares.then_some(metric.rewards_accuracies),
        })
        .collect();
    let stage = stage.name().to_uppercase();
    Ok((!points.is_empty()).then_some(Curve { iteration, stage, points }))
}

/// Tasks worth looking at: one per family first, those with a winner and several kinds of ending before others.
fn pick_trees(store: &Store, iteration: u32) -> Result<Vec<Tree>, Error> {
    let pairs = store.pairs(iteration)?;
    let mut ranked = Vec::new();
    for (task, _) in store.tasks(iteration, crate::task::Split::Train)? {
        let steps = store.steps(&task.id)?;
        let interest = interest(store, &steps)?;
        ranked.push((interest, task, steps));
    }
    // stable: equal interest keeps task order, so the same run gives the same page
    ranked.sort_by_key(|(interest, ..)| std::cmp::Reverse(*interest));
    let mut families = BTreeSet::new();
    let (first, rest): (Vec<_>, Vec<_>) =
        ranked.into_iter().partition(|(_, task, _)| families.insert(task.family.clone()));
    let chosen = first.into_iter().chain(rest).take(TREES_PER_ITERATION);
    chosen.map(|(_, task, steps)| tree(store, iteration, &task, &steps, &pairs)).collect()
}

fn interest(store: &Store, steps: &[StepRow]) -> Result<usize, Error> {
    let mut interest = 0;
    for step in steps {
        let candidates = store.candidates(step.id)?;
        let endings: BTreeSet<_> =
            candidates.iter().filter_map(|candidate| Some(candidate.report.as_ref()?.ending)).collect();
        interest += endings.len() + if step.outcome == StepOutcome::Winner { 4 } else { 0 };
    }
    Ok(interest)
}

fn tree(
    store: &Store,
    iteration: u32,
    task: &Task,
    steps: &[StepRow],
    pairs: &[crate::store::PairRow],
) -> Result<Tree, Error> {
    let steps = steps
        .iter()
        .map(|step| {
            let judgements = store.last_words(step.id)?;
            let candidates = store
                .candidates(step.id)?
                .iter()
                .map(|candidate| {
                    let judgement =
                        judgements.iter().find(|judgement| judgement.candidate == candidate.number);
                    let rejected = pairs
                        .iter()
                        .filter(|pair| pair.step == step.id && pair.rejected == candidate.number)
                        .count();
                    TreeCandidate {
                        verdict: judgement
                            .map(|judgement| crate::store::verdict_name(judgement.verdict).to_owned()),
                        score: judgement.and_then(|judgement| judgement.score),
                        rationale: judgement.map(|judgement| judgement.rationale.clone()).unwrap_or_default(),
                        rejected_in: rejected as u32,
                        ..seen(candidate)
                    }
                })
                .collect();
            Ok(TreeStep { depth: step.depth, note: step.reason.clone(), candidates })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    Ok(Tree {
        iteration,
        task: task.id.clone(),
        family: task.family.clone(),
        query: task.query.clone(),
        steps,
    })
}

/// What the candidate did; the judgement's fields are left empty.
fn seen(candidate: &CandidateRow) -> TreeCandidate {
    let report = candidate.report.as_ref();
    let observation = report.map(|report| {
        let error = report.raised.as_ref().map(|raised| format!("{}: {}", raised.class, raised.message));
        let parts = [Some(report.stdout.clone()), error, report.reason.clone()];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    });
    // an action without code is shown as the text it was
    let code = if candidate.action.code.is_empty() { &candidate.sample.text } else { &candidate.action.code };
    TreeCandidate {
        number: candidate.number,
        thought: cut(&candidate.action.thought),
        code: cut(code),
        observation: cut(&observation.unwrap_or_default()),
        ending: report.map_or("not run", |report| report.ending.name()).to_owned(),
        answer: report.and_then(|report| report.answer.as_ref()).map(|answer| cut(&answer.to_string())),
        verdict: None,
        score: None,
        rationale: String::new(),
        winner: candidate.standing == Some(Standing::Winner),
        rejected_in: 0,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CAP) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}
