//! Messages over a socket between two processes: a header in JSON, bytes behind it, file descriptors beside it.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits;

/// Length of the header and of the bytes behind it.
const PREFIX: usize = 12;

/// Descriptors that one message may bring.
const DESCRIPTORS: usize = 2;

/// Bytes that are read at once: a length is only somebody's word until they came.
const STRIDE: usize = 1 << 20;

/// Why no message came.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError<Stop> {
    /// The other side is gone.
    #[error("it has ended")]
    Ended,
    /// The socket failed.
    #[error("its socket failed: {0}")]
    Socket(io::Error),
    /// What came is none of its messages.
    #[error("it sent something that is no message: {0}")]
    Strange(String),
    /// Whoever waited gave up.
    #[error("it was given up on")]
    Stopped(Stop),
}

impl<Stop> From<io::Error> for WireError<Stop> {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => Self::Ended,
            _ => Self::Socket(error),
        }
    }
}

/// Bytes that go behind a header, in the order in which the header speaks of them.
#[derive(Default)]
pub(super) struct Body {
    pieces: Vec<Piece>,
    len: u64,
}

enum Piece {
    Whole(Arc<[u8]>),
    Chunk(Arc<Vec<u8>>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Chunk(bytes) => bytes,
        }
    }
}

impl Body {
    /// Appends bytes; gives back how many, for the header.
    pub fn put(&mut self, bytes: Arc<[u8]>) -> u64 {
        self.push(Piece::Whole(bytes))
    }

    /// The same.
    pub fn put_chunk(&mut self, bytes: Arc<Vec<u8>>) -> u64 {
        self.push(Piece::Chunk(bytes))
    }

    fn push(&mut self, piece: Piece) -> u64 {
        let len = piece.bytes().len() as u64;
        self.len += len;
        self.pieces.push(piece);
        len
    }
}

/// Bytes that came behind a header.
#[derive(Default)]
pub(super) struct Taken {
    bytes: Vec<u8>,
    at: usize,
}

impl Taken {
    /// The next bytes that the header speaks of; none if there are not so many.
    pub fn take(&mut self, len: u64) -> Option<&[u8]> {
        let end = self.at.checked_add(usize::try_from(len).ok()?)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }
}

impl Taken {
    /// All that is left.
    pub fn rest(&mut self) -> &[u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }
}

/// A message that came.
pub(super) struct Received<Message> {
    pub message: Message,
    pub body: Taken,
    pub descriptors: Vec<OwnedFd>,
}

/// One end of a socket.
pub(super) struct Wire {
    stream: UnixStream,
}

