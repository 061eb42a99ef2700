//! What goes into a policy and what comes out of it.
//!
//! Text that a policy wrote is never tokenised again: a [`Sample`] keeps the token ids it was made of, and
//! training takes ids.

use serde::{Deserialize, Serialize};

/// What to continue: text that the backend tokenises, or ids as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prompt {
    /// Text; special tokens in it are recognised, none is added.
    Text(String),
    /// Token ids.
    Tokens(Vec<u32>),
}

/// How one candidate is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// 0 means greedy.
    pub temperature: f32,
    /// Nucleus: keep the smallest set of tokens whose probability reaches this; 1 keeps all.
    pub top_p: f32,
    /// Keep the k likeliest; 0 keeps all.
    pub top_k: u32,
    /// Seed of this candidate's own random stream.
    pub seed: u64,
}

/// One prompt and the candidates to draw from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRequest {
    /// The shared prompt; it is computed once for all candidates.
    pub prompt: Prompt,
    /// One entry per candidate.
    pub candidates: Vec<Sampling>,
    /// At most this many new tokens per candidate.
    pub max_tokens: u32,
    /// A candidate ends where one of these appears; the stop string is cut from `text`.
    pub stop: Vec<String>,
    /// Sample with the adapter (true) or from the base model (false).
    pub adapter: bool,
}

/// Why a sample ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// A stop string or the end-of-sequence token.
    Stop,
    /// `max_tokens` or the context was full.
    Length,
}

/// One drawn candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The text, without the stop string.
    pub text: String,
    /// The ids as drawn, the ones that completed the stop string included: this is what is trained on.
    pub tokens: Vec<u32>,
    /// Log-probability of each id under the policy at temperature 1, before any filter.
    pub log_probs: Vec<f32>,
    /// Why it ended.
    pub finish: Finish,
}

/// The candidates of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleResponse {
    /// The prompt as ids.
    pub prompt_tokens: Vec<u32>,
    /// One per candidate, in order.
    pub samples: Vec<Sample>,
}

/// A prompt with one completion to score or to learn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// Prompt ids.
    pub prompt: Vec<u32>,
    /// Completion ids.
    pub completion: Vec<u32>,
}

/// Two actions from one state: what step-wise DPO learns from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Prompt ids.
    pub prompt: Vec<u32>,
    /// The preferred action's ids.
    pub chosen: Vec<u32>,
    /// The other action's ids.
    pub rejected: Vec<u32>,
    /// Log-probability of `chosen` under the reference, summed over its tokens.
    pub reference_chosen: f64,
    /// The same of `rejected`.
    pub reference_rejected: f64,
}

/// The adapter to make when a policy has none yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraConfig {
    /// Rank.
    pub r: u32,
    /// Scale is `alpha / r`.
    pub alpha: f64,
    /// Which projections: `q_proj`, `k_proj`, `v_proj`, `o_proj`, `gate_proj`, `up_proj`, `down_proj`.
    pub target_modules: Vec<String>,
    /// Seed of the A matrices; B starts at zero.
    pub seed: u64,
}

/// AdamW (decoupled weight decay) with gradient clipping by global norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// First moment's decay.
    pub beta1: f64,
    /// Second moment's decay.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Largest global gradient norm; 0 switches clipping off.
    pub max_grad_norm: f64,
}

/// What one optimiser step learns from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "loss")]
pub enum TrainBatch {
    /// Mean over items of the mean negative log-likelihood of the completion's tokens.
    Sft {
        /// The winners to imitate.
        items: Vec<Completion>,
    },
    /// Mean over pairs of `-log sigmoid(beta * ((lc - rc) - (lr - rr)))` with summed log-probs, plus
    /// `sft_weight` times the mean-token NLL of `chosen`.
    Dpo {
        /// The pairs.
        pairs: Vec<Pair>,
        /// Strength of the pull to the reference.
        beta: f64,
        /// Weight of the SFT term; 0 is pure DPO.
        sft_weight: f64,
    },
}

/// One optimiser step's figures, under TRL's names where TRL has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepMetrics {
    /// The loss that was minimised.
    pub loss: f64,
    /// The DPO part of it; 0 for SFT.
    pub dpo_loss: f64,
    /// Mean-token NLL of the completion or of `chosen`.
    pub nll: f64,
    /// Gradient norm before clipping.
    pub grad_norm: f64,
    /// Mean of `beta * (lc - rc)`.
    pub rewards_chosen: f64,
    /// Mean of `beta * (lr - rr)`.
    pub rewards_rejected: f64,
    /// Mean of their difference.
    pub rewards_margins: f64,
    /// Share of pairs whose difference is above zero (a tie is 0).
    pub rewards_accuracies: f64,
    /// Mean of the summed log-probs of `chosen`.
    pub logps_chosen: f64,
    /// The same of `rejected`.
    pub logps_rejected: f64,
    /// Tokens that were computed, shared prefixes once.
    pub tokens: u64,
}

/// What a loaded policy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyInfo {
    /// Backend and its version, for example `torch 2.13.0`.
    pub backend: String,
    /// `sha256:` digest of the model's files.
    pub model_digest: String,
    /// Device in use: `cpu`, `cuda:0`.
    pub device: String,
    /// Number type of the base weights: `f32`, `bf16`.
    pub dtype: String,
    /// Context length in tokens.
    pub context: u32,
    /// Vocabulary size.
    pub vocab: u32,
    /// The chat template, where the model brings one.
    pub chat_template: Option<String>,
    /// Parameters of the base model.
    pub parameters: u64,
}

/// What to load and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// A GGUF file or a folder in HF layout.
    pub model: std::path::PathBuf,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// `auto` (bf16 where the cpu is good at it), `f32` or `bf16`.
    pub dtype: String,
    /// Threads inside the backend; 0 lets it choose.
    pub threads: u32,
}
