//! The policy itself: checks what it is asked, keeps the adapter, and hands the work on.

use std::path::Path;

use sport_policy::abi::{Log, NativeBackend};
use sport_policy::model::ModelFiles;
use sport_policy::tokenizer::Tokenizer;
use sport_policy::types::{
    Completion, LoraConfig, OptimizerConfig, PolicyConfig, PolicyInfo, Prompt, SampleRequest, SampleResponse,
    StepMetrics, TrainBatch,
};
use sport_policy::{Error, Policy};
use tch::Kind;

use crate::adamw::AdamW;
use crate::kv::{PrefixCache, Runner};
use crate::lora::Adapter;
use crate::sampling::{Prepared, Work};
use crate::weights::{Layer, Model};
use crate::{adapter_files, device, draw, sampling, train};

/// Version of libtorch that this is built for.
const LIBTORCH: &str = "2.13.0";

/// The base model's revision; an adapter's is above it.
const BASE: u64 = 0;

/// The adapter in training with its optimiser.
struct Tuned {
    adapter: Adapter,
    optimizer: AdamW,
    /// Changes whenever the adapter does.
    revision: u64,
    /// The layers with the adapter merged in, once they were needed at this revision.
    merged: Option<Vec<Layer>>,
}

fn no_adapter() -> Error {
    Error::BadRequest("there is no adapter on; make one with new_adapter or load one first".to_owned())
}

/// A loaded model with at most one adapter.
pub struct Torch {
    info: PolicyInfo,
    model: Model,
    tokenizer: Tokenizer,
    tuned: Option<Tuned>,
    /// The last revision given to an adapter.
    revisions: u64,
    prefixes: PrefixCache,
}

impl NativeBackend for Torch {
    fn open(config: &PolicyConfig, log: Log) -> Result<Self, Error> {
        // First: the CUDA half must be loaded before libtorch is asked anything.
        let device = device::choose_device(&config.device)?;
        let kind = device::choose_kind(&config.dtype, device)?;
        device::set_threads(config.threads);
        log.debug(format!("libtorch {LIBTORCH} with {} threads", tch::get_num_threads()));
        Self::load(&ModelFiles::open(&config.model)?, device, kind)
    }
}

impl Torch {
    /// Loads a model with a number type of choice: f64 is for tests.
    pub fn load(files: &ModelFiles, device: tch::Device, kind: Kind) -> Result<Self, Error> {
        let config = files.config();
        let tokenizer = files.tokenizer()?;
        let info = PolicyInfo {
            backend: format!("torch {LIBTORCH}"),
            model_digest: files.digest()?,
            device: device::device_name(device),
            dtype: device::kind_name(kind).to_owned(),
            context: u32::try_from(config.context).unwrap_or(u32::MAX),
            vocab: u32::try_from(config.vocab).unwrap_or(u32::MAX),
            chat_template: files.chat_template().map(str::to_owned),
            parameters: config.parameters(),
        };
        let model = Model::load(files, device, kind)?;
        Ok(Self { info, model, tokenizer, tuned: None, revisions: BASE, prefixes: PrefixCache::default() })
    }

    /// The base model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The adapter that is on.
    pub fn adapter(&self) -> Option<&Adapter> {
        self.tuned.as_ref().map(|tuned| &tuned.adapter)
    }

    /// Blocks of prefixes computed so far.
    pub fn prefix_blocks_computed(&self) -> u64 {
        self.prefixes.computed
    }

    fn put_on(&mut self, adapter: Adapter, optimizer: Option<AdamW>) {
        self.revisions += 1;
        let optimizer = optimizer.unwrap_or_else(|| AdamW::new(&adapter.parameters()));
        self.tuned = Some(Tuned { adapter, optimizer, revision: self.revisions, merged: None });
    }

