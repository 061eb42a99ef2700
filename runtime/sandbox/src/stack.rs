//! Room on the native stack for a guest.
//!
//! A guest's frames lie on the thread's own stack. A tool that agent code calls is entered from a host
//! function, which lies on top of the interpreter's frames, and a thread of the standard library has only 2
//! MiB; a guest that recurses deeply at every level could so run the *host* out of stack, which ends the
//! process. So a call is only made in place if there is room for it; otherwise it gets a thread of its own.

use crate::limits;

/// Runs `call` with at least `room` bytes of stack: here, or on a thread of its own.
pub(crate) fn with_room<R: Send>(room: usize, call: impl FnOnce() -> R + Send) -> std::io::Result<R> {
    if left().is_some_and(|left| left >= room) {
        return Ok(call());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("sport-call".to_owned())
            .stack_size(room + limits::HOST_STACK)
            .spawn_scoped(scope, call)?;
        match thread.join() {
            Ok(result) => Ok(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// How much of this thread's stack is left, where the system says.
#[cfg(target_os = "linux")]
fn left() -> Option<usize> {
    use std::cell::Cell;
    thread_local! {
        static LOW: Cell<Option<usize>> = const { Cell::new(None) };
    }
    let low = match LOW.get() {
        Some(low) => low,
        None => {
            let low = lowest_address()?;
            LOW.set(Some(low));
            low
        }
    };
    let marker = 0_u8;
    (&raw const marker as usize).checked_sub(low)
}

#[cfg(target_os = "linux")]
fn lowest_address() -> Option<usize> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut address = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: `pthread_getattr_np` initialises `attributes` when it returns 0, and only then is it used and
    // destroyed; the two out pointers are valid for the call.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let found = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut address, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if found != 0 {
            return None;
        }
    }
    Some(address as usize)
}

#[cfg(not(target_os = "linux"))]
fn left() -> Option<usize> {
    None
}
