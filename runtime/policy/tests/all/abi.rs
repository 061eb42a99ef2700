//! The border to native backends, with a backend in this process behind a real table.
//!
//! * every method goes over and comes back: ids, log-probabilities, NaN, big numbers, unicode
//! * every kind of error arrives as the kind that it was
//! * a panic in `open` and in a call is an error; after one in a call the policy refuses, the process lives
//! * progress arrives in order and can stop a call; the policy stays usable
//! * all calls come from one thread; dropping the policy drops the backend
//! * the log arrives
//! * a broken message is an error on both sides
//! * a missing library, one that is no backend, one of another version, one with a missing dependency: one line that says what to do
//! * the environment is not touched in a process with more than one thread

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;

use sport_policy::abi::export::table;
use sport_policy::abi::frame::{Tensors, decode, encode};
use sport_policy::abi::{Log, NativeBackend, message};
use sport_policy::native::NativePolicy;
use sport_policy::types::*;
use sport_policy::{Error, Policy, load_native, prepare_environment};

static DROPPED: AtomicBool = AtomicBool::new(false);

/// Answers with what it was given, so that a test can tell whether it arrived.
struct Toy {
    info: PolicyInfo,
    thread: ThreadId,
    watched: bool,
}

impl Toy {
    fn same_thread(&self) {
        assert_eq!(self.thread, std::thread::current().id());
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.same_thread();
        if self.watched {
            DROPPED.store(true, Ordering::SeqCst);
        }
    }
}

impl NativeBackend for Toy {
    fn open(config: &PolicyConfig, log: Log) -> Result<Self, Error> {
        log.info(format!("opening {}", config.model.display()));
        match config.device.as_str() {
            "panic" => panic!("no such\ndevice"),
            "error" => return Err(Error::BadRequest("no such device".into())),
            _ => {}
        }
        let info = PolicyInfo {
            backend: "toy 1".into(),
            model_digest: format!("{}:{}", config.model.display(), config.threads),
            device: config.device.clone(),
            dtype: config.dtype.clone(),
            context: 8,
            vocab: u32::MAX,
            chat_template: Some("ünïcode {{ x }}".into()),
            parameters: u64::MAX,
        };
        Ok(Self { info, thread: std::thread::current().id(), watched: config.device == "watched" })
    }
}

impl Policy for Toy {
    fn info(&self) -> &PolicyInfo {
        &self.info
    }

    fn tokenize(&mut self, text: &str) -> Result<Vec<u32>, Error> {
        self.same_thread();
        match text {
            "panic" => panic!("index {} out of range", 7),
            "io" => Err(Error::Io {
                what: "read",
                path: "/a/b".into(),
                source: std::io::Error::from_raw_os_error(2),
            }),
            "file" => Err(Error::BadFile { path: "/a/ü".into(), message: "m".into() }),
            "backend" => Err(Error::Backend("b".into())),
            "internal" => Err(Error::Internal { backend: "toy".into(), message: "m".into() }),
            "cancelled" => Err(Error::Cancelled),
            text => Ok(text.chars().map(u32::from).collect()),
        }
    }

