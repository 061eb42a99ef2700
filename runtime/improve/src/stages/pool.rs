//! A few threads that work through a list, with one place where results arrive.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use crate::error::Error;

/// Calls `work` on every item, on up to `threads` threads; `arrived` is called on this thread after each item and
/// says whether to go on. The first error, or a stop, ends it after the items that are under way.
pub(crate) fn each<T: Send>(
    items: &mut [T],
    threads: usize,
    work: impl Fn(&mut T) -> Result<(), Error> + Sync,
    mut arrived: impl FnMut() -> bool,
) -> Result<(), Error> {
    let threads = threads.clamp(1, items.len().max(1));
    let stop = AtomicBool::new(false);
    let mut left = items.len();
    let queue = Mutex::new(items.iter_mut());
    let (sender, receiver) = channel();
    let mut first = Ok(());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, queue, stop, work) = (sender.clone(), &queue, &stop, &work);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let next = queue.lock().ok().and_then(|mut queue| queue.next());
                    let Some(item) = next else { break };
                    if sender.send(work(item)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for result in receiver {
            left -= 1;
            if first.is_ok() {
                // a stop after the last item stops nothing
                let go_on = arrived() || left == 0;
                first = result.and_then(|()| if go_on { Ok(()) } else { Err(Error::Interrupted) });
            }
            if first.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
        }
    });
    first
}
