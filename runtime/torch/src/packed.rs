//! The forward pass over a packed tree: log-probabilities of all wanted tokens, with gradients for the adapter.

use tch::{Kind, Tensor};

use crate::layers::{rms_norm, rope};
use crate::lora::{Adapter, LayerAdapter, Projection, project};
use crate::tree::Tree;
use crate::weights::{Layer, Model};

/// What attention needs to know of a tree, made once for all layers.
struct Shape {
    /// Lengths of the trunk and of the branches.
    lengths: Vec<i64>,
    /// What is added to the scores of each branch.
    masks: Vec<Tensor>,
    rope: (Tensor, Tensor),
    heads: Tensor,
}

impl Shape {
    fn new(model: &Model, tree: &Tree) -> Self {
        let mask = |seen: Vec<bool>, width: usize| {
            let bias: Vec<f32> =
                seen.into_iter().map(|sees| if sees { 0.0 } else { f32::NEG_INFINITY }).collect();
            let rows = (bias.len() / width) as i64;
            Tensor::from_slice(&bias)
                .reshape([rows, width as i64])
                .to_kind(model.kind)
                .to_device(model.device)
        };
        let masks = tree.branches.iter().map(|branch| mask(tree.sees(branch), tree.trunk + branch.len()));
        let branches = tree.branches.iter().map(|branch| branch.len() as i64);
        Self {
            lengths: std::iter::once(tree.trunk as i64).chain(branches).collect(),
            masks: masks.collect(),
            rope: model.rope_at(&Tensor::from_slice(&tree.depths).to_device(model.device)),
            heads: Tensor::from_slice(&tree.heads).to_device(model.device),
        }
    }
}

/// Log-probability of each of the tree's targets, in order, at temperature 1.
pub fn log_probs(model: &Model, adapter: Option<&Adapter>, tree: &Tree) -> Tensor {
    let shape = Shape::new(model, tree);
    let logits = head_logits(model, adapter, tree, &shape);
    let vocab = model.config.vocab as i64;
    let flat: Vec<i64> = tree.targets.iter().map(|t| t.head as i64 * vocab + i64::from(t.token)).collect();
    let heads: Vec<i64> = tree.targets.iter().map(|t| t.head as i64).collect();
    let index = |values: &[i64]| Tensor::from_slice(values).to_device(model.device);
    let normalizer = logits.logsumexp(1, false).index_select(0, &index(&heads));
    logits.reshape(-1).index_select(0, &index(&flat)) - normalizer
}

/// Logits at every node of a tree, in its order: for tests and for looking at a model.
pub fn all_logits(model: &Model, adapter: Option<&Adapter>, tree: &Tree) -> Tensor {
    let mut shape = Shape::new(model, tree);
    shape.heads = Tensor::arange(tree.len() as i64, (Kind::Int64, model.device));
    head_logits(model, adapter, tree, &shape)
}

fn head_logits(model: &Model, adapter: Option<&Adapter>, tree: &Tree, shape: &Shape) -> Tensor {
    let tokens = Tensor::from_slice(&tree.tokens).to_device(model.device);
    let mut x = model.embed.index_select(0, &tokens);
    let none = LayerAdapter::default();
    let last = model.layers.len() - 1;
    for (index, layer) in model.layers.iter().enumerate() {
        let (lora, scale) = adapter.map_or((&none, 0.0), |adapter| (&adapter.layers[index], adapter.scale));
        let context = Context { model, layer, lora, scale };
        let mut attended = context.attention(&x, shape);
        if index == last {
            // Nothing reads the other nodes any more.
            attended = attended.index_select(0, &shape.heads);
            x = x.index_select(0, &shape.heads);
        }
        // Not in place: the gradient needs the old value.
        x = &x + context.project(&attended, &layer.o, Projection::O);
        x = &x + context.feed_forward(&x);
    }
    let x = rms_norm(&x, &model.norm, model.config.rms_eps);
    let logits = x.matmul(&model.head.tr());
    if logits.kind() == Kind::BFloat16 { logits.to_kind(Kind::Float) } else { logits }
}

/// One layer with its part of the adapter.
struct Context<'a> {
    model: &'a Model,
    layer: &'a Layer,
    lora: &'a LayerAdapter,
    scale: f64,
}

impl Context<'_> {
    fn project(&self, x: &Tensor, weight: &Tensor, projection: Projection) -> Tensor {
        project(x, weight, self.lora.get(projection), self.scale)
    }

    /// Attention before the output projection: `[n, heads * head_dim]`.
    fn attention(&self, x: &Tensor, shape: &Shape) -> Tensor {
        let head_dim = self.model.config.head_dim as i64;
        let x = rms_norm(x, &self.layer.input_norm, self.model.config.rms_eps);
        let [q_columns, k_columns, v_columns] = self.model.qkv_columns();
        let part = |start: i64, columns: i64, projection: Projection| {
            let weight = self.layer.qkv.narrow(1, start, columns);
            self.project(&x, &weight, projection).reshape([-1, columns / head_dim, head_dim])
        };
        // [n, heads, head_dim] to [1, heads, n, head_dim], cut into trunk and branches. One `split` rather than
        // many `narrow`: its gradient is one concatenation, not as many additions to zeros.
        let cut = |x: Tensor| x.transpose(0, 1).unsqueeze(0).split_with_sizes(shape.lengths.as_slice(), 2);
        let q = cut(rope(&part(0, q_columns, Projection::Q), &shape.rope));
        let k = cut(rope(&part(q_columns, k_columns, Projection::K), &shape.rope));
        let v = cut(part(q_columns + k_columns, v_columns, Projection::V));

        let attend = |q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>| {
            Tensor::scaled_dot_product_attention(q, k, v, mask, 0.0, mask.is_none(), None, true)
        };
        let mut parts = Vec::with_capacity(shape.lengths.len());
        if shape.lengths[0] > 0 {
            parts.push(attend(&q[0], &k[0], &v[0], None));
        }
        for (index, mask) in shape.masks.iter().enumerate() {
            let joined = |x: &[Tensor]| Tensor::cat(&[&x[0], &x[index + 1]], 2);
            parts.push(attend(&q[index + 1], &joined(&k), &joined(&v), Some(mask)));
        }
        Tensor::cat(&parts, 2).squeeze_dim(0).transpose(0, 1).reshape([-1, q_columns])
    }

    fn feed_forward(&self, x: &Tensor) -> Tensor {
        let x = rms_norm(x, &self.layer.post_norm, self.model.config.rms_eps);
        let ffn = self.model.config.ffn as i64;
        let part =
            |start, projection| self.project(&x, &self.layer.gate_up.narrow(1, start, ffn), projection);
        let gated = part(0, Projection::Gate).silu() * part(ffn, Projection::Up);
        self.project(&gated, &self.layer.down, Projection::Down)
    }
}
