//! The forward pass with a key-value cache, for sampling, and the cache of shared prefixes.
//!
//! What all prompts of a call share is kept once, as a [`Prefix`]: every row attends to it with one large
//! multiplication per key-value head, and nothing of it is copied per row. Behind it each row has columns of its
//! own ([`Rows`]), aligned so that all rows write the same column next.
//!
//! A prefix is computed in blocks of [`BLOCK`] tokens and a rest, each in a forward pass of its own, and blocks are
//! cached under all tokens up to their end. Whether a block came from the cache or was computed now makes no
//! difference, not even in the last bit, because blocks that end alike are always computed in the same shape.

use std::collections::HashMap;

use tch::{IndexOp, Kind, Tensor};

use crate::layers::{rms_norm, rope, swiglu};
use crate::lora::{Adapter, LayerAdapter, Projection, add_low_rank};
use crate::weights::{Layer, Model};

/// Tokens per block: small, so that prefixes that differ at their ends share much; large enough that the
/// multiplications are worth it.
pub const BLOCK: usize = 64;

/// The prefix cache is cut to this after every call: enough for eight prefixes of 700 tokens of a 135 M model.
const CACHE_BYTES: usize = 256 << 20;

/// Added to a score that must not count. Finite, so that a row of padding gives numbers and no NaN.
pub const HIDDEN: f64 = -1e9;

/// Keys and values that all rows see.
pub struct Prefix {
    /// Tokens in it.
    pub len: i64,
    /// By layer: `[kv_heads, len, head_dim]`.
    k: Vec<Tensor>,
    v: Vec<Tensor>,
}

/// Keys and values of each row, and how many columns are in use.
pub struct Rows {
    /// By layer: `[rows, kv_heads, columns, head_dim]`.
    k: Vec<Tensor>,
    v: Vec<Tensor>,
    /// Columns in use.
    pub used: i64,
}

impl Rows {
    /// Room for so many columns.
    pub fn new(model: &Model, rows: i64, columns: i64) -> Self {
        let shape = [rows, model.config.kv_heads as i64, columns, model.config.head_dim as i64];
        let room = || model.layers.iter().map(|_| Tensor::empty(shape, (model.kind, model.device))).collect();
        Self { k: room(), v: room(), used: 0 }
    }

    /// The rows of `parts`, one after the other, picked by `index`, with room for so many columns.
    pub fn pick(parts: &[Self], index: &Tensor, columns: i64) -> Self {
        let used = parts.first().map_or(0, |part| part.used);
        let pick = |of: &dyn Fn(&Self, usize) -> Tensor, layer: usize| {
            let all: Vec<Tensor> = parts.iter().map(|part| of(part, layer).narrow(2, 0, used)).collect();
            let mut shape = all[0].size();
            (shape[0], shape[2]) = (index.size()[0], columns);
            let room = Tensor::empty(shape, (all[0].kind(), all[0].device()));
            let joined = if all.len() == 1 { all[0].shallow_clone() } else { Tensor::cat(&all, 0) };
            room.narrow(2, 0, used).copy_(&joined.index_select(0, index));
            room
        };
        let layers = parts.first().map_or(0, |part| part.k.len());
        Self {
            k: (0..layers).map(|layer| pick(&|part, layer| part.k[layer].shallow_clone(), layer)).collect(),
            v: (0..layers).map(|layer| pick(&|part, layer| part.v[layer].shallow_clone(), layer)).collect(),
            used,
        }
    }
}

/// A model ready to sample: its layers, with the adapter merged in or put on as it runs.
pub struct Runner<'a> {
    /// The model, for its shape, embedding and head.
    pub model: &'a Model,
    /// The layers to use, merged or not.
    pub layers: &'a [Layer],
    /// An adapter that is not merged.
    pub adapter: Option<&'a Adapter>,
}

