//! A config as meant: every default resolved, every path absolute.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sport_policy::types::{LoraConfig, OptimizerConfig};

use super::places::Base;
use super::typed::{self, OneOrEach};
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

/// `[verifier]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verifier {
    /// The component.
    pub plugin: PathBuf,
    /// Names of `sport:host` interfaces.
    pub grants: Vec<String>,
    /// Its own config.
    pub config: toml::Table,
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

const PROJECTIONS: [&str; 7] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/// Largest numbers that make sense; they catch slips of the keyboard, not ambition.
const MOST_CANDIDATES: u32 = 64;
const MOST_DEPTH: u32 = 32;

pub(super) fn resolve(typed: typed::Config, base: &Base<'_>) -> Result<Config, String> {
    let run = typed.run.unwrap_or_default();
    let explore = explore(typed.explore.unwrap_or_default())?;
    let evaluate = typed.evaluate.unwrap_or_default();
    let pair = typed.pair.unwrap_or_default();
    let interpreter = typed.interpreter.unwrap_or(typed::Plugin { plugin: None, grants: None });
    Ok(Config {
        run: Run {
            seed: below(run.seed.unwrap_or(0), i64::MAX as u64, "run.seed")?,
            iterations: below(run.iterations.unwrap_or(2), 1000, "run.iterations")?,
            threads: below(run.threads.unwrap_or(0), 1024, "run.threads")?,
        },
        policy: policy(typed.policy, base)?,
        tools: typed
            .tools
            .into_iter()
            .map(|tool| Tool {
                plugin: base.plugin(&tool.plugin),
                grants: tool.grants,
                read_only: tool.read_only,
            })
            .collect(),
        interpreter: Plugin {
            plugin: base.plugin(interpreter.plugin.as_deref().unwrap_or("python")),
            grants: interpreter.grants.unwrap_or_else(|| vec!["tools".to_owned()]),
        },
        verifier: Verifier {
            plugin: base.plugin(&typed.verifier.plugin),
            grants: typed.verifier.grants,
            config: typed.verifier.config,
        },
        synthesize: Synthesize {
            engine: typed.synthesize.engine.unwrap_or(Engine::Template),
            images: base.path(&typed.synthesize.images),
            train_tasks: at_least_one(typed.synthesize.train_tasks.unwrap_or(80), "synthesize.train_tasks")?,
            held_out_tasks: at_least_one(
                typed.synthesize.held_out_tasks.unwrap_or(160),
                "synthesize.held_out_tasks",
            )?,
            families: typed.synthesize.families,
        },
        pair: Pair {
            rule: pair.rule.unwrap_or(PairRule::WinnerVsLosers),
            max_losers: at_least_one(pair.max_losers.unwrap_or(4), "pair.max_losers")?,
        },
        tune: tune(typed.tune.unwrap_or_default())?,
        evaluate: Evaluate {
            max_depth: depth(evaluate.max_depth.unwrap_or(explore.max_depth), "evaluate.max_depth")?,
            max_failed_steps: at_least_one(
                evaluate.max_failed_steps.unwrap_or(explore.max_steps_without_winner),
                "evaluate.max_failed_steps",
            )?,
            wave: at_least_one(evaluate.wave.unwrap_or(32), "evaluate.wave")?,
            kl_samples: evaluate.kl_samples.unwrap_or(32),
        },
        explore,
    })
}

fn policy(typed: typed::Policy, base: &Base<'_>) -> Result<PolicySection, String> {
    let backend = typed.backend.unwrap_or(Backend::Torch);
    match backend {
        Backend::Torch if typed.model.is_none() => {
            return Err("policy.model is missing: a GGUF file or a folder in HF layout".to_owned());
        }
        Backend::Scripted if typed.actions.is_none() => {
            return Err("policy.actions is missing: the file that the scripted backend acts from".to_owned());
        }
        Backend::Torch | Backend::Scripted => {}
    }
    Ok(PolicySection {
        backend,
        model: typed.model.as_deref().map(|model| base.path(model)),
        actions: typed.actions.as_deref().map(|actions| base.path(actions)),
        device: typed.device.unwrap_or_else(|| "auto".to_owned()),
        dtype: typed.dtype.unwrap_or_else(|| "auto".to_owned()),
        threads: typed.threads.unwrap_or(0),
        form: base.path(&typed.form),
    })
}

fn explore(typed: typed::Explore) -> Result<Explore, String> {
    let candidates = typed.candidates.unwrap_or(5);
    if !(1..=MOST_CANDIDATES).contains(&candidates) {
        return Err(format!("explore.candidates is {candidates}: from 1 to {MOST_CANDIDATES} are possible"));
    }
    let temperature = each(typed.temperature, 0.7, candidates, "explore.temperature")?;
    if let Some(bad) = temperature.iter().find(|value| !(0.0..=10.0).contains(*value)) {
        return Err(format!("explore.temperature is {bad}: from 0 (greedy) to 10 is possible"));
    }
    let top_p = each(typed.top_p, 1.0, candidates, "explore.top_p")?;
    if let Some(bad) = top_p.iter().find(|value| !(**value > 0.0 && **value <= 1.0)) {
        return Err(format!("explore.top_p is {bad}: above 0 and at most 1 is possible"));
    }
    Ok(Explore {
        candidates,
        temperature,
        top_p,
        top_k: each(typed.top_k, 0, candidates, "explore.top_k")?,
        max_depth: depth(typed.max_depth.unwrap_or(8), "explore.max_depth")?,
        max_steps_without_winner: at_least_one(
            typed.max_steps_without_winner.unwrap_or(2),
            "explore.max_steps_without_winner",
        )?,
        wave: at_least_one(typed.wave.unwrap_or(16), "explore.wave")?,
    })
}

