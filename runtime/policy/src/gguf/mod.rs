//! GGUF files: header, metadata, tensors.
//!
//! An own reader, because the ones on offer bring a tensor library along. Versions 2 and 3, little-endian. The
//! file is somebody else's: each count and length is checked against the bytes that are left before anything is
//! allocated, nesting is bounded, and a tensor's place is checked once, when the header is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::error::Error;
use crate::model::{ModelConfig, Weights, bad, map};

mod dequantize;
mod reader;

pub use dequantize::Quantization;
use reader::Reader;
pub use reader::Value;

/// Tensors per file; the largest known models have a few thousand.
const MOST_TENSORS: u64 = 1 << 16;
/// Metadata entries per file; real ones have dozens.
const MOST_ENTRIES: u64 = 1 << 16;

/// Where a tensor lies.
#[derive(Clone, Debug)]
struct Info {
    /// HF's order: slowest dimension first.
    shape: Vec<usize>,
    quantization: Quantization,
    /// From the start of the file; checked to be inside it.
    start: usize,
    bytes: usize,
}

/// An open GGUF file.
pub struct Gguf {
    path: PathBuf,
    map: Mmap,
    metadata: BTreeMap<String, Value>,
    tensors: BTreeMap<String, Info>,
}

impl Gguf {
    /// Reads the header and checks every tensor's place.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let map = map(path)?;
        let (metadata, tensors) = read_header(&map).map_err(|message| {
            bad(path, format!("not a usable GGUF file: {message}; fetch the model again"))
        })?;
        Ok(Self { path: path.to_owned(), map, metadata, tensors })
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A metadata value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// A metadata text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_text)
    }

    /// Names of the tensors as the file has them.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A tensor's shape, slowest dimension first.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.tensors.get(name).map(|info| info.shape.clone())
    }

    /// A tensor as it is stored, dequantised, under its GGUF name.
    pub fn tensor(&self, name: &str) -> Result<Weights, Error> {
        let info = self
            .tensors
            .get(name)
            .ok_or_else(|| bad(&self.path, format!("tensor {name} is missing; fetch the model again")))?;
        let bytes = self.map.get(info.start..info.start + info.bytes).unwrap_or_default();
        Ok(Weights { shape: info.shape.clone(), data: info.quantization.dequantize(bytes) })
    }

    /// A tensor under its HF name, q and k in HF's row order.
    pub(crate) fn hf_tensor(&self, name: &str, config: &ModelConfig) -> Result<Weights, Error> {
        let stored = gguf_name(name)
            .ok_or_else(|| bad(&self.path, format!("no GGUF name is known for tensor {name}")))?;
        let weights = self.tensor(&stored)?;
        let heads = match () {
            () if name.ends_with("q_proj.weight") => config.heads,
            () if name.ends_with("k_proj.weight") => config.kv_heads,
            () => return Ok(weights),
        };
        Ok(Weights { data: unpermute(&weights.data, heads, config.head_dim), shape: weights.shape })
    }

    /// The model's shape from the metadata.
    pub fn model_config(&self) -> Result<ModelConfig, Error> {
        let fail = |message: String| bad(&self.path, message);
        let architecture = self.text("general.architecture").unwrap_or_default();
        if architecture != "llama" {
            return Err(fail(format!(
                "architecture `{architecture}` is not supported, only `llama`; choose another model"
            )));
        }
        let number = |key: &str| {
            self.get(&format!("llama.{key}"))
                .and_then(Value::as_u64)
                .and_then(|value| usize::try_from(value).ok())
                .ok_or_else(|| fail(format!("metadata llama.{key} is missing; fetch the model again")))
        };
        let float = |key: &str| self.get(&format!("llama.{key}")).and_then(Value::as_f64);
        let scaling = self.text("llama.rope.scaling.type").unwrap_or("none");
        if scaling != "none" || self.tensors.contains_key("rope_freqs.weight") {
            return Err(fail("RoPE scaling is not supported; choose another model".to_owned()));
        }
        let (hidden, heads) = (number("embedding_length")?, number("attention.head_count")?);
        let head_dim = number("attention.key_length").or_else(|_| {
            hidden.checked_div(heads).ok_or_else(|| fail("the model has no attention heads".to_owned()))
        })?;
        let rotated = number("rope.dimension_count").unwrap_or(head_dim);
        if rotated != head_dim || number("attention.value_length").unwrap_or(head_dim) != head_dim {
            return Err(fail("heads that rotate in part or differ for values are not supported".to_owned()));
        }
        let token = |key: &str| {
            self.get(&format!("tokenizer.ggml.{key}_token_id"))
                .and_then(Value::as_u64)
                .and_then(|id| u32::try_from(id).ok())
        };
        let embedding = self.shape("token_embd.weight").unwrap_or_default();
        Ok(ModelConfig {
            architecture: architecture.to_owned(),
            layers: number("block_count")?,
            hidden,
            heads,
            kv_heads: number("attention.head_count_kv").unwrap_or(heads),
            head_dim,
            ffn: number("feed_forward_length")?,
            vocab: embedding.first().copied().unwrap_or_default(),
            rope_theta: float("rope.freq_base").unwrap_or(10_000.0),
            rms_eps: float("attention.layer_norm_rms_epsilon").unwrap_or(1e-5),
            context: number("context_length")?,
            tied: !self.tensors.contains_key("output.weight"),
            bos: token("bos"),
            eos: token("eos").into_iter().chain(token("eot")).collect(),
        })
    }
}

