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
//! The pages are never executable, and a private mapping writes to nobody: a guest can harm only its own copy.
//!
//! While an instance is at rest, its memory can be read and mapped anew through [`AtRest`]; that is what forks are made with
//! (see [`super::snapshot`]).

use std::cell::RefCell;
use std::ffi::c_void;
use std::fs::File;
use std::marker::PhantomData;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// The start of an interpreter's memory, as a file that instances map.
#[derive(Debug)]
pub(crate) struct Image {
    file: OwnedFd,
    /// Its size: whole WebAssembly pages.
    len: usize,
    /// All of it, mapped for reading.
    base: *mut c_void,
}

// SAFETY: the mapping is never written to and lives as long as the value.
unsafe impl Send for Image {}
// SAFETY: as above.
unsafe impl Sync for Image {}

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
        // SAFETY: a fresh mapping at an address of the kernel's choosing.
        let base = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, file.as_fd(), 0)?
        };
        Ok(Self { file, len, base })
    }

    /// The file.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is `len` bytes long and lives as long as `self`; nobody changes the file, by the constructors'
        // terms.
        unsafe { std::slice::from_raw_parts(self.base.cast(), self.len) }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: mapped in `checked`, and `bytes` borrows from `self`, so no slice is left.
        let _ = unsafe { rustix::mm::munmap(self.base, self.len) };
    }
}

/// What the kernel tells of this process' pages. Opened once: a process with a second wall around it opens no files later on.
pub(crate) fn page_table() -> std::io::Result<&'static File> {
    static TABLE: OnceLock<File> = OnceLock::new();
    if let Some(table) = TABLE.get() {
        return Ok(table);
    }
    let table = File::open("/proc/self/pagemap")?;
    Ok(TABLE.get_or_init(|| table))
}

/// How a memory is to begin.
#[derive(Clone)]
pub(crate) struct Start {
    /// What lies at its start.
    pub image: Arc<Image>,
    /// Its size at least, in bytes: whole WebAssembly pages.
    pub size: usize,
}

thread_local! {
    /// How the next memory that this thread makes is to begin.
    static NEXT: RefCell<Option<Start>> = const { RefCell::new(None) };
    /// Where the last memory that began so lies.
    static MADE: RefCell<Option<Arc<Place>>> = const { RefCell::new(None) };
}

/// Instantiation did not make exactly one memory with the image.
#[derive(Debug, thiserror::Error)]
#[error("the interpreter did not take its memory image")]
pub(crate) struct NotTaken;

/// Runs `instantiate`, whose first memory begins as `start` says, and tells where it lies; with none, all memories are
/// plain.
pub(crate) fn with_start<R>(
    start: Option<Start>,
    instantiate: impl FnOnce() -> wasmtime::Result<R>,
) -> wasmtime::Result<(R, Option<Arc<Place>>)> {
    NEXT.set(start);
    MADE.set(None);
    let made = instantiate();
    let left = NEXT.take();
    let place = MADE.take();
    let made = made?;
    if left.is_some() {
        return Err(NotTaken.into());
    }
    Ok((made, place))
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
        let start = NEXT.take();
        let size = start.as_ref().map_or(minimum, |start| start.size.max(minimum));
        if maximum.is_some_and(|maximum| size > maximum) {
            return Err("the memory would begin larger than it may become".to_owned());
        }
        // Without a reservation the memory could only grow by moving; sessions always have one.
        let capacity = reserved.unwrap_or_else(|| maximum.unwrap_or(minimum)).max(size);
        let marked = start.is_some();
        let memory = Mapped::new(capacity, guard, size, start.map(|start| start.image))
            .map_err(|error| error.to_string())?;
        if marked {
            MADE.set(Some(Arc::clone(&memory.place)));
        }
        Ok(Box::new(memory))
    }
}

/// Where a memory lies. Outlives it, so it says nothing about whether the memory is still there.
#[derive(Debug)]
pub(crate) struct Place {
    base: *mut c_void,
    /// How much is accessible.
    size: AtomicUsize,
}

// SAFETY: the pointer is a number here; whoever follows it says why it may ([`Mapped`], [`AtRest`]).
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

/// One memory.
struct Mapped {
    place: Arc<Place>,
    /// Everything that was mapped, the guard included.
    mapped: usize,
    /// How far it may grow.
    capacity: usize,
    /// The pages of the mapping may still have to come from this file.
    _image: Option<Arc<Image>>,
}

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
        let place = Arc::new(Place { base, size: AtomicUsize::new(0) });
        let memory = Self { place, mapped, capacity, _image: image.clone() };
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
        memory.place.size.store(size, Relaxed);
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
                self.place.base.byte_add(from),
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
        let unmapped = unsafe { rustix::mm::munmap(self.place.base, self.mapped) };
        if let Err(error) = unmapped {
            tracing::error!(%error, "cannot unmap a session's memory");
        }
    }
}

