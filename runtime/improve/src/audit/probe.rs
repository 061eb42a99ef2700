//! All calls of one verifier about one step.
//!
//! A step is shown in a base order that the seed decides, again in the same order, backwards, and shuffled; then with a copy of
//! one of its candidates, with planted ones, and its candidates two by two. A call that fails is counted and gives nothing else.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rand::Rng;
use serde_json::Value;
use sport_sandbox::{ArtifactStore, Budget, Candidate, Judgement, Limits, StepView, Verifier};

use super::plant::{Plant, Soil};
use super::preference::{Preference, between};
use super::recorded::Recorded;
use crate::error::Error;
use crate::seed::{Purpose, order, stream};
use crate::stages::pool;

/// Candidates of a step that are compared two by two; each triple of them may be a circle.
const DUELLISTS: usize = 4;

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Steps at most.
    pub steps: usize,
    /// Times the base order is shown again.
    pub repeats: usize,
    /// Orders beside the base and its reverse.
    pub shuffles: usize,
    /// No new step is begun after so long.
    pub time: Option<Duration>,
}

impl Effort {
    /// An audit that gates; for a verifier that asks a model, an hour or more.
    pub const FULL: Self = Self { steps: 400, repeats: 3, shuffles: 3, time: None };
    /// An audit that a run makes on its way.
    pub const QUICK: Self = Self { steps: 40, repeats: 1, shuffles: 1, time: Some(Duration::from_secs(100)) };
}

/// A way of showing a step, and what was said, in the candidates' own order.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// Which candidate stood at each place.
    pub order: Vec<usize>,
    /// By candidate.
    pub said: Vec<Judgement>,
}

/// Everything said about a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// In the base order.
    pub base: Option<Shown>,
    /// The same again.
    pub again: Vec<Shown>,
    /// Backwards.
    pub back: Option<Shown>,
    /// In other orders.
    pub shuffled: Vec<Shown>,
    /// Whether a candidate and its copy were a tie.
    pub copies: Vec<bool>,
    /// Two by two.
    pub duels: BTreeMap<(usize, usize), Preference>,
    /// Whether planted candidates were resisted.
    pub plants: Vec<(Plant, bool)>,
}

/// What calls came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    pub made: u64,
    /// Failures by code.
    pub failed: BTreeMap<String, u64>,
    /// Microseconds of each call.
    pub micros: Vec<u64>,
}

/// One step with its answers; none where time was up before it was begun.
pub(super) struct Probed<'a> {
    pub step: &'a Recorded,
    pub answers: Option<Answers>,
    pub calls: Calls,
}

/// Who is asked.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub verifier: &'a Verifier,
    pub config: &'a Value,
    pub artifacts: &'a ArtifactStore,
    pub seed: u64,
    pub effort: Effort,
}

impl Asked<'_> {
    /// Asks about all steps, on a few threads. `watch` is told after each step and says whether to go on.
    pub fn about<'s>(
        &self,
        steps: &'s [Recorded],
        threads: usize,
        watch: impl FnMut() -> bool,
    ) -> Result<Vec<Probed<'s>>, Error> {
        let began = Instant::now();
        let late = || self.effort.time.is_some_and(|time| began.elapsed() > time);
        let mut probed: Vec<(usize, Probed<'s>)> = steps
            .iter()
            .map(|step| Probed { step, answers: None, calls: Calls::default() })
            .enumerate()
            .collect();
        pool::each(
            &mut probed,
            threads,
            |(number, probed)| {
                if !late() {
                    let foreign = foreign(steps, *number);
                    let work = Work { asked: self, step: probed.step, calls: Mutex::default() };
                    probed.answers = Some(work.answers(*number, foreign));
                    probed.calls = work.calls.into_inner().unwrap_or_default();
                }
                Ok(())
            },
            watch,
        )?;
        Ok(probed.into_iter().map(|(_, probed)| probed).collect())
    }
}

/// A good candidate of another task with another answer: the next one in the list.
fn foreign(steps: &[Recorded], number: usize) -> Option<&Candidate> {
    let here = &steps[number];
    let known: Vec<_> =
        here.view.candidates.iter().zip(&here.truths).filter(|(_, truth)| **truth == Some(true)).collect();
    let others = steps[number + 1..].iter().chain(&steps[..number]);
    others.filter(|step| step.task != here.task).find_map(|step| {
        let candidate = &step.view.candidates[step.model()?];
        let also_right = known.iter().any(|(good, _)| good.answer == candidate.answer);
        (!also_right).then_some(candidate)
    })
}

struct Work<'a> {
    asked: &'a Asked<'a>,
    step: &'a Recorded,
    calls: Mutex<Calls>,
}

