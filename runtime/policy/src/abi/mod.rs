//! The border between the host and a native backend: a small versioned C table.
//!
//! The host binary links no tensor library. It opens a shared library at run time, asks it for one [`Table`] of
//! functions and speaks to it in coarse requests: one message in, one message out, each a JSON header followed
//! by raw little-endian tensors ([`frame`]). Both sides of the border live here, so that what is written on one
//! side and read on the other is one piece of code ([`message`]); a backend implements [`Policy`] and
//! [`NativeBackend`] and exports the table with one line:
//!
//! ```ignore
//! // crate-type = ["cdylib"]
//! use sport_policy::abi::{Log, NativeBackend};
//! use sport_policy::types::PolicyConfig;
//! use sport_policy::{Error, Policy};
//!
//! struct Torch { /* … */ }
//!
//! impl Policy for Torch { /* sample, score, train_step, … as if there were no border */ }
//!
//! impl NativeBackend for Torch {
//!     fn open(config: &PolicyConfig, log: Log) -> Result<Self, Error> {
//!         log.info("loading the model");
//!         todo!()
//!     }
//! }
//!
//! sport_policy::export_native_backend!(Torch);
//! ```
//!
//! What holds at the border:
//!
//! * every call into a backend, from `open` to `close`, comes from one thread, the same one each time;
//! * an error keeps its kind and its text: [`Error`] goes over and comes back as the same variant;
//! * a panic inside the backend is caught, answered as [`Error::Internal`], and the backend is dropped: its state
//!   cannot be trusted any more, so later calls are refused;
//! * `progress` may be called as often as the backend likes (a few times a second is enough; it does not block);
//!   when it returns `false` the backend ends the call with [`Error::Cancelled`] and stays usable;
//! * memory is freed by the side that made it;
//! * the library is never unloaded.
//!
//! [`ABI`] is raised when a function of the table or a message changes in a way that the other side would
//! misread; new functions are only ever added at the end of the table, and `size` says how many there are.

use std::ffi::c_void;

use crate::error::Error;
use crate::policy::Policy;
use crate::types::PolicyConfig;

pub mod export;
pub mod frame;
pub mod message;

/// Version of the table and of the messages.
pub const ABI: u32 = 1;

/// The symbol that a backend library exports: `extern "C" fn() -> *const Table`.
pub const ENTRY: &str = "sport_policy_table";

/// Reply status: the message is the answer.
pub const STATUS_OK: u32 = 0;
/// Reply status: the message is an error.
pub const STATUS_ERROR: u32 = 1;

/// Bytes that the backend made. They go back to it through [`Table::free`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    /// First byte; never null when `capacity` is not 0.
    pub data: *mut u8,
    /// Bytes in use.
    pub len: usize,
    /// Bytes allocated.
    pub capacity: usize,
}

impl Buffer {
    /// A buffer that holds nothing and needs no freeing.
    pub const EMPTY: Self = Self { data: std::ptr::null_mut(), len: 0, capacity: 0 };
}

/// Takes a line of the backend's log: level (1 error … 5 trace), UTF-8 text. Must not unwind.
pub type LogFn = unsafe extern "C" fn(context: *mut c_void, level: u32, text: *const u8, len: usize);

/// Takes work done and work in all; 0 means stop. Must not unwind, and returns soon.
pub type ProgressFn = unsafe extern "C" fn(context: *mut c_void, done: u64, total: u64) -> u32;

/// What a backend exports.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Table {
    /// [`ABI`] of the backend. First in every version, so that it can be read before anything else is trusted.
    pub abi: u32,
    /// Bytes of this struct as the backend knows it.
    pub size: u32,
    /// Loads a policy. `request` is a [`PolicyConfig`] message; on success `handle` is set and `reply` holds the
    /// [`crate::types::PolicyInfo`]. The log callback and its context must stay valid until `close`.
    pub open: unsafe extern "C" fn(
        request: *const u8,
        len: usize,
        log: LogFn,
        log_context: *mut c_void,
        handle: *mut *mut c_void,
        reply: *mut Buffer,
    ) -> u32,
    /// One request, one reply.
    pub call: unsafe extern "C" fn(
        handle: *mut c_void,
        request: *const u8,
        len: usize,
        progress: ProgressFn,
        progress_context: *mut c_void,
        reply: *mut Buffer,
    ) -> u32,
    /// Frees a reply.
    pub free: unsafe extern "C" fn(buffer: Buffer),
    /// Drops the policy. The handle is gone afterwards.
    pub close: unsafe extern "C" fn(handle: *mut c_void),
}

/// Type of the exported [`ENTRY`] function.
pub type EntryFn = unsafe extern "C" fn() -> *const Table;

/// The host's log, as a backend sees it. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Log {
    sink: LogFn,
    context: *mut c_void,
}

// SAFETY: the host promises (see `Table::open`) that the callback may be called from any thread until `close`.
unsafe impl Send for Log {}
// SAFETY: as above; the struct itself is immutable.
unsafe impl Sync for Log {}

impl Log {
    /// A log that goes nowhere.
    pub fn nowhere() -> Self {
        unsafe extern "C" fn ignore(_: *mut c_void, _: u32, _: *const u8, _: usize) {}
        Self { sink: ignore, context: std::ptr::null_mut() }
    }

    fn write(&self, level: u32, text: &str) {
        // SAFETY: pointer and length belong to one live string; the callback does not keep them.
        unsafe { (self.sink)(self.context, level, text.as_ptr(), text.len()) }
    }

    /// Something failed.
    pub fn error(&self, text: impl AsRef<str>) {
        self.write(1, text.as_ref());
    }

    /// Something is not as a person would expect.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.write(2, text.as_ref());
    }

    /// What is being done.
    pub fn info(&self, text: impl AsRef<str>) {
        self.write(3, text.as_ref());
    }

    /// Details.
    pub fn debug(&self, text: impl AsRef<str>) {
        self.write(4, text.as_ref());
    }
}

/// A backend behind the border: a [`Policy`] that can be opened.
pub trait NativeBackend: Policy + Sized + 'static {
    /// Loads what the config names.
    fn open(config: &PolicyConfig, log: Log) -> Result<Self, Error>;
}