    fn check_tokens(&self, what: &str, tokens: &[u32], room: usize) -> Result<(), Error> {
        if tokens.is_empty() {
            return Err(Error::BadRequest(format!("the {what} is empty")));
        }
        if tokens.len() + room > self.model.config.context {
            return Err(Error::BadRequest(format!(
                "the {what} has {} tokens, but the model's context ends at {}",
                tokens.len() + room,
                self.model.config.context
            )));
        }
        match tokens.iter().find(|token| **token as usize >= self.model.config.vocab) {
            Some(token) => Err(Error::BadRequest(format!(
                "the {what} holds token {token}, but the model knows {} tokens",
                self.model.config.vocab
            ))),
            None => Ok(()),
        }
    }

    fn check_item(&self, prompt: &[u32], completion: &[u32]) -> Result<(), Error> {
        self.check_tokens("prompt", prompt, 0)?;
        self.check_tokens("completion", completion, prompt.len())
    }

    fn prepare(&self, request: &SampleRequest) -> Result<Prepared, Error> {
        let prompt = match &request.prompt {
            Prompt::Text(text) => self.tokenizer.encode(text)?,
            Prompt::Tokens(tokens) => tokens.clone(),
        };
        self.check_tokens("prompt", &prompt, 1)?;
        request.candidates.iter().try_for_each(draw::check)?;
        if request.max_tokens == 0 {
            return Err(Error::BadRequest("max_tokens is 0; a sample has at least one token".to_owned()));
        }
        if request.stop.iter().any(String::is_empty) {
            return Err(Error::BadRequest("a stop string is empty".to_owned()));
        }
        let room = self.model.config.context - prompt.len();
        Ok(Prepared {
            prompt,
            candidates: request.candidates.clone(),
            max_tokens: (request.max_tokens as usize).min(room),
            stop: request.stop.clone(),
        })
    }
}

impl Policy for Torch {
    fn info(&self) -> &PolicyInfo {
        &self.info
    }

    fn tokenize(&mut self, text: &str) -> Result<Vec<u32>, Error> {
        self.tokenizer.encode(text)
    }

