//! The memory of interpreter sessions: an image mapped privately, the rest zeros.
//!
//! The engine asks a [`MemoryCreator`] for every memory of the session engine, without saying for whom. So whoever
//! instantiates says it first, to its own thread ([`with_image`]), and checks afterwards that exactly one memory took
//! the image.
//!
//! What the engine's contract asks of a memory, and how this keeps it:
//!
//! * *The reservation and its guard are never accessible beyond the size*: the whole range is mapped without access first,
//!   and only `[0, size)` is opened.
//! * *The base never moves*: growth opens more of the same range.
//! * *Zero filled*: it is not, where the image is; that is the one deviation. The engine does not rely on it: the data
//!   segments that it would copy over the zeros are the ones that were taken out into the image (see [`super::image`]).
//!
//! The pages are never executable, and a private mapping writes to nobody: a guest can harm only its own copy. A later fork
//! by copy-on-write is another image handed to the same creator.

use std::cell::RefCell;
use std::ffi::c_void;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// The start of an interpreter's memory, as a file that instances map.
#[derive(Debug)]
pub(crate) struct Image {
    file: OwnedFd,
    /// Its size: whole WebAssembly pages.
    len: usize,
}

impl Image {
    /// An image in a file that nobody changes.
    pub fn from_file(file: File) -> std::io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(std::io::Error::other)?;
        Self::checked(file.into(), len)
    }

    /// An image in anonymous memory, where there is no file to keep it in.
    pub fn from_bytes(bytes: &[u8]) -> std::io::Result<Self> {
        use std::io::Write as _;
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        Self::checked(file.into(), bytes.len())
    }

    fn checked(file: OwnedFd, len: usize) -> std::io::Result<Self> {
        if len == 0 || !len.is_multiple_of(64 << 10) {
            return Err(std::io::Error::other("an image is not whole pages"));
        }
        Ok(Self { file, len })
    }
}

thread_local! {
    /// The image for the next memory that this thread makes.
    static NEXT: RefCell<Option<Arc<Image>>> = const { RefCell::new(None) };
}

/// Instantiation did not make exactly one memory with the image.
#[derive(Debug, thiserror::Error)]
#[error("the interpreter did not take its memory image")]
pub(crate) struct NotTaken;

/// Runs `instantiate`, whose first memory starts with `image`; with none, all memories are plain.
pub(crate) fn with_image<R>(
    image: Option<&Arc<Image>>,
    instantiate: impl FnOnce() -> wasmtime::Result<R>,
) -> wasmtime::Result<R> {
    NEXT.set(image.cloned());
    let made = instantiate();
    let left = NEXT.take();
    let made = made?;
    if left.is_some() {
        return Err(NotTaken.into());
    }
    Ok(made)
}

/// Makes the sessions' memories.
pub(crate) struct Creator;

// SAFETY: the memories made here keep the engine's contract as the module's docs say; each belongs to its instance alone
// and nothing else in this crate touches its bytes.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let image = NEXT.take();
        // Without a reservation the memory could only grow by moving; sessions always have one.
        let capacity = reserved.unwrap_or_else(|| maximum.unwrap_or(minimum)).max(minimum);
        let memory = Mapped::new(capacity, guard, minimum, image).map_err(|error| error.to_string())?;
        Ok(Box::new(memory))
    }
}

/// One memory.
struct Mapped {
    base: *mut c_void,
    /// Everything that was mapped, the guard included.
    mapped: usize,
    /// How far it may grow.
    capacity: usize,
    /// How much is accessible.
    size: AtomicUsize,
    /// The pages of the mapping may still have to come from this file.
    _image: Option<Arc<Image>>,
}

// SAFETY: the pointer is to a mapping that this value owns; the engine decides who may access it, and when.
unsafe impl Send for Mapped {}
// SAFETY: as above; the methods that take `&self` only read numbers.
unsafe impl Sync for Mapped {}

impl Mapped {
    fn new(capacity: usize, guard: usize, size: usize, image: Option<Arc<Image>>) -> std::io::Result<Self> {
        let mapped = capacity
            .checked_add(guard)
            .ok_or_else(|| std::io::Error::other("the reservation is too large"))?;
        // A mapping of no bytes is refused by the kernel; one page without access serves the empty memory.
        let mapped = mapped.max(rustix::param::page_size());
        // SAFETY: a fresh mapping at an address of the kernel's choosing.
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                mapped,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )?
        };
        // From here on the mapping is unmapped when `memory` is dropped.
        let memory = Self { base, mapped, capacity, size: AtomicUsize::new(0), _image: image.clone() };
        let mut opened = 0;
        if let Some(image) = &image {
            if image.len > size {
                return Err(std::io::Error::other("the image is larger than the memory"));
            }
            // SAFETY: replaces the start of the mapping made above, which is at least `size >= image.len` long and which
            // nothing refers to yet.
            unsafe {
                rustix::mm::mmap(
                    base,
                    image.len,
                    ProtFlags::READ | ProtFlags::WRITE,
                    MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE,
                    image.file.as_fd(),
                    0,
                )?;
            }
            opened = image.len;
        }
        memory.open(opened, size)?;
        memory.size.store(size, Relaxed);
        Ok(memory)
    }

    /// Makes `[from, to)` accessible.
    fn open(&self, from: usize, to: usize) -> std::io::Result<()> {
        if to <= from {
            return Ok(());
        }
        // SAFETY: the range lies in this value's own mapping: `to` is at most the capacity, by the callers' checks.
        unsafe {
            rustix::mm::mprotect(
                self.base.byte_add(from),
                to - from,
                MprotectFlags::READ | MprotectFlags::WRITE,
            )?;
        }
        Ok(())
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and the engine drops a memory only with its instance.
        let unmapped = unsafe { rustix::mm::munmap(self.base, self.mapped) };
        if let Err(error) = unmapped {
            tracing::error!(%error, "cannot unmap a session's memory");
        }
    }
}

// SAFETY: see the module's docs: the base never moves, the size only grows, and what lies beyond it up to the end of the
// guard is never accessible.
unsafe impl LinearMemory for Mapped {
    fn byte_size(&self) -> usize {
        self.size.load(Relaxed)
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        if new_size > self.capacity {
            return Err(std::io::Error::other("the memory cannot grow beyond its reservation").into());
        }
        self.open(self.byte_size(), new_size)?;
        self.size.store(new_size, Relaxed);
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.base.cast()
    }
}
