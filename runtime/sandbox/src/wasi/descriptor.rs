//! What stands behind a file descriptor of the guest: our own entry in the resource table, and what can be done with it.

use std::any::{Any, TypeId};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    Descriptor, DescriptorStat, DescriptorType, DirectoryEntry, MetadataHashValue, NewTimestamp, OpenFlags,
};
use wasmtime_wasi::p2::{DynOutputStream, FsError, FsResult};

use super::streams::FileOutput;
use super::{LiveFiles, Machine, clock};
use crate::files::FileError;
use crate::files::data::FileData;
use crate::files::path::RelativePath;
use crate::files::scratch::Inode;

/// What a descriptor is open on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `/task`.
    TaskRoot,
    /// A file in `/task`, by its index.
    TaskFile(usize),
    /// A file or directory in `/scratch`.
    Scratch(Inode),
}

/// An open file or directory: our entry in the resource table behind the guest's handle.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub target: Target,
    pub read: bool,
    pub write: bool,
    /// Where the last writing stream of this descriptor is; see [`seek_to_end`].
    pub cursor: Option<Arc<AtomicU64>>,
}

/// A directory that is being listed. Its entries are looked up one by one: a listing costs the host a name, however full
/// the directory is and however many listings of it are open.
pub(super) struct Listing {
    pub base: Base,
    /// The name that was handed out last.
    pub last: Option<String>,
}

impl Listing {
    /// The next entry in the order of names. What comes and goes meanwhile is seen or not, as in any file system.
    pub fn next(&mut self, files: &LiveFiles) -> Option<DirectoryEntry> {
        let after = self.last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let entry = match self.base {
            Base::Task => {
                let entries = files.view.task.entries();
                let last = self.last.as_deref();
                let next =
                    entries.partition_point(|entry| last.is_some_and(|last| entry.name.as_str() <= last));
                let name = entries.get(next)?.name.clone();
                DirectoryEntry { type_: DescriptorType::RegularFile, name }
            }
            Base::Scratch(inode) => {
                let scratch = &files.view.scratch;
                // A directory that was removed while it was open has no more entries.
                let entries = scratch.entries(inode).ok()?;
                let (name, &inode) = entries.range::<str, _>((after, Bound::Unbounded)).next()?;
                let directory = scratch.is_directory(inode).unwrap_or(false);
                let type_ = if directory { DescriptorType::Directory } else { DescriptorType::RegularFile };
                DirectoryEntry { type_, name: name.clone() }
            }
        };
        self.last = Some(entry.name.clone());
        Some(entry)
    }
}

/// What a directory descriptor and a path lead to.
pub(super) enum Base {
    Task,
    Scratch(Inode),
}

/// A handle that a guest holds: its number, what kind of thing it is, and which file if it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    key: u32,
    kind: TypeId,
    target: Option<Target>,
}

/// The handles of a table, by number.
pub(crate) fn held(table: &mut ResourceTable) -> Vec<Held> {
    let count = table.iter_mut().count();
    // The table gives its entries without their numbers; numbers are small, since free ones are used again.
    let mut held = Vec::with_capacity(count);
    let most = u32::try_from(table.max_capacity()).unwrap_or(u32::MAX);
    for key in 0..most {
        if held.len() == count {
            break;
        }
        let Ok(entry) = table.get_any_mut(key) else { continue };
        let target = entry.downcast_ref::<Open>().map(|open| open.target);
        held.push(Held { key, kind: Any::type_id(entry), target });
    }
    held
}

