//! A config as somebody typed it: every key optional, no key unknown.

use serde::Deserialize;

use super::meant::{Backend, Engine, PairRule, Reference, Rule, Schedule, Start, Winners};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub run: Option<Run>,
    pub policy: Policy,
    #[serde(default)]
    pub tools: Vec<Tool>,
    pub interpreter: Option<Plugin>,
    pub verifier: Verifier,
    pub synthesize: Synthesize,
    pub explore: Option<Explore>,
    pub pair: Option<Pair>,
    pub tune: Option<Tune>,
    pub evaluate: Option<Evaluate>,
    pub audit: Option<Audit>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    pub seed: Option<u64>,
    pub iterations: Option<u32>,
    pub threads: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    pub backend: Option<Backend>,
    pub model: Option<String>,
    pub actions: Option<String>,
    pub device: Option<String>,
    pub dtype: Option<String>,
    pub threads: Option<u32>,
    pub form: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tool {
    pub plugin: String,
    #[serde(default)]
    pub grants: Vec<String>,
    #[serde(default)]
    pub read_only: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plugin {
    pub plugin: Option<String>,
    pub grants: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verifier {
    pub plugin: String,
    #[serde(default)]
    pub grants: Vec<String>,
    pub weight: Option<f64>,
    pub rule: Option<Rule>,
    pub quorum: Option<u32>,
    pub repeats: Option<u32>,
    pub margin: Option<f64>,
    pub watch: Option<String>,
    #[serde(default)]
    pub config: toml::Table,
    #[serde(default)]
    pub panel: Vec<PanelMember>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PanelMember {
    pub plugin: String,
    #[serde(default)]
    pub grants: Vec<String>,
    pub weight: Option<f64>,
    #[serde(default)]
    pub config: toml::Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Synthesize {
    pub engine: Option<Engine>,
    pub images: String,
    pub train_tasks: Option<u32>,
    pub held_out_tasks: Option<u32>,
    #[serde(default)]
    pub families: Vec<String>,
}

/// One number for every candidate, or one each.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrEach<T> {
    One(T),
    Each(Vec<T>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Explore {
    pub candidates: Option<u32>,
    pub temperature: Option<OneOrEach<f32>>,
    pub temperature_rise: Option<f32>,
    pub top_p: Option<OneOrEach<f32>>,
    pub top_k: Option<OneOrEach<u32>>,
    pub max_depth: Option<u32>,
    pub max_steps_without_winner: Option<u32>,
    pub wave: Option<u32>,
    pub allow_effects: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    pub rule: Option<PairRule>,
    pub max_losers: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tune {
    pub start: Option<Start>,
    pub checkpoint_steps: Option<u32>,
    pub lora: Option<Lora>,
    pub sft: Option<Sft>,
    pub dpo: Option<Dpo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lora {
    pub r: Option<u32>,
    pub alpha: Option<f64>,
    pub target_modules: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sft {
    pub epochs: Option<u32>,
    pub learning_rate: Option<f64>,
    pub schedule: Option<Schedule>,
    pub warmup_steps: Option<u32>,
    pub batch: Option<u32>,
    pub weight_decay: Option<f64>,
    pub max_grad_norm: Option<f64>,
    pub winners: Option<Winners>,
    pub contested: Option<bool>,
    pub replay: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dpo {
    pub epochs: Option<u32>,
    pub learning_rate: Option<f64>,
    pub schedule: Option<Schedule>,
    pub warmup_steps: Option<u32>,
    pub batch: Option<u32>,
    pub weight_decay: Option<f64>,
    pub max_grad_norm: Option<f64>,
    pub beta: Option<f64>,
    pub sft_weight: Option<f64>,
    pub reference: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evaluate {
    pub max_depth: Option<u32>,
    pub max_failed_steps: Option<u32>,
    pub wave: Option<u32>,
    pub kl_samples: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audit {
    pub quick: Option<bool>,
    pub label_free: Option<bool>,
    pub tasks: Option<u32>,
    pub thresholds: Option<crate::audit::Thresholds>,
}
