//! Instances that are made before somebody asks for one.
//!
//! Making an instance and running its prelude takes longer than anything else in opening or forking a session, and its
//! outcome is the same every time. So a thread of the interpreter's keeps some at hand once there is a demand, of the memory
//! size that was asked for last, and drops those that are done with. A program that runs one piece of code never starts it, and
//! when nobody asks for a while it ends.
//!
//! An instance from here is given its files, its seed and its store when it is taken ([`SessionState::adopt`]). For a fork that
//! is enough, since its memory is put in anew. For a fresh session it is enough if the prelude did not look at any of these:
//! two instances that were given different ones are compared, once, and if they differ fresh sessions are not taken from here.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::interpreter::{Instance, Interpreter};
use super::memory::Start;
use super::state::SessionState;
use crate::artifacts::ArtifactStore;
use crate::budget::Budget;
use crate::files::{FileView, TaskFile};
use crate::limits::{self, Limits};
use crate::timeouts;

/// What the instance is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// A fresh session.
    Opening,
    /// A fork, whose memory has this size.
    Fork(usize),
}

/// See the module. Ends with the interpreter.
#[derive(Default)]
pub(super) struct Reserve {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    shelf: Mutex<Shelf>,
    wake: Condvar,
}

#[derive(Default)]
struct Shelf {
    /// Instances and the size that their memory was made with; 0 is the interpreter's own.
    ready: Vec<(usize, Instance)>,
    /// Instances to be dropped.
    spent: Vec<Instance>,
    /// The size that was asked for last.
    wanted: usize,
    /// How often somebody asked.
    asked: usize,
    /// Fresh sessions may be taken from here; unknown until it was tried.
    opens: Option<bool>,
    started: bool,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reserve {
    /// An instance that is at hand. From the second time that somebody asks on, more are made.
    pub fn take(&self, interpreter: &Arc<Interpreter>, what: For) -> Option<Instance> {
        let size = match what {
            For::Opening => 0,
            For::Fork(size) => size,
        };
        let mut shelf = self.shared.lock();
        shelf.asked += 1;
        shelf.wanted = size;
        if shelf.asked < 2 {
            return None;
        }
        if !shelf.started {
            shelf.started = true;
            let (shared, interpreter) = (Arc::clone(&self.shared), Arc::downgrade(interpreter));
            let thread = std::thread::Builder::new()
                .name("sport-reserve".to_owned())
                .stack_size(limits::SESSION_WASM_STACK + 2 * limits::HOST_STACK);
            if let Err(error) = thread.spawn(move || work(&shared, &interpreter)) {
                tracing::debug!(%error, "no thread for instances ahead of time");
            }
        }
        let fits = |shelf: &Shelf| shelf.ready.iter().position(|(of, _)| *of == size);
        let allowed = what != For::Opening || shelf.opens == Some(true);
        let taken = if allowed { fits(&shelf).map(|index| shelf.ready.swap_remove(index).1) } else { None };
        self.shared.wake.notify_one();
        taken
    }

    /// Drops an instance, elsewhere if somebody is there to do it.
    pub fn discard(&self, instance: Instance) {
        let mut shelf = self.shared.lock();
        if shelf.started && !shelf.ended && shelf.spent.len() < limits::RESERVE_SPENT {
            shelf.spent.push(instance);
            self.shared.wake.notify_one();
        } else {
            drop(shelf);
            drop(instance);
        }
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        let mut shelf = self.shared.lock();
        shelf.ended = true;
        let (ready, spent) = (std::mem::take(&mut shelf.ready), std::mem::take(&mut shelf.spent));
        drop(shelf);
        self.shared.wake.notify_one();
        drop((ready, spent));
    }
}

/// The thread's work: one thing at a time, and asleep when there is none.
fn work(shared: &Shared, interpreter: &Weak<Interpreter>) {
    loop {
        let mut shelf = shared.lock();
        let (size, untried) = loop {
            if shelf.ended {
                return;
            }
            let wanted = shelf.wanted;
            // Those of another size hold memory for nobody.
            let other = shelf.ready.iter().position(|(of, _)| *of != wanted);
            if let Some(index) = other {
                let spent = shelf.ready.swap_remove(index).1;
                shelf.spent.push(spent);
            }
            let at_hand = shelf.ready.len();
            if shelf.spent.is_empty() && at_hand >= limits::RESERVE_INSTANCES {
                let waited = shared.wake.wait_timeout(shelf, timeouts::RESERVE_IDLE);
                let (again, over) = waited.unwrap_or_else(PoisonError::into_inner);
                shelf = again;
                if over.timed_out() {
                    // Nobody wants any: their memory goes back, and the next two who ask begin anew.
                    let ready = std::mem::take(&mut shelf.ready);
                    (shelf.started, shelf.asked) = (false, 0);
                    drop(shelf);
                    drop(ready);
                    return;
                }
                continue;
            }
            if at_hand < limits::RESERVE_INSTANCES {
                break (wanted, shelf.opens.is_none());
            }
            let spent = std::mem::take(&mut shelf.spent);
            drop(shelf);
            drop(spent);
            shelf = shared.lock();
        };
        drop(shelf);
        let Some(interpreter) = interpreter.upgrade() else { return };
        if untried {
            let opens = prelude_is_indifferent(&interpreter);
            tracing::debug!(opens, "whether fresh sessions are taken from instances made ahead");
            shared.lock().opens = Some(opens);
        }
        match interpreter.ahead(state(&interpreter, FileView::default(), 0), size) {
            Ok(instance) => {
                let mut shelf = shared.lock();
                if shelf.ended {
                    return;
                }
                shelf.ready.push((size, instance));
            }
            Err(error) => {
                // Whoever needs one makes it and hears why it fails.
                tracing::debug!(%error, "no instance could be made ahead of time");
                shared.lock().started = false;
                return;
            }
        }
    }
}

fn state(interpreter: &Interpreter, files: FileView, seed: u64) -> SessionState {
    let budget = Budget::new(Limits::interpreter());
    SessionState::new(budget, ArtifactStore::new_in_memory(), interpreter.digest(), files, seed)
}

/// Whether the prelude leaves the same behind whatever files and seed it is given.
fn prelude_is_indifferent(interpreter: &Interpreter) -> bool {
    let made = || -> Option<bool> {
        let file = tempfile::NamedTempFile::new().ok()?;
        let task = TaskFile { name: "file".to_owned(), path: file.path().to_owned() };
        let other = FileView::new(&[task]).ok()?;
        let mut one = interpreter.ahead(state(interpreter, FileView::default(), 0), 0).ok()?;
        let mut two = interpreter.ahead(state(interpreter, other, 1), 0).ok()?;
        let same = one.held_at_start == two.held_at_start
            && one.store.data().wasi.marks() == two.store.data().wasi.marks()
            && one.store.data().wasi.marks().1 == 0;
        let (one, two) = (one.at_rest()?, two.at_rest()?);
        let pages = one.own_pages().ok()?;
        if !same || pages != two.own_pages().ok()? {
            return Some(false);
        }
        let equal =
            |page: std::ops::Range<usize>| Some(one.bytes(page.clone()).ok()? == two.bytes(page).ok()?);
        pages.into_iter().map(equal).try_fold(true, |all, equal| Some(all && equal?))
    };
    made().unwrap_or(false)
}

/// How the memory of an instance must begin that is made ahead.
pub(super) fn start(interpreter: &Interpreter, size: usize) -> Option<Start> {
    interpreter.image().map(|image| Start { image: Arc::clone(image), size })
}
