//! Adapter folders in PEFT's format: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! The files as plain data, for a backend that trains them and for one that serves them. Writing is atomic: a
//! folder appears whole or not at all. Reading checks what Python's PEFT would only find out while it runs, and
//! refuses the variants that the arithmetic `W + alpha / r * B * A` does not cover.
//!
//! ```ignore
//! let adapter = PeftAdapter {
//!     config: PeftConfig { r: 16, lora_alpha: 32.0, target_modules: vec!["q_proj".into()], base_model: "…".into() },
//!     tensors,   // "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" -> [r, in], lora_B -> [out, r]
//! };
//! adapter.write(folder, &[("optimizer.safetensors", &bytes)])?;   // further files join the same folder
//! let adapter = PeftAdapter::read(folder)?;
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use crate::error::Error;
use crate::model::{Weights, bad};

/// PEFT's name of the config.
pub const CONFIG_FILE: &str = "adapter_config.json";
/// PEFT's name of the weights.
pub const WEIGHTS_FILE: &str = "adapter_model.safetensors";

/// What a decoder's layer offers to adapt, and in which part of it.
pub const MODULES: [(&str, &str); 7] = [
    ("q_proj", "self_attn"),
    ("k_proj", "self_attn"),
    ("v_proj", "self_attn"),
    ("o_proj", "self_attn"),
    ("gate_proj", "mlp"),
    ("up_proj", "mlp"),
    ("down_proj", "mlp"),
];

/// One of the two matrices of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// `[r, in]`.
    A,
    /// `[out, r]`.
    B,
}

/// The name of a matrix, as PEFT writes it for Llama.
pub fn tensor_name(layer: usize, module: &str, side: Side) -> Option<String> {
    let (_, part) = MODULES.iter().find(|(name, _)| *name == module)?;
    let side = if side == Side::A { 'A' } else { 'B' };
    Some(format!("base_model.model.model.layers.{layer}.{part}.{module}.lora_{side}.weight"))
}

/// Layer, module and side of a matrix from its name.
pub fn parse_tensor_name(name: &str) -> Option<(usize, &'static str, Side)> {
    let rest = name.strip_prefix("base_model.model.model.layers.")?;
    let (layer, rest) = rest.split_once('.')?;
    let (part, rest) = rest.split_once('.')?;
    let (module, side) = rest.split_once('.')?;
    let side = match side {
        "lora_A.weight" => Side::A,
        "lora_B.weight" => Side::B,
        _ => return None,
    };
    let (module, _) = MODULES.iter().find(|(name, of)| *name == module && *of == part)?;
    Some((layer.parse().ok()?, module, side))
}

/// The part of `adapter_config.json` that matters here.
#[derive(Clone, Debug, PartialEq)]
pub struct PeftConfig {
    /// Rank.
    pub r: u32,
    /// Scale is `lora_alpha / r`.
    pub lora_alpha: f64,
    /// Names out of [`MODULES`].
    pub target_modules: Vec<String>,
    /// What the adapter was trained on; a digest where the model is a file.
    pub base_model: String,
}

/// An adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct PeftAdapter {
    /// Its config.
    pub config: PeftConfig,
    /// Its matrices by PEFT's names.
    pub tensors: BTreeMap<String, Weights>,
}

