//! Losses and the optimiser step.
//!
//! A batch is cut into micro-batches whose packed length stays below [`PACKED_TOKENS`]; each contributes the sum
//! of its items' losses divided by the number of items of the whole batch, so the gradients are those of the
//! whole batch.

use std::ops::Range;

use sport_policy::Error;
use sport_policy::types::{Completion, OptimizerConfig, Pair, StepMetrics, TrainBatch};
use tch::{Kind, Tensor};

use crate::adamw::{AdamW, clip, global_norm};
use crate::lora::Adapter;
use crate::packed;
use crate::tree::{Tree, TreeBuilder};
use crate::weights::Model;

/// Longest packed sequence. A token costs about 1.5 MB of memory in training a model of 135 M parameters, so
/// this is 2.4 GB.
pub const PACKED_TOKENS: usize = 1600;

/// Prompt and completion.
type Sequence<'a> = (&'a [u32], &'a [u32]);

fn item(item: &Completion) -> Vec<Sequence<'_>> {
    vec![(&item.prompt, &item.completion)]
}

fn sides(pair: &Pair) -> Vec<Sequence<'_>> {
    vec![(&pair.prompt, &pair.chosen), (&pair.prompt, &pair.rejected)]
}

/// Cuts units (items, or pairs, whose sequences stay together) into packed trees.
fn pack(units: &[Vec<Sequence<'_>>], most: usize) -> Vec<(Range<usize>, Tree)> {
    let mut packed = Vec::new();
    let mut builder = TreeBuilder::default();
    let mut start = 0;
    for (index, unit) in units.iter().enumerate() {
        // The parts of a unit share their prompt, so this is at most what they add.
        let cost: usize = unit.iter().map(|(prompt, completion)| builder.cost(prompt, completion)).sum();
        if index > start && builder.len() + cost > most {
            packed.push((start..index, std::mem::take(&mut builder).finish()));
            start = index;
        }
        for (prompt, completion) in unit {
            builder.add(prompt, completion);
        }
    }
    if start < units.len() {
        packed.push((start..units.len(), builder.finish()));
    }
    packed
}

/// Summed log-probability of each of the tree's sequences, in f64, with gradients.
fn sequence_sums(model: &Model, adapter: Option<&Adapter>, tree: &Tree) -> Tensor {
    let log_probs = packed::log_probs(model, adapter, tree).to_kind(Kind::Double);
    let sequences: Vec<i64> = tree.targets.iter().map(|target| target.sequence as i64).collect();
    let sequences = Tensor::from_slice(&sequences).to_device(model.device);
    Tensor::zeros([tree.sequences as i64], (Kind::Double, model.device)).index_add(0, &sequences, &log_probs)
}

/// Summed log-probability of each completion, without gradients.
pub fn score(
    model: &Model,
    adapter: Option<&Adapter>,
    items: &[Completion],
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Vec<f64>, Error> {
    let units: Vec<_> = items.iter().map(item).collect();
    let mut scores = Vec::with_capacity(items.len());
    for (range, tree) in pack(&units, PACKED_TOKENS) {
        if !progress(range.start as u64, items.len() as u64) {
            return Err(Error::Cancelled);
        }
        scores.extend(to_vec(&tch::no_grad(|| sequence_sums(model, adapter, &tree))));
    }
    progress(items.len() as u64, items.len() as u64);
    Ok(scores)
}

/// Loss and gradients of a batch, in the order of [`Adapter::parameters`]. Packed lengths stay below `most`.
pub fn gradients(
    model: &Model,
    adapter: &Adapter,
    batch: &TrainBatch,
    most: usize,
) -> Result<(Vec<Tensor>, StepMetrics), Error> {
    let parameters = adapter.parameters();
    let mut gradients: Vec<Tensor> = Vec::new();
    let mut metrics = StepMetrics::default();
    let units: Vec<_> = match batch {
        TrainBatch::Sft { items } => items.iter().map(item).collect(),
        TrainBatch::Dpo { pairs, .. } => pairs.iter().map(sides).collect(),
    };
    let share = 1.0 / units.len() as f64;
    for (range, tree) in pack(&units, most) {
        metrics.tokens += tree.len() as u64;
        let sums = sequence_sums(model, Some(adapter), &tree);
        let loss = match batch {
            TrainBatch::Sft { items } => sft_loss(&sums, &items[range], &mut metrics, share),
            TrainBatch::Dpo { pairs, beta, sft_weight } => {
                dpo_loss(&sums, &pairs[range], *beta, *sft_weight, &mut metrics, share)
            }
        };
        let found = Tensor::run_backward(&[&loss], &parameters, false, false);
        if gradients.is_empty() {
            gradients = found;
        } else {
            for (sum, part) in gradients.iter_mut().zip(&found) {
                let _ = sum.g_add_(part);
            }
        }
    }
    Ok((gradients, metrics))
}

fn sft_loss(sums: &Tensor, items: &[Completion], metrics: &mut StepMetrics, share: f64) -> Tensor {
    let lengths: Vec<f64> = items.iter().map(|item| item.completion.len() as f64).collect();
    let loss = (-sums / Tensor::from_slice(&lengths).to_device(sums.device())).sum(Kind::Double) * share;
    let value = loss.double_value(&[]);
    metrics.loss += value;
    metrics.nll += value;
    loss
}

fn dpo_loss(
    sums: &Tensor,
    pairs: &[Pair],
    beta: f64,
    sft_weight: f64,
    metrics: &mut StepMetrics,
    share: f64,
) -> Tensor {
    let column = |of: &dyn Fn(&Pair) -> f64| {
        Tensor::from_slice(&pairs.iter().map(of).collect::<Vec<_>>()).to_device(sums.device())
    };
    let sides = sums.reshape([-1, 2]);
    let (chosen, rejected) = (sides.select(1, 0), sides.select(1, 1));
    let rewards_chosen = (&chosen - column(&|pair| pair.reference_chosen)) * beta;
    let rewards_rejected = (&rejected - column(&|pair| pair.reference_rejected)) * beta;
    let margins = &rewards_chosen - &rewards_rejected;
    let total = |tensor: &Tensor| tensor.sum(Kind::Double) * share;
    let dpo = -total(&margins.log_sigmoid());
    let nll = total(&(-&chosen / column(&|pair| pair.chosen.len() as f64)));
    let loss = if sft_weight == 0.0 { dpo.shallow_clone() } else { &dpo + &nll * sft_weight };
    let value = |tensor: &Tensor| tensor.double_value(&[]);
    metrics.loss += value(&loss);
    metrics.dpo_loss += value(&dpo);
    metrics.nll += value(&nll);
    metrics.rewards_chosen += value(&total(&rewards_chosen));
    metrics.rewards_rejected += value(&total(&rewards_rejected));
    metrics.rewards_margins += value(&total(&margins));
    metrics.rewards_accuracies += value(&total(&margins.gt(0.0)));
    metrics.logps_chosen += value(&total(&chosen));
    metrics.logps_rejected += value(&total(&rejected));
    loss
}

/// One optimiser step. On an error the adapter is as it was.
pub fn train_step(
    model: &Model,
    adapter: &Adapter,
    optimizer: &mut AdamW,
    batch: &TrainBatch,
    config: &OptimizerConfig,
) -> Result<StepMetrics, Error> {
    let (mut gradients, mut metrics) = gradients(model, adapter, batch, PACKED_TOKENS)?;
    metrics.grad_norm = global_norm(&gradients);
    if !(metrics.loss.is_finite() && metrics.grad_norm.is_finite()) {
        return Err(Error::Internal {
            backend: "torch".to_owned(),
            message: format!(
                "loss {} and gradient norm {} are not finite; lower the learning rate, or use dtype `f32`",
                metrics.loss, metrics.grad_norm
            ),
        });
    }
    clip(&mut gradients, metrics.grad_norm, config.max_grad_norm);
    optimizer.step(&adapter.parameters(), &gradients, config);
    Ok(metrics)
}

/// Copies a tensor of f64 out.
fn to_vec(tensor: &Tensor) -> Vec<f64> {
    let mut values = vec![0.0; tensor.numel()];
    let count = values.len();
    tensor.to_device(tch::Device::Cpu).contiguous().copy_data(&mut values, count);
    values
}
