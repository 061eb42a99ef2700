//! The shared library, opened as `sport` opens it.
//!
//! * it loads, finds libtorch by itself, samples, trains, saves and loads
//! * errors come over the border as they are

use crate::common::*;
use sport_policy::types::{PolicyConfig, SampleRequest};
use sport_policy::{Error, load_native};

fn library() -> std::path::PathBuf {
    // Beside the folder of the test binaries; cargo builds it with them.
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join("libsport_torch.so")
}

fn config() -> PolicyConfig {
    PolicyConfig {
        model: golden().join("tiny"),
        device: "cpu".to_owned(),
        dtype: "f32".to_owned(),
        threads: 1,
    }
}

#[test]
fn the_whole_way() {
    let mut policy = load_native(&library(), &config()).unwrap();
    assert_eq!(policy.info().backend, "torch 2.13.0");
    assert_eq!(policy.info().vocab, 260);
    let requests: Vec<SampleRequest> = vec![request("Hello", vec![greedy(), warm(1)], 5)];
    let always = &mut |_, _| true;
    let base = policy.sample(&requests, always).unwrap();
    policy.new_adapter(&lora(1)).unwrap();
    let before = policy.score(&items(), true, always).unwrap();
    let metrics = policy.train_step(&dpo(), &optimizer()).unwrap();
    assert!(metrics.loss.is_finite() && metrics.tokens > 0);
    let after = policy.score(&items(), true, always).unwrap();
    assert_ne!(after, before);
    let folder = tempfile::tempdir().unwrap();
    policy.save_adapter(&folder.path().join("adapter")).unwrap();
    policy.drop_adapter().unwrap();
    assert_eq!(policy.sample(&requests, always).unwrap(), base);
    policy.load_adapter(&folder.path().join("adapter")).unwrap();
    assert_eq!(policy.score(&items(), true, always).unwrap(), after);
    assert!(matches!(policy.sample(&requests, &mut |_, _| false), Err(Error::Cancelled)));
}

#[test]
fn errors_keep_their_kind() {
    let missing = load_native(&library(), &PolicyConfig { model: "no/such/model".into(), ..config() });
    assert_eq!(missing.err().unwrap().code(), "policy-bad-file");
    let mut policy = load_native(&library(), &config()).unwrap();
    assert_eq!(policy.train_step(&sft(), &optimizer()).unwrap_err().code(), "policy-bad-request");
}
