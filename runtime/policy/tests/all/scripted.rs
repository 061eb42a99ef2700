//! The scripted policy.
//!
//! * rules by text, expression, depth and training decide; the default fills in; nothing fitting is an error
//! * candidates get the texts in turn; the same request gives the same samples
//! * rules see the prompt behind the last marker only
//! * stop strings, length and the end of sequence; ids decode to the text
//! * token prompts and text prompts give the same
//! * optimiser steps: the loss is ln 2 at the reference, nothing trains without an adapter
//! * adapters are written, read, refused when they are something else
//! * JSON lines; mistakes in the file are told; progress can stop a call

use std::path::Path;

use sport_policy::types::{
    Completion, Finish, LoraConfig, OptimizerConfig, Pair, Prompt, SampleRequest, Sampling, TrainBatch,
};
use sport_policy::{Error, Policy, ScriptedPolicy};

const SCRIPT: &str = r#"{
    "scripted": 1,
    "after": "Question: ",
    "step": "Output:",
    "rules": [
        {"contains": "wide", "trained": 2, "texts": ["learned"]},
        {"contains": "wide", "depth": 1, "texts": ["second step"]},
        {"contains": "wide", "texts": ["zero\n```", "one", "two\n```\nrest"]},
        {"matches": "^What is (\\d+)", "texts": ["number"]}
    ],
    "default": ["pass"]
}"#;

fn policy() -> ScriptedPolicy {
    ScriptedPolicy::parse(SCRIPT, false).unwrap()
}

fn request(prompt: &str, candidates: usize) -> SampleRequest {
    let sampling = Sampling { temperature: 0.8, top_p: 1.0, top_k: 0, seed: 1 };
    SampleRequest {
        prompt: Prompt::Text(prompt.into()),
        candidates: vec![sampling; candidates],
        max_tokens: 100,
        stop: vec!["\n```".into()],
        adapter: true,
    }
}

fn texts(policy: &mut ScriptedPolicy, request: SampleRequest) -> Vec<String> {
    let responses = policy.sample(&[request], &mut |_, _| true).unwrap();
    responses[0].samples.iter().map(|sample| sample.text.clone()).collect()
}

fn lora() -> LoraConfig {
    LoraConfig { r: 4, alpha: 8.0, target_modules: vec!["q_proj".into()], seed: 1 }
}

fn optimizer() -> OptimizerConfig {
    OptimizerConfig {
        learning_rate: 1e-4,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
    }
}

#[test]
fn rules_decide() {
    let mut policy = policy();
    let examples = "Question: What is 1?\nOutput: 1\nQuestion: ";
    assert_eq!(
        texts(&mut policy, request(&format!("{examples}How wide?"), 5)),
        ["zero", "one", "two", "zero", "one"]
    );
    assert_eq!(texts(&mut policy, request(&format!("{examples}How wide?\nOutput: 3"), 1)), ["second step"]);
    assert_eq!(texts(&mut policy, request(&format!("{examples}What is 12?"), 1)), ["number"]);
    // The examples hold "What is", the question does not.
    assert_eq!(texts(&mut policy, request(&format!("{examples}Anything"), 2)), ["pass", "pass"]);

    let strict = SCRIPT.replace(",\n    \"default\": [\"pass\"]", "");
    let mut strict = ScriptedPolicy::parse(&strict, false).unwrap();
    let error = strict.sample(&[request("Question: Anything", 1)], &mut |_, _| true).unwrap_err();
    assert!(error.to_string().contains("\"Anything\" at depth 0"), "{error}");
}

#[test]
fn samples_are_what_was_drawn() {
    let mut policy = policy();
    let responses = policy.sample(&[request("Question: wide", 3)], &mut |_, _| true).unwrap();
    assert_eq!(responses, policy.sample(&[request("Question: wide", 3)], &mut |_, _| true).unwrap());
    let samples = &responses[0].samples;
    // The stop string is cut from the text, its ids stay.
    assert_eq!((samples[0].tokens.len(), samples[0].finish), (8, Finish::Stop));
    // Without one, the end of the sequence is drawn.
    assert_eq!(samples[1].tokens, [111, 110, 101, 256]);
    assert!(samples.iter().all(|sample| sample.tokens.len() == sample.log_probs.len()));

    let mut short = request("Question: wide", 3);
    short.max_tokens = 3;
    let cut = policy.sample(&[short], &mut |_, _| true).unwrap();
    assert!(cut[0].samples.iter().all(|sample| sample.finish == Finish::Length && sample.tokens.len() == 3));

    let mut by_ids = request("", 3);
    by_ids.prompt = Prompt::Tokens(policy.tokenize("Question: wide").unwrap());
    assert_eq!(policy.sample(&[by_ids], &mut |_, _| true).unwrap(), responses);
    let mut outside = request("", 1);
    outside.prompt = Prompt::Tokens(vec![300]);
    assert_eq!(policy.sample(&[outside], &mut |_, _| true).unwrap_err().code(), "policy-bad-request");
}

