//! Training on the tiny random Llama.
//!
//! * three SFT steps: loss, gradient norm, gradients and parameters as PyTorch's autograd, peft and AdamW have them
//! * three DPO steps with an SFT term: the same, and all of TRL's metrics
//! * packed loss and gradients equal those of one sequence at a time; so do micro-batches
//! * with B = 0 the DPO loss is ln 2
//! * gradients against finite differences, in f64
//! * clipping off, and clipping by a norm that is not reached, change nothing
//! * training that is resumed from files equals training in one go, bit for bit
//! * a step that cannot be made leaves the adapter as it was

use crate::common::*;
use sport_policy::Policy;
use sport_policy::types::{OptimizerConfig, Pair, StepMetrics, TrainBatch};
use sport_torch::Torch;
use sport_torch::train::{PACKED_TOKENS, gradients};
use tch::{IndexOp, Kind, Tensor};

fn check_against_pytorch(name: &str, batch: &TrainBatch) {
    let mut policy = tiny_with_adapter(Kind::Float);
    let (golden, numbers) = (json("tiny.json"), tensors("tiny.safetensors"));
    let of = |policy: &Torch, what: &str| -> Vec<Tensor> {
        let names = policy.adapter().unwrap().names();
        names.iter().map(|peft| numbers[&format!("{name}.{what}.{peft}")].shallow_clone()).collect()
    };
    let (found, _) = gradients(policy.model(), policy.adapter().unwrap(), batch, PACKED_TOKENS).unwrap();
    let apart = relative(&found, &of(&policy, "gradient"));
    assert!(apart < 1e-5, "gradients {apart}");
    for golden in golden[name]["metrics"].as_array().unwrap() {
        let metrics = policy.train_step(batch, &optimizer()).unwrap();
        for (figure_name, value) in golden.as_object().unwrap() {
            let (found, value) = (figure(&metrics, figure_name), value.as_f64().unwrap());
            assert!((found - value).abs() < 1e-4 * value.abs().max(1.0), "{figure_name}: {found} {value}");
        }
    }
    let parameters: Vec<Tensor> = policy.adapter().unwrap().parameters().iter().map(|p| p.detach()).collect();
    // Where a gradient is almost nothing, Adam makes a step of its sign's noise.
    let apart = relative(&parameters, &of(&policy, "parameter"));
    assert!(apart < 1e-3, "parameters {apart}");
}

#[test]
fn sft_as_pytorch() {
    check_against_pytorch("sft", &sft());
}

#[test]
fn dpo_as_pytorch() {
    check_against_pytorch("dpo", &dpo());
}

/// The batch as batches of one unit each; the loss is their mean.
fn alone(batch: &TrainBatch) -> Vec<TrainBatch> {
    match batch.clone() {
        TrainBatch::Sft { items } => {
            items.into_iter().map(|item| TrainBatch::Sft { items: vec![item] }).collect()
        }
        TrainBatch::Dpo { pairs, beta, sft_weight } => {
            pairs.into_iter().map(|pair| TrainBatch::Dpo { pairs: vec![pair], beta, sft_weight }).collect()
        }
    }
}

#[test]
fn packed_equals_unpacked() {
    let policy = tiny_with_adapter(Kind::Float);
    let (model, adapter) = (policy.model(), policy.adapter().unwrap());
    for batch in [sft(), dpo()] {
        let (packed, metrics) = gradients(model, adapter, &batch, PACKED_TOKENS).unwrap();
        // A bound that every unit exceeds: each is packed by itself.
        let (micro, micro_metrics) = gradients(model, adapter, &batch, 1).unwrap();
        assert!(micro_metrics.tokens > metrics.tokens);
        assert!(relative(&micro, &packed) < 1e-5);
        assert!((micro_metrics.loss - metrics.loss).abs() < 1e-5);

        let parts: Vec<_> = alone(&batch)
            .iter()
            .map(|part| gradients(model, adapter, part, PACKED_TOKENS).unwrap())
            .collect();
        let count = parts.len() as f64;
        let mean: Vec<Tensor> = (0..packed.len())
            .map(|index| parts.iter().map(|(gradients, _)| &gradients[index]).sum::<Tensor>() / count)
            .collect();
        assert!(relative(&mean, &packed) < 1e-5);
        let loss = parts.iter().map(|(_, metrics)| metrics.loss).sum::<f64>() / count;
        assert!((loss - metrics.loss).abs() < 1e-5);
    }
    // Two sides of a pair, each by itself, against both in one tree.
    let sums = |sides: &[(&[u32], &[u32])]| -> Vec<f64> {
        let items: Vec<_> = sides
            .iter()
            .map(|(prompt, completion)| sport_policy::types::Completion {
                prompt: prompt.to_vec(),
                completion: completion.to_vec(),
            })
            .collect();
        sport_torch::train::score(model, Some(adapter), &items, &mut |_, _| true).unwrap()
    };
    for Pair { prompt, chosen, rejected, .. } in &pairs() {
        let both = sums(&[(prompt, chosen), (prompt, rejected)]);
        assert!((both[0] - sums(&[(prompt, chosen)])[0]).abs() < 1e-5);
        assert!((both[1] - sums(&[(prompt, rejected)])[0]).abs() < 1e-5);
    }
}