fn tune(typed: typed::Tune) -> Result<Tune, String> {
    let lora = typed.lora.unwrap_or_default();
    let sft = typed.sft.unwrap_or_default();
    let dpo = typed.dpo.unwrap_or_default();
    let target_modules =
        lora.target_modules.unwrap_or_else(|| PROJECTIONS.iter().map(|name| (*name).to_owned()).collect());
    if let Some(bad) = target_modules.iter().find(|name| !PROJECTIONS.contains(&name.as_str())) {
        return Err(format!("tune.lora.target_modules has `{bad}`: known are {}", PROJECTIONS.join(", ")));
    }
    let r = at_least_one(lora.r.unwrap_or(16), "tune.lora.r")?;
    let tune = Tune {
        start: typed.start.unwrap_or(Start::Previous),
        checkpoint_steps: at_least_one(typed.checkpoint_steps.unwrap_or(8), "tune.checkpoint_steps")?,
        lora: Lora {
            r,
            alpha: finite(lora.alpha.unwrap_or(2.0 * f64::from(r)), "tune.lora.alpha")?,
            target_modules,
        },
        sft: Sft {
            rate: Rate {
                epochs: sft.epochs.unwrap_or(2),
                learning_rate: finite(sft.learning_rate.unwrap_or(5e-4), "tune.sft.learning_rate")?,
                schedule: sft.schedule.unwrap_or(Schedule::Constant),
                warmup_steps: sft.warmup_steps.unwrap_or(0),
                batch: at_least_one(sft.batch.unwrap_or(8), "tune.sft.batch")?,
                weight_decay: finite(sft.weight_decay.unwrap_or(0.0), "tune.sft.weight_decay")?,
                max_grad_norm: finite(sft.max_grad_norm.unwrap_or(1.0), "tune.sft.max_grad_norm")?,
            },
            winners: sft.winners.unwrap_or(Winners::All),
            replay: finite(sft.replay.unwrap_or(0.0), "tune.sft.replay")?,
        },
        dpo: Dpo {
            rate: Rate {
                epochs: dpo.epochs.unwrap_or(1),
                learning_rate: finite(dpo.learning_rate.unwrap_or(1e-4), "tune.dpo.learning_rate")?,
                schedule: dpo.schedule.unwrap_or(Schedule::Constant),
                warmup_steps: dpo.warmup_steps.unwrap_or(0),
                batch: at_least_one(dpo.batch.unwrap_or(8), "tune.dpo.batch")?,
                weight_decay: finite(dpo.weight_decay.unwrap_or(0.0), "tune.dpo.weight_decay")?,
                max_grad_norm: finite(dpo.max_grad_norm.unwrap_or(1.0), "tune.dpo.max_grad_norm")?,
            },
            beta: finite(dpo.beta.unwrap_or(0.1), "tune.dpo.beta")?,
            sft_weight: finite(dpo.sft_weight.unwrap_or(1.0), "tune.dpo.sft_weight")?,
            reference: dpo.reference.unwrap_or(Reference::StageStart),
        },
    };
    if tune.sft.rate.epochs == 0 && tune.dpo.rate.epochs == 0 {
        return Err("tune.sft.epochs and tune.dpo.epochs are both 0: nothing would be learned".to_owned());
    }
    if tune.dpo.reference == Reference::Sft && tune.sft.rate.epochs == 0 {
        return Err("tune.dpo.reference = \"sft\" needs an SFT stage: set tune.sft.epochs above 0".to_owned());
    }
    Ok(tune)
}

fn each<T: Copy>(typed: Option<OneOrEach<T>>, default: T, count: u32, key: &str) -> Result<Vec<T>, String> {
    match typed.unwrap_or(OneOrEach::One(default)) {
        OneOrEach::One(value) => Ok(vec![value; count as usize]),
        OneOrEach::Each(values) if values.len() == count as usize => Ok(values),
        OneOrEach::Each(values) => Err(format!(
            "{key} has {} values for {count} candidates: give one value, or one for each",
            values.len()
        )),
    }
}

fn at_least_one(value: u32, key: &str) -> Result<u32, String> {
    if value == 0 { Err(format!("{key} is 0: at least 1 is needed")) } else { Ok(value) }
}

fn below<T: PartialOrd + std::fmt::Display>(value: T, most: T, key: &str) -> Result<T, String> {
    if value > most { Err(format!("{key} is {value}: at most {most} is possible")) } else { Ok(value) }
}

fn depth(value: u32, key: &str) -> Result<u32, String> {
    if (1..=MOST_DEPTH).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{key} is {value}: from 1 to {MOST_DEPTH} is possible"))
    }
}

fn finite(value: f64, key: &str) -> Result<f64, String> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(format!("{key} is {value}: a finite number, 0 or above, is needed"))
    }
}
