//! Random numbers that a component's digest decides: the same component is tried out the same way everywhere.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of draws.
#[derive(Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of a text, for example a digest and what is drawn for.
    pub fn new(digest: &str, about: &str) -> Self {
        let text = sport_sandbox::digest_of(format!("{digest} {about}").as_bytes());
        let mut seed = [0; 32];
        for (to, from) in seed.iter_mut().zip(text.bytes().rev()) {
            *to = from;
        }
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        // the remainder's unevenness is of no account here
        usize::try_from(self.0.next_u64() % (end.max(1) as u64)).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Yes, one time in so many.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}
