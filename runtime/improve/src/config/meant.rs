//! A config as meant: every default resolved, every path absolute.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sport_policy::types::{LoraConfig, OptimizerConfig};

use crate::audit::Thresholds;
use crate::seed::{Purpose, seed};

/// A whole config.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "one field per section; the sections say what they are")]
pub struct Config {
    pub run: Run,
    pub policy: PolicySection,
    pub tools: Vec<Tool>,
    pub interpreter: Interpreter,
    pub verifier: Verifier,
    pub synthesize: Synthesize,
    pub explore: Explore,
    pub pair: Pair,
    pub tune: Tune,
    pub evaluate: Evaluate,
    pub audit: Audit,
}

/// `[run]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Every random draw comes from it.
    pub seed: u64,
    /// Iterations after the base evaluation.
    pub iterations: u32,
    /// Sandbox threads; 0 is one per core.
    pub threads: u32,
}

/// Which policy backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// The native library on libtorch.
    Torch,
    /// Actions from a file; learns nothing.
    Scripted,
}

/// `[policy]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicySection {
    /// Which backend.
    pub backend: Backend,
    /// GGUF file or HF folder, for `torch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// File of actions, for `scripted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<PathBuf>,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// `auto`, `f32` or `bf16`.
    pub dtype: String,
    /// Threads inside the backend; 0 lets it choose.
    pub threads: u32,
    /// The prompt form.
    pub form: PathBuf,
}

/// A component and what it is granted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plugin {
    /// The component.
    pub plugin: PathBuf,
    /// Names of `sport:host` interfaces.
    pub grants: Vec<String>,
}

/// One of `[[tools]]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tool {
    /// The component.
    pub plugin: PathBuf,
    /// Names of `sport:host` interfaces.
    pub grants: Vec<String>,
    /// The operator's word that it changes nothing outside; needed for grants that reach outside.
    pub read_only: bool,
}

/// `[interpreter]`.
pub type Interpreter = Plugin;

/// `[verifier]`: the first verifier, and how it and the others are asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verifier {
    /// The component.
    pub plugin: PathBuf,
    /// Names of `sport:host` interfaces.
    pub grants: Vec<String>,
    /// What its word counts where words are weighed.
    pub weight: f64,
    /// How the words of several verifiers become one.
    pub rule: Rule,
    /// For `quorum`: how many must say the same.
    pub quorum: u32,
    /// How often each of the two orders is asked of a verifier that is not deterministic.
    pub repeats: u32,
    /// By how much the best score must exceed that of another that did something else.
    pub margin: f64,
    /// A folder of newcomers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<PathBuf>,
    /// Its own config.
    pub config: toml::Table,
    /// The other verifiers.
    pub panel: Vec<PanelMember>,
}

/// One of `[[verifier.panel]]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PanelMember {
    /// The component.
    pub plugin: PathBuf,
    /// Names of `sport:host` interfaces.
    pub grants: Vec<String>,
    /// What its word counts where words are weighed.
    pub weight: f64,
    /// Its own config.
    pub config: toml::Table,
}

/// How the words of several verifiers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// All must pass.
    All,
    /// One is enough.
    Any,
    /// So many must say the same.
    Quorum,
    /// The weighted mean.
    Mean,
    /// The next is asked only where one is not sure.
    Cascade,
}

impl Rule {
    /// As it is written in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Any => "any",
            Self::Quorum => "quorum",
            Self::Mean => "mean",
            Self::Cascade => "cascade",
        }
    }
}

/// How tasks are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Grammar with program-known answers.
    Template,
}

/// `[synthesize]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Synthesize {
    /// How tasks are made.
    pub engine: Engine,
    /// Folder of images.
    pub images: PathBuf,
    /// Training tasks of every iteration.
    pub train_tasks: u32,
    /// Held-out tasks of the run.
    pub held_out_tasks: u32,
    /// Only these families; empty means all.
    pub families: Vec<String>,
}

/// `[explore]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explore {
    /// Candidates of a step.
    pub candidates: u32,
    /// One per candidate; 0 is greedy.
    pub temperature: Vec<f32>,
    /// What is added to each for every step in a row that had no winner.
    pub temperature_rise: f32,
    /// One per candidate.
    pub top_p: Vec<f32>,
    /// One per candidate.
    pub top_k: Vec<u32>,
    /// Most steps of a task.
    pub max_depth: u32,
    /// A task is given up after so many steps in a row without a winner.
    pub max_steps_without_winner: u32,
    /// Tasks explored side by side.
    pub wave: u32,
    /// Tools may have effects outside a branch, once for every candidate.
    pub allow_effects: bool,
}

