//! Instances of sessions that are over, used again for forks of the same family.
//!
//! A step forks its session five times and drops four of the forks again. Making an instance, and the page faults of a memory
//! that starts from nothing, cost more than all else in a fork; an instance that was dropped has all its pages already. What
//! makes a copy of the memory a copy of the session (see [`super::rest`]) also makes an instance whose memory is put back a new
//! one: its state is its memory, its handles, and the host's side, and all three are set.
//!
//! A *family* is a session and everything that was forked from it, so the code of one task. An instance never serves another:
//! the rules are about code as it was compiled, and code that corrupts its interpreter could leave a global, or two handles of
//! one kind, where they do not belong. Within the family it is a candidate that was dropped which could so reach a later step
//! of its own task; code that stays within its language cannot.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::interpreter::Instance;
use crate::limits;

/// The instances of one family that wait for being used again.
#[derive(Default)]
pub(super) struct Idle {
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    /// All with a memory of the size `wanted`.
    instances: Vec<Retired>,
    /// The memory size of the last fork.
    wanted: usize,
}

/// An instance that nobody uses.
pub(super) struct Retired {
    pub instance: Instance,
    /// The pages that it has written to.
    pub own: Vec<Range<usize>>,
}

impl Idle {
    /// An instance with a memory of this size.
    pub fn take(&self, size: usize) -> Option<Retired> {
        let mut shelf = self.lock();
        if shelf.wanted == size {
            return shelf.instances.pop();
        }
        // The family has grown; these are of no use to it any more.
        shelf.wanted = size;
        let others = std::mem::take(&mut shelf.instances);
        drop(shelf);
        drop(others);
        None
    }

    /// Takes an instance that is done with; one that cannot be used again is dropped.
    pub fn retire(&self, mut instance: Instance) {
        let (full, wanted) = {
            let shelf = self.lock();
            (shelf.instances.len() >= limits::IDLE_INSTANCES, shelf.wanted)
        };
        if full || instance.store.data_mut().held() != instance.held_at_start {
            return;
        }
        let Some(memory) = instance.at_rest().filter(|memory| memory.size() == wanted) else { return };
        let Ok(own) = memory.own_pages() else { return };
        if own.iter().map(Range::len).sum::<usize>() > limits::IDLE_BYTES {
            return;
        }
        let mut shelf = self.lock();
        if shelf.wanted == wanted && shelf.instances.len() < limits::IDLE_INSTANCES {
            shelf.instances.push(Retired { instance, own });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
