//! Requests, answers and errors of the border, to bytes and back.
//!
//! The public types of the crate are turned into their wire twins here: the same fields, with every list of ids
//! or log-probabilities replaced by the index of a tensor ([`super::frame`]).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::frame::{Tensors, decode, encode};
use crate::error::Error;
use crate::types::{
    Completion, Finish, LoraConfig, OptimizerConfig, Pair, PolicyConfig, PolicyInfo, Prompt, Sample,
    SampleRequest, SampleResponse, Sampling, StepMetrics, TrainBatch,
};

/// What the host may ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// `Policy::tokenize`.
    Tokenize(String),
    /// `Policy::sample`.
    Sample(Vec<SampleRequest>),
    /// `Policy::score`.
    Score {
        /// What to score.
        items: Vec<Completion>,
        /// With the adapter.
        adapter: bool,
    },
    /// `Policy::new_adapter`.
    NewAdapter(LoraConfig),
    /// `Policy::reset_optimizer`.
    ResetOptimizer,
    /// `Policy::train_step`.
    TrainStep {
        /// What to learn from.
        batch: TrainBatch,
        /// How.
        optimizer: OptimizerConfig,
    },
    /// `Policy::save_adapter`.
    SaveAdapter(PathBuf),
    /// `Policy::load_adapter`.
    LoadAdapter(PathBuf),
    /// `Policy::drop_adapter`.
    DropAdapter,
}

/// What the backend answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To `Tokenize`.
    Tokens(Vec<u32>),
    /// To `Sample`.
    Samples(Vec<SampleResponse>),
    /// To `Score`.
    Scores(Vec<f64>),
    /// To `TrainStep`.
    Metrics(StepMetrics),
    /// To the rest.
    Done,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
enum RequestBody {
    Tokenize { text: String },
    Sample { requests: Vec<SampleBody> },
    Score { items: Vec<CompletionBody>, adapter: bool },
    NewAdapter { config: LoraConfig },
    ResetOptimizer,
    TrainStep { batch: BatchBody, optimizer: OptimizerConfig },
    SaveAdapter { folder: PathBuf },
    LoadAdapter { folder: PathBuf },
    DropAdapter,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PromptBody {
    Text(String),
    Tokens(usize),
}

#[derive(Serialize, Deserialize)]
struct SampleBody {
    prompt: PromptBody,
    candidates: Vec<Sampling>,
    max_tokens: u32,
    stop: Vec<String>,
    adapter: bool,
}

#[derive(Serialize, Deserialize)]
struct CompletionBody {
    prompt: usize,
    completion: usize,
}

#[derive(Serialize, Deserialize)]
struct PairBody {
    prompt: usize,
    chosen: usize,
    rejected: usize,
    /// The two reference log-probabilities.
    reference: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "loss", rename_all = "kebab-case")]