impl Work<'_> {
    fn answers(&self, number: usize, foreign: Option<&Candidate>) -> Answers {
        let count = self.step.view.candidates.len();
        let base = self.order("base", count);
        let backwards: Vec<usize> = base.iter().rev().copied().collect();
        let effort = self.asked.effort;
        let mut answers = Answers {
            base: self.show(&base),
            again: (0..effort.repeats).filter_map(|_| self.show(&base)).collect(),
            back: self.show(&backwards),
            shuffled: (0..effort.shuffles)
                .filter_map(|number| self.show(&self.order(&format!("shuffle {number}"), count)))
                .collect(),
            ..Answers::default()
        };
        self.copy(&base, &mut answers);
        self.duel(&base, &mut answers);
        self.plant(&base, number, foreign, &mut answers);
        answers
    }

    fn order(&self, what: &str, count: usize) -> Vec<usize> {
        order(count, self.asked.seed, Purpose::Audit, &[&self.step.step, what])
    }

    /// Shows the step's candidates in an order.
    fn show(&self, order: &[usize]) -> Option<Shown> {
        let candidates = &self.step.view.candidates;
        let said = self.ask(order.iter().map(|&place| candidates[place].clone()).collect())?;
        let mut by_candidate = said.clone();
        for (&candidate, judgement) in order.iter().zip(said) {
            by_candidate[candidate] = judgement;
        }
        Some(Shown { order: order.to_vec(), said: by_candidate })
    }

    /// A copy of a candidate somewhere in the list must be a tie with it.
    fn copy(&self, base: &[usize], answers: &mut Answers) {
        let mut random = stream(self.asked.seed, Purpose::Audit, &[&self.step.step, "copy"]);
        let which = random.random_range(0..base.len() as u64) as usize;
        let place = random.random_range(0..=base.len() as u64) as usize;
        let mut candidates = self.in_order(base);
        let copy = candidates[which].clone();
        candidates.insert(place, copy);
        let original = if place <= which { which + 1 } else { which };
        if let Some(said) = self.ask(candidates) {
            let tie = between(&said[original], &said[place], 0.0).0 == Preference::Tie;
            answers.copies.push(tie && said[original].verdict == said[place].verdict);
        }
    }

    fn duel(&self, base: &[usize], answers: &mut Answers) {
        let candidates = &self.step.view.candidates;
        let duellists = &base[..base.len().min(DUELLISTS)];
        for (number, &one) in duellists.iter().enumerate() {
            for &other in &duellists[number + 1..] {
                if let Some(said) = self.ask(vec![candidates[one].clone(), candidates[other].clone()]) {
                    answers.duels.insert((one, other), between(&said[0], &said[1], 0.0).0);
                }
            }
        }
    }

    /// Every planted candidate in two orders: somewhere in the base order, and the whole backwards.
    fn plant(&self, base: &[usize], number: usize, foreign: Option<&Candidate>, answers: &mut Answers) {
        let Some(model) = self.step.model() else { return };
        let candidates = &self.step.view.candidates;
        let bad = |answered: bool| {
            (0..candidates.len()).find(|&place| {
                self.step.truths[place] == Some(false) && candidates[place].answer.is_some() == answered
            })
        };
        let bad = bad(true).or_else(|| bad(false));
        let soil =
            Soil { good: &candidates[model], foreign, bad: bad.map(|place| &candidates[place]), number };
        for plant in Plant::ALL {
            let Some(planted) = soil.grow(plant) else { continue };
            let place = stream(self.asked.seed, Purpose::Audit, &[&self.step.step, plant.name()])
                .random_range(0..=base.len() as u64) as usize;
            for backwards in [false, true] {
                let judged = match (plant, bad) {
                    (Plant::Injection, Some(bad)) => self.replaced(base, bad, &planted, backwards, answers),
                    _ => self.inserted(base, model, place, &planted, backwards),
                };
                if let Some((planted, beside)) = judged {
                    answers.plants.push((plant, plant.resisted(&planted, &beside)));
                }
            }
        }
    }

    /// What is said of the planted candidate and of its model, both in the list.
    fn inserted(
        &self,
        base: &[usize],
        model: usize,
        place: usize,
        planted: &Candidate,
        backwards: bool,
    ) -> Option<(Judgement, Judgement)> {
        let mut candidates = self.in_order(base);
        candidates.insert(place, planted.clone());
        let at = base.iter().position(|&candidate| candidate == model)?;
        let mut places = [place, if place <= at { at + 1 } else { at }];
        if backwards {
            candidates.reverse();
            places = places.map(|place| candidates.len() - 1 - place);
        }
        let said = self.ask(candidates)?;
        Some((said[places[0]].clone(), said[places[1]].clone()))
    }

    /// What is said of the planted candidate in the place of another, and of the other when it stood there.
    fn replaced(
        &self,
        base: &[usize],
        bad: usize,
        planted: &Candidate,
        backwards: bool,
        answers: &Answers,
    ) -> Option<(Judgement, Judgement)> {
        let before = if backwards { answers.back.as_ref()? } else { answers.base.as_ref()? };
        let mut candidates = self.in_order(base);
        let at = base.iter().position(|&candidate| candidate == bad)?;
        candidates[at] = planted.clone();
        let mut at = at;
        if backwards {
            candidates.reverse();
            at = candidates.len() - 1 - at;
        }
        let said = self.ask(candidates)?;
        Some((said[at].clone(), before.said[bad].clone()))
    }

    fn in_order(&self, order: &[usize]) -> Vec<Candidate> {
        order.iter().map(|&place| self.step.view.candidates[place].clone()).collect()
    }

    /// One call.
    fn ask(&self, candidates: Vec<Candidate>) -> Option<Vec<Judgement>> {
        let Asked { verifier, config, artifacts, .. } = *self.asked;
        let view = StepView { candidates, ..self.step.view.clone() };
        let began = Instant::now();
        let said = verifier.judge(&view, config, artifacts, &Budget::new(Limits::verifier()));
        let mut calls = self.calls.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        calls.made += 1;
        calls.micros.push(began.elapsed().as_micros() as u64);
        match said {
            Ok(said) => Some(said),
            Err(failure) => {
                *calls.failed.entry(failure.code).or_default() += 1;
                None
            }
        }
    }
}
