//! Streams over the branch's files: how a language runtime reads and writes an open file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::SharedFiles;
use super::clock::Clock;
use super::descriptor::Target;
use crate::files::FileError;
use crate::files::scratch::Inode;
use crate::limits;

/// Reads a file from a place on.
pub(super) struct FileInput {
    pub files: SharedFiles,
    pub target: Target,
    pub position: u64,
}

#[async_trait]
impl Pollable for FileInput {
    async fn ready(&mut self) {}
}

impl InputStream for FileInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = read(&self.files, self.target, self.position, size as u64).map_err(failed)?;
        if bytes.is_empty() && size > 0 {
            return Err(StreamError::Closed);
        }
        self.position += bytes.len() as u64;
        Ok(bytes.into())
    }
}

/// Reads at most [`limits::FILE_CHUNK`] bytes of an open file.
pub(super) fn read(
    files: &SharedFiles,
    target: Target,
    offset: u64,
    count: u64,
) -> Result<Vec<u8>, FileError> {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(limits::FILE_CHUNK);
    // Beyond the end of any file that can exist.
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    match target {
        Target::TaskRoot => Err(FileError::IsDirectory),
        Target::TaskFile(index) => {
            let task = Arc::clone(&files.lock().view.task);
            let bytes = task.entries().get(index).ok_or(FileError::BadDescriptor)?.bytes()?;
            let start = offset.min(bytes.len());
            let end = start.saturating_add(count).min(bytes.len());
            Ok(bytes[start..end].to_vec())
        }
        Target::Scratch(inode) => Ok(files.lock().view.scratch.data(inode)?.read(offset, count)),
    }
}

/// Writes a file from a place on, or at its end.
pub(super) struct FileOutput {
    pub files: SharedFiles,
    pub clock: Arc<Clock>,
    pub inode: Inode,
    /// None appends. Shared with the descriptor.
    pub position: Option<Arc<AtomicU64>>,
}

#[async_trait]
impl Pollable for FileOutput {
    async fn ready(&mut self) {}
}

impl OutputStream for FileOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > limits::FILE_CHUNK {
            return Err(StreamError::trap("more bytes were written than the stream allowed"));
        }
        let mut files = self.files.lock();
        let scratch = &mut files.view.scratch;
        let at = match &self.position {
            Some(at) => at.load(Relaxed),
            None => scratch.data(self.inode).map_err(failed)?.len() as u64,
        };
        scratch.write(self.inode, at, &bytes, self.clock.date()).map_err(failed)?;
        if let Some(position) = &self.position {
            position.fetch_add(bytes.len() as u64, Relaxed);
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(limits::FILE_CHUNK)
    }
}

/// The error travels as it is, so that the guest can ask for its code.
fn failed(error: FileError) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}