impl Wire {
    /// Both ends of a new socket: ours, and the one to give away.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Self { stream: ours }, theirs.into()))
    }

    /// An end that was given.
    pub fn new(end: OwnedFd) -> Self {
        Self { stream: end.into() }
    }

    /// How long one reading or writing waits: after a reading that brought nothing, the waiting function is asked again; a
    /// writing that the other side takes nothing of fails.
    pub fn patience(&self, reading: Duration, writing: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(reading))?;
        self.stream.set_write_timeout(Some(writing))
    }

    /// Another handle of the same end.
    pub fn another(&self) -> io::Result<Self> {
        Ok(Self { stream: self.stream.try_clone()? })
    }

    /// Sends a message.
    pub fn send(
        &self,
        header: &impl Serialize,
        body: &Body,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let mut first = vec![0; PREFIX];
        serde_json::to_writer(&mut first, header)?;
        let length = u32::try_from(first.len() - PREFIX).map_err(io::Error::other)?;
        first[..4].copy_from_slice(&length.to_le_bytes());
        first[4..PREFIX].copy_from_slice(&body.len.to_le_bytes());
        let small = body.len < STRIDE as u64;
        if small {
            body.pieces.iter().for_each(|piece| first.extend_from_slice(piece.bytes()));
        }
        let sent = if descriptors.is_empty() { 0 } else { self.send_with(&first, descriptors)? };
        (&self.stream).write_all(&first[sent..])?;
        if !small {
            body.pieces.iter().try_for_each(|piece| (&self.stream).write_all(piece.bytes()))?;
        }
        Ok(())
    }

    fn send_with(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !beside.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("more descriptors than a message may bring"));
        }
        Ok(sendmsg(self.stream.as_fd(), &[IoSlice::new(bytes)], &mut beside, SendFlags::NOSIGNAL)?)
    }

    /// Waits for a message, from a side that is trusted with this process' memory.
    pub fn receive<Message: DeserializeOwned>(&self) -> Result<Received<Message>, WireError<()>> {
        let mut prefix = [0; PREFIX];
        let mut descriptors = Vec::new();
        let mut got = 0;
        while got < PREFIX {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut beside = RecvAncillaryBuffer::new(&mut space);
            let rest = &mut [IoSliceMut::new(&mut prefix[got..])];
            let read = match recvmsg(self.stream.as_fd(), rest, &mut beside, RecvFlags::CMSG_CLOEXEC) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other.map_err(io::Error::from)?,
            };
            for message in beside.drain() {
                if let RecvAncillaryMessage::ScmRights(rights) = message {
                    descriptors.extend(rights);
                }
            }
            if read.bytes == 0 {
                return Err(WireError::Ended);
            }
            got += read.bytes;
        }
        self.rest(prefix, (u64::MAX, u64::MAX), descriptors, &mut || Ok(()))
    }

    /// Waits for a message from a side that is not trusted: a length that is out of bounds is none, descriptors are dropped, and
    /// `wait` is asked at every tick whether to go on.
    pub fn receive_from_stranger<Message: DeserializeOwned, Stop>(
        &self,
        wait: &mut dyn FnMut() -> Result<(), Stop>,
    ) -> Result<Received<Message>, WireError<Stop>> {
        let mut prefix = [0; PREFIX];
        self.fill(&mut prefix, wait)?;
        let bounds = (limits::WORKER_HEADER_BYTES, limits::WORKER_BODY_BYTES);
        self.rest(prefix, bounds, Vec::new(), wait)
    }

    fn rest<Message: DeserializeOwned, Stop>(
        &self,
        prefix: [u8; PREFIX],
        most: (u64, u64),
        descriptors: Vec<OwnedFd>,
        wait: &mut dyn FnMut() -> Result<(), Stop>,
    ) -> Result<Received<Message>, WireError<Stop>> {
        let [a, b, c, d, body @ ..] = prefix;
        let (header, body) = (u64::from(u32::from_le_bytes([a, b, c, d])), u64::from_le_bytes(body));
        if header > most.0 || body > most.1 {
            return Err(WireError::Strange(format!("{header} and {body} bytes are too many")));
        }
        let header = self.bytes(header, wait)?;
        let message =
            serde_json::from_slice(&header).map_err(|error| WireError::Strange(error.to_string()))?;
        let bytes = self.bytes(body, wait)?;
        Ok(Received { message, body: Taken { bytes, at: 0 }, descriptors })
    }

    fn bytes<Stop>(
        &self,
        len: u64,
        wait: &mut dyn FnMut() -> Result<(), Stop>,
    ) -> Result<Vec<u8>, WireError<Stop>> {
        let len = usize::try_from(len).map_err(|error| WireError::Strange(error.to_string()))?;
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let at = bytes.len();
            bytes.resize(at + STRIDE.min(len - at), 0);
            self.fill(&mut bytes[at..], wait)?;
        }
        Ok(bytes)
    }

    fn fill<Stop>(
        &self,
        mut into: &mut [u8],
        wait: &mut dyn FnMut() -> Result<(), Stop>,
    ) -> Result<(), WireError<Stop>> {
        while !into.is_empty() {
            match (&self.stream).read(into) {
                Ok(0) => return Err(WireError::Ended),
                Ok(read) => into = &mut into[read..],
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => wait().map_err(WireError::Stopped)?,
                    _ => return Err(error.into()),
                },
            }
        }
        Ok(())
    }
}
