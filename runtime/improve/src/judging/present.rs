//! What a verifier is shown of the candidates, and what it is not.
//!
//! Not shown: which candidate it is, how it was sampled, who wrote it, how long it ran (that is this machine's, and differs from
//! run to run). Texts are data in fields of their own, and cut at a bound: a candidate cannot talk by sheer length.

use std::collections::HashMap;

use sport_sandbox::{Candidate, Content, StepView};

use super::Word;
use crate::observation::{self, shorten};
use crate::store::{Action, CandidateRow, JudgementRow};

/// Most characters of a thought, a code or a text of an observation; honest actions of the demo have some hundreds.
const LONGEST: usize = 8_000;

/// Candidates as they are shown: classes of equal actions, without those that facts rule out.
pub struct Shown {
    /// For each class the places of its members among the candidates; the first stands for all.
    classes: Vec<Vec<usize>>,
    /// How many candidates there are in all.
    candidates: usize,
}

impl Shown {
    /// Sorts the candidates into classes.
    pub fn new(candidates: &[CandidateRow], vetoed: &[bool]) -> Self {
        let mut classes: Vec<Vec<usize>> = Vec::new();
        let mut known: HashMap<&Action, usize> = HashMap::new();
        for (place, candidate) in candidates.iter().enumerate() {
            if vetoed[place] {
                continue;
            }
            let class = *known.entry(&candidate.action).or_insert_with(|| {
                classes.push(Vec::new());
                classes.len() - 1
            });
            classes[class].push(place);
        }
        Self { classes, candidates: candidates.len() }
    }

    /// How many there are to show.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether facts rule everybody out.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The candidate that stands for a class.
    pub fn stands_for<'a>(&self, class: usize, candidates: &'a [CandidateRow]) -> &'a CandidateRow {
        &candidates[self.classes[class][0]]
    }

    /// The step with the classes in this order.
    pub fn view(&self, step: &StepView, candidates: &[CandidateRow], order: &[usize]) -> StepView {
        let shown = order.iter().map(|&class| {
            let candidate = observation::candidate(self.stands_for(class, candidates));
            blind(Candidate { copies: self.classes[class].len() as u32, ..candidate })
        });
        StepView { candidates: shown.collect(), ..step.clone() }
    }

    /// The words on classes as words on candidates; none for those that were not shown.
    pub fn of_all(&self, words: &[Word]) -> Vec<Option<Word>> {
        let mut all = vec![None; self.candidates];
        for (places, word) in self.classes.iter().zip(words) {
            for &place in places {
                all[place] = Some(word.clone());
            }
        }
        all
    }

    /// The words of one member as rows of the store, one for each candidate that was shown.
    pub fn rows(&self, words: &[Word], by: &By, candidates: &[CandidateRow]) -> Vec<JudgementRow> {
        let row = |place: usize, word: &Word| JudgementRow {
            candidate: candidates[place].number,
            member: by.member,
            verifier: by.verifier.clone(),
            config: by.config.clone(),
            revision: by.revision,
            place: word.place,
            verdict: word.verdict,
            score: word.score,
            rationale: word.rationale.clone(),
            evidence: word.evidence.clone(),
        };
        let mut rows: Vec<JudgementRow> = self
            .classes
            .iter()
            .zip(words)
            .flat_map(|(places, word)| places.iter().map(|&place| row(place, word)))
            .collect();
        rows.sort_by_key(|row| row.candidate);
        rows
    }
}

/// Whose words are stored.
pub struct By {
    /// Which member of the panel; one more is all together.
    pub member: u32,
    /// Its digest.
    pub verifier: String,
    /// Its config's digest.
    pub config: String,
    /// The panel's revision.
    pub revision: u32,
}

/// A candidate without what would name it, within the bounds.
fn blind(mut candidate: Candidate) -> Candidate {
    candidate.execution.wall_ms = 0;
    for text in [&mut candidate.thought, &mut candidate.code] {
        *text = shorten(std::mem::take(text), LONGEST);
    }
    for content in &mut candidate.observation {
        if let Content::Text { text } = content {
            *text = shorten(std::mem::take(text), LONGEST);
        }
    }
    candidate
}
