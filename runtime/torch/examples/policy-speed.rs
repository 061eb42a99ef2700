//! Measures the backend on a real model: prefill, decoding at several batch sizes, SFT and DPO steps, memory.
//!
//! ```text
//! OMP_WAIT_POLICY=passive cargo run --release -p sport-torch --example policy-speed -- MODEL [f32|bf16|auto] [THREADS] [CANDIDATES|-] [ROWS.json]
//! ```
//!
//! `CANDIDATES` measures sampling with just so many; 0 leaves sampling out, without it several are tried.
//!
//! `ROWS.json` gets the rates as a list of rows.
//!
//! Prompts are shaped like the demo's: a prefix of 510 tokens that all tasks share and some 30 tokens of their
//! own. `cpu` seconds stand beside those of the clock, since the latter depend on the machine's other work.

use std::cell::RefCell;
use std::time::Instant;

use sport_policy::abi::{Log, NativeBackend};
use sport_policy::types::{
    Completion, LoraConfig, OptimizerConfig, Pair, PolicyConfig, Prompt, SampleRequest, Sampling, TrainBatch,
};
use sport_policy::{Error, Policy};
use sport_torch::Torch;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().unwrap_or_default().into();
    let dtype = arguments.next().unwrap_or_else(|| "auto".to_owned());
    let threads = arguments.next().and_then(|threads| threads.parse().ok()).unwrap_or(0);
    let only: Option<u64> = arguments.next().and_then(|candidates| candidates.parse().ok());
    let rows_file = arguments.next();
    let clock = RefCell::new(Clock::start());
    let mut policy =
        Torch::open(&PolicyConfig { model, device: "auto".into(), dtype, threads }, Log::nowhere())?;
    let info = policy.info().clone();
    clock
        .borrow_mut()
        .report(&format!("load ({}, {}, {} threads)", info.dtype, info.device, tch::get_num_threads()), 0);

    let vocab = u64::from(info.vocab);
    // Any ids do: only their number matters here. 100.. leaves the special tokens out.
    let tokens = |seed: u64, count: u64| -> Vec<u32> {
        (0..count).map(|index| (100 + (seed * 7919 + index * 104_729) % (vocab - 200)) as u32).collect()
    };
    let prefix = tokens(1, 510);
    let prompt =
        |task: u64| -> Vec<u32> { prefix.iter().copied().chain(tokens(task + 2, 25 + task % 10)).collect() };
    let request = |task: u64, candidates: u64, max_tokens: u32| SampleRequest {
        prompt: Prompt::Tokens(prompt(task)),
        candidates: (0..candidates)
            .map(|seed| Sampling { temperature: 0.7, top_p: 1.0, top_k: 0, seed })
            .collect(),
        max_tokens,
        stop: Vec::new(),
        adapter: true,
    };
    let sample = |policy: &mut Torch, what: &str, tasks: u64, candidates: u64, length: u32| {
        let requests: Vec<_> = (0..tasks).map(|task| request(task, candidates, length)).collect();
        clock.borrow_mut().lap();
        let responses = policy.sample(&requests, &mut |_, _| true)?;
        let drawn: usize = responses.iter().flat_map(|r| &r.samples).map(|sample| sample.tokens.len()).sum();
        clock.borrow_mut().report(what, drawn as u64);
        Ok::<_, Error>(())
    };
    sample(&mut policy, "prefill 1 prompt, prefix not cached, 1 token", 1, 1, 1)?;
    sample(&mut policy, "prefill 1 prompt, prefix cached, 1 token", 1, 1, 1)?;
    if only.is_none() {
        sample(&mut policy, "prefill 40 prompts, prefix cached, 1 token each", 40, 1, 1)?;
    }
    for (tasks, candidates) in [(1, 1), (1, 5), (8, 5), (16, 5), (25, 5)] {
        let rows = tasks * candidates;
        if only.is_none_or(|only| only == rows) {
            let what = format!("sample {tasks} x {candidates} = {rows} candidates, 40 tokens");
            sample(&mut policy, &what, tasks, candidates, 40)?;
        }
    }
    if only.is_some_and(|only| only > 0) {
        return Ok(());
    }

    let lora = LoraConfig {
        r: 16,
        alpha: 32.0,
        target_modules: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
            .map(str::to_owned)
            .to_vec(),
        seed: 1,
    };
    policy.new_adapter(&lora)?;
    let optimizer = OptimizerConfig {
        learning_rate: 3e-4,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        max_grad_norm: 1.0,
    };
    let items: Vec<_> =
        (0..8).map(|task| Completion { prompt: prompt(task), completion: tokens(task + 99, 40) }).collect();
    let timed = |policy: &mut Torch, what: &str, batch: &TrainBatch| {
        for round in 0..3 {
            clock.borrow_mut().lap();
            let metrics = policy.train_step(batch, &optimizer)?;
            if round > 0 {
                clock
                    .borrow_mut()
                    .report(&format!("{what}, loss {:.4}, packed tokens", metrics.loss), metrics.tokens);
            }
        }
        Ok::<_, Error>(())
    };
    timed(&mut policy, "SFT step of 8 items", &TrainBatch::Sft { items: items.clone() })?;
    clock.borrow_mut().lap();
    let scores = policy.score(&items, true, &mut |_, _| true)?;
    clock.borrow_mut().report("score 8 items", 0);
    let pairs: Vec<_> = items
        .into_iter()
        .zip(scores)
        .map(|(item, score)| Pair {
            rejected: item.completion.iter().rev().copied().collect(),
            prompt: item.prompt,
            chosen: item.completion,
            reference_chosen: score,
            reference_rejected: score,
        })
        .collect();
    timed(&mut policy, "DPO step of 8 pairs", &TrainBatch::Dpo { pairs, beta: 0.1, sft_weight: 1.0 })?;
    sample(&mut policy, "sample 16 x 5 with a fresh adapter", 16, 5, 40)?;
    if let Some(path) = rows_file {
        let rows = serde_json::to_string_pretty(&clock.borrow().rows).unwrap_or_default() + "\n";
        std::fs::write(&path, rows)
            .map_err(|error| Error::BadRequest(format!("cannot write {path}: {error}")))?;
        println!("written to {path}");
    }
    Ok(())
}

/// Wall clock, processor time and memory.
struct Clock {
    wall: Instant,
    cpu: f64,
    /// What was reported, as the files of `make bench` have it. There is no other side in this program.
    rows: Vec<serde_json::Value>,
}

impl Clock {
    fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_seconds(), rows: Vec::new() }
    }

    fn lap(&mut self) {
        (self.wall, self.cpu) = (Instant::now(), cpu_seconds());
    }

    fn report(&mut self, what: &str, tokens: u64) {
        let (wall, cpu) = (self.wall.elapsed().as_secs_f64(), cpu_seconds() - self.cpu);
        let rate = if tokens > 0 {
            format!(", {tokens} tokens, {:.0}/s", tokens as f64 / wall)
        } else {
            String::new()
        };
        if tokens > 0 {
            self.rows.push(serde_json::json!({
                "name": what, "value": tokens as f64 / wall, "unit": "tokens/s",
                "baseline": null, "ratio": null, "goal": null, "met": null
            }));
        }
        println!("{what}: {wall:.2} s, cpu {cpu:.2} s{rate}; peak RSS {} MB", peak_megabytes());
        self.lap();
    }
}

/// User and system time of the process, in the kernel's ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}
