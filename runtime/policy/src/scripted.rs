//! A policy whose actions come from a file.
//!
//! It lets the whole loop run where there is no libtorch and no model, and makes tests say exactly what a
//! candidate does. It is a policy in every other respect: deterministic ids (one per byte of UTF-8, 256 ends a
//! sequence), stop strings, adapters that are written and read, an optimiser step that computes the loss it
//! reports. It learns nothing by itself, but rules may wait for training (`trained`), so that a script can
//! play a policy that gets better.
//!
//! # The file
//!
//! JSON, or JSON lines when its name ends in `.jsonl`: then the first line is the object without `rules`, and
//! each further line is a rule.
//!
//! ```json
//! {
//!   "scripted": 1,
//!   "after": "Question: ",
//!   "step": "Output:",
//!   "rules": [
//!     {"contains": "how wide", "depth": 0, "texts": ["w = image_info(image='a.png')", "print('?')"]},
//!     {"matches": "^What is (\\d+) times", "trained": 1, "texts": ["final_answer(84)"]}
//!   ],
//!   "default": ["pass"],
//!   "pause_ms": 0
//! }
//! ```
//!
//! * `after`: rules look at the prompt behind the last place where this stands (at all of it, when absent), so that
//!   worked examples in the prompt match nothing;
//! * `step`: the depth is how often this stands there (0 when absent); it is what the prompt form writes before
//!   each observation;
//! * a rule fits when all of its conditions do: `contains` (plain text), `matches` (regular expression), `depth`
//!   (exactly), `trained` (at least this many optimiser steps behind the adapter in use; the base model has 0).
//!   The first rule that fits decides;
//! * `texts`: candidate `i` of a request writes text `i`, counted round. One candidate alone writes the first;
//! * `default`: the texts when no rule fits. Without it such a prompt is an error;
//! * `pause_ms`: slept per candidate, for tests that stop a run half-way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::model::{bad, hex};
use crate::peft::write_folder;
use crate::policy::Policy;
use crate::types::{
    Completion, Finish, LoraConfig, OptimizerConfig, PolicyInfo, Prompt, Sample, SampleRequest,
    SampleResponse, StepMetrics, TrainBatch,
};

/// Version of the file format.
const VERSION: u32 = 1;
/// The id that ends a sequence, after one per byte.
const END: u32 = 256;
/// What each token costs; any fixed number would do.
const LOG_PROB: f32 = -1.0;
/// Where an adapter keeps its state.
const STATE_FILE: &str = "scripted_adapter.json";
/// Longest pause: a script is for tests and should not hang one.
const LONGEST_PAUSE_MS: u64 = 60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    scripted: u32,
    after: Option<String>,
    step: Option<String>,
    #[serde(default)]
    rules: Vec<RuleFile>,
    default: Option<Vec<String>>,
    #[serde(default)]
    pause_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    contains: Option<String>,
    matches: Option<String>,
    depth: Option<usize>,
    trained: Option<u64>,
    texts: Vec<String>,
}

struct Rule {
    contains: Option<String>,
    matches: Option<Regex>,
    depth: Option<usize>,
    trained: Option<u64>,
    texts: Vec<String>,
}

impl Rule {
    fn fits(&self, tail: &str, depth: usize, trained: u64) -> bool {
        self.contains.as_ref().is_none_or(|part| tail.contains(part.as_str()))
            && self.matches.as_ref().is_none_or(|regex| regex.is_match(tail))
            && self.depth.is_none_or(|wanted| wanted == depth)
            && self.trained.is_none_or(|least| trained >= least)
    }
}

/// What an adapter is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Adapter {
    config: LoraConfig,
    /// Optimiser steps since it was new.
    steps: u64,
    /// Optimiser steps since `reset_optimizer`.
    optimizer_steps: u64,
}

/// The scripted policy.
pub struct ScriptedPolicy {
    info: PolicyInfo,
    after: Option<String>,
    step: Option<String>,
    rules: Vec<Rule>,
    default: Option<Vec<String>>,
    pause: Duration,
    adapter: Option<Adapter>,
}