impl Runner<'_> {
    /// Runs `tokens` (`[rows, n]`) at `positions` (`[rows * n]`), writes their keys and values behind the columns
    /// in use, and returns the last norm's input: `[rows * n, hidden]`.
    ///
    /// `bias` is added to the scores of the rows' own columns: `[rows, 1, n or 1, 1, columns]`.
    pub fn forward(
        &self,
        tokens: &Tensor,
        positions: &Tensor,
        prefix: Option<&Prefix>,
        rows: &mut Rows,
        bias: Option<&Tensor>,
    ) -> Tensor {
        let (count, width) = (tokens.size()[0], tokens.size()[1]);
        let angles = self.model.rope_at(positions);
        let mut x = self.model.embed.index_select(0, &tokens.reshape(-1));
        let none = LayerAdapter::default();
        for (index, layer) in self.layers.iter().enumerate() {
            let lora = self.adapter.map_or(&none, |adapter| &adapter.layers[index]);
            let step = Step { runner: self, lora, index, count, width };
            let normed = rms_norm(&x, &layer.input_norm, self.model.config.rms_eps);
            let qkv = step.project(&normed, &layer.qkv, &[Projection::Q, Projection::K, Projection::V]);
            let attended = step.attention(&qkv, &angles, prefix, rows, bias);
            x += step.project(&attended, &layer.o, &[Projection::O]);
            let normed = rms_norm(&x, &layer.post_norm, self.model.config.rms_eps);
            let gate_up = step.project(&normed, &layer.gate_up, &[Projection::Gate, Projection::Up]);
            x += step.project(&swiglu(&gate_up), &layer.down, &[Projection::Down]);
        }
        rows.used += width;
        x
    }

    /// Logits in f32 of rows of [`Runner::forward`]'s result.
    pub fn logits(&self, x: &Tensor) -> Tensor {
        let x = rms_norm(x, &self.model.norm, self.model.config.rms_eps);
        let logits = x.matmul(&self.model.head.tr());
        if logits.kind() == Kind::BFloat16 { logits.to_kind(Kind::Float) } else { logits }
    }
}

/// One layer of one forward pass.
struct Step<'a> {
    runner: &'a Runner<'a>,
    lora: &'a LayerAdapter,
    index: usize,
    count: i64,
    width: i64,
}

impl Step<'_> {
    fn project(&self, x: &Tensor, weight: &Tensor, parts: &[Projection]) -> Tensor {
        let y = x.matmul(weight);
        if let Some(adapter) = self.runner.adapter {
            let mut start = 0;
            for part in parts {
                let rows = part.shape(&self.runner.model.config).0;
                if let Some(pair) = self.lora.get(*part) {
                    add_low_rank(&mut y.narrow(1, start, rows), x, pair, adapter.scale);
                }
                start += rows;
            }
        }
        y
    }

    fn attention(
        &self,
        qkv: &Tensor,
        angles: &(Tensor, Tensor),
        prefix: Option<&Prefix>,
        rows: &mut Rows,
        bias: Option<&Tensor>,
    ) -> Tensor {
        let config = &self.runner.model.config;
        let (heads, kv_heads, head_dim) =
            (config.heads as i64, config.kv_heads as i64, config.head_dim as i64);
        let (group, count, width) = (heads / kv_heads, self.count, self.width);
        let split = qkv.reshape([count * width, heads + 2 * kv_heads, head_dim]);
        let qk = rope(&split.narrow(1, 0, heads + kv_heads), angles);
        let (k, v) = (&mut rows.k[self.index], &mut rows.v[self.index]);
        let by_row = |x: Tensor| x.reshape([count, width, kv_heads, head_dim]).transpose(1, 2);
        k.narrow(2, rows.used, width).copy_(&by_row(qk.narrow(1, heads, kv_heads)));
        v.narrow(2, rows.used, width).copy_(&by_row(split.narrow(1, heads + kv_heads, kv_heads)));
        let columns = rows.used + width;
        // One batch item per row and key-value head; the heads of a group are further queries of it.
        let own = |x: &Tensor| x.narrow(2, 0, columns).flatten(0, 1);
        let q = (qk.narrow(1, 0, heads) * (1.0 / (head_dim as f64).sqrt()))
            .reshape([count, width, kv_heads, group, head_dim]);
        let queries = width * group;
        let own_q = q.permute([0, 2, 1, 3, 4]).reshape([count * kv_heads, queries, head_dim]);
        let mut scores = own_q.bmm(&own(k).transpose(1, 2)).reshape([count, kv_heads, width, group, columns]);
        if let Some(bias) = bias {
            scores += bias;
        }
        let scores = scores.reshape([count, kv_heads, queries, columns]);
        let Some(prefix) = prefix.filter(|prefix| prefix.len > 0) else {
            let weights = softmax(&scores).flatten(0, 1);
            let y = weights.bmm(&own(v)).reshape([count, kv_heads, width, group, head_dim]);
            return y.permute([0, 2, 1, 3, 4]).reshape([count * width, heads * head_dim]);
        };
        let shared_q = q.permute([2, 0, 1, 3, 4]).reshape([kv_heads, count * queries, head_dim]);
        let shared = shared_q.bmm(&prefix.k[self.index].transpose(1, 2));
        let shared = shared.reshape([kv_heads, count, queries, prefix.len]).transpose(0, 1);
        let weights = softmax(&Tensor::cat(&[&shared, &scores], 3));
        let shared = weights.narrow(3, 0, prefix.len).transpose(0, 1);
        let shared = shared.reshape([kv_heads, count * queries, prefix.len]).bmm(&prefix.v[self.index]);
        let shared = shared.reshape([kv_heads, count, width, group, head_dim]).permute([1, 2, 0, 3, 4]);
        let y = weights.flatten(0, 1).narrow(2, prefix.len, columns).bmm(&own(v));
        let y = y.reshape([count, kv_heads, width, group, head_dim]).permute([0, 2, 1, 3, 4]);
        (y + shared).reshape([count * width, heads * head_dim])
    }
}

