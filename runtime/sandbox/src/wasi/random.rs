//! Random bytes that the session's seed decides; a fork by replay draws the same ones again.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use super::Machine;
use crate::budget::Resource;
use crate::limits;

/// A session's random stream.
#[derive(Clone)]
pub(super) struct SeededRandom(ChaCha12Rng);

impl SeededRandom {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// How much of the stream was drawn.
    pub fn position(&self) -> u128 {
        self.0.get_word_pos()
    }
}

/// More random bytes at once than are given out.
#[derive(Debug, thiserror::Error)]
#[error("{0} random bytes at once, the most is {most}", most = limits::RANDOM_CHUNK)]
struct TooMany(u64);

impl Machine<'_> {
    fn draw(&mut self, count: u64) -> wasmtime::Result<Vec<u8>> {
        self.enter()?;
        if count > limits::RANDOM_CHUNK {
            return Err(TooMany(count).into());
        }
        self.host.budget.charge(Resource::Random, count)?;
        let mut bytes = vec![0; usize::try_from(count)?];
        self.wasi.random.0.fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn draw_u64(&mut self) -> wasmtime::Result<u64> {
        self.enter()?;
        self.host.budget.charge(Resource::Random, 8)?;
        Ok(self.wasi.random.0.next_u64())
    }
}

impl random::Host for Machine<'_> {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw_u64()
    }
}

impl insecure::Host for Machine<'_> {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw_u64()
    }
}

impl insecure_seed::Host for Machine<'_> {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.draw_u64()?, self.draw_u64()?))
    }
}