impl ScriptedPolicy {
    /// Reads the file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
            what: "read",
            path: path.to_owned(),
            source,
        })?;
        let lines = path.extension().is_some_and(|extension| extension == "jsonl");
        Self::parse(&text, lines).map_err(|message| bad(path, message))
    }

    /// Reads the file's text; `lines` says that it is JSON lines.
    pub fn parse(text: &str, lines: bool) -> Result<Self, String> {
        let mut script: Script;
        if lines {
            let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let (_, first) = lines.next().ok_or("empty; the first line says `\"scripted\": 1`")?;
            script = serde_json::from_str(first).map_err(|error| format!("line 1: {error}"))?;
            for (index, line) in lines {
                let rule =
                    serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))?;
                script.rules.push(rule);
            }
        } else {
            script = serde_json::from_str(text).map_err(|error| format!("not an action file: {error}"))?;
        }
        if script.scripted != VERSION {
            return Err(format!(
                "`\"scripted\": {}` is a version that this program does not read; use {VERSION}",
                script.scripted
            ));
        }
        if script.pause_ms > LONGEST_PAUSE_MS {
            return Err(format!("`pause_ms` is above {LONGEST_PAUSE_MS}"));
        }
        if script.default.as_ref().is_some_and(Vec::is_empty) {
            return Err("`default` is empty; leave it out or give a text".to_owned());
        }
        let rules = script.rules.into_iter().enumerate().map(|(index, rule)| {
            if rule.texts.is_empty() {
                return Err(format!("rule {index} has no texts"));
            }
            let matches = rule.matches.map(|regex| Regex::new(&regex)).transpose().map_err(|error| {
                format!(
                    "rule {index}: {}",
                    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
                )
            })?;
            let (contains, depth, trained) = (rule.contains, rule.depth, rule.trained);
            Ok(Rule { contains, matches, depth, trained, texts: rule.texts })
        });
        Ok(Self {
            info: PolicyInfo {
                backend: format!("scripted {VERSION}"),
                model_digest: format!("sha256:{}", hex(&Sha256::digest(text))),
                device: "cpu".to_owned(),
                dtype: "f32".to_owned(),
                context: 1 << 20,
                vocab: END + 1,
                chat_template: None,
                parameters: 0,
            },
            rules: rules.collect::<Result<_, _>>()?,
            after: script.after,
            step: script.step,
            default: script.default,
            pause: Duration::from_millis(script.pause_ms),
            adapter: None,
        })
    }

    fn texts(&self, prompt: &str, adapter: bool) -> Result<&[String], Error> {
        let tail = match &self.after {
            Some(marker) => prompt.rsplit_once(marker.as_str()).map_or(prompt, |(_, tail)| tail),
            None => prompt,
        };
        let depth = self.step.as_ref().map_or(0, |marker| tail.matches(marker.as_str()).count());
        let trained = if adapter { self.adapter.as_ref().map_or(0, |adapter| adapter.steps) } else { 0 };
        let rule = self.rules.iter().find(|rule| rule.fits(tail, depth, trained));
        rule.map(|rule| rule.texts.as_slice()).or(self.default.as_deref()).ok_or_else(|| {
            let shown: String = tail.chars().take(80).collect();
            Error::BadRequest(format!(
                "no rule of the action file fits {shown:?} at depth {depth}; add one or a `default`"
            ))
        })
    }

    fn ids(&self, prompt: &Prompt) -> Result<(Vec<u32>, String), Error> {
        match prompt {
            Prompt::Text(text) => Ok((bytes_to_ids(text), text.clone())),
            Prompt::Tokens(ids) => {
                let bytes: Option<Vec<u8>> =
                    ids.iter().filter(|id| **id != END).map(|id| u8::try_from(*id).ok()).collect();
                let bytes = bytes
                    .ok_or_else(|| Error::BadRequest("an id is outside the vocabulary of 257".to_owned()))?;
                Ok((ids.clone(), String::from_utf8_lossy(&bytes).into_owned()))
            }
        }
    }
}