impl PeftAdapter {
    /// Reads and checks a folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let config_path = folder.join(CONFIG_FILE);
        let config = read_file(&config_path)?;
        let config: Value = serde_json::from_slice(&config)
            .map_err(|error| bad(&config_path, format!("not JSON: {error}")))?;
        let weights_path = folder.join(WEIGHTS_FILE);
        let bytes = read_file(&weights_path)?;
        let tensors = read_tensors(&bytes).map_err(|message| bad(&weights_path, message))?;
        let config = read_config(&config, &tensors).map_err(|message| bad(&config_path, message))?;
        let adapter = Self { config, tensors };
        adapter.check().map_err(|message| bad(&weights_path, message))?;
        Ok(adapter)
    }

    /// Writes a new folder; it must not exist. `more` are further files (plain names) for the same folder.
    pub fn write(&self, folder: &Path, more: &[(&str, &[u8])]) -> Result<(), Error> {
        self.check().map_err(|message| bad(folder, message))?;
        let bytes: BTreeMap<&str, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(name, weights)| {
                (name.as_str(), weights.data.iter().flat_map(|v| v.to_le_bytes()).collect())
            })
            .collect();
        let views = self
            .tensors
            .iter()
            .map(|(name, weights)| {
                let data = bytes.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
                Ok((name.as_str(), TensorView::new(Dtype::F32, weights.shape.clone(), data)?))
            })
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        // PEFT reads `format` and refuses a file without it.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        let weights = views
            .and_then(|views| safetensors::serialize(views, Some(metadata)))
            .map_err(|error| bad(folder, format!("the adapter cannot be written: {error}")))?;
        let config = serde_json::to_vec_pretty(&self.config.to_json())
            .map_err(|error| bad(folder, format!("the adapter cannot be written: {error}")))?;
        let mut files: Vec<(&str, &[u8])> = vec![(CONFIG_FILE, &config), (WEIGHTS_FILE, &weights)];
        files.extend_from_slice(more);
        write_folder(folder, &files)
    }

    /// Checks names, ranks and that each A has its B.
    pub fn check(&self) -> Result<(), String> {
        let config = &self.config;
        if config.r == 0 || config.r > 4096 {
            return Err(format!("rank {} makes no sense", config.r));
        }
        if !config.lora_alpha.is_finite() {
            return Err("lora_alpha is no number".to_owned());
        }
        for module in &config.target_modules {
            if !MODULES.iter().any(|(name, _)| name == module) {
                return Err(format!(
                    "target module `{module}` is not one that can be adapted: {}",
                    module_names()
                ));
            }
        }
        if self.tensors.is_empty() {
            return Err("the adapter has no tensors".to_owned());
        }
        let r = config.r as usize;
        let mut sides = BTreeSet::new();
        for (name, weights) in &self.tensors {
            let (layer, module, side) = parse_tensor_name(name).ok_or_else(|| {
                format!(
                    "tensor {name} is no LoRA matrix of a decoder layer; such adapters are not \
                                        supported"
                )
            })?;
            if !config.target_modules.iter().any(|target| target == module) {
                return Err(format!("tensor {name} belongs to no target module of the config"));
            }
            let rank = match (side, weights.shape.as_slice()) {
                (Side::A, [rank, _]) | (Side::B, [_, rank]) => *rank,
                _ => return Err(format!("tensor {name} is no matrix")),
            };
            if rank != r {
                return Err(format!("tensor {name} has rank {rank} where the config says {r}"));
            }
            let count = weights.shape.iter().try_fold(1_usize, |count, n| count.checked_mul(*n));
            if count != Some(weights.data.len()) {
                return Err(format!("tensor {name} has not the numbers that its shape says"));
            }
            sides.insert((layer, module, side));
        }
        for (layer, module, side) in &sides {
            let other = if *side == Side::A { Side::B } else { Side::A };
            if !sides.contains(&(*layer, *module, other)) {
                return Err(format!(
                    "layer {layer}, {module}: lora_{side:?} is there without lora_{other:?}"
                ));
            }
        }
        Ok(())
    }
}

fn module_names() -> String {
    MODULES.map(|(name, _)| name).join(", ")
}

impl PeftConfig {
    /// As PEFT writes it.
    fn to_json(&self) -> Value {
        // A whole alpha is written as an integer, as PEFT types it.
        let alpha = if self.lora_alpha.fract() == 0.0 && self.lora_alpha.abs() < 1e15 {
            json!(self.lora_alpha as i64)
        } else {
            json!(self.lora_alpha)
        };
        json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": self.base_model,
            "revision": null,
            "inference_mode": true,
            "r": self.r,
            "lora_alpha": alpha,
            "lora_dropout": 0.0,
            "target_modules": self.target_modules,
            "bias": "none",
            "fan_in_fan_out": false,
            "init_lora_weights": true,
            "use_rslora": false,
            "use_dora": false,
            "modules_to_save": null,
            "rank_pattern": {},
            "alpha_pattern": {},
            "layers_to_transform": null,
            "layers_pattern": null,
        })
    }
}

