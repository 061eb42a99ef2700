//! Adapters on disk.
//!
//! * saved and loaded, with and without the optimiser's state, the policy is the same
//! * only some modules, and the names are PEFT's
//! * an adapter of another model, a damaged optimiser file, a folder that exists: refused, and the policy keeps what
//!   it had
//!
//! That peft reads what is written here is checked by `golden/check_adapter.py`, which needs Python.

use crate::common::*;
use sport_policy::types::LoraConfig;
use sport_policy::{Error, Policy};
use sport_torch::Torch;
use tch::Kind;

fn score(policy: &mut Torch) -> Vec<f64> {
    policy.score(&items(), true, &mut |_, _| true).unwrap()
}

#[test]
fn there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter");
    let mut policy = tiny(Kind::Float);
    let config = LoraConfig { target_modules: vec!["v_proj".to_owned(), "down_proj".to_owned()], ..lora(5) };
    policy.new_adapter(&config).unwrap();
    policy.train_step(&sft(), &optimizer()).unwrap();
    policy.save_adapter(&path).unwrap();
    let names = policy.adapter().unwrap().names();
    assert_eq!(names.len(), 8);
    assert_eq!(names[0], "base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight");
    let mut other = tiny(Kind::Float);
    other.load_adapter(&path).unwrap();
    assert_eq!(score(&mut other), score(&mut policy));
    std::fs::remove_file(path.join("optimizer.safetensors")).unwrap();
    other.load_adapter(&path).unwrap();
    assert_eq!(score(&mut other), score(&mut policy));
}

#[test]
fn refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter");
    let mut policy = tiny_with_adapter(Kind::Float);
    let before = score(&mut policy);
    policy.save_adapter(&path).unwrap();
    assert!(matches!(policy.save_adapter(&path), Err(Error::BadFile { .. })));
    std::fs::write(path.join("optimizer.safetensors"), b"not safetensors").unwrap();
    let error = policy.load_adapter(&path).unwrap_err();
    assert!(error.to_string().contains("optimizer.safetensors"), "{error}");
    assert_eq!(score(&mut policy), before);

    // A matrix of another width.
    let mut wide = sport_policy::peft::PeftAdapter::read(&golden().join("adapter")).unwrap();
    let name = "base_model.model.model.layers.1.mlp.down_proj.lora_A.weight";
    wide.tensors
        .insert(name.to_owned(), sport_policy::model::Weights { shape: vec![4, 3], data: vec![0.0; 12] });
    wide.write(&folder.path().join("wide"), &[]).unwrap();
    let error = policy.load_adapter(&folder.path().join("wide")).unwrap_err();
    assert!(error.to_string().contains("another model"), "{error}");
    // A layer that this model does not have.
    let mut deep = sport_policy::peft::PeftAdapter::read(&golden().join("adapter")).unwrap();
    for side in ["A", "B"] {
        let name =
            |layer: u32| format!("base_model.model.model.layers.{layer}.mlp.down_proj.lora_{side}.weight");
        let matrix = deep.tensors[&name(1)].clone();
        deep.tensors.insert(name(2), matrix);
    }
    deep.write(&folder.path().join("deep"), &[]).unwrap();
    let error = policy.load_adapter(&folder.path().join("deep")).unwrap_err();
    assert!(error.to_string().contains("another one"), "{error}");
    assert_eq!(score(&mut policy), before);
}
