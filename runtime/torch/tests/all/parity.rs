//! The same numbers as transformers and peft; the golden files say how they were made (`golden/make.py`).
//!
//! * logits of a random Llama from an HF folder, within 1e-4
//! * the same with an adapter that peft saved, within 1e-4
//! * log-probabilities of completions
//! * greedy tokens
//! * logits of SmolLM2 from its GGUF file, within 1e-3, and its greedy tokens
//! * bf16 stays close to f32, for training and for sampling with an adapter

use crate::common::*;
use sport_policy::Policy;
use sport_policy::model::ModelFiles;
use sport_policy::types::{Prompt, SampleRequest};
use sport_torch::Torch;
use tch::{Device, IndexOp, Kind};

fn always(_: u64, _: u64) -> bool {
    true
}

#[test]
fn logits_of_a_random_llama() {
    let policy = tiny(Kind::Float);
    let found = logits(&policy, None, &ids(&json("tiny.json")["text"]));
    let difference = difference(&found, &tensors("tiny.safetensors")["base.logits"]);
    assert!(difference < 1e-4, "{difference}");
}

#[test]
fn logits_with_an_adapter_of_peft() {
    let policy = tiny_with_adapter(Kind::Float);
    let found = logits(&policy, policy.adapter(), &ids(&json("tiny.json")["text"]));
    let golden = tensors("tiny.safetensors");
    let near = difference(&found, &golden["adapter.logits"]);
    assert!(near < 1e-4, "{near}");
    // The adapter does something.
    assert!(difference(&found, &golden["base.logits"]) > 0.1);
}

#[test]
fn scores() {
    let mut policy = tiny_with_adapter(Kind::Float);
    let golden: Vec<f64> = serde_json::from_value(json("tiny.json")["scores"].clone()).unwrap();
    let found = policy.score(&items(), false, &mut always).unwrap();
    for (found, golden) in found.iter().zip(&golden) {
        assert!((found - golden).abs() < 1e-4, "{found} {golden}");
    }
    assert_ne!(policy.score(&items(), true, &mut always).unwrap(), found);
}

#[test]
fn greedy_tokens_of_a_random_llama() {
    let mut policy = tiny(Kind::Float);
    let golden = json("tiny.json");
    let request = SampleRequest {
        prompt: Prompt::Tokens(ids(&golden["text"])),
        candidates: vec![greedy(), greedy()],
        max_tokens: 24,
        stop: Vec::new(),
        adapter: true,
    };
    let response = policy.sample(&[request], &mut always).unwrap().remove(0);
    let wanted = ids(&golden["greedy"]);
    assert!(response.samples.iter().all(|sample| sample.tokens == wanted), "{:?}", response.samples);
}

#[test]
fn smollm2() {
    tch::set_num_threads(1);
    let files = ModelFiles::open(&crate::common::smollm2()).unwrap();
    let mut policy = Torch::load(&files, Device::Cpu, Kind::Float).unwrap();
    let (golden, numbers) = (json("smollm2.json"), tensors("smollm2.safetensors"));
    let prompts = golden["prompts"].as_array().unwrap();
    let mut requests = Vec::new();
    for (index, prompt) in prompts.iter().enumerate() {
        let tokens = ids(&prompt["ids"]);
        assert_eq!(policy.tokenize(prompt["text"].as_str().unwrap()).unwrap(), tokens);
        let found = logits(&policy, None, &tokens);
        let stride = golden["stride"].as_i64().unwrap();
        let difference = difference(&found.slice(1, 0, None, stride), &numbers[&format!("logits.{index}")]);
        assert!(difference < 1e-3, "prompt {index}: {difference}");
        let likeliest: Vec<i64> =
            (0..tokens.len()).map(|at| found.i(at as i64).argmax(0, false).int64_value(&[])).collect();
        assert_eq!(likeliest, serde_json::from_value::<Vec<i64>>(prompt["argmax"].clone()).unwrap());
        requests.push(SampleRequest {
            prompt: Prompt::Text(prompt["text"].as_str().unwrap().to_owned()),
            candidates: vec![greedy()],
            max_tokens: 24,
            stop: Vec::new(),
            adapter: true,
        });
    }
    // All in one batch, of different lengths.
    for (response, prompt) in policy.sample(&requests, &mut always).unwrap().iter().zip(prompts) {
        assert_eq!(response.samples[0].tokens, ids(&prompt["greedy"]), "{}", response.samples[0].text);
    }
}

#[test]
fn bf16_is_close_to_f32() {
    let (mut narrow, mut wide) = (tiny_with_adapter(Kind::BFloat16), tiny_with_adapter(Kind::Float));
    let tokens = ids(&json("tiny.json")["text"]);
    let narrow_logits = logits(&narrow, narrow.adapter(), &tokens).log_softmax(-1, Kind::Float);
    let wide_logits = logits(&wide, wide.adapter(), &tokens).log_softmax(-1, Kind::Float);
    let mean = (narrow_logits - wide_logits).abs().mean(Kind::Double).double_value(&[]);
    assert!(mean < 0.05, "{mean}");

    // What was sampled in bf16 has the log-probabilities that training in bf16 gives it, and about those of f32.
    let request = request("Question: ", vec![warm(1), warm(2)], 12);
    let response = narrow.sample(&[request], &mut always).unwrap().remove(0);
    for sample in response.samples {
        let item = sport_policy::types::Completion {
            prompt: response.prompt_tokens.clone(),
            completion: sample.tokens.clone(),
        };
        let sampled: f64 = sample.log_probs.iter().map(|p| f64::from(*p)).sum();
        let items = [item];
        let (narrow, wide) = (
            narrow.score(&items, true, &mut always).unwrap()[0],
            wide.score(&items, true, &mut always).unwrap()[0],
        );
        let tokens = sample.tokens.len() as f64;
        assert!((sampled - narrow).abs() / tokens < 0.05, "{sampled} {narrow}");
        assert!((narrow - wide).abs() / tokens < 0.05, "{narrow} {wide}");
    }
}