impl Machine<'_> {
    pub(super) fn push(&mut self, open: Open) -> FsResult<Resource<Descriptor>> {
        let target = open.target;
        let entry = self.host.table.push(open).map_err(FsError::trap)?;
        if let Target::Scratch(inode) = target {
            self.wasi.files.lock().opened(inode);
        }
        // The guest's handle has the engine's type, but its number is that of our entry.
        Ok(Resource::new_own(entry.rep()))
    }

    pub(super) fn open(&self, descriptor: &Resource<Descriptor>) -> FsResult<Open> {
        let entry = Resource::<Open>::new_borrow(descriptor.rep());
        self.host.table.get(&entry).cloned().map_err(FsError::trap)
    }

    /// A directory that a path may start from.
    pub(super) fn base(&self, descriptor: &Resource<Descriptor>) -> FsResult<Base> {
        match self.open(descriptor)?.target {
            Target::TaskRoot => Ok(Base::Task),
            Target::TaskFile(_) => Err(code(FileError::NotDirectory)),
            Target::Scratch(inode) => {
                let files = self.wasi.files.lock();
                match files.view.scratch.is_directory(inode) {
                    Ok(true) => Ok(Base::Scratch(inode)),
                    Ok(false) => Err(code(FileError::NotDirectory)),
                    // It was removed while it was open.
                    Err(_) => Err(code(FileError::NoEntry)),
                }
            }
        }
    }

    /// The scratch directory behind a descriptor, for what changes something.
    pub(super) fn writable_base(&self, descriptor: &Resource<Descriptor>) -> FsResult<Inode> {
        match self.base(descriptor)? {
            Base::Task => Err(code(FileError::ReadOnly)),
            Base::Scratch(inode) => Ok(inode),
        }
    }

    /// The scratch file behind a descriptor that is open for writing.
    pub(super) fn writable_file(&self, descriptor: &Resource<Descriptor>) -> FsResult<Inode> {
        let open = self.open(descriptor)?;
        match open.target {
            Target::TaskRoot | Target::TaskFile(_) => Err(code(FileError::ReadOnly)),
            Target::Scratch(_) if !open.write => Err(code(FileError::BadDescriptor)),
            Target::Scratch(inode) => Ok(inode),
        }
    }

    /// What a path leads to.
    pub(super) fn find(&self, descriptor: &Resource<Descriptor>, path: &str) -> FsResult<Target> {
        let path = RelativePath::parse(path).map_err(code)?;
        match self.base(descriptor)? {
            Base::Task => find_task(&self.wasi.files.lock(), &path).map_err(code),
            Base::Scratch(inode) => {
                self.wasi.files.lock().view.scratch.lookup(inode, &path).map(Target::Scratch).map_err(code)
            }
        }
    }

    pub(super) fn stat_of(&self, target: Target) -> FsResult<DescriptorStat> {
        let files = self.wasi.files.lock();
        let (kind, size, times) = match target {
            Target::TaskRoot => (DescriptorType::Directory, 0, (clock::EPOCH_NS, clock::EPOCH_NS)),
            Target::TaskFile(index) => {
                let entry = files.view.task.entries().get(index).ok_or(code(FileError::BadDescriptor))?;
                (DescriptorType::RegularFile, entry.size, (clock::EPOCH_NS, clock::EPOCH_NS))
            }
            Target::Scratch(inode) => {
                let scratch = &files.view.scratch;
                let node = scratch.node(inode).map_err(code)?;
                let times = (node.accessed, node.modified);
                match scratch.data(inode) {
                    Ok(data) => (DescriptorType::RegularFile, data.len() as u64, times),
                    Err(_) => (DescriptorType::Directory, 0, times),
                }
            }
        };
        let (accessed, modified) = (clock::datetime(times.0), Some(clock::datetime(times.1)));
        Ok(DescriptorStat {
            type_: kind,
            link_count: 1,
            size,
            data_access_timestamp: Some(accessed),
            data_modification_timestamp: modified,
            status_change_timestamp: modified,
        })
    }

    pub(super) fn set_times_of(
        &mut self,
        target: Target,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let now = self.wasi.clock.date();
        let time = |time| match time {
            NewTimestamp::NoChange => Ok(None),
            NewTimestamp::Now => Ok(Some(now)),
            NewTimestamp::Timestamp(date) => {
                clock::nanoseconds(&date).map(Some).ok_or(code(FileError::Invalid))
            }
        };
        let (accessed, modified) = (time(accessed)?, time(modified)?);
        match target {
            Target::TaskRoot | Target::TaskFile(_) if accessed.or(modified).is_none() => Ok(()),
            Target::TaskRoot | Target::TaskFile(_) => Err(code(FileError::ReadOnly)),
            Target::Scratch(inode) => {
                self.wasi.files.lock().view.scratch.touch(inode, accessed, modified).map_err(code)
            }
        }
    }

    pub(super) fn output_stream(
        &mut self,
        this: &Resource<Descriptor>,
        position: Option<u64>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let inode = self.writable_file(this)?;
        self.wasi.files.lock().view.scratch.data(inode).map_err(code)?;
        let position = position.map(|position| Arc::new(AtomicU64::new(position)));
        let entry = Resource::<Open>::new_borrow(this.rep());
        self.host.table.get_mut(&entry).map_err(FsError::trap)?.cursor.clone_from(&position);
        let stream: DynOutputStream = Box::new(FileOutput {
            files: self.wasi.files.clone(),
            clock: Arc::clone(&self.wasi.clock),
            inode,
            position,
        });
        self.host.table.push(stream).map_err(FsError::trap)
    }

    pub(super) fn open_task(&self, path: &str, how: OpenFlags, write: bool) -> FsResult<Target> {
        let path = RelativePath::parse(path).map_err(code)?;
        let found = find_task(&self.wasi.files.lock(), &path);
        match found {
            Ok(_) if how.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE) => Err(code(FileError::Exists)),
            Ok(_) if write || how.contains(OpenFlags::TRUNCATE) => Err(code(FileError::ReadOnly)),
            Err(FileError::NoEntry) if how.contains(OpenFlags::CREATE) => Err(code(FileError::ReadOnly)),
            found => found.map_err(code),
        }
    }

    pub(super) fn open_scratch(
        &mut self,
        base: Inode,
        path: &str,
        how: OpenFlags,
        write: bool,
    ) -> FsResult<Target> {
        let path = RelativePath::parse(path).map_err(code)?;
        let now = self.wasi.clock.date();
        let scratch = &mut self.wasi.files.lock().view.scratch;
        match scratch.lookup(base, &path) {
            Ok(_) if how.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE) => Err(code(FileError::Exists)),
            Ok(inode) => {
                if how.contains(OpenFlags::TRUNCATE) {
                    if !write {
                        return Err(code(FileError::BadDescriptor));
                    }
                    scratch.resize(inode, 0, now).map_err(code)?;
                }
                Ok(Target::Scratch(inode))
            }
            Err(FileError::NoEntry) if how.contains(OpenFlags::CREATE) => {
                if path.directory {
                    return Err(code(FileError::IsDirectory));
                }
                let (parent, name) = scratch.locate(base, &path).map_err(code)?;
                let made = scratch.create_file(parent, name, FileData::default(), None, now);
                made.map(Target::Scratch).map_err(code)
            }
            Err(error) => Err(code(error)),
        }
    }
}

