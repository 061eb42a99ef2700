//! Adapter folders in PEFT's format.
//!
//! * a folder that peft wrote is read: config and each tensor
//! * what is written is read back equal, in PEFT's names, with further files beside it
//! * a folder is never written over, and nothing is left behind when writing fails
//! * a wrong rank, a missing half, a foreign tensor, and PEFT variants that change the arithmetic are refused
//! * tensor names, both ways

use std::collections::BTreeMap;
use std::path::Path;

use sport_policy::model::Weights;
use sport_policy::peft::{
    CONFIG_FILE, PeftAdapter, PeftConfig, Side, WEIGHTS_FILE, parse_tensor_name, tensor_name,
};

use crate::support::{Summary, golden, golden_json};

fn adapter() -> PeftAdapter {
    let mut tensors = BTreeMap::new();
    for (layer, module, out, width) in [(0, "q_proj", 8, 6), (1, "down_proj", 6, 10)] {
        let numbers = |count: usize| (0..count).map(|value| value as f32 / 7.0 - 1.0).collect();
        let a = Weights { shape: vec![2, width], data: numbers(2 * width) };
        let b = Weights { shape: vec![out, 2], data: numbers(out * 2) };
        tensors.insert(tensor_name(layer, module, Side::A).unwrap(), a);
        tensors.insert(tensor_name(layer, module, Side::B).unwrap(), b);
    }
    let config = PeftConfig {
        r: 2,
        lora_alpha: 4.5,
        target_modules: vec!["q_proj".into(), "down_proj".into()],
        base_model: "sha256:00".into(),
    };
    PeftAdapter { config, tensors }
}

#[test]
fn what_peft_wrote_is_read() {
    let goldens: BTreeMap<String, Summary> = golden_json("peft.json");
    let adapter = PeftAdapter::read(&golden("peft")).unwrap();
    assert_eq!((adapter.config.r, adapter.config.lora_alpha), (2, 5.0));
    assert_eq!(adapter.config.base_model, "tiny");
    let mut targets = adapter.config.target_modules.clone();
    targets.sort();
    assert_eq!(targets, ["down_proj", "q_proj"]);
    assert_eq!(adapter.tensors.len(), goldens.len());
    for (name, weights) in &adapter.tensors {
        goldens[name].check(name, weights);
    }
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/adapter");
    adapter().write(&path, &[("optimizer.bin", b"state")]).unwrap();
    assert_eq!(PeftAdapter::read(&path).unwrap(), adapter());
    assert_eq!(std::fs::read(path.join("optimizer.bin")).unwrap(), b"state");
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path.join(CONFIG_FILE)).unwrap()).unwrap();
    assert_eq!((&config["peft_type"], &config["lora_alpha"]), (&"LORA".into(), &4.5.into()));
    // Only the folder itself, no temporary one beside it.
    assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    // The same bytes every time.
    let again = folder.path().join("again");
    adapter().write(&again, &[]).unwrap();
    let bytes = |path: &Path| std::fs::read(path.join(WEIGHTS_FILE)).unwrap();
    assert_eq!(bytes(&path), bytes(&again));
}

#[test]
fn nothing_is_written_over_or_left_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter");
    adapter().write(&path, &[]).unwrap();
    let error = adapter().write(&path, &[]).unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
    // A name that is no plain name fails half-way through the files.
    let other = folder.path().join("other");
    let error = adapter().write(&other, &[("no/such/folder.bin", b"")]).unwrap_err();
    assert_eq!(error.code(), "policy-io");
    assert!(!other.exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(adapter().write(&file.join("adapter"), &[]).unwrap_err().code(), "policy-io");
}

#[test]
fn unsound_adapters_are_refused() {
    let refuse = |change: &dyn Fn(&mut PeftAdapter), said: &str| {
        let mut adapter = adapter();
        change(&mut adapter);
        let error = adapter.check().unwrap_err();
        assert!(error.contains(said), "{said}: {error}");
    };
    refuse(&|adapter| adapter.config.r = 3, "rank 2 where the config says 3");
    refuse(&|adapter| adapter.config.r = 0, "makes no sense");
    refuse(&|adapter| adapter.config.target_modules.truncate(1), "belongs to no target module");
    refuse(&|adapter| adapter.config.target_modules.push("lm_head".into()), "`lm_head`");
    refuse(&|adapter| drop(adapter.tensors.pop_first()), "without lora_A");
    refuse(&|adapter| adapter.tensors.clear(), "no tensors");
    refuse(
        &|adapter| {
            let (_, weights) = adapter.tensors.pop_first().unwrap();
            adapter.tensors.insert("base_model.model.lm_head.weight".into(), weights);
        },
        "no LoRA matrix",
    );
    refuse(
        &|adapter| adapter.tensors.values_mut().next().unwrap().data.truncate(1),
        "numbers that its shape says",
    );
}

#[test]
fn peft_variants_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(golden("peft").join(WEIGHTS_FILE), folder.path().join(WEIGHTS_FILE)).unwrap();
    let original = std::fs::read_to_string(golden("peft").join(CONFIG_FILE)).unwrap();
    for (from, to, said) in [
        ("\"use_dora\": false", "\"use_dora\": true", "use_dora"),
        ("\"use_rslora\": false", "\"use_rslora\": true", "use_rslora"),
        ("\"bias\": \"none\"", "\"bias\": \"all\"", "bias"),
        ("\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 4}", "rank_pattern"),
        ("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "modules_to_save"),
        ("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\"", "changes the base model"),
        ("\"LORA\"", "\"IA3\"", "only LORA"),
        ("\"r\": 2", "\"r\": 4", "rank 2 where the config says 4"),
        ("{", "", "not JSON"),
    ] {
        let changed = original.replacen(from, to, 1);
        assert_ne!(changed, original, "{from}");
        std::fs::write(folder.path().join(CONFIG_FILE), changed).unwrap();
        let error = PeftAdapter::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains('\n'), "{said}: {error}");
    }
    // A pattern instead of a list: the tensors say which modules it meant.
    let value: serde_json::Value = serde_json::from_str(&original).unwrap();
    let mut value = value;
    value["target_modules"] = ".*(q|down)_proj".into();
    std::fs::write(folder.path().join(CONFIG_FILE), value.to_string()).unwrap();
    assert_eq!(PeftAdapter::read(folder.path()).unwrap().config.target_modules, ["down_proj", "q_proj"]);

    std::fs::write(folder.path().join(WEIGHTS_FILE), b"junk").unwrap();
    assert_eq!(PeftAdapter::read(folder.path()).unwrap_err().code(), "policy-bad-file");
    std::fs::remove_file(folder.path().join(WEIGHTS_FILE)).unwrap();
    assert_eq!(PeftAdapter::read(folder.path()).unwrap_err().code(), "policy-io");
}

#[test]
fn names_go_both_ways() {
    let name = tensor_name(12, "gate_proj", Side::B).unwrap();
    assert_eq!(name, "base_model.model.model.layers.12.mlp.gate_proj.lora_B.weight");
    assert_eq!(parse_tensor_name(&name), Some((12, "gate_proj", Side::B)));
    assert_eq!(tensor_name(0, "lm_head", Side::A), None);
    // A module in the wrong part of the layer is no module.
    assert_eq!(parse_tensor_name("base_model.model.model.layers.0.mlp.q_proj.lora_A.weight"), None);
    assert_eq!(parse_tensor_name("base_model.model.model.layers.x.mlp.up_proj.lora_A.weight"), None);
}