/// Softmax over the last dimension; of bf16 scores in f32.
fn softmax(scores: &Tensor) -> Tensor {
    if scores.kind() == Kind::BFloat16 {
        return scores.softmax(-1, Kind::Float).to_kind(Kind::BFloat16);
    }
    scores.softmax(-1, scores.kind())
}

/// A computed block, and when it was last of use.
struct Block {
    /// By layer: `[kv_heads, tokens, head_dim]`.
    k: Vec<Tensor>,
    v: Vec<Tensor>,
    used: u64,
}

/// Blocks of prefixes, by the weights' revision and all tokens up to the block's end.
#[derive(Default)]
pub struct PrefixCache {
    blocks: HashMap<(u64, Vec<u32>), Block>,
    clock: u64,
    /// Blocks that had to be computed since the cache was made.
    pub computed: u64,
}

impl PrefixCache {
    /// Keys and values of `tokens`.
    pub fn get(&mut self, runner: &Runner<'_>, revision: u64, tokens: &[u32]) -> Prefix {
        let model = runner.model;
        let shape = [model.config.kv_heads as i64, tokens.len() as i64, model.config.head_dim as i64];
        let room = || model.layers.iter().map(|_| Tensor::empty(shape, (model.kind, model.device))).collect();
        let mut prefix = Prefix { len: 0, k: room(), v: room() };
        let whole = (prefix.k, prefix.v);
        self.clock += 1;
        for first in (0..tokens.len()).step_by(BLOCK) {
            let (start, end) = (first as i64, (first + BLOCK).min(tokens.len()));
            let so_far = |whole: &[Tensor]| whole.iter().map(|layer| layer.narrow(1, 0, start)).collect();
            prefix = Prefix { len: start, k: so_far(&whole.0), v: so_far(&whole.1) };
            let (computed, clock) = (&mut self.computed, self.clock);
            let block = self.blocks.entry((revision, tokens[..end].to_vec())).or_insert_with(|| {
                *computed += 1;
                compute_block(runner, &tokens[first..end], &prefix)
            });
            block.used = clock;
            let fill = |whole: &[Tensor], block: &[Tensor]| {
                for (whole, block) in whole.iter().zip(block) {
                    whole.narrow(1, start, block.size()[1]).copy_(block);
                }
            };
            fill(&whole.0, &block.k);
            fill(&whole.1, &block.v);
        }
        prefix = Prefix { len: tokens.len() as i64, k: whole.0, v: whole.1 };
        prefix
    }

    /// Forgets blocks of other revisions than these, and the longest unused ones above the bound.
    pub fn trim(&mut self, model: &Model, revisions: &[u64]) {
        self.blocks.retain(|(revision, _), _| revisions.contains(revision));
        let config = &model.config;
        let numbers = config.layers * 2 * config.kv_heads * config.head_dim * BLOCK;
        let most = (CACHE_BYTES / (numbers * model.kind.elt_size_in_bytes())).max(1);
        if self.blocks.len() > most {
            let mut used: Vec<u64> = self.blocks.values().map(|block| block.used).collect();
            used.sort_unstable_by(|a, b| b.cmp(a));
            let oldest = used[most];
            self.blocks.retain(|_, block| block.used > oldest);
        }
    }
}

fn compute_block(runner: &Runner<'_>, tokens: &[u32], before: &Prefix) -> Block {
    let model = runner.model;
    let width = tokens.len() as i64;
    let ids: Vec<i64> = tokens.iter().map(|token| i64::from(*token)).collect();
    let ids = Tensor::from_slice(&ids).reshape([1, width]).to_device(model.device);
    let positions = Tensor::arange_start(before.len, before.len + width, (Kind::Int64, model.device));
    let causal = (Tensor::ones([width, width], (model.kind, model.device)).triu(1) * HIDDEN)
        .reshape([1, 1, width, 1, width]);
    let mut rows = Rows::new(model, 1, width);
    let _ = runner.forward(&ids, &positions, Some(before), &mut rows, Some(&causal));
    let first = |all: Vec<Tensor>| all.into_iter().map(|layer| layer.i(0)).collect();
    Block { k: first(rows.k), v: first(rows.v), used: 0 }
}
