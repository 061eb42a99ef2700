//! How a run tells what it is doing, and is told to stop.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The stages of an iteration, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Tasks from images.
    Synthesize,
    /// Candidates for every step, run in forks.
    Explore,
    /// Judgements and winners.
    Verify,
    /// Chosen and rejected actions.
    Pair,
    /// SFT on winners.
    Sft,
    /// Step-wise DPO.
    Dpo,
    /// Held-out tasks.
    Evaluate,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 7] =
        [Self::Synthesize, Self::Explore, Self::Verify, Self::Pair, Self::Sft, Self::Dpo, Self::Evaluate];

    /// The name, as in the database, the report and `--json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Synthesize => "synthesize",
            Self::Explore => "explore",
            Self::Verify => "verify",
            Self::Pair => "pair",
            Self::Sft => "sft",
            Self::Dpo => "dpo",
            Self::Evaluate => "evaluate",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Something that watches a run: draws bars, writes lines, or nothing.
pub trait Observer {
    /// A stage begins; `total` units of `unit` are to be done (0 when not known yet).
    fn begin(&mut self, iteration: u32, stage: Stage, total: u64, unit: &'static str);
    /// `done` units of `total` are done.
    fn advance(&mut self, iteration: u32, stage: Stage, done: u64, total: u64);
    /// A stage ended, with one line on what came of it.
    fn end(&mut self, iteration: u32, stage: Stage, result: &str);
    /// Something a person should know.
    fn note(&mut self, text: &str);
    /// Whether to stop at the next safe place; the run can be resumed.
    fn stop(&self) -> bool {
        false
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn begin(&mut self, _: u32, _: Stage, _: u64, _: &'static str) {}
    fn advance(&mut self, _: u32, _: Stage, _: u64, _: u64) {}
    fn end(&mut self, _: u32, _: Stage, _: &str) {}
    fn note(&mut self, _: &str) {}
}
