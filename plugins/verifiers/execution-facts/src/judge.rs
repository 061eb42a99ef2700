//! All candidates of a step together.
//!
//! | class | verdict | score |
//! |---|---|---|
//! | answered, no rule broken, and the only one or in the largest group that agrees | pass | 0.6 and up, by the share of the group |
//! | answered, no rule broken, but a larger group says otherwise | abstain | none |
//! | answered, no rule broken, two groups are equally large | abstain (all of them) | none |
//! | looked first, as the query asks, and nobody's answer passes | pass, in the same way | 0.5 |
//! | no rule broken but the facts do not show that it is right | abstain | none |
//! | a rule broken | fail | below 0.5, by how far it got |
//!
//! Candidates of one group get one score: they are a tie, and rightly so.

use std::collections::BTreeMap;

use sport_sdk::verify::{Candidate, Judgement, Step};

use crate::config::Config;
use crate::query::Query;
use crate::rules::{self, Finding};
use crate::world::{canonical, signature};

/// The score of a step on the way.
const LOOKED: f64 = 0.5;

/// The least score of an answer that passes; a larger share of agreement adds the rest.
const ANSWERED: f64 = 0.6;

/// Judges every candidate, in the order given.
pub fn judge(step: &Step, config: &Config) -> Vec<Judgement> {
    let files: Vec<String> = step.files.iter().filter_map(|file| file.name.clone()).collect();
    let query = Query::read(&step.query, &files, config);
    let findings: Vec<Finding> =
        step.candidates.iter().map(|candidate| rules::find(step, &query, config, candidate)).collect();

    let answered = Groups::of(&step.candidates, &findings, &Finding::Answered, signature);
    let looked = Groups::of(&step.candidates, &findings, &Finding::Looked, looked_at);
    let count = step.candidates.iter().map(Candidate::copies).sum::<usize>().max(1) as f64;
    findings
        .into_iter()
        .enumerate()
        .map(|(index, finding)| match finding {
            Finding::Broke(reached, why) => Judgement::fail(reached, why),
            Finding::Unclear(why) => Judgement::abstain(why),
            Finding::Answered => {
                answered.judgement(index, |size| ANSWERED + (1.0 - ANSWERED) * size as f64 / count)
            }
            Finding::Looked if answered.best.is_some() => {
                Judgement::abstain("it looked first, as asked, but another answered already")
            }
            Finding::Looked => looked.judgement(index, |_| LOOKED),
        })
        .collect()
}

/// What a step on the way did: its calls, in any order.
fn looked_at(candidate: &Candidate) -> String {
    let calls = candidate.execution.tools.iter();
    let mut calls: Vec<String> =
        calls.map(|tool| format!("{} {}", tool.name, canonical(&tool.arguments))).collect();
    calls.sort();
    calls.dedup();
    calls.join("\n")
}

/// Candidates that nothing tells apart.
struct Groups {
    /// Which group a candidate is in.
    group: BTreeMap<usize, String>,
    /// How large each group is.
    size: BTreeMap<String, usize>,
    /// The largest group, if one is larger than all others.
    best: Option<String>,
}

impl Groups {
    fn of(
        candidates: &[Candidate],
        findings: &[Finding],
        wanted: &Finding,
        key: impl Fn(&Candidate) -> String,
    ) -> Self {
        let members =
            candidates.iter().zip(findings).enumerate().filter(|(_, (_, finding))| *finding == wanted);
        let group: BTreeMap<usize, String> =
            members.map(|(index, (candidate, _))| (index, key(candidate))).collect();
        let mut size: BTreeMap<String, usize> = BTreeMap::new();
        for (index, key) in &group {
            // equal candidates are shown once, and agree with each other
            *size.entry(key.clone()).or_default() += candidates[*index].copies();
        }
        let largest = size.values().copied().max().unwrap_or(0);
        let mut of_that_size =
            size.iter().filter(|(_, count)| **count == largest).map(|(key, _)| key.clone());
        let best = of_that_size.next().filter(|_| of_that_size.next().is_none());
        Self { group, size, best }
    }

    fn judgement(&self, index: usize, score: impl Fn(usize) -> f64) -> Judgement {
        let key = self.group.get(&index);
        match &self.best {
            None => Judgement::abstain("as many candidates say something else"),
            Some(best) if key == Some(best) => {
                let size = self.size.get(best).copied().unwrap_or(1);
                let rationale = match size {
                    1 => "no rule is broken, and nobody says otherwise".to_owned(),
                    _ => format!("no rule is broken, and {size} candidates agree in every world"),
                };
                Judgement::pass(score(size), rationale)
            }
            Some(_) => Judgement::abstain("no rule is broken, but more candidates say something else"),
        }
    }
}
