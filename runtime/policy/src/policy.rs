//! The trait that the loop is written against.

use std::path::Path;

use crate::error::Error;
use crate::types::{
    Completion, LoraConfig, OptimizerConfig, PolicyInfo, SampleRequest, SampleResponse, StepMetrics,
    TrainBatch,
};

/// Something that samples, scores and learns.
///
/// Not `Sync`: a policy belongs to one thread. A long call reports through `progress` (work done and work in
/// all, in tokens or items) and stops early with [`Error::Cancelled`] when that returns `false`.
pub trait Policy: Send {
    /// What was loaded.
    fn info(&self) -> &PolicyInfo;

    /// Text to ids, exactly as the model's own tokenizer does, no special token added.
    fn tokenize(&mut self, text: &str) -> Result<Vec<u32>, Error>;

    /// Draws all candidates of all requests, in one batch where memory allows. The result does not depend on
    /// what was sampled before.
    fn sample(
        &mut self,
        requests: &[SampleRequest],
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<SampleResponse>, Error>;

    /// Summed log-probability of each completion; with the adapter or (`false`) of the base model.
    fn score(
        &mut self,
        items: &[Completion],
        adapter: bool,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Vec<f64>, Error>;

    /// Puts a fresh adapter on (B = 0, so the policy is the base model), and a fresh optimiser.
    fn new_adapter(&mut self, config: &LoraConfig) -> Result<(), Error>;

    /// Forgets the optimiser's moments, keeps the adapter. Each training stage begins with this.
    fn reset_optimizer(&mut self) -> Result<(), Error>;

    /// One optimiser step.
    fn train_step(&mut self, batch: &TrainBatch, optimizer: &OptimizerConfig) -> Result<StepMetrics, Error>;

    /// Writes the adapter in PEFT's format and the optimiser's state beside it; the folder must not exist yet
    /// and appears whole or not at all.
    fn save_adapter(&mut self, folder: &Path) -> Result<(), Error>;

    /// Reads what `save_adapter` or PEFT wrote. The optimiser's state is taken when it is there.
    fn load_adapter(&mut self, folder: &Path) -> Result<(), Error>;

    /// Takes the adapter off: the policy is the base model again.
    fn drop_adapter(&mut self) -> Result<(), Error>;
}
