//! Text to token ids and back, from a `tokenizer.json` or from what a GGUF file says about its tokenizer.
//!
//! A GGUF file holds tokens, merges, types and the *name* of the pre-tokenizer. The whole tokenizer is rebuilt
//! from these in the form of a `tokenizer.json`, so that one library does the work either way and its ids are
//! those of the model's own tokenizer.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use crate::error::Error;
use crate::gguf::{Gguf, Value};
use crate::model::bad;

/// GGUF's token type of special tokens (`<|im_start|>`): matched in text before anything else.
const TYPE_CONTROL: i64 = 3;
/// GGUF's token type of added tokens that are no special ones.
const TYPE_USER_DEFINED: i64 = 4;

/// A tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            what: "read",
            path: path.to_owned(),
            source,
        })?;
        Self::from_json(&bytes).map_err(|message| bad(path, message))
    }

    /// Rebuilds the tokenizer that a GGUF file describes.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, Error> {
        let json = describe(gguf).map_err(|message| bad(gguf.path(), message))?;
        let bytes = serde_json::to_vec(&json).map_err(|error| bad(gguf.path(), error.to_string()))?;
        Self::from_json(&bytes).map_err(|message| bad(gguf.path(), message))
    }

    fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes)
            .map_err(|error| format!("not a usable tokenizer: {error}; fetch the model again"))?;
        // A file may carry the settings of somebody's training run; prompts are neither cut nor filled up here.
        inner.with_truncation(None).map_err(|error| error.to_string())?;
        inner.with_padding(None);
        Ok(Self { inner })
    }

    /// Text to ids. Special tokens in the text are recognised, none is added.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        let encoding = self
            .inner
            .encode_fast(text, false)
            .map_err(|error| Error::BadRequest(format!("the text cannot be tokenised: {error}")))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Ids to text; bytes that are no UTF-8 become U+FFFD, unknown ids are left out.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Result<String, Error> {
        self.inner
            .decode(ids, skip_special_tokens)
            .map_err(|error| Error::BadRequest(format!("the ids cannot be turned into text: {error}")))
    }

    /// The id of a token by its exact text.
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Number of tokens, the added ones included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// A decoder for a stream of ids, for example one candidate's.
    pub fn stream(&self) -> StreamDecoder {
        StreamDecoder { text: String::new(), pending: Vec::new(), settled: 0 }
    }
}

/// Most ids that a character is waited for. UTF-8 needs at most four bytes, so what is not text by then is broken.
const LONGEST_WAIT: usize = 8;

/// Turns ids into text one at a time, and shows no half characters.
///
/// A character may be spread over several tokens. What [`StreamDecoder::text`] shows only ever grows and never
/// holds a replacement character for bytes that are still to come, so stop strings can be looked for in it after
/// every token.
#[derive(Clone, Debug)]
pub struct StreamDecoder {
    text: String,
    /// Ids whose text is not whole yet, after `settled` ids of context.
    pending: Vec<u32>,
    /// How many ids at the front of `pending` are shown already: some decoders look at the token before.
    settled: usize,
}

impl StreamDecoder {
    /// Takes the next id. Special tokens give no text.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<(), Error> {
        self.pending.push(id);
        let shown = tokenizer.decode(&self.pending[..self.settled], true)?;
        let all = tokenizer.decode(&self.pending, true)?;
        let waited = self.pending.len() - self.settled;
        if !all.ends_with('\u{FFFD}') || waited > LONGEST_WAIT {
            self.text.push_str(all.get(shown.len()..).unwrap_or_default());
            self.pending.drain(..self.settled);
            self.settled = self.pending.len();
        }
        Ok(())
    }

    /// The text so far, whole characters only.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with what is left, broken or not.
    pub fn finish(mut self, tokenizer: &Tokenizer) -> Result<String, Error> {
        let shown = tokenizer.decode(&self.pending[..self.settled], true)?;
        let all = tokenizer.decode(&self.pending, true)?;
        self.text.push_str(all.get(shown.len()..).unwrap_or_default());
        Ok(self.text)
    }
}

/// The `tokenizer.json` of a GGUF file.
fn describe(gguf: &Gguf) -> Result<Json, String> {
    let model = gguf.text("tokenizer.ggml.model").unwrap_or_default();
    if model != "gpt2" {
        return Err(format!(
            "tokenizer model `{model}` is not supported in GGUF files (byte-level BPE, `gpt2`, is); use the \
             model's folder in HF layout"
        ));
    }
    let pre = gguf.text("tokenizer.ggml.pre").unwrap_or("default");
    let array = |key: &str| {
        gguf.get(&format!("tokenizer.ggml.{key}"))
            .and_then(Value::as_array)
            .ok_or_else(|| format!("metadata tokenizer.ggml.{key} is missing; fetch the model again"))
    };
    let (tokens, merges) = (array("tokens")?, array("merges")?);
    let types = array("token_type").unwrap_or_default();
    let (mut vocab, mut added) = (Map::new(), Vec::new());
    for (id, token) in tokens.iter().enumerate() {
        let token = token.as_text().ok_or("a token is no text")?;
        vocab.insert(token.to_owned(), json!(id));
        let kind = match types.get(id) {
            Some(Value::Signed(kind)) => *kind,
            Some(Value::Unsigned(kind)) => i64::try_from(*kind).unwrap_or_default(),
            _ => 1,
        };
        if kind == TYPE_CONTROL || kind == TYPE_USER_DEFINED {
            added.push(json!({
                "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": kind == TYPE_CONTROL,
            }));
        }
    }
    let merges: Vec<Json> = merges
        .iter()
        .map(|merge| {
            let (left, right) =
                merge.as_text().and_then(|merge| merge.split_once(' ')).ok_or("a merge is no pair")?;
            Ok(json!([left, right]))
        })
        .collect::<Result<_, &str>>()?;
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": pre_tokenizer(pre)?,
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocab, "merges": merges,
        },
    }))
}

/// How text is cut before the merges, by GGUF's name for it.
fn pre_tokenizer(name: &str) -> Result<Json, String> {
    let byte_level = |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
    let digits = json!({"type": "Digits", "individual_digits": true});
    // The expressions are the ones in the models' own tokenizer.json files.
    let split = |regex: &str| {
        let split =
            json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
        json!({"type": "Sequence", "pretokenizers": [split, byte_level(false)]})
    };
    Ok(match name {
        "smollm" | "codeshell" | "starcoder" | "refact" | "command-r" => {
            json!({"type": "Sequence", "pretokenizers": [digits, byte_level(true)]})
        }
        "default" | "gpt-2" => byte_level(true),
        "llama-bpe" | "llama3" => split(concat!(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|",
            r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        )),
        "qwen2" => split(concat!(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|",
            r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        )),
        other => {
            return Err(format!(
                "pre-tokenizer `{other}` is not known; use the model's folder in HF layout, whose tokenizer.json \
                 says how it works"
            ));
        }
    })
}
