//! What is kept of an audit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sport_sandbox::{CONTRACTS, Verifier, digest_of};

use super::gates::{Gate, Thresholds};
use super::interval::Figure;
use super::measure::calibration::Calibration;
use super::measure::compared::{Drift, Member};
use super::measure::forecast::Forecast;
use super::measure::reliability::{Identity as Copies, Order, Repeat, Transitivity, Validity};
use super::measure::shortcuts::Shortcuts;
use super::measure::truth::{Agreement, Ceiling, SelfPreference};
use super::recorded::Truth;
use crate::config::digest;
use crate::error::Error;

/// Version of the audit: what is asked, measured and gated. Another one makes every older audit void.
pub const VERSION: u32 = 1;

/// What an audit is of. Whatever differs in any of these is another verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Digest of the component.
    pub verifier: String,
    /// Digest of its config.
    pub config: String,
    /// The contract that it was asked through.
    pub contract: String,
    /// The models that it may ask, by role.
    pub models: BTreeMap<String, String>,
    /// [`VERSION`].
    pub audit: u32,
}

impl Identity {
    /// Of a verifier with a config; the config's digest is the one that stands beside judgements.
    pub fn of(verifier: &Verifier, config: &Value) -> Self {
        let contract = CONTRACTS
            .iter()
            .find(|(name, _)| *name == "sport:verifier")
            .map_or_else(String::new, |(name, version)| format!("{name}@{version}"));
        Self {
            verifier: verifier.digest().to_owned(),
            config: digest_of(config.to_string().as_bytes()),
            contract,
            models: verifier.models(),
            audit: VERSION,
        }
    }

    /// One word for all of it: 64 hex digits.
    pub fn key(&self) -> Result<String, Error> {
        let text = serde_json::to_vec(self).map_err(|error| Error::Internal(format!("identity: {error}")))?;
        Ok(digest(&text).trim_start_matches("sha256:").to_owned())
    }
}

/// How it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Two minutes at most.
    pub quick: bool,
    /// What every draw comes from.
    pub seed: u64,
    /// A smaller margin is a tie. The audit is of verifier and filter together: a loop that filters less may not lean on it.
    pub margin: f64,
    /// The bounds.
    pub thresholds: Thresholds,
    /// Where truth comes from.
    pub truth: Truth,
    /// The family of the model that the verifier asks, where somebody said so.
    #[serde(default)]
    pub family: Option<String>,
}

impl Settings {
    /// Resamples of each interval.
    pub(super) fn resamples(&self) -> usize {
        if self.quick { 300 } else { 1000 }
    }
}

/// Whether the verifier's pairs may tune a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// They may.
    Passed,
    /// They may not.
    Blocked,
}

impl Outcome {
    /// The name, as in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Blocked => "blocked",
        }
    }
}

/// The figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "one field per block; the blocks say what they are")]
pub struct Blocks {
    pub validity: Validity,
    pub order: Order,
    pub repeat: Repeat,
    pub identity: Copies,
    pub truth: Agreement,
    pub ceiling: Option<Ceiling>,
    pub controls: BTreeMap<String, Option<Figure>>,
    pub shortcuts: Shortcuts,
    pub self_preference: Option<SelfPreference>,
    pub calibration: Calibration,
    pub transitivity: Transitivity,
    pub panel: Vec<Member>,
    pub drift: Option<Drift>,
    pub forecast: Forecast,
}

/// What it cost: the one part that differs between equal audits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// When it ended, seconds since 1970.
    pub at: u64,
    /// Wall time.
    pub seconds: f64,
    /// Median time of a call in microseconds.
    pub median_call_us: u64,
    /// The slowest one of twenty is slower.
    pub p95_call_us: u64,
    /// Whether time was up before all steps were asked about.
    pub cut_short: bool,
}

/// An audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this format and of the audit.
    pub version: u32,
    /// The verifier's name for people.
    pub name: String,
    /// What was audited.
    pub identity: Identity,
    /// How.
    pub settings: Settings,
    /// Digest over the steps and their truth.
    pub steps_digest: String,
    /// Steps that were asked about.
    pub steps: u64,
    /// Tasks that they belong to.
    pub tasks: u64,
    /// Whether it may tune.
    pub outcome: Outcome,
    /// Every gate.
    pub gates: Vec<Gate>,
    /// Every figure.
    pub blocks: Blocks,
    /// One letter per pair of a good and a bad candidate: right, wrong, tie. What the next audit is compared with.
    pub outcomes: String,
    /// What it cost.
    pub cost: Cost,
}

impl Record {
    /// The gates that block.
    pub fn blocking(&self) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(|gate| gate.blocks())
    }

    /// Whether anything was measured and found too bad; a verifier can be blocked without it, for lack of evidence.
    pub fn failed(&self) -> bool {
        self.gates.iter().any(|gate| gate.state == super::gates::GateState::Failed)
    }

    /// One line for a log.
    pub fn line(&self) -> String {
        let accuracy = self.blocks.truth.accuracy.map_or_else(
            || match self.blocks.truth.pairs {
                0 => "no pair of a good and a bad candidate".to_owned(),
                pairs => format!("decided none of {pairs} pairs of a good and a bad candidate"),
            },
            |figure| {
                format!(
                    "right on {:.0} % [{:.0}, {:.0}] of the pairs it decided",
                    figure.value * 100.0,
                    figure.low * 100.0,
                    figure.high * 100.0
                )
            },
        );
        let blocking: Vec<&str> = self.blocking().map(|gate| gate.name.as_str()).collect();
        let why = if blocking.is_empty() { String::new() } else { format!(" by {}", blocking.join(", ")) };
        format!(
            "audit of {} on {} steps of {} tasks: {}{why}; {accuracy}",
            self.name,
            self.steps,
            self.tasks,
            self.outcome.name()
        )
    }

    /// As indented JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self).map_err(|error| Error::Internal(format!("audit as JSON: {error}")))
    }
}
