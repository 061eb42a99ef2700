//! Requests that make no sense are refused in one line that says why, and the policy goes on.
//!
//! * sampling: empty prompt, prompt that fills the context, unknown token, no tokens wanted, empty stop string
//! * scoring: empty completion, more than the context
//! * training: no adapter, empty batch, references and settings that are no numbers
//! * adapters: rank 0, unknown module, none
//! * devices and number types that do not exist

use crate::common::*;
use sport_policy::abi::{Log, NativeBackend};
use sport_policy::types::{
    Completion, LoraConfig, OptimizerConfig, PolicyConfig, Prompt, SampleRequest, TrainBatch,
};
use sport_policy::{Error, Policy};
use sport_torch::Torch;
use tch::Kind;

fn always(_: u64, _: u64) -> bool {
    true
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, says: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), "policy-bad-request", "{error}");
    let text = error.to_string();
    assert!(text.contains(says) && !text.contains('\n'), "{text}");
}

#[test]
fn sampling() {
    let mut policy = tiny(Kind::Float);
    let good = request("a", vec![greedy()], 2);
    let with = |change: &dyn Fn(&mut SampleRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let mut try_it = |change: &dyn Fn(&mut SampleRequest), says: &str| {
        refused(policy.sample(&[good.clone(), with(change)], &mut always), says);
    };
    try_it(&|r| r.prompt = Prompt::Text(String::new()), "prompt is empty");
    try_it(&|r| r.prompt = Prompt::Tokens(vec![1; 512]), "context ends at 512");
    try_it(&|r| r.prompt = Prompt::Tokens(vec![260]), "token 260");
    try_it(&|r| r.max_tokens = 0, "max_tokens");
    try_it(&|r| r.stop = vec![String::new()], "stop string");
    try_it(&|r| r.candidates[0].top_p = 0.0, "top_p");
    assert_eq!(policy.sample(&[good], &mut always).unwrap().len(), 1);
}

#[test]
fn scoring() {
    let mut policy = tiny(Kind::Float);
    let item = |prompt: usize, completion: usize| {
        [Completion { prompt: vec![1; prompt], completion: vec![1; completion] }]
    };
    refused(policy.score(&item(3, 0), true, &mut always), "completion is empty");
    refused(policy.score(&item(0, 3), true, &mut always), "prompt is empty");
    refused(policy.score(&item(500, 13), true, &mut always), "context");
    assert_eq!(policy.score(&item(500, 12), true, &mut always).unwrap().len(), 1);
    assert!(matches!(policy.score(&item(1, 1), true, &mut |_, _| false), Err(Error::Cancelled)));
}

#[test]
fn training() {
    let mut policy = tiny(Kind::Float);
    refused(policy.train_step(&sft(), &optimizer()), "no adapter");
    refused(policy.reset_optimizer(), "no adapter");
    refused(policy.save_adapter(std::path::Path::new("/nowhere")), "no adapter");
    policy.new_adapter(&lora(1)).unwrap();
    refused(policy.train_step(&TrainBatch::Sft { items: vec![] }, &optimizer()), "batch is empty");
    let TrainBatch::Dpo { mut pairs, beta, sft_weight } = dpo() else { unreachable!() };
    refused(
        policy
            .train_step(&TrainBatch::Dpo { pairs: pairs.clone(), beta: f64::NAN, sft_weight }, &optimizer()),
        "beta",
    );
    pairs[1].reference_chosen = f64::INFINITY;
    refused(policy.train_step(&TrainBatch::Dpo { pairs, beta, sft_weight }, &optimizer()), "reference");
    let nonsense = OptimizerConfig { beta1: 1.0, ..optimizer() };
    refused(policy.train_step(&sft(), &nonsense), "optimiser");
    policy.train_step(&sft(), &optimizer()).unwrap();
}

#[test]
fn adapters() {
    let mut policy = tiny(Kind::Float);
    refused(policy.new_adapter(&LoraConfig { r: 0, ..lora(1) }), "rank 0");
    let modules = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    refused(policy.new_adapter(&LoraConfig { target_modules: modules(&["qproj"]), ..lora(1) }), "qproj");
    refused(policy.new_adapter(&LoraConfig { target_modules: vec![], ..lora(1) }), "no target modules");
}

#[test]
fn devices() {
    let open = |device: &str, dtype: &str| {
        let (device, dtype) = (device.to_owned(), dtype.to_owned());
        Torch::open(&PolicyConfig { model: golden().join("tiny"), device, dtype, threads: 1 }, Log::nowhere())
            .map(|_| ())
    };
    refused(open("gpu", "f32"), "`gpu`");
    refused(open("cuda:x", "f32"), "`cuda:x`");
    refused(open("cpu", "f16"), "`f16`");
    let error = open("cuda:99", "f32").unwrap_err();
    assert_eq!(error.code(), "policy-backend", "{error}");
    open("auto", "auto").unwrap();
}
