//! A model's files, whatever format they are in, seen as one thing: a config and tensors under HF names.
//!
//! ```ignore
//! let files = ModelFiles::open(path)?;          // a GGUF file or a folder in HF layout
//! let config = files.config();
//! for name in files.names() {                   // in the order of the layers
//!     let Weights { shape, data } = files.tensor(&name)?;   // row-major f32, dequantised
//! }
//! let tokenizer = files.tokenizer()?;
//! let template = files.chat_template();
//! ```
//!
//! `open` reads headers only and checks that every tensor that the config promises is there with the right
//! shape, so that a wrong file fails at once and not in the middle of loading. `names()` are exactly these:
//! `model.embed_tokens.weight`, `model.layers.{i}.{input_layernorm, self_attn.{q,k,v,o}_proj,
//! post_attention_layernorm, mlp.{gate,up,down}_proj}.weight`, `model.norm.weight`, and `lm_head.weight` unless
//! `tied`. The q and k rows of a GGUF file come back in HF's order (rotate-half RoPE).
//!
//! Files are mapped into memory. A file that somebody truncates while it is in use ends the process (SIGBUS), as
//! with every program that maps files: models are meant to be written once.

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::gguf::Gguf;
use crate::hf::Folder;
use crate::tokenizer::Tokenizer;

/// Shape of a Llama-like model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Always `llama` for now.
    pub architecture: String,
    /// Decoder layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Attention heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Width of the feed-forward part.
    pub ffn: usize,
    /// Rows of the embedding.
    pub vocab: usize,
    /// RoPE's base.
    pub rope_theta: f64,
    /// Epsilon of the RMS norms.
    pub rms_eps: f64,
    /// Context length in tokens.
    pub context: usize,
    /// The head is the embedding.
    pub tied: bool,
    /// Beginning-of-sequence token, where the model has one. No prompt gets it by itself.
    pub bos: Option<u32>,
    /// Tokens that end a completion.
    pub eos: Vec<u32>,
}

impl ModelConfig {
    /// Names and shapes of all tensors, in the order of the layers.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (hidden, ffn) = (self.hidden, self.ffn);
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let mut all = vec![("model.embed_tokens.weight".to_owned(), vec![self.vocab, hidden])];
        for layer in 0..self.layers {
            let mut add = |name: &str, shape: &[usize]| {
                all.push((format!("model.layers.{layer}.{name}.weight"), shape.to_vec()));
            };
            add("input_layernorm", &[hidden]);
            add("self_attn.q_proj", &[q, hidden]);
            add("self_attn.k_proj", &[kv, hidden]);
            add("self_attn.v_proj", &[kv, hidden]);
            add("self_attn.o_proj", &[hidden, q]);
            add("post_attention_layernorm", &[hidden]);
            add("mlp.gate_proj", &[ffn, hidden]);
            add("mlp.up_proj", &[ffn, hidden]);
            add("mlp.down_proj", &[hidden, ffn]);
        }
        all.push(("model.norm.weight".to_owned(), vec![hidden]));
        if !self.tied {
            all.push(("lm_head.weight".to_owned(), vec![self.vocab, hidden]));
        }
        all
    }

    /// Parameters of the model; a tied head counts once.
    pub fn parameters(&self) -> u64 {
        self.tensors().iter().map(|(_, shape)| shape.iter().map(|n| *n as u64).product::<u64>()).sum()
    }

    /// Refuses a shape that no forward pass can work with, or whose numbers cannot be meant.
    pub(crate) fn check(&self) -> Result<(), String> {
        let within = |what: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                Ok(())
            } else {
                Err(format!("{what} of {value} makes no sense"))
            }
        };
        within("layer count", self.layers, 1 << 10)?;
        within("hidden size", self.hidden, 1 << 17)?;
        within("head count", self.heads, 1 << 10)?;
        within("key-value head count", self.kv_heads, 1 << 10)?;
        within("head size", self.head_dim, 1 << 10)?;
        within("feed-forward size", self.ffn, 1 << 20)?;
        within("vocabulary", self.vocab, 1 << 22)?;
        within("context length", self.context, 1 << 28)?;
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(format!(
                "{} heads do not divide among {} key-value heads",
                self.heads, self.kv_heads
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err(format!("head size {} is odd, RoPE needs pairs", self.head_dim));
        }
        if !(self.rope_theta.is_finite() && self.rope_theta > 0.0) {
            return Err(format!("RoPE base {} makes no sense", self.rope_theta));
        }
        if !(self.rms_eps.is_finite() && self.rms_eps > 0.0) {
            return Err(format!("norm epsilon {} makes no sense", self.rms_eps));
        }
        Ok(())
    }
}

