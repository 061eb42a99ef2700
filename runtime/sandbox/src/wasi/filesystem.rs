//! `wasi:filesystem` over `/task` and `/scratch`.
//!
//! Two directories are open from the start; everything a guest reaches is found from there, by
//! [`RelativePath`], which never leads above the directory that it starts from. There are no links, no devices and
//! no host paths, so there is nothing to follow and no race to win. `/task` refuses whatever would change it.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    self, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
    DirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::bindings::sync::io::streams;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::descriptor::{Base, Listing, Open, Target, code, error_code, identity, seek_to_end};
use super::streams::{FileInput, read};
use super::{LiveFiles, Machine};
use crate::files::path::RelativePath;
use crate::files::scratch::ROOT;
use crate::files::{FileError, SCRATCH, TASK};
use crate::limits;

impl preopens::Host for Machine<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.enter()?;
        let mut directories = Vec::new();
        for (target, path) in [(Target::TaskRoot, TASK), (Target::Scratch(ROOT), SCRATCH)] {
            let write = target != Target::TaskRoot;
            // `FsError` is a trap here: only a full resource table can be in the way.
            let descriptor = self.push(Open { target, read: true, write, cursor: None }).map_err(|_| Full)?;
            directories.push((descriptor, path.to_owned()));
        }
        Ok(directories)
    }
}

/// The guest has more handles open than its limit.
#[derive(Debug, thiserror::Error)]
#[error("too many open files")]
struct Full;

impl types::Host for Machine<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<types::ErrorCode> {
        Ok(error.downcast()?.into())
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<streams::Error>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        let error = self.host.table.get(&error)?;
        Ok(error.downcast_ref::<FileError>().map(|error| error_code(*error).into()))
    }
}

