//! The frozen base model as tensors.
//!
//! Projections that read the same input lie in one matrix, so that sampling makes one multiplication of them;
//! training takes column slices of it, which are views.
//!
//! Projections are kept as `[in, out]`, the transpose of HF's form, with rows a little longer than they need to be:
//! so MKL multiplies small batches without repacking the whole weight each time (1.3 to 2 times faster with 40
//! rows), and no row length is a multiple of a large power of two, which would make cache lines collide.

use sport_policy::Error;
use sport_policy::model::{ModelConfig, ModelFiles};
use tch::{Device, Kind, Tensor};

/// One decoder layer.
pub struct Layer {
    /// Weight of the norm before attention.
    pub input_norm: Tensor,
    /// Query, key and value projections, side by side: `[hidden, (heads + 2 * kv_heads) * head_dim]`.
    pub qkv: Tensor,
    /// Output projection: `[heads * head_dim, hidden]`.
    pub o: Tensor,
    /// Weight of the norm before the feed-forward part.
    pub post_norm: Tensor,
    /// Gate and up projections, side by side: `[hidden, 2 * ffn]`.
    pub gate_up: Tensor,
    /// Down projection: `[ffn, hidden]`.
    pub down: Tensor,
}

/// The whole model.
pub struct Model {
    /// Its shape.
    pub config: ModelConfig,
    /// Embedding: `[vocab, hidden]`.
    pub embed: Tensor,
    /// Decoder layers.
    pub layers: Vec<Layer>,
    /// Weight of the last norm.
    pub norm: Tensor,
    /// The head: `[vocab, hidden]`; the embedding itself where the model ties them.
    pub head: Tensor,
    /// RoPE's frequencies: `[head_dim / 2]`.
    frequencies: Tensor,
    /// Number type of the weights.
    pub kind: Kind,
    /// Where they are.
    pub device: Device,
}

impl Model {
    /// Reads all tensors.
    pub fn load(files: &ModelFiles, device: Device, kind: Kind) -> Result<Self, Error> {
        let config = files.config().clone();
        let read = |name: &str| -> Result<Tensor, Error> {
            let weights = files.tensor(name)?;
            let shape: Vec<i64> = weights.shape.iter().map(|n| *n as i64).collect();
            Ok(Tensor::from_slice(&weights.data).reshape(shape).to_device(device).to_kind(kind))
        };
        let stack = |prefix: &str, names: &[&str]| -> Result<Tensor, Error> {
            let parts = names
                .iter()
                .map(|name| read(&format!("{prefix}.{name}.weight")))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(padded_copy(&Tensor::cat(&parts, 0).tr()))
        };
        let embed = read("model.embed_tokens.weight")?;
        let mut layers = Vec::with_capacity(config.layers);
        for index in 0..config.layers {
            let prefix = format!("model.layers.{index}");
            layers.push(Layer {
                input_norm: read(&format!("{prefix}.input_layernorm.weight"))?,
                qkv: stack(&prefix, &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"])?,
                o: stack(&prefix, &["self_attn.o_proj"])?,
                post_norm: read(&format!("{prefix}.post_attention_layernorm.weight"))?,
                gate_up: stack(&prefix, &["mlp.gate_proj", "mlp.up_proj"])?,
                down: stack(&prefix, &["mlp.down_proj"])?,
            });
        }
        let head = if config.tied { embed.shallow_clone() } else { read("lm_head.weight")? };
        let frequencies = rope_frequencies(&config, device, kind);
        let norm = read("model.norm.weight")?;
        Ok(Self { config, embed, layers, norm, head, frequencies, kind, device })
    }

    /// Columns of the query, key and value projections.
    pub fn qkv_columns(&self) -> [i64; 3] {
        let (heads, kv_heads) = (self.config.heads as i64, self.config.kv_heads as i64);
        let head_dim = self.config.head_dim as i64;
        [heads * head_dim, kv_heads * head_dim, kv_heads * head_dim]
    }

    /// RoPE's cosines and sines at the given positions, with a dimension for the heads: `[n, 1, head_dim / 2]`.
    pub fn rope_at(&self, positions: &Tensor) -> (Tensor, Tensor) {
        let angles = positions.to_kind(self.frequencies.kind()).outer(&self.frequencies).unsqueeze(1);
        (angles.cos().to_kind(self.kind), angles.sin().to_kind(self.kind))
    }
}

/// A copy of a matrix whose rows lie a little further apart than they are long.
pub fn padded_copy(matrix: &Tensor) -> Tensor {
    /// One cache line of f32.
    const PADDING: i64 = 16;
    let (rows, columns) = (matrix.size()[0], matrix.size()[1]);
    let mut copy =
        Tensor::zeros([rows, columns + PADDING], (matrix.kind(), matrix.device())).narrow(1, 0, columns);
    copy.copy_(matrix);
    copy
}

/// In f32 as transformers has them: the model was trained with these roundings. (In f64 for f64 weights.)
fn rope_frequencies(config: &ModelConfig, device: Device, kind: Kind) -> Tensor {
    let wide = if kind == Kind::Double { Kind::Double } else { Kind::Float };
    let exponents = Tensor::arange(config.head_dim as i64 / 2, (wide, device)) * 2.0 / config.head_dim as f64;
    (exponents * config.rope_theta.ln()).exp().reciprocal()
}