#[test]
fn training_is_counted_and_its_loss_computed() {
    let mut policy = policy();
    let items = vec![Completion { prompt: vec![1, 2], completion: vec![3, 4, 5] }];
    let scores = policy.score(&items, true, &mut |_, _| true).unwrap();
    assert_eq!(scores, [-3.0]);
    let sft = TrainBatch::Sft { items };
    assert_eq!(policy.train_step(&sft, &optimizer()).unwrap_err().code(), "policy-bad-request");

    policy.new_adapter(&lora()).unwrap();
    let pair = Pair {
        prompt: vec![1],
        chosen: vec![2, 3],
        rejected: vec![4],
        reference_chosen: -2.0,
        reference_rejected: -1.0,
    };
    let dpo = |reference_rejected: f64| TrainBatch::Dpo {
        pairs: vec![Pair { reference_rejected, ..pair.clone() }],
        beta: 0.1,
        sft_weight: 0.5,
    };
    let metrics = policy.train_step(&dpo(-1.0), &optimizer()).unwrap();
    assert_eq!((metrics.dpo_loss, metrics.rewards_accuracies), (std::f64::consts::LN_2, 0.0));
    assert_eq!(metrics.loss, std::f64::consts::LN_2 + 0.5);
    let metrics = policy.train_step(&dpo(-0.5), &optimizer()).unwrap();
    assert!(metrics.dpo_loss < std::f64::consts::LN_2 && metrics.rewards_accuracies == 1.0);
    assert_eq!(
        policy.train_step(&TrainBatch::Sft { items: vec![] }, &optimizer()).unwrap_err().code(),
        "policy-bad-request"
    );

    // Two steps behind the adapter, so the rule that waits for them fits; not for the base model.
    assert_eq!(texts(&mut policy, request("Question: wide", 1)), ["learned"]);
    let mut base = request("Question: wide", 1);
    base.adapter = false;
    assert_eq!(texts(&mut policy, base), ["zero"]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter");
    policy.save_adapter(&path).unwrap();
    assert_eq!(policy.save_adapter(&path).unwrap_err().code(), "policy-bad-file");
    policy.drop_adapter().unwrap();
    assert_eq!(texts(&mut policy, request("Question: wide", 1)), ["zero"]);
    assert_eq!(policy.save_adapter(&folder.path().join("none")).unwrap_err().code(), "policy-bad-request");
    policy.load_adapter(&path).unwrap();
    assert_eq!(texts(&mut policy, request("Question: wide", 1)), ["learned"]);

    std::fs::write(path.join("scripted_adapter.json"), "{}").unwrap();
    assert_eq!(policy.load_adapter(&path).unwrap_err().code(), "policy-bad-file");
    assert_eq!(policy.load_adapter(folder.path()).unwrap_err().code(), "policy-io");
}

#[test]
fn progress_can_stop_a_call() {
    let mut policy = policy();
    let mut seen = Vec::new();
    let error = policy
        .sample(&[request("x", 3), request("y", 2)], &mut |done, total| {
            seen.push((done, total));
            done < 2
        })
        .unwrap_err();
    assert!(matches!(error, Error::Cancelled));
    assert_eq!(seen, [(1, 5), (2, 5)]);
}

#[test]
fn lines_are_read_and_mistakes_told() {
    let lines = "{\"scripted\": 1}\n\n{\"contains\": \"a\", \"texts\": [\"A\"]}\n{\"texts\": [\"B\"]}\n";
    let mut policy = ScriptedPolicy::parse(lines, true).unwrap();
    assert_eq!(texts(&mut policy, request("a", 1)), ["A"]);
    assert_eq!(texts(&mut policy, request("b", 1)), ["B"]);

    for (script, lines, said) in [
        ("{}", false, "missing field `scripted`"),
        ("{\"scripted\": 9}", false, "version"),
        ("{\"scripted\": 1, \"typo\": 1}", false, "typo"),
        ("{\"scripted\": 1, \"rules\": [{\"texts\": []}]}", false, "rule 0 has no texts"),
        ("{\"scripted\": 1, \"rules\": [{\"matches\": \"(\", \"texts\": [\"x\"]}]}", false, "rule 0"),
        ("{\"scripted\": 1, \"default\": []}", false, "`default` is empty"),
        ("{\"scripted\": 1, \"pause_ms\": 999999999}", false, "pause_ms"),
        ("", true, "empty"),
        ("{\"scripted\": 1}\n{\"text\": [\"x\"]}", true, "line 2"),
    ] {
        let error = ScriptedPolicy::parse(script, lines).err().unwrap();
        assert!(error.contains(said) && !error.contains('\n'), "{said}: {error}");
    }
    assert_eq!(ScriptedPolicy::open(Path::new("no/script.json")).err().unwrap().code(), "policy-io");
}
