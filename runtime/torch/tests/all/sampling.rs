//! Sampling from the tiny random Llama.
//!
//! * the same request gives the same sample, bit for bit, whatever was sampled, trained or cached before
//! * other seeds give other samples; candidates do not depend on their order
//! * in other company a request gives the same tokens and almost the same log-probabilities
//! * log-probabilities are those that scoring gives, with an adapter and without
//! * an adapter changes the samples of requests that want it, and of no others, in one call
//! * a long prompt in blocks gives what a short cache-free one gives; a shared prefix is computed once
//! * more candidates than a batch holds
//! * stop strings: cut from the text, kept in the tokens, also when they span tokens; the end token
//! * the context's end is a `length` finish
//! * top-k of one is greedy
//! * progress is reported, and `false` cancels
//! * a request without candidates, and no request at all

use crate::common::*;
use sport_policy::types::{
    Completion, Finish, Prompt, Sample, SampleRequest, SampleResponse, Sampling, TrainBatch,
};
use sport_policy::{Error, Policy};
use sport_torch::Torch;
use tch::Kind;

fn draw(policy: &mut Torch, requests: &[SampleRequest]) -> Vec<SampleResponse> {
    policy.sample(requests, &mut |_, _| true).unwrap()
}

fn samples(policy: &mut Torch, request: &SampleRequest) -> Vec<Sample> {
    draw(policy, std::slice::from_ref(request)).remove(0).samples
}

/// What every task begins with: more than one block of 64 bytes, less than two.
fn shared() -> String {
    "Every task begins with the same words, and some of them are here so that they fill a block. ".to_owned()
}

fn tasks() -> Vec<SampleRequest> {
    let shared = shared();
    ["How wide is it?", "How tall?", "Which of the two is wider than the other?"]
        .iter()
        .enumerate()
        .map(|(index, task)| {
            let seed = 10 * index as u64;
            request(&format!("{shared}{task}"), vec![warm(seed), warm(seed + 1), greedy()], 20)
        })
        .collect()
}

#[test]
fn nothing_before_matters() {
    let mut policy = tiny(Kind::Float);
    let first = draw(&mut policy, &tasks());
    assert_eq!(draw(&mut policy, &tasks()), first);
    // Other work, another shared prefix, an adapter that comes, learns and goes.
    draw(&mut policy, &tasks()[..1]);
    draw(&mut policy, &[request(&shared()[..40], vec![warm(5)], 30)]);
    policy.load_adapter(&golden().join("adapter")).unwrap();
    let adapted = draw(&mut policy, &tasks());
    policy.train_step(&sft(), &optimizer()).unwrap();
    let trained = draw(&mut policy, &tasks());
    assert_ne!(adapted, first);
    assert_ne!(trained, adapted);
    policy.load_adapter(&golden().join("adapter")).unwrap();
    assert_eq!(draw(&mut policy, &tasks()), adapted);
    policy.drop_adapter().unwrap();
    assert_eq!(draw(&mut policy, &tasks()), first);
    // A policy that did nothing before.
    assert_eq!(draw(&mut tiny(Kind::Float), &tasks()), first);
}

#[test]
fn seeds_and_order() {
    let mut policy = tiny(Kind::Float);
    let there = samples(&mut policy, &request("Say: ", vec![warm(1), warm(2), warm(1)], 16));
    assert_eq!(there[0], there[2]);
    assert_ne!(there[0].tokens, there[1].tokens);
    let back = samples(&mut policy, &request("Say: ", vec![warm(1), warm(1), warm(2)], 16));
    assert_eq!((&back[0].tokens, &back[2].tokens), (&there[0].tokens, &there[1].tokens));
}