fn bytes_to_ids(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

/// Writes a text as a policy would: until a stop string, the end, or the limit.
fn draw(text: &str, stop: &[String], max_tokens: usize) -> Sample {
    let limited = |bytes: &[u8]| bytes.len().min(max_tokens);
    // The stop string that is complete first ends the sample.
    let stopped = stop
        .iter()
        .filter_map(|stop| text.find(stop.as_str()).map(|start| (start + stop.len(), start)))
        .min()
        .filter(|(end, _)| *end <= max_tokens);
    let (text, mut tokens, finish) = match stopped {
        Some((end, start)) => (text[..start].to_owned(), bytes_to_ids(&text[..end]), Finish::Stop),
        None if text.len() < max_tokens => (text.to_owned(), bytes_to_ids(text), Finish::Stop),
        None => {
            let bytes = &text.as_bytes()[..limited(text.as_bytes())];
            let ids = bytes.iter().map(|byte| u32::from(*byte)).collect();
            (String::from_utf8_lossy(bytes).into_owned(), ids, Finish::Length)
        }
    };
    if stopped.is_none() && finish == Finish::Stop {
        tokens.push(END);
    }
    let log_probs = vec![LOG_PROB; tokens.len()];
    Sample { text, tokens, log_probs, finish }
}

fn summed(ids: &[u32]) -> f64 {
    f64::from(LOG_PROB) * ids.len() as f64
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

impl Policy for ScriptedPolicy {
    fn info(&self) -> &PolicyInfo {
        &self.info
    }

    fn tokenize(&mut self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(bytes_to_ids(text))
    }

    fn sample(
        &mut self,
        requests: &[SampleRequest],
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<SampleResponse>, Error> {
        let total = requests.iter().map(|request| request.candidates.len() as u64).sum();
        let mut done = 0;
        let mut responses = Vec::with_capacity(requests.len());
        for request in requests {
            let (prompt_tokens, prompt) = self.ids(&request.prompt)?;
            let texts = self.texts(&prompt, request.adapter)?;
            let mut samples = Vec::with_capacity(request.candidates.len());
            for index in 0..request.candidates.len() {
                if !self.pause.is_zero() {
                    std::thread::sleep(self.pause);
                }
                samples.push(draw(&texts[index % texts.len()], &request.stop, request.max_tokens as usize));
                done += 1;
                if !progress(done, total) {
                    return Err(Error::Cancelled);
                }
            }
            responses.push(SampleResponse { prompt_tokens, samples });
        }
        Ok(responses)
    }

    fn score(
        &mut self,
        items: &[Completion],
        _adapter: bool,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<f64>, Error> {
        let total = items.len() as u64;
        let mut scores = Vec::with_capacity(items.len());
        for item in items {
            scores.push(summed(&item.completion));
            if !progress(scores.len() as u64, total) {
                return Err(Error::Cancelled);
            }
        }
        Ok(scores)
    }

    fn new_adapter(&mut self, config: &LoraConfig) -> Result<(), Error> {
        self.adapter = Some(Adapter { config: config.clone(), steps: 0, optimizer_steps: 0 });
        Ok(())
    }

    fn reset_optimizer(&mut self) -> Result<(), Error> {
        if let Some(adapter) = &mut self.adapter {
            adapter.optimizer_steps = 0;
        }
        Ok(())
    }

    fn train_step(&mut self, batch: &TrainBatch, _optimizer: &OptimizerConfig) -> Result<StepMetrics, Error> {
        let Some(adapter) = &mut self.adapter else {
            return Err(Error::BadRequest("there is no adapter to train; make or load one first".to_owned()));
        };
        let mut metrics = match batch {
            TrainBatch::Sft { items } if !items.is_empty() => StepMetrics {
                nll: f64::from(-LOG_PROB),
                tokens: items.iter().map(|item| (item.prompt.len() + item.completion.len()) as u64).sum(),
                ..StepMetrics::default()
            },
            TrainBatch::Dpo { pairs, beta, sft_weight } if !pairs.is_empty() => {
                let chosen = pairs.iter().map(|pair| beta * (summed(&pair.chosen) - pair.reference_chosen));
                let rejected =
                    pairs.iter().map(|pair| beta * (summed(&pair.rejected) - pair.reference_rejected));
                let margins: Vec<f64> = chosen.clone().zip(rejected.clone()).map(|(c, r)| c - r).collect();
                let dpo_loss = mean(margins.iter().map(|margin| (-margin).exp().ln_1p()));
                let nll = f64::from(-LOG_PROB);
                StepMetrics {
                    loss: dpo_loss + sft_weight * nll,
                    dpo_loss,
                    nll,
                    rewards_chosen: mean(chosen),
                    rewards_rejected: mean(rejected),
                    rewards_margins: mean(margins.iter().copied()),
                    rewards_accuracies: mean(margins.iter().map(|margin| f64::from(u8::from(*margin > 0.0)))),
                    logps_chosen: mean(pairs.iter().map(|pair| summed(&pair.chosen))),
                    logps_rejected: mean(pairs.iter().map(|pair| summed(&pair.rejected))),
                    tokens: pairs
                        .iter()
                        .map(|pair| (pair.prompt.len() + pair.chosen.len() + pair.rejected.len()) as u64)
                        .sum(),
                    ..StepMetrics::default()
                }
            }
            _ => return Err(Error::BadRequest("the batch is empty; leave the step out".to_owned())),
        };
        if matches!(batch, TrainBatch::Sft { .. }) {
            metrics.loss = metrics.nll;
        }
        adapter.steps += 1;
        adapter.optimizer_steps += 1;
        Ok(metrics)
    }

    fn save_adapter(&mut self, folder: &Path) -> Result<(), Error> {
        let Some(adapter) = &self.adapter else {
            return Err(Error::BadRequest("there is no adapter to save; make or load one first".to_owned()));
        };
        let bytes = serde_json::to_vec_pretty(adapter).map_err(|error| bad(folder, error.to_string()))?;
        write_folder(folder, &[(STATE_FILE, &bytes)])
    }

    fn load_adapter(&mut self, folder: &Path) -> Result<(), Error> {
        let path: PathBuf = folder.join(STATE_FILE);
        let bytes =
            std::fs::read(&path).map_err(|source| Error::Io { what: "read", path: path.clone(), source })?;
        let adapter = serde_json::from_slice(&bytes)
            .map_err(|error| bad(&path, format!("not an adapter of the scripted policy: {error}")))?;
        self.adapter = Some(adapter);
        Ok(())
    }

    fn drop_adapter(&mut self) -> Result<(), Error> {
        self.adapter = None;
        Ok(())
    }
}