// SAFETY: see the module's docs: the base never moves, the size only grows, and what lies beyond it up to the end of the
// guard is never accessible.
unsafe impl LinearMemory for Mapped {
    fn byte_size(&self) -> usize {
        self.place.size.load(Relaxed)
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        if new_size > self.capacity {
            return Err(std::io::Error::other("the memory cannot grow beyond its reservation").into());
        }
        self.open(self.byte_size(), new_size)?;
        self.place.size.store(new_size, Relaxed);
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.place.base.cast()
    }
}

/// The memory of an instance that lives and runs nothing.
pub(crate) struct AtRest<'a> {
    place: &'a Place,
    _instance: PhantomData<&'a mut ()>,
}

impl<'a> AtRest<'a> {
    /// For as long as the instance is borrowed.
    ///
    /// # Safety
    ///
    /// `place` is where the memory of an instance lies that lives, and runs nothing, for the whole of `'a`.
    pub unsafe fn new(place: &'a Place) -> Self {
        Self { place, _instance: PhantomData }
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.place.size.load(Relaxed)
    }

    /// Its bytes.
    pub fn bytes(&self, range: Range<usize>) -> std::io::Result<&[u8]> {
        let address = self.within(&range)?;
        // SAFETY: the range is accessible, since it lies within the size, and nobody writes to it while this is borrowed.
        Ok(unsafe { std::slice::from_raw_parts(address.cast::<u8>(), range.len()) })
    }

    /// The pages that are its own: written since they were mapped. In order, in whole pages of the machine.
    ///
    /// The kernel tells; a page of a file that was only read still belongs to the file, and does not count.
    pub fn own_pages(&self) -> std::io::Result<Vec<Range<usize>>> {
        const PRESENT_OR_SWAPPED: u64 = 0b11 << 62;
        const OF_A_FILE: u64 = 1 << 61;
        let page = rustix::param::page_size();
        let pages = self.size() / page;
        let mut entries = vec![0_u8; pages * 8];
        page_table()?.read_exact_at(&mut entries, (self.place.base.addr() / page * 8) as u64)?;
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (number, entry) in entries.chunks_exact(8).enumerate() {
            let entry = u64::from_le_bytes(entry.try_into().unwrap_or_default());
            if entry & PRESENT_OR_SWAPPED == 0 || entry & OF_A_FILE != 0 {
                continue;
            }
            let start = number * page;
            match runs.last_mut() {
                Some(last) if last.end == start => last.end += page,
                _ => runs.push(start..start + page),
            }
        }
        Ok(runs)
    }

    /// Makes a part what it was when the memory began (the image, then zeros), without pages of its own.
    pub fn reset(&mut self, image: &Image, range: Range<usize>) -> std::io::Result<()> {
        let of_image = range.start.min(image.len)..range.end.min(image.len);
        if !of_image.is_empty() {
            self.map(of_image, image.file.as_fd())?;
        }
        let zeros = range.start.max(image.len)..range.end;
        if !zeros.is_empty() {
            let address = self.within(&zeros)?;
            // SAFETY: replaces a part of the memory's own mapping, which nobody refers into: the instance runs nothing.
            unsafe {
                rustix::mm::mmap_anonymous(
                    address,
                    zeros.len(),
                    ProtFlags::READ | ProtFlags::WRITE,
                    MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE,
                )?;
            }
        }
        Ok(())
    }

    /// The same with the pages that it has.
    pub fn revert(&mut self, range: Range<usize>, image: &Image) -> std::io::Result<()> {
        let of_image = range.start.min(image.len)..range.end.min(image.len);
        self.write(range.start, &image.bytes()[of_image.clone()])?;
        let zeros = range.start.max(image.len)..range.end;
        if !zeros.is_empty() {
            let address = self.within(&zeros)?;
            // SAFETY: as in `write`.
            unsafe { std::ptr::write_bytes(address.cast::<u8>(), 0, zeros.len()) };
        }
        Ok(())
    }

    /// Maps a part privately from the same place of a file, which must be that long. In whole pages of the machine.
    pub fn map(&mut self, range: Range<usize>, file: BorrowedFd<'_>) -> std::io::Result<()> {
        let address = self.within(&range)?;
        // SAFETY: as in `reset`.
        unsafe {
            rustix::mm::mmap(
                address,
                range.len(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE,
                file,
                range.start as u64,
            )?;
        }
        Ok(())
    }

    /// Writes bytes to a place.
    pub fn write(&mut self, at: usize, bytes: &[u8]) -> std::io::Result<()> {
        let address = self.within(&(at..at.saturating_add(bytes.len())))?;
        // SAFETY: the target is accessible, since it lies within the size; `bytes` cannot overlap it, since nothing outside
        // this module borrows from the memory while this is borrowed mutably.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address.cast(), bytes.len()) };
        Ok(())
    }

    /// The address of a range that lies within the memory.
    fn within(&self, range: &Range<usize>) -> std::io::Result<*mut c_void> {
        if range.start > range.end || range.end > self.size() {
            return Err(std::io::Error::other("a place beyond the end of the memory"));
        }
        Ok(self.place.base.wrapping_byte_add(range.start))
    }
}
