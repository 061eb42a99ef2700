//! A folder in HF layout: `config.json`, `tokenizer.json`, a chat template, safetensors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::model::{ModelConfig, Weights, bad, hex, map};

/// One safetensors file.
struct Shard {
    map: Mmap,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    data: usize,
}

/// An open folder.
pub struct Folder {
    path: PathBuf,
    config: ModelConfig,
    shards: Vec<Shard>,
    /// Names of the shards' files, in the same order.
    files: Vec<String>,
    /// Which shard has a tensor.
    places: BTreeMap<String, usize>,
}

impl Folder {
    /// Reads config and headers.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let config = read_config(path)?;
        let files = shard_files(path)?;
        let (mut shards, mut places) = (Vec::new(), BTreeMap::new());
        for (index, file) in files.iter().enumerate() {
            let file = path.join(file);
            let map = map(&file)?;
            let (header, metadata) = SafeTensors::read_metadata(&map).map_err(|error| {
                bad(&file, format!("not a usable safetensors file: {error}; fetch the model again"))
            })?;
            // `read_metadata` has checked that the tensors tile the data and end where the file ends.
            let data = 8 + header;
            for name in metadata.tensors().into_keys() {
                places.insert(name, index);
            }
            shards.push(Shard { map, metadata, data });
        }
        Ok(Self { path: path.to_owned(), config, shards, files, places })
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// A tensor's shape.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let shard = self.shards.get(*self.places.get(name)?)?;
        shard.metadata.info(name).map(|info| info.shape.clone())
    }

    /// A tensor as f32.
    pub fn tensor(&self, name: &str) -> Result<Weights, Error> {
        let found = self.places.get(name).and_then(|index| {
            let shard = self.shards.get(*index)?;
            let info = shard.metadata.info(name)?;
            let (start, end) = info.data_offsets;
            Some((info, shard.map.get(shard.data + start..shard.data + end)?))
        });
        let (info, bytes) = found
            .ok_or_else(|| bad(&self.path, format!("tensor {name} is missing; fetch the model again")))?;
        let data = match info.dtype {
            Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Dtype::BF16 => bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            other => {
                let message = format!("tensor {name} is {other:?}; F32, F16 and BF16 are supported");
                return Err(bad(&self.path, message));
            }
        };
        Ok(Weights { shape: info.shape.clone(), data })
    }

    /// `chat_template.jinja`, or the template in `tokenizer_config.json` (the one called `default` of several).
    pub fn chat_template(&self) -> Result<Option<String>, Error> {
        if let Some(text) = read_text(&self.path.join("chat_template.jinja"))? {
            return Ok(Some(text));
        }
        let file = self.path.join("tokenizer_config.json");
        let Some(text) = read_text(&file)? else { return Ok(None) };
        let config: Value = parse_json(&file, &text)?;
        Ok(match &config["chat_template"] {
            Value::String(template) => Some(template.clone()),
            Value::Array(named) => named
                .iter()
                .find(|entry| entry["name"] == "default")
                .and_then(|entry| entry["template"].as_str())
                .map(str::to_owned),
            _ => None,
        })
    }

    /// Digest over names and contents of the files that make the model.
    pub fn digest(&self) -> Result<String, Error> {
        let mut all = Sha256::new();
        let others = ["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"];
        for name in others.into_iter().chain(self.files.iter().map(String::as_str)) {
            let file = self.path.join(name);
            if file.is_file() {
                all.update(format!("{name}\0{}\n", hex(&Sha256::digest(map(&file)?))));
            }
        }
        Ok(format!("sha256:{}", hex(&all.finalize())))
    }
}

fn read_text(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { what: "read", path: path.to_owned(), source }),
    }
}

fn parse_json(path: &Path, text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| bad(path, format!("not JSON: {error}; fetch the model again")))
}

fn read_json(path: &Path) -> Result<Value, Error> {
    let text =
        read_text(path)?.ok_or_else(|| bad(path, "missing; a model folder in HF layout has this file"))?;
    parse_json(path, &text)
}