enum BatchBody {
    Sft { items: Vec<CompletionBody> },
    Dpo { pairs: Vec<PairBody>, beta: f64, sft_weight: f64 },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
enum AnswerBody {
    Tokens { ids: usize },
    Samples { responses: Vec<ResponseBody> },
    Scores { values: usize },
    Metrics { values: usize, tokens: u64 },
    Done,
}

#[derive(Serialize, Deserialize)]
struct ResponseBody {
    prompt: usize,
    samples: Vec<DrawnBody>,
}

#[derive(Serialize, Deserialize)]
struct DrawnBody {
    text: String,
    tokens: usize,
    log_probs: usize,
    finish: Finish,
}

/// Config to bytes.
pub fn encode_config(config: &PolicyConfig) -> Result<Vec<u8>, String> {
    encode(config, &Tensors::default())
}

/// Bytes to config.
pub fn decode_config(bytes: &[u8]) -> Result<PolicyConfig, String> {
    decode(bytes).map(|(config, _)| config)
}

/// What was loaded, to bytes.
pub fn encode_info(info: &PolicyInfo) -> Result<Vec<u8>, String> {
    encode(info, &Tensors::default())
}

/// Bytes to what was loaded.
pub fn decode_info(bytes: &[u8]) -> Result<PolicyInfo, String> {
    decode(bytes).map(|(info, _)| info)
}

fn put_completions(items: &[Completion], tensors: &mut Tensors) -> Vec<CompletionBody> {
    items
        .iter()
        .map(|item| CompletionBody {
            prompt: tensors.put_u32(&item.prompt),
            completion: tensors.put_u32(&item.completion),
        })
        .collect()
}

fn take_completions(items: Vec<CompletionBody>, tensors: &mut Tensors) -> Result<Vec<Completion>, String> {
    items
        .into_iter()
        .map(|item| {
            Ok(Completion {
                prompt: tensors.take_u32(item.prompt)?,
                completion: tensors.take_u32(item.completion)?,
            })
        })
        .collect()
}

/// Request to bytes.
pub fn encode_request(request: &Request) -> Result<Vec<u8>, String> {
    let mut tensors = Tensors::default();
    let body = match request {
        Request::Tokenize(text) => RequestBody::Tokenize { text: text.clone() },
        Request::Sample(requests) => RequestBody::Sample {
            requests: requests
                .iter()
                .map(|request| SampleBody {
                    prompt: match &request.prompt {
                        Prompt::Text(text) => PromptBody::Text(text.clone()),
                        Prompt::Tokens(ids) => PromptBody::Tokens(tensors.put_u32(ids)),
                    },
                    candidates: request.candidates.clone(),
                    max_tokens: request.max_tokens,
                    stop: request.stop.clone(),
                    adapter: request.adapter,
                })
                .collect(),
        },
        Request::Score { items, adapter } => {
            RequestBody::Score { items: put_completions(items, &mut tensors), adapter: *adapter }
        }
        Request::NewAdapter(config) => RequestBody::NewAdapter { config: config.clone() },
        Request::ResetOptimizer => RequestBody::ResetOptimizer,
        Request::TrainStep { batch, optimizer } => {
            let batch = match batch {
                TrainBatch::Sft { items } => BatchBody::Sft { items: put_completions(items, &mut tensors) },
                TrainBatch::Dpo { pairs, beta, sft_weight } => BatchBody::Dpo {
                    pairs: pairs
                        .iter()
                        .map(|pair| PairBody {
                            prompt: tensors.put_u32(&pair.prompt),
                            chosen: tensors.put_u32(&pair.chosen),
                            rejected: tensors.put_u32(&pair.rejected),
                            reference: tensors.put_f64(&[pair.reference_chosen, pair.reference_rejected]),
                        })
                        .collect(),
                    beta: *beta,
                    sft_weight: *sft_weight,
                },
            };
            RequestBody::TrainStep { batch, optimizer: *optimizer }
        }
        Request::SaveAdapter(folder) => RequestBody::SaveAdapter { folder: folder.clone() },
        Request::LoadAdapter(folder) => RequestBody::LoadAdapter { folder: folder.clone() },
        Request::DropAdapter => RequestBody::DropAdapter,
    };
    encode(&body, &tensors)
}

/// Bytes to request.
pub fn decode_request(bytes: &[u8]) -> Result<Request, String> {
    let (body, mut tensors) = decode::<RequestBody>(bytes)?;
    let tensors = &mut tensors;
    Ok(match body {
        RequestBody::Tokenize { text } => Request::Tokenize(text),
        RequestBody::Sample { requests } => Request::Sample(
            requests
                .into_iter()
                .map(|request| {
                    Ok(SampleRequest {
                        prompt: match request.prompt {
                            PromptBody::Text(text) => Prompt::Text(text),
                            PromptBody::Tokens(ids) => Prompt::Tokens(tensors.take_u32(ids)?),
                        },
                        candidates: request.candidates,
                        max_tokens: request.max_tokens,
                        stop: request.stop,
                        adapter: request.adapter,
                    })
                })
                .collect::<Result<_, String>>()?,
        ),
        RequestBody::Score { items, adapter } => {
            Request::Score { items: take_completions(items, tensors)?, adapter }
        }
        RequestBody::NewAdapter { config } => Request::NewAdapter(config),
        RequestBody::ResetOptimizer => Request::ResetOptimizer,
        RequestBody::TrainStep { batch: BatchBody::Sft { items }, optimizer } => Request::TrainStep {
            batch: TrainBatch::Sft { items: take_completions(items, tensors)? },
            optimizer,
        },
        RequestBody::TrainStep { batch: BatchBody::Dpo { pairs, beta, sft_weight }, optimizer } => {
            let pairs =
                pairs.into_iter().map(|pair| take_pair(pair, tensors)).collect::<Result<_, String>>()?;
            Request::TrainStep { batch: TrainBatch::Dpo { pairs, beta, sft_weight }, optimizer }
        }
        RequestBody::SaveAdapter { folder } => Request::SaveAdapter(folder),
        RequestBody::LoadAdapter { folder } => Request::LoadAdapter(folder),
        RequestBody::DropAdapter => Request::DropAdapter,
    })
}

fn take_pair(pair: PairBody, tensors: &mut Tensors) -> Result<Pair, String> {
    let [reference_chosen, reference_rejected] = tensors.take_f64(pair.reference)?[..] else {
        return Err("a pair has two reference log-probabilities".to_owned());
    };
    Ok(Pair {
        prompt: tensors.take_u32(pair.prompt)?,
        chosen: tensors.take_u32(pair.chosen)?,
        rejected: tensors.take_u32(pair.rejected)?,
        reference_chosen,
        reference_rejected,
    })
}

/// Answer to bytes.
pub fn encode_answer(answer: &Answer) -> Result<Vec<u8>, String> {
    let mut tensors = Tensors::default();
    let body = match answer {
        Answer::Tokens(ids) => AnswerBody::Tokens { ids: tensors.put_u32(ids) },
        Answer::Samples(responses) => AnswerBody::Samples {
            responses: responses
                .iter()
                .map(|response| ResponseBody {
                    prompt: tensors.put_u32(&response.prompt_tokens),
                    samples: response
                        .samples
                        .iter()
                        .map(|sample| DrawnBody {
                            text: sample.text.clone(),
                            tokens: tensors.put_u32(&sample.tokens),
                            log_probs: tensors.put_f32(&sample.log_probs),
                            finish: sample.finish,
                        })
                        .collect(),
                })
                .collect(),
        },
        Answer::Scores(values) => AnswerBody::Scores { values: tensors.put_f64(values) },
        Answer::Metrics(metrics) => {
            AnswerBody::Metrics { values: tensors.put_f64(&metric_values(metrics)), tokens: metrics.tokens }
        }
        Answer::Done => AnswerBody::Done,
    };
    encode(&body, &tensors)
}

/// Bytes to answer.
pub fn decode_answer(bytes: &[u8]) -> Result<Answer, String> {
    let (body, mut tensors) = decode::<AnswerBody>(bytes)?;
    let tensors = &mut tensors;
    Ok(match body {
        AnswerBody::Tokens { ids } => Answer::Tokens(tensors.take_u32(ids)?),
        AnswerBody::Samples { responses } => Answer::Samples(
            responses
                .into_iter()
                .map(|response| {
                    let samples = response
                        .samples
                        .into_iter()
                        .map(|sample| {
                            Ok(Sample {
                                text: sample.text,
                                tokens: tensors.take_u32(sample.tokens)?,
                                log_probs: tensors.take_f32(sample.log_probs)?,
                                finish: sample.finish,
                            })
                        })
                        .collect::<Result<_, String>>()?;
                    Ok(SampleResponse { prompt_tokens: tensors.take_u32(response.prompt)?, samples })
                })
                .collect::<Result<_, String>>()?,
        ),
        AnswerBody::Scores { values } => Answer::Scores(tensors.take_f64(values)?),
        AnswerBody::Metrics { values, tokens } => {
            Answer::Metrics(metrics_of(&tensors.take_f64(values)?, tokens)?)
        }
        AnswerBody::Done => Answer::Done,
    })
}

/// The order of the metrics in their tensor; both directions stand next to each other on purpose.
fn metric_values(m: &StepMetrics) -> [f64; 10] {
    [
        m.loss,
        m.dpo_loss,
        m.nll,
        m.grad_norm,
        m.rewards_chosen,
        m.rewards_rejected,
        m.rewards_margins,
        m.rewards_accuracies,
        m.logps_chosen,
        m.logps_rejected,
    ]
}

fn metrics_of(values: &[f64], tokens: u64) -> Result<StepMetrics, String> {
    let &[
        loss,
        dpo_loss,
        nll,
        grad_norm,
        rewards_chosen,
        rewards_rejected,
        rewards_margins,
        rewards_accuracies,
        logps_chosen,
        logps_rejected,
    ] = values
    else {
        return Err(format!("metrics are ten numbers, these are {}", values.len()));
    };
    Ok(StepMetrics {
        loss,
        dpo_loss,
        nll,
        grad_norm,
        rewards_chosen,
        rewards_rejected,
        rewards_margins,
        rewards_accuracies,
        logps_chosen,
        logps_rejected,
        tokens,
    })
}

/// [`Error`] on its way over.
#[derive(Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
enum ErrorBody {
    Io { what: String, path: PathBuf, os: Option<i32>, message: String },
    BadFile { path: PathBuf, message: String },
    BadRequest { message: String },
    Backend { message: String },
    Internal { backend: String, message: String },
    Cancelled,
}

/// Verbs that [`Error::Io`] uses; the field is a static string, so they are looked up on arrival.
const VERBS: [&str; 8] = ["read", "write", "open", "create", "rename", "map", "remove", "list"];

/// Error to bytes. Cannot fail: an error about an error helps nobody.
pub fn encode_error(error: &Error) -> Vec<u8> {
    let body = match error {
        Error::Io { what, path, source } => ErrorBody::Io {
            what: (*what).to_owned(),
            path: path.clone(),
            os: source.raw_os_error(),
            message: source.to_string(),
        },
        Error::BadFile { path, message } => {
            ErrorBody::BadFile { path: path.clone(), message: message.clone() }
        }
        Error::BadRequest(message) => ErrorBody::BadRequest { message: message.clone() },
        Error::Backend(message) => ErrorBody::Backend { message: message.clone() },
        Error::Internal { backend, message } => {
            ErrorBody::Internal { backend: backend.clone(), message: message.clone() }
        }
        Error::Cancelled => ErrorBody::Cancelled,
    };
    // A path that is not UTF-8 is the one thing that JSON refuses here.
    encode(&body, &Tensors::default())
        .or_else(|_| encode(&ErrorBody::Backend { message: error.to_string() }, &Tensors::default()))
        .unwrap_or_default()
}

/// Bytes to error.
pub fn decode_error(backend: &str, bytes: &[u8]) -> Error {
    match decode::<ErrorBody>(bytes) {
        Ok((ErrorBody::Io { what, path, os, message }, _)) => Error::Io {
            what: VERBS.iter().find(|verb| **verb == what).copied().unwrap_or("use"),
            path,
            source: os.map_or_else(|| std::io::Error::other(message), std::io::Error::from_raw_os_error),
        },
        Ok((ErrorBody::BadFile { path, message }, _)) => Error::BadFile { path, message },
        Ok((ErrorBody::BadRequest { message }, _)) => Error::BadRequest(message),
        Ok((ErrorBody::Backend { message }, _)) => Error::Backend(message),
        Ok((ErrorBody::Internal { backend, message }, _)) => Error::Internal { backend, message },
        Ok((ErrorBody::Cancelled, _)) => Error::Cancelled,
        Err(message) => Error::Internal { backend: backend.to_owned(), message },
    }
}