    fn sample(
        &mut self,
        requests: &[SampleRequest],
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<SampleResponse>, Error> {
        let prepared = requests.iter().map(|request| self.prepare(request)).collect::<Result<Vec<_>, _>>()?;
        let total =
            prepared.iter().map(|request| (request.max_tokens * request.candidates.len()) as u64).sum();
        let mut work = Work { done: 0, total, progress };
        let mut responses: Vec<Option<SampleResponse>> = requests.iter().map(|_| None).collect();
        let Self { model, tokenizer, tuned, prefixes, .. } = self;
        // A sum in bf16 would round the adapter away, so there it is put on as the model runs.
        if let Some(tuned) = tuned.as_mut().filter(|tuned| tuned.merged.is_none())
            && model.kind != Kind::BFloat16
            && requests.iter().any(|request| request.adapter)
        {
            tuned.merged = Some(tuned.adapter.merge(model));
        }
        let mut revisions = vec![BASE];
        let mut groups: Vec<(Runner<'_>, u64, bool)> = Vec::new();
        let base = Runner { model, layers: &model.layers, adapter: None };
        match tuned {
            None => groups.extend([(base, BASE, false)]),
            Some(Tuned { adapter, revision, merged, .. }) => {
                revisions.push(*revision);
                let runner = match merged {
                    Some(layers) => Runner { model, layers, adapter: None },
                    None => Runner { model, layers: &model.layers, adapter: Some(adapter) },
                };
                groups.extend([(base, BASE, false), (runner, *revision, true)]);
            }
        }
        let tuned = groups.len() > 1;
        let mut prepared: Vec<Option<Prepared>> = prepared.into_iter().map(Some).collect();
        for (runner, revision, adapter) in groups {
            let wanted = |index: &usize| !tuned || requests[*index].adapter == adapter;
            let places: Vec<usize> = (0..requests.len()).filter(wanted).collect();
            let group: Vec<Prepared> = places.iter().filter_map(|place| prepared[*place].take()).collect();
            if group.is_empty() {
                continue;
            }
            let samples = sampling::sample(&runner, prefixes, revision, tokenizer, &group, &mut work);
            // Also when the call was cancelled.
            prefixes.trim(model, &revisions);
            for ((place, request), samples) in places.into_iter().zip(group).zip(samples?) {
                responses[place] = Some(SampleResponse { prompt_tokens: request.prompt, samples });
            }
        }
        Ok(responses.into_iter().flatten().collect())
    }

    fn score(
        &mut self,
        items: &[Completion],
        adapter: bool,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<f64>, Error> {
        items.iter().try_for_each(|item| self.check_item(&item.prompt, &item.completion))?;
        let adapter = if adapter { self.adapter() } else { None };
        train::score(&self.model, adapter, items, progress)
    }

    fn new_adapter(&mut self, config: &LoraConfig) -> Result<(), Error> {
        let adapter = Adapter::new(config, &self.model)?;
        self.put_on(adapter, None);
        Ok(())
    }

    fn reset_optimizer(&mut self) -> Result<(), Error> {
        let Some(tuned) = self.tuned.as_mut() else { return Err(no_adapter()) };
        tuned.optimizer = AdamW::new(&tuned.adapter.parameters());
        Ok(())
    }

    fn train_step(&mut self, batch: &TrainBatch, optimizer: &OptimizerConfig) -> Result<StepMetrics, Error> {
        match batch {
            TrainBatch::Sft { items } if items.is_empty() => {
                return Err(Error::BadRequest("the batch is empty".to_owned()));
            }
            TrainBatch::Sft { items } => {
                items.iter().try_for_each(|item| self.check_item(&item.prompt, &item.completion))?;
            }
            TrainBatch::Dpo { pairs, beta, sft_weight } => {
                if pairs.is_empty() {
                    return Err(Error::BadRequest("the batch is empty".to_owned()));
                }
                if !(beta.is_finite() && sft_weight.is_finite()) {
                    return Err(Error::BadRequest("beta and sft_weight must be numbers".to_owned()));
                }
                for pair in pairs {
                    self.check_item(&pair.prompt, &pair.chosen)?;
                    self.check_item(&pair.prompt, &pair.rejected)?;
                    if !(pair.reference_chosen.is_finite() && pair.reference_rejected.is_finite()) {
                        return Err(Error::BadRequest(
                            "a pair's reference log-probability is not a number".to_owned(),
                        ));
                    }
                }
            }
        }
        let OptimizerConfig { learning_rate, beta1, beta2, epsilon, weight_decay, max_grad_norm } =
            *optimizer;
        let plain =
            [learning_rate, epsilon, weight_decay, max_grad_norm].iter().all(|x| x.is_finite() && *x >= 0.0);
        if !plain || !(0.0..1.0).contains(&beta1) || !(0.0..1.0).contains(&beta2) {
            return Err(Error::BadRequest(
                "the optimiser's settings make no sense: betas lie in 0..1, the rest is 0 or above"
                    .to_owned(),
            ));
        }
        let Some(tuned) = self.tuned.as_mut() else { return Err(no_adapter()) };
        let metrics = train::train_step(&self.model, &tuned.adapter, &mut tuned.optimizer, batch, optimizer)?;
        self.revisions += 1;
        tuned.revision = self.revisions;
        tuned.merged = None;
        Ok(metrics)
    }

    fn save_adapter(&mut self, folder: &Path) -> Result<(), Error> {
        let Some(tuned) = &self.tuned else {
            return Err(no_adapter());
        };
        adapter_files::save(folder, &tuned.adapter, &tuned.optimizer, &self.info.model_digest)
    }

    fn load_adapter(&mut self, folder: &Path) -> Result<(), Error> {
        let (adapter, optimizer) = adapter_files::load(folder, &self.model)?;
        self.put_on(adapter, optimizer);
        Ok(())
    }

    fn drop_adapter(&mut self) -> Result<(), Error> {
        self.tuned = None;
        Ok(())
    }
}