/// Which losers a winner is paired with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairRule {
    /// Every candidate that was judged worse; abstentions make no pair.
    WinnerVsLosers,
    /// Only candidates with the verdict `fail`.
    WinnerVsFailed,
    /// Every other candidate, judged or not (the SPORT paper).
    WinnerVsAll,
    /// The first two that raised or did not parse, and those unlike the winner: character BLEU under 0.3 (the
    /// published code).
    ErrorOrUnlike,
}

/// `[pair]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Which losers.
    pub rule: PairRule,
    /// At most so many of them per winner.
    pub max_losers: u32,
}

/// Which adapter tuning starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// The one of the iteration before.
    Previous,
    /// A fresh one every iteration.
    Base,
}

/// How the learning rate goes over a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Stays.
    Constant,
    /// Falls to zero in a line.
    Linear,
    /// Falls to zero along half a cosine.
    Cosine,
}

/// Which actions SFT imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Winners {
    /// The winner of each step.
    One,
    /// The winner and those that tied with it by doing the same.
    All,
}

/// What the DPO loss measures from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The policy as it stands when the stage begins.
    StageStart,
    /// The policy after the first SFT stage of the run (the paper's).
    Sft,
    /// The base model.
    Base,
}

/// Optimiser settings of one stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Times over the items; 0 leaves the stage out.
    pub epochs: u32,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How it goes.
    pub schedule: Schedule,
    /// Optimiser steps of linear rise.
    pub warmup_steps: u32,
    /// Items of one optimiser step.
    pub batch: u32,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest gradient norm; 0 clips nothing.
    pub max_grad_norm: f64,
}

impl Rate {
    /// The optimiser's settings at step `step` (from 0) of `steps`.
    pub fn at(&self, step: u64, steps: u64) -> OptimizerConfig {
        let warmup = u64::from(self.warmup_steps);
        let factor = if step < warmup {
            (step + 1) as f64 / (warmup + 1) as f64
        } else {
            let left = 1.0 - (step - warmup) as f64 / steps.saturating_sub(warmup).max(1) as f64;
            match self.schedule {
                Schedule::Constant => 1.0,
                Schedule::Linear => left,
                Schedule::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * left).cos(),
            }
        };
        OptimizerConfig {
            learning_rate: self.learning_rate * factor,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: self.weight_decay,
            max_grad_norm: self.max_grad_norm,
        }
    }
}

/// `[tune.sft]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sft {
    /// Optimiser settings.
    #[serde(flatten)]
    pub rate: Rate,
    /// Which actions.
    pub winners: Winners,
    /// Only of steps where not every candidate won: there is something to learn there.
    pub contested: bool,
    /// Winners of earlier iterations to mix in, as a share of this iteration's.
    pub replay: f64,
}

/// `[tune.dpo]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dpo {
    /// Optimiser settings.
    #[serde(flatten)]
    pub rate: Rate,
    /// Pull to the reference.
    pub beta: f64,
    /// Weight of the SFT term.
    pub sft_weight: f64,
    /// What the loss measures from.
    pub reference: Reference,
}

/// `[tune]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tune {
    /// Which adapter to start from.
    pub start: Start,
    /// A checkpoint every so many optimiser steps.
    pub checkpoint_steps: u32,
    /// The adapter.
    pub lora: Lora,
    /// SFT on winners.
    pub sft: Sft,
    /// Step-wise DPO.
    pub dpo: Dpo,
}

/// `[tune.lora]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lora {
    /// Rank.
    pub r: u32,
    /// Scale is `alpha / r`.
    pub alpha: f64,
    /// Which projections.
    pub target_modules: Vec<String>,
}

impl Lora {
    /// For the policy; the run's seed decides the matrices.
    pub fn for_policy(&self, run_seed: u64) -> LoraConfig {
        LoraConfig {
            r: self.r,
            alpha: self.alpha,
            target_modules: self.target_modules.clone(),
            seed: seed(run_seed, Purpose::Adapter, &[]),
        }
    }
}

/// `[evaluate]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluate {
    /// Most steps of a task.
    pub max_depth: u32,
    /// So many steps in a row that raise end a task.
    pub max_failed_steps: u32,
    /// Tasks evaluated side by side.
    pub wave: u32,
    /// Greedy actions on which the KL to the base model is estimated; 0 leaves it out.
    pub kl_samples: u32,
}

/// `[audit]`: the audit of the verifier that a run makes before its first tuning.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// Two minutes at most.
    pub quick: bool,
    /// Answers known by program may not even be used for an audit: truth comes from people, or from an audit made elsewhere.
    pub label_free: bool,
    /// Tasks of the audit split that are explored for it; 0 explores none.
    pub tasks: u32,
    /// What the verifier must reach.
    pub thresholds: Thresholds,
}