impl types::HostDescriptor for Machine<'_> {
    fn read_via_stream(
        &mut self,
        this: Resource<Descriptor>,
        offset: u64,
    ) -> FsResult<Resource<DynInputStream>> {
        self.enter().map_err(FsError::trap)?;
        let open = self.open(&this)?;
        if !open.read {
            return Err(code(FileError::BadDescriptor));
        }
        if self.stat_of(open.target)?.type_ == DescriptorType::Directory {
            return Err(code(FileError::IsDirectory));
        }
        let stream: DynInputStream =
            Box::new(FileInput { files: self.wasi.files.clone(), target: open.target, position: offset });
        self.host.table.push(stream).map_err(FsError::trap)
    }

    fn write_via_stream(
        &mut self,
        this: Resource<Descriptor>,
        offset: u64,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.enter().map_err(FsError::trap)?;
        self.output_stream(&this, Some(offset))
    }

    fn append_via_stream(&mut self, this: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        self.enter().map_err(FsError::trap)?;
        self.output_stream(&this, None)
    }

    fn advise(&mut self, this: Resource<Descriptor>, _: u64, _: u64, _: Advice) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        self.open(&this).map(drop)
    }

    fn sync_data(&mut self, this: Resource<Descriptor>) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        self.open(&this).map(drop)
    }

    fn sync(&mut self, this: Resource<Descriptor>) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        self.open(&this).map(drop)
    }

    fn get_flags(&mut self, this: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.enter().map_err(FsError::trap)?;
        let open = self.open(&this)?;
        let mut flags = DescriptorFlags::empty();
        if open.read {
            flags |= DescriptorFlags::READ;
        }
        if open.write {
            let directory = self.stat_of(open.target)?.type_ == DescriptorType::Directory;
            flags |= if directory { DescriptorFlags::MUTATE_DIRECTORY } else { DescriptorFlags::WRITE };
        }
        Ok(flags)
    }

    fn get_type(&mut self, this: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.enter().map_err(FsError::trap)?;
        let target = self.open(&this)?.target;
        Ok(self.stat_of(target)?.type_)
    }

    fn set_size(&mut self, this: Resource<Descriptor>, size: u64) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        let inode = self.writable_file(&this)?;
        let now = self.wasi.clock.date();
        self.wasi.files.lock().view.scratch.resize(inode, size, now).map_err(code)
    }

    fn set_times(
        &mut self,
        this: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        let target = self.open(&this)?.target;
        self.set_times_of(target, accessed, modified)
    }

    fn read(&mut self, this: Resource<Descriptor>, length: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        self.enter().map_err(FsError::trap)?;
        let open = self.open(&this)?;
        if !open.read {
            return Err(code(FileError::BadDescriptor));
        }
        let bytes = read(&self.wasi.files, open.target, offset, length).map_err(code)?;
        let size = self.stat_of(open.target)?.size;
        let ended = offset.saturating_add(bytes.len() as u64) >= size;
        Ok((bytes, ended))
    }

    fn write(&mut self, this: Resource<Descriptor>, mut buffer: Vec<u8>, offset: u64) -> FsResult<u64> {
        self.enter().map_err(FsError::trap)?;
        let inode = self.writable_file(&this)?;
        buffer.truncate(limits::FILE_CHUNK);
        let now = self.wasi.clock.date();
        self.wasi.files.lock().view.scratch.write(inode, offset, &buffer, now).map_err(code)?;
        Ok(buffer.len() as u64)
    }

    fn read_directory(&mut self, this: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>> {
        self.enter().map_err(FsError::trap)?;
        let base = self.base(&this)?;
        let entry = self.host.table.push(Listing { base, last: None }).map_err(FsError::trap)?;
        Ok(Resource::new_own(entry.rep()))
    }

    fn create_directory_at(&mut self, this: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        let base = self.writable_base(&this)?;
        let path = RelativePath::parse(&path).map_err(code)?;
        let now = self.wasi.clock.date();
        let scratch = &mut self.wasi.files.lock().view.scratch;
        if path.parts.is_empty() {
            return Err(code(FileError::Exists));
        }
        let (parent, name) = scratch.locate(base, &path).map_err(code)?;
        scratch.create_directory(parent, name, now).map(drop).map_err(code)
    }

    fn stat(&mut self, this: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.enter().map_err(FsError::trap)?;
        let open = self.open(&this)?;
        let stat = self.stat_of(open.target)?;
        if self.wasi.hashed.take() != Some(this.rep()) {
            seek_to_end(&open, stat.size);
        }
        Ok(stat)
    }

    fn stat_at(
        &mut self,
        this: Resource<Descriptor>,
        _: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        self.enter().map_err(FsError::trap)?;
        let target = self.find(&this, &path)?;
        self.stat_of(target)
    }

    fn set_times_at(
        &mut self,
        this: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        let target = self.find(&this, &path)?;
        self.set_times_of(target, accessed, modified)
    }

    fn link_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: Resource<Descriptor>,
        _: String,
    ) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        Err(code(FileError::NotPermitted))
    }

    fn symlink_at(&mut self, _: Resource<Descriptor>, _: String, _: String) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        Err(code(FileError::NotPermitted))
    }

    fn readlink_at(&mut self, this: Resource<Descriptor>, path: String) -> FsResult<String> {
        self.enter().map_err(FsError::trap)?;
        // What exists is never a link.
        self.find(&this, &path)?;
        Err(code(FileError::Invalid))
    }

    fn open_at(
        &mut self,
        this: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        self.enter().map_err(FsError::trap)?;
        let write = flags.contains(DescriptorFlags::WRITE);
        let read = flags.contains(DescriptorFlags::READ) || !write;
        let target = match self.base(&this)? {
            Base::Task => self.open_task(&path, how, write)?,
            Base::Scratch(base) => self.open_scratch(base, &path, how, write)?,
        };
        let directory = self.stat_of(target)?.type_ == DescriptorType::Directory;
        if directory && write {
            return Err(code(FileError::IsDirectory));
        }
        if !directory && how.contains(OpenFlags::DIRECTORY) {
            return Err(code(FileError::NotDirectory));
        }
        // Whether a directory may be changed depends on where it is, not on what was asked for.
        let write = if directory { target != Target::TaskRoot } else { write };
        self.push(Open { target, read, write, cursor: None })
    }

    fn remove_directory_at(&mut self, this: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        let base = self.writable_base(&this)?;
        let path = RelativePath::parse(&path).map_err(code)?;
        let now = self.wasi.clock.date();
        let scratch = &mut self.wasi.files.lock().view.scratch;
        let (parent, name) = scratch.locate(base, &path).map_err(code)?;
        scratch.remove_directory(parent, name, now).map_err(code)
    }

    fn rename_at(
        &mut self,
        this: Resource<Descriptor>,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        let (from, to) = match (self.base(&this)?, self.base(&new_descriptor)?) {
            (Base::Scratch(from), Base::Scratch(to)) => (from, to),
            (Base::Task, _) => return Err(code(FileError::ReadOnly)),
            (Base::Scratch(_), Base::Task) => return Err(code(FileError::CrossDevice)),
        };
        let old = RelativePath::parse(&old_path).map_err(code)?;
        let new = RelativePath::parse(&new_path).map_err(code)?;
        let now = self.wasi.clock.date();
        let LiveFiles { view, open } = &mut *self.wasi.files.lock();
        let source = view.scratch.lookup(from, &old).map_err(code)?;
        // A slash at the end asks for a directory.
        if new.directory && !view.scratch.is_directory(source).map_err(code)? {
            return Err(code(FileError::NotDirectory));
        }
        let old = view.scratch.locate(from, &old).map_err(code)?;
        let new = view.scratch.locate(to, &new).map_err(code)?;
        view.scratch.rename(old, new, |inode| open.contains_key(&inode), now).map_err(code)
    }

    fn unlink_file_at(&mut self, this: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.enter().map_err(FsError::trap)?;
        let base = self.writable_base(&this)?;
        let path = RelativePath::parse(&path).map_err(code)?;
        let now = self.wasi.clock.date();
        let LiveFiles { view, open } = &mut *self.wasi.files.lock();
        // Finds out whether a slash at the end was wrong.
        let inode = view.scratch.lookup(base, &path).map_err(code)?;
        let (parent, name) = view.scratch.locate(base, &path).map_err(code)?;
        view.scratch.unlink(parent, name, open.contains_key(&inode), now).map_err(code)
    }

    fn is_same_object(
        &mut self,
        this: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.enter()?;
        let targets = [this, other].map(|descriptor| {
            self.host.table.get(&Resource::<Open>::new_borrow(descriptor.rep())).map(|open| open.target)
        });
        let [this, other] = targets;
        Ok(this? == other?)
    }

    fn metadata_hash(&mut self, this: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.enter().map_err(FsError::trap)?;
        self.wasi.hashed = Some(this.rep());
        Ok(identity(self.open(&this)?.target))
    }

    fn metadata_hash_at(
        &mut self,
        this: Resource<Descriptor>,
        _: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.enter().map_err(FsError::trap)?;
        Ok(identity(self.find(&this, &path)?))
    }

    fn drop(&mut self, this: Resource<Descriptor>) -> wasmtime::Result<()> {
        let open = self.host.table.delete(Resource::<Open>::new_own(this.rep()))?;
        if let Target::Scratch(inode) = open.target {
            self.wasi.files.lock().closed(inode);
        }
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for Machine<'_> {
    fn read_directory_entry(
        &mut self,
        this: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.enter().map_err(FsError::trap)?;
        let listing = Resource::<Listing>::new_borrow(this.rep());
        let listing = self.host.table.get_mut(&listing).map_err(FsError::trap)?;
        Ok(listing.next(&self.wasi.files.lock()))
    }

    fn drop(&mut self, this: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.host.table.delete(Resource::<Listing>::new_own(this.rep()))?;
        Ok(())
    }
}
