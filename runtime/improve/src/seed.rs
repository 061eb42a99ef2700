//! Every random draw, from what it is for.
//!
//! A seed is a hash of the run's seed, a purpose and the ids of the thing drawn for. No state is carried from
//! one draw to the next, so a resumed run draws what the uninterrupted one would have drawn.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// What a draw is for; equal ids with different purposes give unrelated seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Making tasks.
    Synthesize,
    /// Sampling a candidate.
    Sample,
    /// Virtual random of an interpreter session.
    Session,
    /// The order in which a verifier sees candidates.
    JudgeOrder,
    /// Whether a judge's word is checked.
    JudgeCheck,
    /// Which steps a newcomer among the verifiers decides.
    Canary,
    /// Which losers go into pairs.
    Pair,
    /// Fresh adapter matrices.
    Adapter,
    /// The order of items in an epoch.
    Epoch,
    /// Which earlier winners are replayed.
    Replay,
    /// Bootstrap resamples.
    Bootstrap,
    /// What an audit shows a verifier, and in which order.
    Audit,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Synthesize => "synthesize",
            Self::Sample => "sample",
            Self::Session => "session",
            Self::JudgeOrder => "judge-order",
            Self::JudgeCheck => "judge-check",
            Self::Canary => "canary",
            Self::Pair => "pair",
            Self::Adapter => "adapter",
            Self::Epoch => "epoch",
            Self::Replay => "replay",
            Self::Bootstrap => "bootstrap",
            Self::Audit => "audit",
        }
    }
}

/// The seed for one draw. `ids` name the thing drawn for: a task's id, a step's depth, a candidate's number.
pub fn seed(run: u64, purpose: Purpose, ids: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"sport seed 1\0");
    hash.update(run.to_le_bytes());
    for part in std::iter::once(purpose.name()).chain(ids.iter().copied()) {
        // the length keeps ("ab", "c") and ("a", "bc") apart
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    // TOML and SQLite integers are signed: keep seeds representable there
    u64::from_le_bytes(first) >> 1
}

/// A random stream for one purpose.
pub fn stream(run: u64, purpose: Purpose, ids: &[&str]) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed(run, purpose, ids))
}

/// A permutation of `0..length`.
pub fn order(length: usize, run: u64, purpose: Purpose, ids: &[&str]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    order.shuffle(&mut stream(run, purpose, ids));
    order
}