fn read_config(config: &Value, tensors: &BTreeMap<String, Weights>) -> Result<PeftConfig, String> {
    if config["peft_type"] != "LORA" {
        return Err(format!("peft_type is {}; only LORA adapters are supported", config["peft_type"]));
    }
    // Each of these changes the arithmetic; an unknown one would give wrong numbers in silence.
    let empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    for key in [
        "use_dora",
        "use_rslora",
        "fan_in_fan_out",
        "modules_to_save",
        "rank_pattern",
        "alpha_pattern",
        "layers_to_transform",
        "trainable_token_indices",
        "target_parameters",
        "use_qalora",
        "lora_bias",
        "use_bdlora",
        "layer_replication",
        "alora_invocation_tokens",
    ] {
        if !empty(&config[key]) {
            return Err(format!("{key} = {} is not supported", config[key]));
        }
    }
    if config["bias"].as_str().is_some_and(|bias| bias != "none") {
        return Err(format!("bias = {} is not supported", config["bias"]));
    }
    // These take a part out of the base weights, so the adapter fits the original ones no more.
    if let Some(init) = config["init_lora_weights"].as_str()
        && ["pissa", "olora", "corda", "loftq"].iter().any(|changed| init.starts_with(changed))
    {
        return Err(format!(
            "init_lora_weights = {init:?} changes the base model; convert the adapter first"
        ));
    }
    let r =
        config["r"].as_u64().and_then(|r| u32::try_from(r).ok()).ok_or("r is missing or no whole number")?;
    let lora_alpha = config["lora_alpha"].as_f64().ok_or("lora_alpha is missing or no number")?;
    let target_modules = match &config["target_modules"] {
        Value::Array(names) => {
            let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
            names
                .ok_or("target_modules holds something that is no name")?
                .into_iter()
                .map(str::to_owned)
                .collect()
        }
        // A pattern: which modules it meant is told by the tensors.
        Value::String(_) => {
            let found: BTreeSet<&str> = tensors
                .keys()
                .filter_map(|name| parse_tensor_name(name))
                .map(|(_, module, _)| module)
                .collect();
            found.into_iter().map(str::to_owned).collect()
        }
        _ => return Err("target_modules is missing".to_owned()),
    };
    let base_model = config["base_model_name_or_path"].as_str().unwrap_or_default().to_owned();
    Ok(PeftConfig { r, lora_alpha, target_modules, base_model })
}

fn read_tensors(bytes: &[u8]) -> Result<BTreeMap<String, Weights>, String> {
    let file =
        SafeTensors::deserialize(bytes).map_err(|error| format!("not a usable safetensors file: {error}"))?;
    file.tensors()
        .into_iter()
        .map(|(name, view)| {
            let bytes = view.data();
            let data = match view.dtype() {
                Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
                Dtype::F16 => bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
                Dtype::BF16 => bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
                other => return Err(format!("tensor {name} is {other:?}; F32, F16 and BF16 are supported")),
            };
            Ok((name, Weights { shape: view.shape().to_vec(), data }))
        })
        .collect()
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Io { what: "read", path: path.to_owned(), source })
}

/// Writes a folder that appears whole or not at all: files into a neighbour, all of it to disk, then a rename.
pub fn write_folder(folder: &Path, files: &[(&str, &[u8])]) -> Result<(), Error> {
    let io = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { what, path, source }
    };
    if folder.symlink_metadata().is_ok() {
        return Err(bad(folder, "exists already; an adapter is never written over, choose another folder"));
    }
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Err(bad(folder, "is no name for a folder"));
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    fs::create_dir_all(parent).map_err(io("create", parent))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    let part = parent.join(hidden);
    // Left behind by a process of this number that was killed.
    match fs::remove_dir_all(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("remove", &part)(error)),
        _ => {}
    }
    let result = fill(&part, files).and_then(|()| fs::rename(&part, folder).map_err(io("rename", folder)));
    if result.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_dir_all(&part);
        return result;
    }
    // The rename itself is only certain once the parent is on disk.
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(io("write", parent))
}

fn fill(part: &Path, files: &[(&str, &[u8])]) -> Result<(), Error> {
    fs::create_dir(part).map_err(|source| Error::Io { what: "create", path: part.to_owned(), source })?;
    for (name, bytes) in files {
        let path = part.join(name);
        File::create_new(&path)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .map_err(|source| Error::Io { what: "write", path, source })?;
    }
    File::open(part).and_then(|folder| folder.sync_all()).map_err(|source| Error::Io {
        what: "write",
        path: part.to_owned(),
        source,
    })
}
