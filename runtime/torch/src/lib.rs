//! The libtorch policy backend: it samples from, scores with and tunes a Llama-architecture model.
//!
//! Built as a shared library that `sport-policy` opens at run time, so that nothing else links libtorch; built
//! as a plain library too, for its tests and examples.
//!
//! # Layout
//!
//! | file | what is in it |
//! |---|---|
//! | [`backend`] | [`backend::Torch`], the `Policy`: checks requests, keeps the adapter and its revision |
//! | [`device`] | everything that knows about CUDA, number types and threads |
//! | [`weights`] | the frozen base model |
//! | [`lora`] | the adapter: its parameters, their start, how a projection uses them, merging |
//! | [`layers`] | norm, rotary embedding, feed-forward part |
//! | [`tree`] | sequences packed into one, shared prefixes once |
//! | [`packed`] | forward pass over a packed tree, for training and scoring |
//! | [`train`] | losses, micro-batches, one optimiser step |
//! | [`adamw`] | the optimiser and its file |
//! | [`adapter_files`] | adapter and optimiser on disk |
//! | [`kv`] | forward pass with a key-value cache, and the cache of shared prefixes |
//! | [`sampling`] | the sampling loop |
//! | [`draw`] | drawing one token |
//!
//! # What always holds
//!
//! * The base weights are never changed; gradients exist for the adapter only.
//! * Adapter and optimiser are f32, whatever the base weights are.
//! * A result depends on the request (its list of prompts, seeds and settings), the adapter, the number of
//!   threads and the cpu: not on what was computed before.

pub mod adamw;
pub mod adapter_files;
pub mod backend;
pub mod device;
pub mod draw;
pub mod kv;
pub mod layers;
pub mod lora;
pub mod packed;
pub mod sampling;
pub mod train;
pub mod tree;
pub mod weights;

pub use backend::Torch;

sport_policy::export_native_backend!(Torch);
