//! The bytes of a scratch file: shared between forks in chunks, copied chunk by chunk where one writes.

use std::sync::Arc;

/// How much a write to a shared file copies: large enough to keep the list of chunks short, small enough that changing
/// one byte of a large file in every fork costs little.
const CHUNK: usize = 64 << 10;

/// A file's bytes. A clone shares them.
#[derive(Clone, Debug)]
pub(crate) enum FileData {
    /// Bytes that came whole, from a tool or the store, and were not written to since.
    Blob(Arc<[u8]>),
    /// Bytes that agent code wrote. All chunks but the last are full.
    Chunks {
        /// The chunks.
        chunks: Vec<Arc<Vec<u8>>>,
        /// The sum of their lengths.
        len: usize,
    },
}

impl Default for FileData {
    fn default() -> Self {
        Self::Chunks { chunks: Vec::new(), len: 0 }
    }
}

impl FileData {
    /// The file's size.
    pub fn len(&self) -> usize {
        match self {
            Self::Blob(bytes) => bytes.len(),
            Self::Chunks { len, .. } => *len,
        }
    }

    /// At most `count` bytes from `offset`; fewer at the end of the file.
    pub fn read(&self, offset: usize, count: usize) -> Vec<u8> {
        let end = offset.saturating_add(count).min(self.len());
        if offset >= end {
            return Vec::new();
        }
        match self {
            Self::Blob(bytes) => bytes[offset..end].to_vec(),
            Self::Chunks { chunks, .. } => {
                let mut out = Vec::with_capacity(end - offset);
                let mut at = offset;
                while at < end {
                    let start = at % CHUNK;
                    let chunk = &chunks[at / CHUNK];
                    let take = (chunk.len() - start).min(end - at);
                    out.extend_from_slice(&chunk[start..start + take]);
                    at += take;
                }
                out
            }
        }
    }

    /// All bytes, without a copy where they came whole.
    pub fn to_bytes(&self) -> Arc<[u8]> {
        match self {
            Self::Blob(bytes) => Arc::clone(bytes),
            Self::Chunks { len, .. } => self.read(0, *len).into(),
        }
    }

    /// Writes `bytes` at `offset`; a gap before it becomes zeros. The caller has checked the quota.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if end > self.len() {
            self.resize(end);
        }
        let (chunks, _) = self.parts_mut();
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done;
            let start = at % CHUNK;
            let chunk = Arc::make_mut(&mut chunks[at / CHUNK]);
            let take = (chunk.len() - start).min(bytes.len() - done);
            chunk[start..start + take].copy_from_slice(&bytes[done..done + take]);
            done += take;
        }
    }

    /// Cuts the file, or fills it up with zeros. The caller has checked the quota.
    pub fn resize(&mut self, size: usize) {
        let (chunks, len) = self.parts_mut();
        chunks.truncate(size.div_ceil(CHUNK));
        if let Some(index) = chunks.len().checked_sub(1) {
            // The new last chunk may have to be cut, or the old last one to be filled up.
            let wanted = (size - index * CHUNK).min(CHUNK);
            if chunks[index].len() != wanted {
                Arc::make_mut(&mut chunks[index]).resize(wanted, 0);
            }
        }
        while chunks.len() * CHUNK < size {
            let wanted = (size - chunks.len() * CHUNK).min(CHUNK);
            chunks.push(Arc::new(vec![0; wanted]));
        }
        *len = size;
    }

    /// Whether both hold the same bytes; chunks that are shared are not looked at.
    pub fn same(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        match (self, other) {
            (Self::Blob(a), Self::Blob(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Chunks { chunks: a, .. }, Self::Chunks { chunks: b, .. }) => {
                a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
            }
            _ => (0..self.len()).step_by(CHUNK).all(|at| self.read(at, CHUNK) == other.read(at, CHUNK)),
        }
    }

    /// The chunks and their length, made from the whole bytes if need be.
    fn parts_mut(&mut self) -> (&mut Vec<Arc<Vec<u8>>>, &mut usize) {
        let split = match self {
            Self::Blob(bytes) => bytes.chunks(CHUNK).map(|chunk| Arc::new(chunk.to_vec())).collect(),
            Self::Chunks { chunks, len } => return (chunks, len),
        };
        let len = self.len();
        *self = Self::Chunks { chunks: split, len };
        self.parts_mut()
    }
}