/// `/task` has no folders below it.
fn find_task(files: &LiveFiles, path: &RelativePath) -> Result<Target, FileError> {
    if path.parts.is_empty() {
        return Ok(Target::TaskRoot);
    }
    let (before, name) = path.split_last()?;
    if !before.is_empty() {
        // A file is no directory, and there are no others.
        return Err(FileError::NoEntry);
    }
    let index = files.view.task.find(name).ok_or(FileError::NoEntry)?;
    if path.directory { Err(FileError::NotDirectory) } else { Ok(Target::TaskFile(index)) }
}

/// Moves a descriptor's writing stream to the end of the file: the guest asked for the size in order to seek there.
///
/// The C library of the guests (wasi-libc, as in CPython's component) keeps a writing stream that it should have opened
/// anew after `lseek(fd, 0, SEEK_END)`: what is written next would land in the middle of the file. Such a seek is a
/// `stat` without the `metadata-hash` that comes before every `stat` for `fstat`. With any other offset the
/// library drops the stream, so moving it does no harm.
pub(super) fn seek_to_end(open: &Open, size: u64) {
    if let Some(cursor) = &open.cursor {
        cursor.store(size, Relaxed);
    }
}

/// A number that stays the same for a file whatever its name: the language runtime takes it for the inode.
pub(super) fn identity(target: Target) -> MetadataHashValue {
    let (upper, lower) = match target {
        Target::TaskRoot => (1, 0),
        Target::TaskFile(index) => (1, index as u64 + 1),
        Target::Scratch(inode) => (2, inode),
    };
    MetadataHashValue { lower: lower << 2 | upper, upper }
}

pub(super) fn code(error: FileError) -> FsError {
    error_code(error).into()
}

pub(super) fn error_code(error: FileError) -> ErrorCode {
    match error {
        FileError::NoEntry => ErrorCode::NoEntry,
        FileError::Exists => ErrorCode::Exist,
        FileError::NotDirectory => ErrorCode::NotDirectory,
        FileError::IsDirectory => ErrorCode::IsDirectory,
        FileError::NotEmpty => ErrorCode::NotEmpty,
        FileError::ReadOnly => ErrorCode::ReadOnly,
        FileError::NotPermitted => ErrorCode::NotPermitted,
        FileError::NameTooLong => ErrorCode::NameTooLong,
        FileError::Invalid => ErrorCode::Invalid,
        FileError::Quota => ErrorCode::Quota,
        FileError::CrossDevice => ErrorCode::CrossDevice,
        FileError::BadDescriptor => ErrorCode::BadDescriptor,
        FileError::Io => ErrorCode::Io,
    }
}