fn close(a: &Sample, b: &Sample) {
    assert_eq!(a.tokens, b.tokens);
    assert_eq!((&a.text, a.finish), (&b.text, b.finish));
    for (a, b) in a.log_probs.iter().zip(&b.log_probs) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

#[test]
fn company() {
    let mut policy = tiny(Kind::Float);
    let together = draw(&mut policy, &tasks());
    for (request, together) in tasks().iter().zip(&together) {
        for (alone, together) in samples(&mut policy, request).iter().zip(&together.samples) {
            close(alone, together);
        }
    }
}

#[test]
fn log_probs_are_those_of_scoring() {
    let mut policy = tiny_with_adapter(Kind::Float);
    for adapter in [true, false] {
        let mut requests = tasks();
        requests.iter_mut().for_each(|request| request.adapter = adapter);
        for response in draw(&mut policy, &requests) {
            for sample in response.samples {
                let item = Completion { prompt: response.prompt_tokens.clone(), completion: sample.tokens };
                let score = policy.score(&[item], adapter, &mut |_, _| true).unwrap()[0];
                let sum: f64 = sample.log_probs.iter().map(|p| f64::from(*p)).sum();
                assert!((score - sum).abs() < 1e-3, "{score} {sum}");
            }
        }
    }
}

#[test]
fn adapter_on_and_off_in_one_call() {
    let mut policy = tiny(Kind::Float);
    let base = draw(&mut policy, &tasks());
    policy.load_adapter(&golden().join("adapter")).unwrap();
    let adapted = draw(&mut policy, &tasks());
    let mut mixed = tasks();
    mixed[1].adapter = false;
    let mixed = draw(&mut policy, &mixed);
    for (index, response) in mixed.iter().enumerate() {
        let wanted = if index == 1 { &base } else { &adapted };
        for (found, wanted) in response.samples.iter().zip(&wanted[index].samples) {
            close(found, wanted);
        }
    }
    // A fresh adapter is the base model.
    policy.new_adapter(&lora(1)).unwrap();
    assert_eq!(draw(&mut policy, &tasks()), base);
}

#[test]
fn a_shared_prefix_is_computed_once() {
    let mut policy = tiny(Kind::Float);
    draw(&mut policy, &tasks());
    let computed = policy.prefix_blocks_computed();
    // One whole block and the rest of what the three tasks have in common.
    assert_eq!(computed, 2);
    draw(&mut policy, &tasks());
    assert_eq!(policy.prefix_blocks_computed(), computed);
    // Two that have more in common: only the rest is new.
    draw(&mut policy, &tasks()[..2]);
    assert_eq!(policy.prefix_blocks_computed(), computed + 1);
    // Greedy search through blocks against the plain forward pass of training.
    let mut tokens = policy.tokenize(&format!("{}How tall?", shared())).unwrap();
    let greedy = &samples(&mut policy, &tasks()[1])[2];
    for token in &greedy.tokens {
        let logits = logits(&policy, None, &tokens);
        assert_eq!(logits.select(0, -1).argmax(0, false).int64_value(&[]), i64::from(*token));
        tokens.push(*token);
    }
}

#[test]
fn more_than_a_batch() {
    let mut policy = tiny(Kind::Float);
    let requests: Vec<_> = (0..15)
        .map(|task| {
            request(&format!("Task {task}: "), (0..10).map(|seed| warm(task * 10 + seed)).collect(), 6)
        })
        .collect();
    let responses = draw(&mut policy, &requests);
    assert_eq!(responses.iter().map(|response| response.samples.len()).sum::<usize>(), 150);
    for task in [0, 7, 14] {
        for (found, alone) in responses[task].samples.iter().zip(samples(&mut policy, &requests[task])) {
            close(found, &alone);
        }
    }
}

#[test]
fn stop_strings() {
    let mut policy = tiny(Kind::Float);
    let free = request("Go on. ", (0..8).map(warm).collect(), 40);
    let whole = samples(&mut policy, &free);
    let mut tried = 0;
    for (index, sample) in whole.iter().enumerate() {
        // Two characters from the middle of what it writes by itself; it is random bytes, so not any two will do.
        let Some(pair) = sample.text.as_bytes().windows(2).skip(4).find(|pair| pair.is_ascii()) else {
            continue;
        };
        let stop = String::from_utf8_lossy(pair).into_owned();
        tried += 1;
        let mut stopped = free.clone();
        stopped.stop = vec!["never written, surely".to_owned(), stop.clone()];
        let stopped = &samples(&mut policy, &stopped)[index];
        let cut = sample.text.find(&stop).unwrap();
        assert_eq!((stopped.text.as_str(), stopped.finish), (&sample.text[..cut], Finish::Stop));
        assert_eq!(stopped.tokens, sample.tokens[..stopped.tokens.len()]);
        assert!(stopped.tokens.len() < sample.tokens.len() || sample.text.ends_with(&stop));
        assert_eq!(stopped.tokens.len(), stopped.log_probs.len());
        // The tokens hold the stop string, and not more than the token that ends it.
        let tokens = String::from_utf8_lossy(&stopped.tokens.iter().map(|t| *t as u8).collect::<Vec<_>>())
            .into_owned();
        assert!(tokens.ends_with(&stop), "{tokens:?} {stop:?}");
    }
    assert!(tried > 0);
}

#[test]
fn the_end_token() {
    // Taught to answer with the end token.
    let mut policy = tiny(Kind::Float);
    policy.new_adapter(&lora(1)).unwrap();
    let prompt = policy.tokenize("Stop").unwrap();
    let batch =
        TrainBatch::Sft { items: vec![Completion { prompt: prompt.clone(), completion: vec![65, 256] }] };
    for _ in 0..60 {
        policy.train_step(&batch, &optimizer()).unwrap();
    }
    let sample = &samples(&mut policy, &request("Stop", vec![greedy()], 10))[0];
    assert_eq!(
        (sample.text.as_str(), sample.finish, sample.tokens.as_slice()),
        ("A", Finish::Stop, &[65, 256][..])
    );
}

#[test]
fn the_end_of_the_context() {
    let mut policy = tiny(Kind::Float);
    let request = SampleRequest {
        prompt: Prompt::Tokens(vec![66; 505]),
        candidates: vec![greedy()],
        max_tokens: 50,
        stop: Vec::new(),
        adapter: true,
    };
    let sample = &samples(&mut policy, &request)[0];
    assert_eq!((sample.tokens.len(), sample.finish), (7, Finish::Length));
}

#[test]
fn top_k_of_one_is_greedy() {
    let mut policy = tiny(Kind::Float);
    let one = Sampling { temperature: 1.3, top_p: 1.0, top_k: 1, seed: 9 };
    let found = samples(&mut policy, &request("Which? ", vec![one, greedy()], 16));
    assert_eq!(found[0], found[1]);
}

#[test]
fn progress_and_cancelling() {
    let mut policy = tiny(Kind::Float);
    let mut seen = Vec::new();
    policy
        .sample(&tasks(), &mut |done, total| {
            seen.push((done, total));
            true
        })
        .unwrap();
    assert!(seen.iter().all(|(done, total)| done <= total && *total == 180));
    assert!(seen.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    assert_eq!(seen.last(), Some(&(180, 180)));
    let mut calls = 0;
    let stop_at_five = &mut |_, _| {
        calls += 1;
        calls < 5
    };
    assert!(matches!(policy.sample(&tasks(), stop_at_five), Err(Error::Cancelled)));
    // The policy stays usable, and what was cached is right.
    assert_eq!(draw(&mut policy, &tasks()), draw(&mut tiny(Kind::Float), &tasks()));
}

#[test]
fn nothing_to_draw() {
    let mut policy = tiny(Kind::Float);
    assert!(draw(&mut policy, &[]).is_empty());
    let responses = draw(&mut policy, &[request("a", vec![], 3), request("b", vec![greedy()], 3)]);
    assert_eq!(responses.iter().map(|response| response.samples.len()).collect::<Vec<_>>(), [0, 1]);
}
