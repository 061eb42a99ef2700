//! The sampling loop: all candidates of all requests, in few large batches.
//!
//! The batches are a function of the requests alone: what all prompts share is the [`Prefix`]; the candidates,
//! those with the longest prompts first, are cut into batches of equal bounds; a batch computes what is left of
//! each prompt once, then decodes all its candidates together. Finished candidates are dropped from the batch
//! when a quarter of it is idle.
//!
//! Each candidate has a random stream of its own, so neither order nor company changes what it draws, as long as
//! the last bits of its probabilities agree.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sport_policy::Error;
use sport_policy::tokenizer::{StreamDecoder, Tokenizer};
use sport_policy::types::{Finish, Sample, Sampling};
use tch::{Kind, Tensor};

use crate::draw::draw;
use crate::kv::{HIDDEN, Prefix, PrefixCache, Rows, Runner};

/// Most candidates decoded together. More would gain little: the weights are read once per step anyway.
const BATCH_ROWS: usize = 128;
/// Most bytes of the candidates' own keys and values in a batch.
const BATCH_BYTES: usize = 1 << 30;
/// Most prompt tokens in one forward pass.
const PREFILL_TOKENS: usize = 512;

/// A request with its prompt as ids, checked.
pub struct Prepared {
    /// Prompt ids, never empty.
    pub prompt: Vec<u32>,
    /// Candidates.
    pub candidates: Vec<Sampling>,
    /// New tokens at most; prompt and these fit the context.
    pub max_tokens: usize,
    /// Stop strings, none empty.
    pub stop: Vec<String>,
}

/// Counts work and asks whether to go on.
pub struct Work<'a> {
    /// Tokens drawn, and candidates finished early counted in full.
    pub done: u64,
    /// Tokens at most.
    pub total: u64,
    /// The caller's callback.
    pub progress: &'a mut dyn FnMut(u64, u64) -> bool,
}

impl Work<'_> {
    fn report(&mut self) -> Result<(), Error> {
        if (self.progress)(self.done.min(self.total), self.total) { Ok(()) } else { Err(Error::Cancelled) }
    }
}

/// Draws all candidates; the answers are in the order of the requests.
pub fn sample(
    runner: &Runner<'_>,
    cache: &mut PrefixCache,
    revision: u64,
    tokenizer: &Tokenizer,
    requests: &[Prepared],
    work: &mut Work<'_>,
) -> Result<Vec<Vec<Sample>>, Error> {
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(requests[*index].prompt.len()));
    let candidates: Vec<(usize, usize)> = order
        .iter()
        .flat_map(|request| {
            (0..requests[*request].candidates.len()).map(move |candidate| (*request, candidate))
        })
        .collect();
    let mut answers: Vec<Vec<Option<Sample>>> =
        requests.iter().map(|request| request.candidates.iter().map(|_| None).collect()).collect();
    if candidates.is_empty() {
        return Ok(answers.into_iter().map(|_| Vec::new()).collect());
    }
    work.report()?;
    let shared = shared_length(requests);
    let prefix = tch::no_grad(|| cache.get(runner, revision, &requests[0].prompt[..shared]));
    // As many batches as it takes, of about the same size.
    let most = candidates.len().div_ceil(candidates.len().div_ceil(BATCH_ROWS));
    let batch = Batch { runner, tokenizer, requests, prefix: &prefix, most };
    let mut rest = candidates.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(batch.rows_that_fit(rest));
        rest = later;
        for ((request, candidate), sample) in now.iter().zip(tch::no_grad(|| batch.run(now, work))?) {
            answers[*request][*candidate] = Some(sample);
        }
    }
    Ok(answers.into_iter().map(|samples| samples.into_iter().flatten().collect()).collect())
}

/// How many tokens all prompts begin with. Each prompt keeps at least one token behind them, whose logits are the
/// first that are needed.
fn shared_length(requests: &[Prepared]) -> usize {
    let first = &requests[0].prompt;
    requests.iter().fold(first.len(), |common, request| {
        let same = first.iter().zip(&request.prompt).take_while(|(a, b)| a == b).count();
        common.min(same).min(request.prompt.len() - 1)
    })
}

/// A candidate in the making.
struct Row<'a> {
    /// Position in the batch's answers.
    index: usize,
    request: &'a Prepared,
    settings: Sampling,
    random: ChaCha8Rng,
    tokens: Vec<u32>,
    log_probs: Vec<f32>,
    text: StreamDecoder,
    finished: bool,
}

/// What the batches of one call have in common.
struct Batch<'a> {
    runner: &'a Runner<'a>,
    tokenizer: &'a Tokenizer,
    requests: &'a [Prepared],
    prefix: &'a Prefix,
    /// Candidates in a batch.
    most: usize,
}