/// The safetensors files, from the index where there is one.
fn shard_files(path: &Path) -> Result<Vec<String>, Error> {
    let index = path.join("model.safetensors.index.json");
    if !index.is_file() {
        let single = "model.safetensors";
        if path.join(single).is_file() {
            return Ok(vec![single.to_owned()]);
        }
        return Err(bad(
            path,
            "holds no model.safetensors; a model folder in HF layout has it (pickled .bin files \
                              are not read)",
        ));
    }
    let parsed = read_json(&index)?;
    let map = parsed["weight_map"].as_object().ok_or_else(|| bad(&index, "has no weight_map"))?;
    let mut files: Vec<String> = map.values().filter_map(Value::as_str).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    // Names come from the file: only plain names beside it are opened.
    if let Some(odd) = files.iter().find(|name| name.contains(['/', '\\']) || name.starts_with('.')) {
        return Err(bad(&index, format!("names the file {odd:?}, which is not a plain name")));
    }
    Ok(files)
}

fn read_config(path: &Path) -> Result<ModelConfig, Error> {
    let file = path.join("config.json");
    let config = read_json(&file)?;
    let fail = |message: String| bad(&file, message);
    let architecture = config["model_type"].as_str().unwrap_or_default();
    if architecture != "llama" {
        return Err(fail(format!(
            "model_type `{architecture}` is not supported, only `llama`; choose another model"
        )));
    }
    for (key, wanted) in [("attention_bias", false), ("mlp_bias", false)] {
        if config[key].as_bool().is_some_and(|value| value != wanted) {
            return Err(fail(format!("{key} = {} is not supported; choose another model", config[key])));
        }
    }
    let activation = config["hidden_act"].as_str().unwrap_or("silu");
    if activation != "silu" {
        return Err(fail(format!("hidden_act `{activation}` is not supported, only `silu`")));
    }
    // `rope_scaling` up to transformers 4, `rope_parameters` from 5 on.
    for key in ["rope_scaling", "rope_parameters"] {
        let kind = config[key]["rope_type"].as_str().or_else(|| config[key]["type"].as_str());
        if kind.is_some_and(|kind| kind != "default") {
            return Err(fail("RoPE scaling is not supported; choose another model".to_owned()));
        }
    }
    let optional = |key: &str| config[key].as_u64().and_then(|value| usize::try_from(value).ok());
    let number =
        |key: &str| optional(key).ok_or_else(|| fail(format!("{key} is missing or no whole number")));
    let (hidden, heads) = (number("hidden_size")?, number("num_attention_heads")?);
    let head_dim = match optional("head_dim") {
        Some(head_dim) => head_dim,
        None => {
            hidden.checked_div(heads).ok_or_else(|| fail("the model has no attention heads".to_owned()))?
        }
    };
    let generation_file = path.join("generation_config.json");
    let generation = match read_text(&generation_file)? {
        Some(text) => parse_json(&generation_file, &text)?,
        None => Value::Null,
    };
    let mut eos = token_ids(&generation["eos_token_id"]);
    for id in token_ids(&config["eos_token_id"]) {
        if !eos.contains(&id) {
            eos.push(id);
        }
    }
    Ok(ModelConfig {
        architecture: architecture.to_owned(),
        layers: number("num_hidden_layers")?,
        hidden,
        heads,
        kv_heads: optional("num_key_value_heads").unwrap_or(heads),
        head_dim,
        ffn: number("intermediate_size")?,
        vocab: number("vocab_size")?,
        rope_theta: config["rope_theta"]
            .as_f64()
            .or_else(|| config["rope_parameters"]["rope_theta"].as_f64())
            .unwrap_or(10_000.0),
        rms_eps: config["rms_norm_eps"].as_f64().unwrap_or(1e-6),
        context: number("max_position_embeddings")?,
        tied: config["tie_word_embeddings"].as_bool().unwrap_or(false),
        bos: token_ids(&config["bos_token_id"]).first().copied(),
        eos,
    })
}

/// One id or a list of them.
fn token_ids(value: &Value) -> Vec<u32> {
    let one = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match value {
        Value::Array(values) => values.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}
