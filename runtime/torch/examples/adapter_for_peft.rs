//! Trains an adapter of the tiny golden model and writes it with the logits that it gives, so that
//! `tests/golden/check_adapter.py` can compare them with peft's.
//!
//! ```text
//! cargo run --release -p sport-torch --example adapter_for_peft -- FOLDER
//! python runtime/torch/tests/golden/check_adapter.py FOLDER
//! ```

use std::path::{Path, PathBuf};

use sport_policy::model::ModelFiles;
use sport_policy::types::{Completion, LoraConfig, OptimizerConfig, TrainBatch};
use sport_policy::{Error, Policy};
use sport_torch::Torch;
use sport_torch::packed::all_logits;
use sport_torch::tree::TreeBuilder;
use tch::{Device, Kind};

fn main() -> Result<(), Error> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "adapter-for-peft".to_owned()));
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiny");
    let mut policy = Torch::load(&ModelFiles::open(&tiny)?, Device::Cpu, Kind::Float)?;
    policy.new_adapter(&LoraConfig {
        r: 8,
        alpha: 12.0,
        target_modules: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
            .map(str::to_owned)
            .to_vec(),
        seed: 4,
    })?;
    let prompt = policy.tokenize("What is it? ")?;
    let completion = policy.tokenize("An adapter.")?;
    let batch = TrainBatch::Sft { items: vec![Completion { prompt: prompt.clone(), completion }] };
    let optimizer = OptimizerConfig {
        learning_rate: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
    };
    for _ in 0..5 {
        policy.train_step(&batch, &optimizer)?;
    }
    policy.save_adapter(&folder.join("adapter"))?;
    let mut tree = TreeBuilder::default();
    tree.add(&prompt, &[0]);
    let logits = tch::no_grad(|| all_logits(policy.model(), policy.adapter(), &tree.finish()));
    let mut values = vec![0f32; logits.numel()];
    logits.contiguous().copy_data(&mut values, logits.numel());
    let path = folder.join("logits.json");
    let text = format!("{{\"ids\": {prompt:?}, \"logits\": {values:?}}}\n");
    std::fs::write(&path, text).map_err(|source| Error::Io { what: "write", path, source })
}
