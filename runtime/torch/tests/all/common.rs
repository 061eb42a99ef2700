//! What the tests share: the golden files and the policies they are for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sport_policy::Policy;
use sport_policy::model::ModelFiles;
use sport_policy::types::{
    Completion, LoraConfig, OptimizerConfig, Pair, Prompt, SampleRequest, Sampling, StepMetrics, TrainBatch,
};
use sport_torch::Torch;
use sport_torch::lora::Adapter;
use sport_torch::tree::{Tree, TreeBuilder};
use tch::{Device, Kind, Tensor};

pub const TARGETS: [&str; 7] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The tiny random Llama. One thread, so that equal work gives equal bits.
pub fn tiny(kind: Kind) -> Torch {
    tch::set_num_threads(1);
    let files = ModelFiles::open(&golden().join("tiny")).unwrap();
    Torch::load(&files, Device::Cpu, kind).unwrap()
}

/// The tiny model with the adapter that peft made.
pub fn tiny_with_adapter(kind: Kind) -> Torch {
    let mut policy = tiny(kind);
    policy.load_adapter(&golden().join("adapter")).unwrap();
    policy
}

/// The real model, which `make setup` fetches.
pub fn smollm2() -> PathBuf {
    let cache = std::env::var_os("SPORT_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache/sport"),
        PathBuf::from,
    );
    let path = cache.join("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    assert!(path.is_file(), "{} is missing; `make setup` fetches it", path.display());
    path
}

pub fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(golden().join(name)).unwrap()).unwrap()
}

/// All tensors of a golden file, as f64.
pub fn tensors(name: &str) -> BTreeMap<String, Tensor> {
    let bytes = std::fs::read(golden().join(name)).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let read = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
        let data: Vec<f32> = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let shape: Vec<i64> = view.shape().iter().map(|n| *n as i64).collect();
        (name, Tensor::from_slice(&data).reshape(shape).to_kind(Kind::Double))
    };
    file.tensors().into_iter().map(read).collect()
}

pub fn ids(value: &serde_json::Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Logits after every token of one sequence.
pub fn logits(policy: &Torch, adapter: Option<&Adapter>, tokens: &[u32]) -> Tensor {
    let mut builder = TreeBuilder::default();
    // The packed form leaves a completion's last token out.
    builder.add(tokens, &[0]);
    let tree: Tree = builder.finish();
    tch::no_grad(|| sport_torch::packed::all_logits(policy.model(), adapter, &tree))
}

/// Largest difference of two tensors of one shape.
pub fn difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}

/// Largest difference of two lists of tensors, against the largest number in the second.
pub fn relative(a: &[Tensor], b: &[Tensor]) -> f64 {
    assert_eq!(a.len(), b.len());
    let size = b.iter().map(|t| t.abs().max().double_value(&[])).fold(0.0, f64::max);
    a.iter().zip(b).map(|(a, b)| difference(a, b)).fold(0.0, f64::max) / size
}

pub fn lora(seed: u64) -> LoraConfig {
    LoraConfig { r: 4, alpha: 8.0, target_modules: TARGETS.map(str::to_owned).to_vec(), seed }
}

pub fn optimizer() -> OptimizerConfig {
    serde_json::from_value(json("tiny.json")["optimizer"].clone()).unwrap()
}

pub fn items() -> Vec<Completion> {
    serde_json::from_value(json("tiny.json")["sft"]["items"].clone()).unwrap()
}

pub fn pairs() -> Vec<Pair> {
    serde_json::from_value(json("tiny.json")["dpo"]["pairs"].clone()).unwrap()
}

pub fn sft() -> TrainBatch {
    TrainBatch::Sft { items: items() }
}

pub fn dpo() -> TrainBatch {
    let golden = json("tiny.json");
    let number = |name: &str| golden["dpo"][name].as_f64().unwrap();
    TrainBatch::Dpo { pairs: pairs(), beta: number("beta"), sft_weight: number("sft_weight") }
}

pub fn figure(metrics: &StepMetrics, name: &str) -> f64 {
    serde_json::to_value(metrics).unwrap()[name].as_f64().unwrap()
}

pub fn greedy() -> Sampling {
    Sampling { temperature: 0.0, top_p: 1.0, top_k: 0, seed: 0 }
}

pub fn warm(seed: u64) -> Sampling {
    Sampling { temperature: 0.9, top_p: 1.0, top_k: 0, seed }
}

pub fn request(prompt: &str, candidates: Vec<Sampling>, max_tokens: u32) -> SampleRequest {
    SampleRequest {
        prompt: Prompt::Text(prompt.to_owned()),
        candidates,
        max_tokens,
        stop: Vec::new(),
        adapter: true,
    }
}