    fn sample(
        &mut self,
        requests: &[SampleRequest],
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<SampleResponse>, Error> {
        self.same_thread();
        let respond = |request: &SampleRequest| {
            let prompt_tokens = match &request.prompt {
                Prompt::Text(text) => text.bytes().map(u32::from).collect(),
                Prompt::Tokens(ids) => ids.clone(),
            };
            let sample = |sampling: &Sampling| Sample {
                text: format!("{sampling:?} {:?} {} {}", request.stop, request.max_tokens, request.adapter),
                tokens: vec![u32::MAX, 0],
                log_probs: vec![sampling.temperature, f32::NEG_INFINITY],
                finish: Finish::Length,
            };
            SampleResponse { prompt_tokens, samples: request.candidates.iter().map(sample).collect() }
        };
        let mut responses = Vec::new();
        for request in requests {
            responses.push(respond(request));
            if !progress(responses.len() as u64, requests.len() as u64) {
                return Err(Error::Cancelled);
            }
        }
        Ok(responses)
    }

    fn score(
        &mut self,
        items: &[Completion],
        adapter: bool,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<f64>, Error> {
        self.same_thread();
        if !adapter {
            // As long as the caller lets it.
            let mut done = 0;
            while progress(done, 0) {
                done += 1;
                std::thread::yield_now();
            }
            return Err(Error::Cancelled);
        }
        Ok(items.iter().map(|item| f64::from(item.prompt[0]) + 1.0 / f64::from(item.completion[0])).collect())
    }

    fn new_adapter(&mut self, config: &LoraConfig) -> Result<(), Error> {
        assert_eq!(*config, lora());
        Ok(())
    }

    fn reset_optimizer(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn train_step(&mut self, batch: &TrainBatch, optimizer: &OptimizerConfig) -> Result<StepMetrics, Error> {
        let (loss, tokens) = match batch {
            TrainBatch::Sft { items } => (f64::NAN, items.len() as u64),
            TrainBatch::Dpo { pairs, beta, sft_weight } => {
                assert_eq!((pairs[0].chosen[0], pairs[0].rejected[0]), (2, 3));
                (pairs[0].reference_chosen + pairs[0].reference_rejected + beta + sft_weight, u64::MAX)
            }
        };
        Ok(StepMetrics {
            loss,
            grad_norm: optimizer.learning_rate,
            logps_rejected: -1e300,
            tokens,
            ..StepMetrics::default()
        })
    }

    fn save_adapter(&mut self, folder: &Path) -> Result<(), Error> {
        Err(Error::BadRequest(folder.display().to_string()))
    }

    fn load_adapter(&mut self, folder: &Path) -> Result<(), Error> {
        self.save_adapter(folder)
    }

    fn drop_adapter(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn lora() -> LoraConfig {
    LoraConfig { r: 16, alpha: 0.1 + 0.2, target_modules: vec!["q_proj".into()], seed: u64::MAX }
}

fn config(device: &str) -> PolicyConfig {
    PolicyConfig { model: "/m/ö".into(), device: device.into(), dtype: "auto".into(), threads: 3 }
}

fn open(device: &str) -> Result<NativePolicy, Error> {
    // SAFETY: the table is of a backend that is part of this program.
    unsafe { NativePolicy::from_table(table::<Toy>(), &config(device)) }
}

fn ignore(_: u64, _: u64) -> bool {
    true
}

#[test]
fn everything_goes_over_and_back() {
    let mut policy = open("cpu").unwrap();
    assert_eq!(policy.info().model_digest, "/m/ö:3");
    assert_eq!((policy.info().vocab, policy.info().parameters), (u32::MAX, u64::MAX));
    assert_eq!(policy.info().chat_template.as_deref(), Some("ünïcode {{ x }}"));
    assert_eq!(policy.tokenize("é🙂\0").unwrap(), [0xe9, 0x1f642, 0]);

    let sampling = Sampling { temperature: 0.1, top_p: 0.95, top_k: 40, seed: u64::MAX };
    let request = SampleRequest {
        prompt: Prompt::Tokens(vec![1, u32::MAX]),
        candidates: vec![sampling, Sampling { temperature: 0.0, ..sampling }],
        max_tokens: 9,
        stop: vec!["\n```".into(), "\"".into()],
        adapter: true,
    };
    let text = SampleRequest { prompt: Prompt::Text("ab".into()), candidates: vec![], ..request.clone() };
    let responses = policy.sample(&[request.clone(), text], &mut ignore).unwrap();
    assert_eq!(responses[0].prompt_tokens, [1, u32::MAX]);
    assert_eq!(responses[1], SampleResponse { prompt_tokens: vec![97, 98], samples: vec![] });
    let sample = &responses[0].samples[0];
    assert_eq!(sample.text, format!("{sampling:?} {:?} 9 true", request.stop));
    assert_eq!((sample.tokens.as_slice(), sample.finish), (&[u32::MAX, 0][..], Finish::Length));
    assert_eq!(sample.log_probs, [0.1, f32::NEG_INFINITY]);

    let items = [Completion { prompt: vec![2], completion: vec![3] }];
    assert_eq!(policy.score(&items, true, &mut ignore).unwrap(), [2.0 + 1.0 / 3.0]);
    assert_eq!(policy.score(&[], true, &mut ignore).unwrap(), [0.0; 0]);

    policy.new_adapter(&lora()).unwrap();
    policy.reset_optimizer().unwrap();
    policy.drop_adapter().unwrap();
    let optimizer = OptimizerConfig {
        learning_rate: 0.1 + 0.2,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
    };
    let metrics = policy.train_step(&TrainBatch::Sft { items: items.to_vec() }, &optimizer).unwrap();
    assert!(metrics.loss.is_nan());
    assert_eq!((metrics.grad_norm, metrics.logps_rejected, metrics.tokens), (0.1 + 0.2, -1e300, 1));
    let pair = Pair {
        prompt: vec![1],
        chosen: vec![2],
        rejected: vec![3],
        reference_chosen: 0.1,
        reference_rejected: 0.7,
    };
    let batch = TrainBatch::Dpo { pairs: vec![pair], beta: 0.1, sft_weight: 1.0 / 3.0 };
    let metrics = policy.train_step(&batch, &optimizer).unwrap();
    assert_eq!((metrics.loss, metrics.tokens), (0.1 + 0.7 + 0.1 + 1.0 / 3.0, u64::MAX));

    let error = policy.save_adapter(Path::new("/a b/ü")).unwrap_err();
    assert!(matches!(error, Error::BadRequest(path) if path == "/a b/ü"));
    assert!(policy.load_adapter(Path::new("x")).is_err());
}

#[test]
fn errors_arrive_as_what_they_were() {
    let mut policy = open("cpu").unwrap();
    let mut error = |text: &str| policy.tokenize(text).unwrap_err();
    assert!(matches!(error("io"), Error::Io { what: "read", path, source }
        if path == Path::new("/a/b") && source.kind() == std::io::ErrorKind::NotFound));
    assert!(
        matches!(error("file"), Error::BadFile { path, message } if path == Path::new("/a/ü") && message == "m")
    );
    assert!(matches!(error("backend"), Error::Backend(message) if message == "b"));
    assert!(
        matches!(error("internal"), Error::Internal { backend, message } if backend == "toy" && message == "m")
    );
    assert!(matches!(error("cancelled"), Error::Cancelled));
    assert!(matches!(open("error").err(), Some(Error::BadRequest(message)) if message == "no such device"));
}

#[test]
fn panics_stop_at_the_border() {
    let error = open("panic").err().unwrap().to_string();
    assert!(error.contains("panicked: no such device") && !error.contains('\n'), "{error}");

    let mut policy = open("cpu").unwrap();
    let error = policy.tokenize("panic").unwrap_err();
    assert!(
        matches!(&error, Error::Internal { message, .. } if message.contains("index 7 out of range")),
        "{error}"
    );
    let error = policy.tokenize("a").unwrap_err().to_string();
    assert!(error.contains("load the policy again"), "{error}");
    // Another policy of the same library is not touched.
    assert!(open("cpu").unwrap().tokenize("a").is_ok());
}

#[test]
fn progress_arrives_and_stops() {
    let mut policy = open("cpu").unwrap();
    let request = SampleRequest {
        prompt: Prompt::Text(String::new()),
        candidates: vec![],
        max_tokens: 1,
        stop: vec![],
        adapter: false,
    };
    let mut seen = Vec::new();
    policy
        .sample(&vec![request; 3], &mut |done, total| {
            seen.push((done, total));
            true
        })
        .unwrap();
    assert_eq!(seen, [(1, 3), (2, 3), (3, 3)]);
    // This one only ends because it is told to.
    let error = policy.score(&[], false, &mut |done, _| done < 100).unwrap_err();
    assert!(matches!(error, Error::Cancelled));
    assert!(policy.tokenize("still there").is_ok());
}

#[test]
fn dropping_the_policy_drops_the_backend() {
    drop(open("watched").unwrap());
    assert!(DROPPED.load(Ordering::SeqCst));
}

#[test]
fn broken_messages_are_errors() {
    let mut tensors = Tensors::default();
    tensors.put_u32(&[1, 2, 3]);
    tensors.put_f64(&[f64::NAN]);
    let bytes = encode(&"body", &tensors).unwrap();
    let (body, mut back) = decode::<String>(&bytes).unwrap();
    assert_eq!((body.as_str(), back.take_u32(0).unwrap()), ("body", vec![1, 2, 3]));
    assert!(back.take_f64(1).unwrap()[0].is_nan());
    assert!(back.take_f32(1).is_err() && back.take_u32(9).is_err());
    for length in 0..bytes.len() {
        assert!(decode::<String>(&bytes[..length]).is_err(), "{length}");
    }
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert!(decode::<String>(&longer).is_err());
    let huge = br#"{"body":"","tensors":[{"dtype":"f64","len":18446744073709551615}]}"#;
    let huge: Vec<u8> = (huge.len() as u32).to_le_bytes().into_iter().chain(*huge).collect();
    assert!(decode::<String>(&huge).is_err());
    assert!(message::decode_request(b"").is_err());
    assert_eq!(message::decode_error("x", b"junk").code(), "policy-internal");
}

/// Compiles a library out of a line of Rust, without dependencies.
fn library(folder: &Path, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
    let (input, output) = (folder.join(format!("{name}.rs")), folder.join(format!("lib{name}.so")));
    std::fs::write(&input, source).unwrap();
    let status = std::process::Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()))
        .args(["--edition=2024", "--crate-type=cdylib", "-Cpanic=abort", "-o"])
        .args([&output, &input])
        .args(arguments)
        .status()
        .unwrap();
    assert!(status.success());
    output
}

#[test]
fn libraries_that_cannot_be_used_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path, device: &str| {
        let error = load_native(path, &config(device)).err().unwrap();
        assert_eq!(error.code(), "policy-backend");
        let error = error.to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    };
    assert!(refused(&folder.path().join("libnone.so"), "cpu").contains("make torch"));

    let junk = folder.path().join("libjunk.so");
    std::fs::write(&junk, "junk").unwrap();
    assert!(refused(&junk, "cpu").contains("cannot load the policy backend"));
    // With CUDA asked for by name its library has to be there; with `auto` it need not.
    assert!(refused(&junk, "cuda:0").contains("libtorch_cuda.so"));
    assert!(refused(&junk, "auto").contains("cannot load the policy backend"));

    let other = library(folder.path(), "other", "", &[]);
    assert!(refused(&other, "cpu").contains("is not a policy backend"));

    let old = library(
        folder.path(),
        "old",
        "#[unsafe(no_mangle)] extern \"C\" fn sport_policy_table() -> *const u32 { static T: [u32; 2] = [999, 8]; T.as_ptr() }",
        &[],
    );
    assert!(refused(&old, "cpu").contains("version 999 of the policy border"));

    // A library that needs another one, which is then taken away.
    let needed = library(folder.path(), "needed", "#[unsafe(no_mangle)] extern \"C\" fn needed() {}", &[]);
    let search = format!("-Lnative={}", folder.path().display());
    let source = "#[link(name = \"needed\")] unsafe extern \"C\" { fn needed(); }\n\
                  #[unsafe(no_mangle)] extern \"C\" fn f() { unsafe { needed() } }";
    let needing = library(folder.path(), "needing", source, &[&search]);
    std::fs::remove_file(needed).unwrap();
    let error = refused(&needing, "cpu");
    assert!(error.contains("needs libneeded.so") && error.contains("make setup"), "{error}");
}

#[test]
fn the_environment_is_left_alone_among_threads() {
    // The test harness runs this in a thread of its own.
    assert!(!prepare_environment(2));
}
