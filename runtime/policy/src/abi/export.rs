//! The backend's side of the border: a [`Table`] made from a Rust type.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::message::{self, Answer, Request};
use super::{ABI, Buffer, Log, LogFn, NativeBackend, ProgressFn, STATUS_ERROR, STATUS_OK, Table};
use crate::error::Error;

/// Exports the table of a [`NativeBackend`] from a `cdylib`.
#[macro_export]
macro_rules! export_native_backend {
    ($backend:ty) => {
        /// The entry that the host looks up.
        #[unsafe(no_mangle)]
        pub extern "C" fn sport_policy_table() -> *const $crate::abi::Table {
            static TABLE: $crate::abi::Table = $crate::abi::export::table::<$backend>();
            &raw const TABLE
        }
    };
}

/// The functions of a backend. In a `cdylib` use [`crate::export_native_backend`]; a test may call this and hand
/// the table to [`crate::native::NativePolicy::from_table`] in its own process.
pub const fn table<B: NativeBackend>() -> Table {
    Table {
        abi: ABI,
        size: size_of::<Table>() as u32,
        open: open::<B>,
        call: call::<B>,
        free,
        close: close::<B>,
    }
}

/// What a handle points at. After a panic the backend is gone and the reason stays.
struct Slot<B> {
    backend: Result<B, String>,
}

fn internal(message: String) -> Error {
    Error::Internal { backend: "native".to_owned(), message }
}

/// What a panic said.
fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    // One line: the text becomes part of an error message.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs something that may panic.
fn guarded<T>(what: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(what))
        .unwrap_or_else(|payload| Err(internal(format!("it panicked: {}", panic_text(&*payload)))))
}

/// Hands bytes to the other side.
fn into_buffer(bytes: Vec<u8>) -> Buffer {
    let mut bytes = std::mem::ManuallyDrop::new(bytes);
    Buffer { data: bytes.as_mut_ptr(), len: bytes.len(), capacity: bytes.capacity() }
}

/// Writes the reply and returns its status.
///
/// # Safety
///
/// `reply` is valid for a write.
unsafe fn answer(result: Result<Vec<u8>, Error>, reply: *mut Buffer) -> u32 {
    let (status, bytes) = match result {
        Ok(bytes) => (STATUS_OK, bytes),
        Err(error) => (STATUS_ERROR, message::encode_error(&error)),
    };
    // SAFETY: the caller's promise.
    unsafe { reply.write(into_buffer(bytes)) };
    status
}

unsafe extern "C" fn open<B: NativeBackend>(
    request: *const u8,
    len: usize,
    log: LogFn,
    log_context: *mut c_void,
    handle: *mut *mut c_void,
    reply: *mut Buffer,
) -> u32 {
    let result = guarded(|| {
        // SAFETY: the host passes the bytes of one message, alive during this call.
        let request = unsafe { std::slice::from_raw_parts(request, len) };
        let config = message::decode_config(request).map_err(internal)?;
        let backend = B::open(&config, Log { sink: log, context: log_context })?;
        let info = message::encode_info(backend.info()).map_err(internal)?;
        Ok((backend, info))
    });
    let result = result.map(|(backend, info)| {
        let slot = Box::new(Slot { backend: Ok(backend) });
        // SAFETY: the host passes a place for the handle.
        unsafe { handle.write(Box::into_raw(slot).cast()) };
        info
    });
    // SAFETY: the host passes a place for the reply.
    unsafe { answer(result, reply) }
}

unsafe extern "C" fn call<B: NativeBackend>(
    handle: *mut c_void,
    request: *const u8,
    len: usize,
    progress: ProgressFn,
    progress_context: *mut c_void,
    reply: *mut Buffer,
) -> u32 {
    // SAFETY: the handle came from `open::<B>`, is not closed, and is used by one thread.
    let slot = unsafe { &mut *handle.cast::<Slot<B>>() };
    // SAFETY: the host passes the bytes of one message, alive during this call.
    let request = unsafe { std::slice::from_raw_parts(request, len) };
    let result = match &mut slot.backend {
        Err(reason) => Err(internal(format!("an earlier call ended it ({reason}); load the policy again"))),
        Ok(backend) => {
            // SAFETY: callback and context are valid during this call.
            let mut progress = |done, total| unsafe { progress(progress_context, done, total) != 0 };
            match catch_unwind(AssertUnwindSafe(|| dispatch(backend, request, &mut progress))) {
                Ok(result) => result,
                Err(payload) => {
                    let reason = format!("it panicked: {}", panic_text(&*payload));
                    let broken = std::mem::replace(&mut slot.backend, Err(reason.clone()));
                    // Dropping what a panic left behind may panic again.
                    let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
                    Err(internal(reason))
                }
            }
        }
    };
    // SAFETY: the host passes a place for the reply.
    unsafe { answer(result, reply) }
}

fn dispatch<B: NativeBackend>(
    backend: &mut B,
    request: &[u8],
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Vec<u8>, Error> {
    let answer = match message::decode_request(request).map_err(internal)? {
        Request::Tokenize(text) => Answer::Tokens(backend.tokenize(&text)?),
        Request::Sample(requests) => Answer::Samples(backend.sample(&requests, progress)?),
        Request::Score { items, adapter } => Answer::Scores(backend.score(&items, adapter, progress)?),
        Request::NewAdapter(config) => backend.new_adapter(&config).map(|()| Answer::Done)?,
        Request::ResetOptimizer => backend.reset_optimizer().map(|()| Answer::Done)?,
        Request::TrainStep { batch, optimizer } => Answer::Metrics(backend.train_step(&batch, &optimizer)?),
        Request::SaveAdapter(folder) => backend.save_adapter(&folder).map(|()| Answer::Done)?,
        Request::LoadAdapter(folder) => backend.load_adapter(&folder).map(|()| Answer::Done)?,
        Request::DropAdapter => backend.drop_adapter().map(|()| Answer::Done)?,
    };
    message::encode_answer(&answer).map_err(internal)
}

unsafe extern "C" fn free(buffer: Buffer) {
    if buffer.capacity != 0 {
        // SAFETY: the three values are those of `into_buffer`, and the host frees each reply once.
        drop(unsafe { Vec::from_raw_parts(buffer.data, buffer.len, buffer.capacity) });
    }
}

unsafe extern "C" fn close<B: NativeBackend>(handle: *mut c_void) {
    if !handle.is_null() {
        // SAFETY: the handle came from `open::<B>` and the host closes it once.
        let slot = unsafe { Box::from_raw(handle.cast::<Slot<B>>()) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(slot)));
    }
}