#[test]
fn the_first_loss_is_ln_2() {
    let mut policy = tiny(Kind::Float);
    policy.new_adapter(&lora(7)).unwrap();
    let mut pairs = pairs();
    let side = |of: &dyn Fn(&Pair) -> Vec<u32>, pairs: &[Pair]| -> Vec<_> {
        pairs
            .iter()
            .map(|pair| sport_policy::types::Completion { prompt: pair.prompt.clone(), completion: of(pair) })
            .collect()
    };
    let chosen = policy.score(&side(&|pair| pair.chosen.clone(), &pairs), true, &mut |_, _| true).unwrap();
    let rejected =
        policy.score(&side(&|pair| pair.rejected.clone(), &pairs), false, &mut |_, _| true).unwrap();
    for ((pair, chosen), rejected) in pairs.iter_mut().zip(chosen).zip(rejected) {
        (pair.reference_chosen, pair.reference_rejected) = (chosen, rejected);
    }
    let batch = TrainBatch::Dpo { pairs, beta: 0.1, sft_weight: 0.0 };
    let metrics = policy.train_step(&batch, &optimizer()).unwrap();
    assert!((metrics.loss - std::f64::consts::LN_2).abs() < 1e-6, "{metrics:?}");
    assert_eq!(metrics.loss, metrics.dpo_loss);
    let after = policy.train_step(&batch, &optimizer()).unwrap();
    assert!(after.loss < metrics.loss && after.rewards_margins > 0.0, "{after:?}");
}

#[test]
fn finite_differences() {
    let policy = tiny_with_adapter(Kind::Double);
    let (model, adapter) = (policy.model(), policy.adapter().unwrap());
    let loss = |batch: &TrainBatch| gradients(model, adapter, batch, PACKED_TOKENS).unwrap().1.loss;
    for batch in [sft(), dpo()] {
        let (found, _) = gradients(model, adapter, &batch, PACKED_TOKENS).unwrap();
        for (index, (parameter, gradient)) in adapter.parameters().iter().zip(&found).enumerate() {
            // Another element of each matrix.
            let (flat, at) = (parameter.detach().reshape(-1), (index as i64 * 13) % parameter.numel() as i64);
            let (step, value) = (1e-5, flat.double_value(&[at]));
            let at_offset = |offset: f64| {
                let _ = tch::no_grad(|| flat.i(at).fill_(value + offset));
                loss(&batch)
            };
            let slope = (at_offset(step) - at_offset(-step)) / (2.0 * step);
            at_offset(0.0);
            let gradient = gradient.reshape(-1).double_value(&[at]);
            assert!((slope - gradient).abs() < 1e-7 + 1e-6 * gradient.abs(), "{index}: {slope} {gradient}");
        }
    }
}

#[test]
fn clipping_only_when_it_is_reached() {
    let after = |max_grad_norm: f64| {
        let mut policy = tiny_with_adapter(Kind::Float);
        let metrics = policy.train_step(&sft(), &OptimizerConfig { max_grad_norm, ..optimizer() }).unwrap();
        (metrics, bits(&policy))
    };
    let (off, far, near) = (after(0.0), after(1e6), after(0.01));
    assert_eq!(off, far);
    assert_eq!(off.0, near.0);
    assert_ne!(off.1, near.1);
}

fn bits(policy: &Torch) -> Vec<u32> {
    let flatten = |p: &Tensor| {
        let mut values = vec![0f32; p.numel()];
        p.detach().contiguous().copy_data(&mut values, p.numel());
        values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    policy.adapter().unwrap().parameters().into_iter().flat_map(flatten).collect()
}

#[test]
fn resumed_equals_straight() {
    let folder = tempfile::tempdir().unwrap();
    let step = |policy: &mut Torch, batch: &TrainBatch| -> StepMetrics {
        policy.train_step(batch, &optimizer()).unwrap()
    };
    let mut straight = tiny(Kind::Float);
    straight.new_adapter(&lora(3)).unwrap();
    step(&mut straight, &sft());
    step(&mut straight, &dpo());
    straight.save_adapter(&folder.path().join("half")).unwrap();
    let first = step(&mut straight, &dpo());

    let mut resumed = tiny(Kind::Float);
    resumed.load_adapter(&folder.path().join("half")).unwrap();
    assert_eq!(step(&mut resumed, &dpo()), first);
    assert_eq!(bits(&resumed), bits(&straight));

    // Without the optimiser's file it is another step.
    let mut fresh = tiny(Kind::Float);
    fresh.load_adapter(&folder.path().join("half")).unwrap();
    fresh.reset_optimizer().unwrap();
    step(&mut fresh, &dpo());
    assert_ne!(bits(&fresh), bits(&straight));
}

#[test]
fn a_step_that_cannot_be_made() {
    let mut policy = tiny_with_adapter(Kind::Float);
    let huge = OptimizerConfig { learning_rate: 1e30, max_grad_norm: 0.0, ..optimizer() };
    policy.train_step(&sft(), &huge).unwrap();
    let before = bits(&policy);
    let error = policy.train_step(&sft(), &optimizer()).unwrap_err();
    assert!(error.to_string().contains("not finite"), "{error}");
    assert_eq!(bits(&policy), before);
}