impl Batch<'_> {
    fn suffix(&self, request: usize) -> &[u32] {
        &self.requests[request].prompt[self.prefix.len as usize..]
    }

    /// How many of the next candidates make a batch. The first of them has the longest prompt.
    fn rows_that_fit(&self, candidates: &[(usize, usize)]) -> usize {
        let config = &self.runner.model.config;
        let column = config.layers
            * 2
            * config.kv_heads
            * config.head_dim
            * self.runner.model.kind.elt_size_in_bytes();
        let longest = self.suffix(candidates[0].0).len();
        let mut columns = 0;
        let fit = candidates.iter().take(self.most).enumerate().take_while(|(index, (request, _))| {
            columns = columns.max(longest + self.requests[*request].max_tokens);
            (index + 1) * columns * column <= BATCH_BYTES
        });
        fit.count().max(1)
    }

    fn tensor(&self, values: &[i64]) -> Tensor {
        Tensor::from_slice(values).to_device(self.runner.model.device)
    }

    /// Draws these candidates together.
    fn run(&self, candidates: &[(usize, usize)], work: &mut Work<'_>) -> Result<Vec<Sample>, Error> {
        let width = self.suffix(candidates[0].0).len();
        let longest =
            candidates.iter().map(|(request, _)| self.requests[*request].max_tokens).max().unwrap_or(0);
        // Candidates of a request lie together.
        let mut prompts: Vec<usize> = candidates.iter().map(|(request, _)| *request).collect();
        prompts.dedup();
        let (parts, logits) = self.prefill(&prompts, width, work)?;
        let mut place = 0;
        let of_prompt: Vec<i64> = candidates
            .iter()
            .map(|(request, _)| {
                while prompts[place] != *request {
                    place += 1;
                }
                place as i64
            })
            .collect();
        let of_prompt = self.tensor(&of_prompt);
        let columns = (width + longest) as i64;
        let mut rows = Rows::pick(&parts, &of_prompt, columns);
        drop(parts);
        let mut logits = logits.index_select(0, &of_prompt);
        let padding: Vec<i64> =
            candidates.iter().map(|(request, _)| (width - self.suffix(*request).len()) as i64).collect();
        let mut padding = self.tensor(&padding);
        let mut live: Vec<Row<'_>> = candidates
            .iter()
            .enumerate()
            .map(|(index, (request, candidate))| {
                let request = &self.requests[*request];
                let settings = request.candidates[*candidate];
                Row {
                    index,
                    request,
                    settings,
                    random: ChaCha8Rng::seed_from_u64(settings.seed),
                    tokens: Vec::new(),
                    log_probs: Vec::new(),
                    text: self.tokenizer.stream(),
                    finished: false,
                }
            })
            .collect();
        let mut samples: Vec<Option<Sample>> = candidates.iter().map(|_| None).collect();
        loop {
            self.choose(&logits, &mut live, &mut samples, work)?;
            work.report()?;
            let open: Vec<i64> = (0..live.len() as i64).filter(|row| !live[*row as usize].finished).collect();
            if open.is_empty() {
                break;
            }
            if open.len() * 4 <= live.len() * 3 {
                let index = self.tensor(&open);
                rows = Rows::pick(&[rows], &index, columns);
                padding = padding.index_select(0, &index);
                live.retain(|row| !row.finished);
            }
            logits = self.step(&live, &mut rows, &padding);
        }
        Ok(samples.into_iter().flatten().collect())
    }

    /// Computes what is left of each prompt, aligned to the right, and the logits after it.
    fn prefill(
        &self,
        prompts: &[usize],
        width: usize,
        work: &mut Work<'_>,
    ) -> Result<(Vec<Rows>, Tensor), Error> {
        let model = self.runner.model;
        let (mut parts, mut logits) = (Vec::new(), Vec::new());
        for some in prompts.chunks((PREFILL_TOKENS / width).max(1)) {
            work.report()?;
            let (count, columns) = (some.len() as i64, width as i64);
            let (mut ids, mut positions, mut padding) = (Vec::new(), Vec::new(), Vec::new());
            for request in some {
                let suffix = self.suffix(*request);
                let pad = width - suffix.len();
                ids.extend(std::iter::repeat_n(0, pad).chain(suffix.iter().map(|token| i64::from(*token))));
                positions
                    .extend((0..width).map(|column| self.prefix.len + column.saturating_sub(pad) as i64));
                padding.push(pad as i64);
            }
            let causal = Tensor::ones([columns, columns], (model.kind, model.device)).triu(1) * HIDDEN;
            let bias = hide_padding(&self.tensor(&padding), columns, model.kind)
                + causal.reshape([1, 1, columns, 1, columns]);
            let mut rows = Rows::new(model, count, columns);
            let ids = self.tensor(&ids).reshape([count, columns]);
            let x = self.runner.forward(
                &ids,
                &self.tensor(&positions),
                Some(self.prefix),
                &mut rows,
                Some(&bias),
            );
            let last = x.reshape([count, columns, -1]).select(1, columns - 1);
            logits.push(self.runner.logits(&last));
            parts.push(rows);
        }
        Ok((parts, Tensor::cat(&logits, 0)))
    }

    /// Draws the next token of every open row and closes those that are done.
    fn choose(
        &self,
        logits: &Tensor,
        live: &mut [Row<'_>],
        samples: &mut [Option<Sample>],
        work: &mut Work<'_>,
    ) -> Result<(), Error> {
        let log_probs = logits.log_softmax(-1, logits.kind());
        let greedy = logits.argmax(-1, false);
        let mut chosen = vec![0i64; live.len()];
        let count = live.len();
        greedy.to_device(tch::Device::Cpu).copy_data(&mut chosen, count);
        let drawn: Vec<i64> = (0..live.len() as i64)
            .filter(|row| !live[*row as usize].finished && live[*row as usize].settings.temperature > 0.0)
            .collect();
        if !drawn.is_empty() {
            let vocab = logits.size()[1] as usize;
            let temperatures: Vec<f32> =
                drawn.iter().map(|row| live[*row as usize].settings.temperature).collect();
            let temperatures = Tensor::from_slice(&temperatures).to_device(logits.device()).unsqueeze(1);
            let picked = log_probs.index_select(0, &self.tensor(&drawn)).to_kind(Kind::Float);
            let probabilities = (picked / temperatures).softmax(-1, Kind::Float).to_device(tch::Device::Cpu);
            let mut values = vec![0f32; drawn.len() * vocab];
            let count = values.len();
            probabilities.copy_data(&mut values, count);
            for (row, probabilities) in drawn.iter().zip(values.chunks_exact(vocab)) {
                let row = *row as usize;
                let uniform = live[row].random.random::<f64>();
                chosen[row] = i64::from(draw(probabilities, &live[row].settings, uniform));
            }
        }
        let picked = log_probs.gather(1, &self.tensor(&chosen).unsqueeze(1), false).to_kind(Kind::Float);
        let mut values = vec![0f32; live.len()];
        picked.to_device(tch::Device::Cpu).copy_data(&mut values, count);
        for ((row, token), log_prob) in live.iter_mut().zip(chosen).zip(values) {
            if row.finished {
                continue;
            }
            row.tokens.push(token as u32);
            row.log_probs.push(log_prob);
            work.done += 1;
            if let Some((text, finish)) = self.ending(row, token as u32)? {
                row.finished = true;
                work.done += (row.request.max_tokens - row.tokens.len()) as u64;
                let (tokens, log_probs) =
                    (std::mem::take(&mut row.tokens), std::mem::take(&mut row.log_probs));
                samples[row.index] = Some(Sample { text, tokens, log_probs, finish });
            }
        }
        Ok(())
    }

    /// Takes a row's newest token in; the text and the reason if it was the last one.
    fn ending(&self, row: &mut Row<'_>, token: u32) -> Result<Option<(String, Finish)>, Error> {
        if self.runner.model.config.eos.contains(&token) {
            return Ok(Some((row.text.clone().finish(self.tokenizer)?, Finish::Stop)));
        }
        row.text.push(self.tokenizer, token)?;
        let cut = |text: &str| row.request.stop.iter().filter_map(|stop| text.find(stop.as_str())).min();
        if let Some(cut) = cut(row.text.text()) {
            return Ok(Some((row.text.text()[..cut].to_owned(), Finish::Stop)));
        }
        if row.tokens.len() >= row.request.max_tokens {
            let text = row.text.clone().finish(self.tokenizer)?;
            return Ok(Some((text, Finish::Length)));
        }
        Ok(None)
    }

    /// Runs every row's newest token.
    fn step(&self, live: &[Row<'_>], rows: &mut Rows, padding: &Tensor) -> Tensor {
        let newest: Vec<i64> =
            live.iter().map(|row| row.tokens.last().map_or(0, |token| i64::from(*token))).collect();
        let ids = self.tensor(&newest).unsqueeze(1);
        let positions = -padding + (self.prefix.len + rows.used);
        let bias = hide_padding(padding, rows.used + 1, self.runner.model.kind);
        let x = self.runner.forward(&ids, &positions, Some(self.prefix), rows, Some(&bias));
        self.runner.logits(&x)
    }
}

/// [`HIDDEN`] in the first columns of each row, as many as it has padding: `[rows, 1, 1, 1, columns]`.
fn hide_padding(padding: &Tensor, columns: i64, kind: Kind) -> Tensor {
    let column = Tensor::arange(columns, (Kind::Int64, padding.device()));
    let hidden = padding.unsqueeze(1).gt_tensor(&column).to_kind(kind) * HIDDEN;
    hidden.reshape([-1, 1, 1, 1, columns])
}
