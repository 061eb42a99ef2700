//! What the store keeps, as Rust values.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sport_policy::types::{Sample, Sampling};
use sport_sandbox::{Dependence, RunReport, Verdict};

/// How exploring a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskEnding {
    /// A winner gave an answer.
    Answered,
    /// The largest number of steps was reached.
    MaxDepth,
    /// Too many steps in a row had no winner.
    NoWinner,
    /// Something could not be done: a judgement, a replay, a session.
    Dropped,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// Not decided yet.
    Open,
    /// One candidate won.
    Winner,
    /// Judged, and nobody won: all failed, abstained or tied.
    NoWinner,
    /// Could not be judged; makes no pair.
    Dropped,
}

/// Where a candidate stands after the judgement of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Its state goes on.
    Winner,
    /// As good as the winner, and did the same.
    CoWinner,
    /// As good as the best, but did something else: nobody won.
    Tied,
    /// Judged worse.
    Loser,
    /// The verifier could not say.
    Abstained,
    /// The facts of its execution rule it out, whatever a verifier says.
    Vetoed,
}

macro_rules! names {
    ($($type:ident { $($case:ident = $name:literal),* $(,)? })*) => {$(
        impl $type {
            /// The name, as in the database and the report.
            pub fn name(self) -> &'static str {
                match self { $(Self::$case => $name),* }
            }
        }

        impl rusqlite::ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.name().into())
            }
        }

        impl rusqlite::types::FromSql for $type {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                match value.as_str()? {
                    $($name => Ok(Self::$case),)*
                    other => Err(rusqlite::types::FromSqlError::Other(format!("unknown name {other}").into())),
                }
            }
        }
    )*};
}

names! {
    TaskEnding { Answered = "answered", MaxDepth = "max-depth", NoWinner = "no-winner", Dropped = "dropped" }
    StepOutcome { Open = "open", Winner = "winner", NoWinner = "no-winner", Dropped = "dropped" }
    Standing {
        Winner = "winner", CoWinner = "co-winner", Tied = "tied", Loser = "loser", Abstained = "abstained",
        Vetoed = "vetoed",
    }
}

/// What a policy did: thought and code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Action {
    /// The thought, may be empty.
    pub thought: String,
    /// The code; empty when the text held none.
    pub code: String,
}

/// One step of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRow {
    /// Key in the database.
    pub id: i64,
    /// The task.
    pub task: String,
    /// From 0.
    pub depth: u32,
    /// What the policy was shown.
    pub prompt: String,
    /// The same as ids.
    pub prompt_tokens: Vec<u32>,
    /// What became of it.
    pub outcome: StepOutcome,
    /// Why it was dropped or has no winner.
    pub reason: Option<String>,
    /// Number of the winner.
    pub winner: Option<u32>,
}

/// One candidate of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateRow {
    /// From 0, in sampling order.
    pub number: u32,
    /// How it was drawn.
    pub sampling: Sampling,
    /// What was drawn.
    pub sample: Sample,
    /// What it says to do.
    pub action: Action,
    /// What happened, once it ran.
    pub report: Option<RunReport>,
    /// Counterfactual facts, once it ran.
    pub dependences: Vec<Dependence>,
    /// Where it stands, once judged.
    pub standing: Option<Standing>,
}

/// The word of a verifier on a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgementRow {
    /// The candidate's number.
    pub candidate: u32,
    /// Which of the panel's members; one more is the word of all together.
    pub member: u32,
    /// Digest of the verifier.
    pub verifier: String,
    /// Digest of its config.
    pub config: String,
    /// The panel's revision.
    pub revision: u32,
    /// Where the candidate stood when it was asked first.
    pub place: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// The score.
    pub score: Option<f64>,
    /// Why.
    pub rationale: String,
    /// Quotes.
    pub evidence: Vec<String>,
}

/// Of the words on a step those that counted: of all members together, where there are several.
pub fn last_words(mut words: Vec<JudgementRow>) -> Vec<JudgementRow> {
    let last = words.iter().map(|word| word.member).max();
    words.retain(|word| Some(word.member) == last);
    words
}

/// Counts of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the verdicts")]
pub struct Verdicts {
    pub pass: u64,
    pub fail: u64,
    pub abstain: u64,
}

/// Two candidates of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct PairRow {
    /// Place in the iteration.
    pub number: u32,
    /// The step.
    pub step: i64,
    /// The preferred candidate's number.
    pub chosen: u32,
    /// The other's.
    pub rejected: u32,
    /// Log-probabilities of both under the reference, once scored.
    pub reference: Option<(f64, f64)>,
}

/// One step of a held-out task's single path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluatedStep {
    /// What the policy was shown, as ids.
    pub prompt_tokens: Vec<u32>,
    /// What it said.
    pub sample: Sample,
    /// What that meant.
    pub action: Action,
    /// What happened.
    pub report: RunReport,
}

/// The result of a held-out task.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationRow {
    /// The task.
    pub task: String,
    /// Its family.
    pub family: String,
    /// Whether the answer was right.
    pub correct: bool,
    /// How the last step ended.
    pub ending: String,
    /// The answer given.
    pub answer: Option<Value>,
    /// The path.
    pub steps: Vec<EvaluatedStep>,
}

/// A saved adapter with its optimiser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Optimiser steps into the stage.
    pub step: u64,
    /// Folder, relative to the run directory.
    pub folder: String,
    /// Digest over its files.
    pub digest: String,
}

/// An iteration and what it ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IterationRow {
    /// 0 is the base.
    pub number: u32,
    /// Adapter folder, relative to the run directory.
    pub adapter: Option<String>,
    /// Its digest.
    pub adapter_digest: Option<String>,
    /// How it ended; `None` while it goes on.
    pub outcome: Option<String>,
}