/// The GGUF name of a tensor that HF calls `name`.
pub fn gguf_name(name: &str) -> Option<String> {
    let fixed = match name {
        "model.embed_tokens.weight" => Some("token_embd.weight"),
        "model.norm.weight" => Some("output_norm.weight"),
        "lm_head.weight" => Some("output.weight"),
        _ => None,
    };
    if let Some(fixed) = fixed {
        return Some(fixed.to_owned());
    }
    let (layer, part) = name.strip_prefix("model.layers.")?.split_once('.')?;
    let part = match part.strip_suffix(".weight")? {
        "input_layernorm" => "attn_norm",
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.o_proj" => "attn_output",
        "post_attention_layernorm" => "ffn_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" => "ffn_up",
        "mlp.down_proj" => "ffn_down",
        _ => return None,
    };
    Some(format!("blk.{layer}.{part}.weight"))
}

/// GGUF stores the q and k rows of a head as pairs (x0, y0, x1, y1, …), for RoPE on neighbours; HF wants all x,
/// then all y, for RoPE on halves.
pub fn unpermute(data: &[f32], heads: usize, head_dim: usize) -> Vec<f32> {
    let width = data.len() / (heads * head_dim).max(1);
    let row = |index: usize| &data[index * width..(index + 1) * width];
    let mut out = Vec::with_capacity(data.len());
    for head in 0..heads {
        for half in 0..2 {
            for pair in 0..head_dim / 2 {
                out.extend_from_slice(row(head * head_dim + pair * 2 + half));
            }
        }
    }
    out
}

type Header = (BTreeMap<String, Value>, BTreeMap<String, Info>);

fn read_header(file: &[u8]) -> Result<Header, String> {
    let mut reader = Reader::new(file);
    if reader.take(4)? != b"GGUF" {
        return Err("it does not begin with `GGUF`".to_owned());
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(format!("version {version} is not supported (2 and 3 are, little-endian)"));
    }
    let (tensor_count, entry_count) = (reader.u64()?, reader.u64()?);
    if tensor_count > MOST_TENSORS || entry_count > MOST_ENTRIES {
        return Err(format!("{tensor_count} tensors and {entry_count} metadata entries cannot be meant"));
    }
    let mut metadata = BTreeMap::new();
    for _ in 0..entry_count {
        let key = reader.text()?;
        let value = reader.value().map_err(|message| format!("metadata {key:?}: {message}"))?;
        metadata.insert(key, value);
    }
    let mut raw = Vec::new();
    for _ in 0..tensor_count {
        let name = reader.text()?;
        let rank = reader.u32()?;
        if !(1..=4).contains(&rank) {
            return Err(format!("tensor {name:?} has {rank} dimensions"));
        }
        let mut shape = (0..rank).map(|_| reader.size()).collect::<Result<Vec<_>, _>>()?;
        shape.reverse();
        let quantization = Quantization::from_code(reader.u32()?)
            .map_err(|message| format!("tensor {name:?}: {message}"))?;
        raw.push((name, shape, quantization, reader.size()?));
    }
    let alignment = match metadata.get("general.alignment") {
        None => 32,
        Some(value) => match value.as_u64().and_then(|value| usize::try_from(value).ok()) {
            Some(value) if value.is_power_of_two() && value <= 1 << 20 => value,
            _ => return Err("alignment is no power of two".to_owned()),
        },
    };
    let data = reader.position().next_multiple_of(alignment);
    let mut tensors = BTreeMap::new();
    for (name, shape, quantization, offset) in raw {
        let bytes = quantization.bytes(&shape).ok_or_else(|| {
            format!("tensor {name:?} of shape {shape:?} is no whole number of {quantization:?} blocks")
        })?;
        let start = data.checked_add(offset);
        let end = start.and_then(|start| start.checked_add(bytes));
        let (Some(start), true) = (start, end.is_some_and(|end| end <= file.len())) else {
            return Err(format!(
                "tensor {name:?} lies beyond the end of the file ({} bytes): it was cut off",
                file.len()
            ));
        };
        if tensors.insert(name.clone(), Info { shape, quantization, start, bytes }).is_some() {
            return Err(format!("tensor {name:?} is there twice"));
        }
    }
    Ok((metadata, tensors))
}
