//! A newcomer beside an incumbent: what the two said of the same steps, and when that is too different.

use serde::{Deserialize, Serialize};
use sport_sandbox::Verdict;

use super::Plan;
use crate::audit::cohen_kappa;
use crate::judging::Judged;
use crate::store::last_words;

/// Where a newcomer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It judges beside the incumbent.
    Shadow,
    /// It decides a share of the steps.
    Canary,
    /// It decides, its predecessor judges beside it.
    Probation,
    /// It decides alone.
    Settled,
}

impl Stage {
    /// Where a plan begins.
    pub fn first(plan: &Plan) -> Self {
        Self::from([Self::Shadow, Self::Canary, Self::Probation], plan)
    }

    /// What comes after this in a plan.
    pub fn next(self, plan: &Plan) -> Self {
        match self {
            Self::Shadow => Self::from([Self::Canary, Self::Probation], plan),
            Self::Canary => Self::from([Self::Probation], plan),
            Self::Probation | Self::Settled => Self::Settled,
        }
    }

    /// The first of these that has any steps.
    fn from(stages: impl IntoIterator<Item = Self>, plan: &Plan) -> Self {
        stages.into_iter().find(|stage| plan.steps(*stage) > 0).unwrap_or(Self::Settled)
    }

    /// In a word, as it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Probation => "probation",
            Self::Settled => "deciding",
        }
    }
}

/// What a newcomer must not exceed, as shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// Steps that it could not judge.
    pub errors: f64,
    /// Candidates of which it says nothing.
    pub abstentions: f64,
    /// Steps with a winner by both that are not the same one.
    pub disagreement: f64,
    /// Before so many steps nothing is concluded.
    pub after: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { errors: 0.05, abstentions: 0.5, disagreement: 0.3, after: 8 }
    }
}

/// What the two said of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    /// The newcomer's revision.
    pub revision: u32,
    /// Where it stood.
    pub stage: Stage,
    /// Whether its word was the one that counted.
    pub decided: bool,
    /// Number of the candidate that won by the incumbent.
    pub incumbent: Option<u32>,
    /// Number of the candidate that won by the newcomer.
    pub newcomer: Option<u32>,
    /// Of each candidate that both judged: what the incumbent said, and what the newcomer.
    pub verdicts: Vec<(Verdict, Verdict)>,
    /// Why the newcomer could not judge it.
    pub failure: Option<String>,
}

impl TrialRow {
    /// Compares what came of a step; `numbers` are those of its candidates.
    pub fn new(
        revision: u32,
        stage: Stage,
        decided: bool,
        numbers: &[u32],
        incumbent: &Result<Judged, String>,
        newcomer: &Result<Judged, String>,
    ) -> Self {
        let winner = |judged: &Result<Judged, String>| {
            judged.as_ref().ok().and_then(|judged| judged.ranking.winner).map(|place| numbers[place])
        };
        let words = |judged: &Result<Judged, String>| {
            last_words(judged.as_ref().map(|judged| judged.rows.clone()).unwrap_or_default())
        };
        let theirs = words(newcomer);
        let verdicts = words(incumbent)
            .iter()
            .filter_map(|row| {
                let other = theirs.iter().find(|other| other.candidate == row.candidate)?;
                Some((row.verdict, other.verdict))
            })
            .collect();
        Self {
            revision,
            stage,
            decided,
            incumbent: winner(incumbent),
            newcomer: winner(newcomer),
            verdicts,
            failure: newcomer.as_ref().err().cloned(),
        }
    }

    /// Whether both have a winner, and not the same.
    pub fn disagree(&self) -> bool {
        matches!((self.incumbent, self.newcomer), (Some(one), Some(other)) if one != other)
    }
}

/// What was counted of a newcomer in a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Steps that both were asked about.
    pub steps: u32,
    /// Steps that the newcomer could not judge.
    pub errors: u32,
    /// Candidates that both judged: rows are the incumbent's pass, fail, abstain, columns the newcomer's.
    pub verdicts: [[u32; 3]; 3],
    /// Steps with a winner by both.
    pub compared: u32,
    /// Of these, steps with another winner.
    pub disagreements: u32,
    /// The last failure of the newcomer.
    pub last_failure: Option<String>,
}

impl Counts {
    /// One step more.
    pub fn add(&mut self, row: &TrialRow) {
        self.steps += 1;
        if let Some(failure) = &row.failure {
            self.errors += 1;
            self.last_failure = Some(failure.clone());
        }
        let index = |verdict: Verdict| match verdict {
            Verdict::Pass => 0,
            Verdict::Fail => 1,
            Verdict::Abstain => 2,
        };
        for &(one, other) in &row.verdicts {
            self.verdicts[index(one)][index(other)] += 1;
        }
        self.compared += u32::from(row.incumbent.is_some() && row.newcomer.is_some());
        self.disagreements += u32::from(row.disagree());
    }

    /// Cohen's kappa of the verdicts, in -1 to 1; none when nothing was compared or all say one thing.
    pub fn kappa(&self) -> Option<f64> {
        cohen_kappa(self.verdicts.map(|row| row.map(f64::from)))
    }

    /// Why the newcomer may not go on, if it may not.
    pub fn beyond(&self, bounds: &Bounds) -> Option<String> {
        if self.steps < bounds.after {
            return None;
        }
        let judged: u32 = self.verdicts.iter().flatten().sum();
        let abstained: u32 = self.verdicts.iter().map(|row| row[2]).sum();
        for (what, count, of, most) in [
            ("could not judge", self.errors, self.steps, bounds.errors),
            ("abstained from", abstained, judged, bounds.abstentions),
            ("chose another winner in", self.disagreements, self.compared, bounds.disagreement),
        ] {
            if of > 0 && f64::from(count) > most * f64::from(of) {
                let last = self.last_failure.as_ref().filter(|_| what == "could not judge");
                let last = last.map_or(String::new(), |failure| format!("; the last time: {failure}"));
                return Some(format!("it {what} {count} of {of}, more than {most} of them{last}"));
            }
        }
        None
    }
}