/// A dequantised tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Shape in HF's order: `[out, in]`.
    pub shape: Vec<usize>,
    /// Values.
    pub data: Vec<f32>,
}

enum Source {
    Gguf(Gguf),
    Folder(Folder),
}

/// A model on disk.
pub struct ModelFiles {
    path: PathBuf,
    source: Source,
    config: ModelConfig,
    chat_template: Option<String>,
}

impl ModelFiles {
    /// Opens a GGUF file or a folder in HF layout and checks it against its own config.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let kind = std::fs::metadata(path).map_err(|source| {
            if source.kind() == std::io::ErrorKind::NotFound {
                bad(
                    path,
                    "there is no such model; `make setup` fetches the default one, or set `model` to a \
                           GGUF file or a folder in HF layout",
                )
            } else {
                Error::Io { what: "open", path: path.to_owned(), source }
            }
        })?;
        let (source, config, chat_template) = if kind.is_dir() {
            let folder = Folder::open(path)?;
            let config = folder.config().clone();
            let template = folder.chat_template()?;
            (Source::Folder(folder), config, template)
        } else {
            let gguf = Gguf::open(path)?;
            let config = gguf.model_config()?;
            let template = gguf.text("tokenizer.chat_template").map(str::to_owned);
            (Source::Gguf(gguf), config, template)
        };
        let files = Self { path: path.to_owned(), source, config, chat_template };
        files.config.check().map_err(|message| bad(path, message))?;
        for (name, shape) in files.config.tensors() {
            match files.shape(&name) {
                None => return Err(bad(path, format!("tensor {name} is missing; fetch the model again"))),
                Some(found) if found != shape => {
                    return Err(bad(
                        path,
                        format!("tensor {name} has shape {found:?} where {shape:?} belongs"),
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(files)
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// HF names of all tensors, in the order of the layers.
    pub fn names(&self) -> Vec<String> {
        self.config.tensors().into_iter().map(|(name, _)| name).collect()
    }

    /// Shape of a tensor as the file has it.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        match &self.source {
            Source::Gguf(gguf) => gguf.shape(&crate::gguf::gguf_name(name)?),
            Source::Folder(folder) => folder.shape(name),
        }
    }

    /// Reads one tensor as f32, dequantised, in HF's row order.
    pub fn tensor(&self, name: &str) -> Result<Weights, Error> {
        match &self.source {
            Source::Gguf(gguf) => gguf.hf_tensor(name, &self.config),
            Source::Folder(folder) => folder.tensor(name),
        }
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> Result<Tokenizer, Error> {
        match &self.source {
            Source::Gguf(gguf) => Tokenizer::from_gguf(gguf),
            Source::Folder(_) => Tokenizer::from_file(&self.path.join("tokenizer.json")),
        }
    }

    /// The chat template, where the model brings one.
    pub fn chat_template(&self) -> Option<&str> {
        self.chat_template.as_deref()
    }

    /// `sha256:` of the GGUF file; of a folder, of its files' names and digests. Reads everything once.
    pub fn digest(&self) -> Result<String, Error> {
        match &self.source {
            Source::Gguf(gguf) => Ok(format!("sha256:{}", hex(&Sha256::digest(gguf.bytes())))),
            Source::Folder(folder) => folder.digest(),
        }
    }
}

/// A [`Error::BadFile`].
pub(crate) fn bad(path: &Path, message: impl Into<String>) -> Error {
    Error::BadFile { path: path.to_owned(), message: message.into() }
}

/// Bytes in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Maps a file read-only.
pub(crate) fn map(path: &Path) -> Result<Mmap, Error> {
    let file =
        File::open(path).map_err(|source| Error::Io { what: "open", path: path.to_owned(), source })?;
    // SAFETY: the map is read-only; see the module's word on files that change while they are in use.
    unsafe { Mmap::map(&file) }.map_err(|source| Error::Io { what: "map", path: path.to_owned(), source })
}
