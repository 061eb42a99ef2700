//! The cache of compiled components.
//!
//! Compiling takes from 60 ms (a tool) to 10 s (CPython), so native code is kept in a folder. Loading native
//! code means trusting it, therefore: only this module writes there; the folder must belong to this user and
//! nobody else may write to it; it and its files are opened without following links; files are written under
//! another name and renamed; and a checksum is compared before a file is used. Whatever does not match is
//! compiled again.
//!
//! A file is named by the component's digest, inside a folder named by [`crate::engine::fingerprint`]: engine
//! version, settings, target and cpu features.

use std::borrow::Cow;
use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{AtFlags, Mode, OFlags};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::admission;
use crate::engine::fingerprint;
use crate::error::Error;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct AotCache {
    folder: Arc<Folder>,
}

#[derive(Debug)]
struct Folder {
    fd: OwnedFd,
    path: PathBuf,
    /// Told before a component is compiled.
    notice: OnceLock<Notice>,
}

/// Told before a component is compiled: its name and its size in bytes. A large one takes seconds.
pub type Notice = fn(&str, usize);

impl AotCache {
    /// Opens the folder, making it (0700) if it is not there.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io("make", parent))?;
        }
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::io("make", path)(error));
            }
            _ => {}
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| Error::CacheFolder {
            path: path.to_owned(),
            reason: match error {
                rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => {
                    "it is a link or a file; name a folder of your own".to_owned()
                }
                other => other.to_string(),
            },
        })?;
        check_private(&fd, path)?;
        Ok(Self { folder: Arc::new(Folder { fd, path: path.to_owned(), notice: OnceLock::new() }) })
    }

    /// Sets who is told before a component is compiled; the first one set stays.
    pub fn set_notice(&self, notice: Notice) {
        let _ = self.folder.notice.set(notice);
    }

    /// A component, from the cache or compiled now. `digest` names the bytes that `wasm` gives; they are only
    /// asked for when they have to be compiled.
    pub fn component<'a>(
        &self,
        engine: &Engine,
        name: &str,
        digest: &str,
        wasm: impl FnOnce() -> Result<Cow<'a, [u8]>, Error>,
    ) -> Result<Component, Error> {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        if hex.is_empty() || !hex.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::Invalid { what: "digest".to_owned(), reason: "not hex".to_owned() });
        }
        let shelf = self.shelf(engine)?;
        if let Some(component) = shelf.load(engine, hex) {
            return Ok(component);
        }
        let bytes = wasm()?;
        admission::validate(name, &bytes)?;
        if let Some(notice) = self.folder.notice.get() {
            notice(name, bytes.len());
        }
        let started = std::time::Instant::now();
        let compiled = engine.precompile_component(&bytes).map_err(|error| Error::compile(name, &error))?;
        tracing::info!(name, bytes = bytes.len(), ms = started.elapsed().as_millis(), "compiled a component");
        // A cache that cannot be written costs time, not the call.
        if let Err(error) = shelf.store(hex, &compiled) {
            tracing::warn!(name, %error, path = %self.folder.path.display(), "cannot keep a compiled component");
        } else if let Some(component) = shelf.load(engine, hex) {
            return Ok(component);
        }
        // SAFETY: these bytes were made by `precompile_component` of the same engine a moment ago, in this
        // process.
        unsafe { Component::deserialize(engine, &compiled) }.map_err(|error| Error::compile(name, &error))
    }

    /// A file that is kept beside a compiled component, such as an interpreter's memory image; if it is there
    /// and whole.
    pub fn beside(&self, engine: &Engine, digest: &str, ending: &str) -> Result<Option<File>, Error> {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        Ok(self.shelf(engine)?.load_file(&format!("{hex}.{ending}")))
    }

    /// Keeps a file beside a compiled component.
    pub fn keep_beside(
        &self,
        engine: &Engine,
        digest: &str,
        ending: &str,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        let name = format!("{hex}.{ending}");
        let shelf = self.shelf(engine)?;
        let kept = shelf
            .write(&name, bytes)
            .and_then(|()| shelf.write(&format!("{name}.sum"), checksum(bytes).as_bytes()));
        kept.map_err(Error::io("write", shelf.path.join(name)))
    }

    /// The part of the cache for one engine.
    fn shelf(&self, engine: &Engine) -> Result<Shelf, Error> {
        let name = fingerprint(engine);
        let path = self.folder.path.join(&name);
        match rustix::fs::mkdirat(&self.folder.fd, &name, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(Error::io("make", path)(error.into())),
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.folder.fd, &name, flags, Mode::empty())
            .map_err(|error| Error::io("open", &path)(error.into()))?;
        check_private(&fd, &path)?;
        Ok(Shelf { fd, path })
    }
}

struct Shelf {
    fd: OwnedFd,
    path: PathBuf,
}

impl Shelf {
    /// A kept component, if it is there and whole.
    fn load(&self, engine: &Engine, hex: &str) -> Option<Component> {
        let sum = self.read_small(&format!("{hex}.sum"))?;
        let file = self.open(&format!("{hex}.cwasm"))?;
        let map = Map::new(&file)?;
        if sum != checksum(map.bytes()) {
            tracing::warn!(path = %self.path.display(), hex, "a compiled component is damaged; compiling it again");
            return None;
        }
        drop(map);
        // Through the descriptor, so that what was checked is what is loaded.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let loaded = if Path::new(&path).exists() {
            // SAFETY: the file was written by `store` below from this engine's own output: it lies in a
            // folder that only this user can write to, was opened without following links, and matches its
            // checksum. The engine itself checks its version and settings.
            unsafe { Component::deserialize_file(engine, &path) }
        } else {
            let map = Map::new(&file)?;
            // SAFETY: as above.
            unsafe { Component::deserialize(engine, map.bytes()) }
        };
        loaded
            .inspect_err(
                |error| tracing::warn!(%error, hex, "a compiled component does not load; compiling it again"),
            )
            .ok()
    }

    /// A kept file, if it is there and whole.
    fn load_file(&self, name: &str) -> Option<File> {
        let sum = self.read_small(&format!("{name}.sum"))?;
        let file = self.open(name)?;
        let map = Map::new(&file)?;
        (sum == checksum(map.bytes())).then_some(file)
    }

    fn store(&self, hex: &str, compiled: &[u8]) -> std::io::Result<()> {
        // The code first: until its checksum is there, or while it is an older one, the entry counts as
        // damaged.
        self.write(&format!("{hex}.cwasm"), compiled)?;
        self.write(&format!("{hex}.sum"), checksum(compiled).as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let temporary = format!(".{name}.{}", crate::text::thread_suffix());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let written = rustix::fs::openat(&self.fd, &temporary, flags, Mode::RUSR | Mode::WUSR)
            .map_err(std::io::Error::from)
            .and_then(|fd| {
                let mut file = File::from(fd);
                file.write_all(bytes)?;
                file.sync_all()
            })
            .and_then(|()| Ok(rustix::fs::renameat(&self.fd, &temporary, &self.fd, name)?));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.fd, &temporary, AtFlags::empty());
        }
        written
    }

    /// A regular file of this user that nobody else can write.
    fn open(&self, name: &str) -> Option<File> {
        let name = CString::new(name).ok()?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(rustix::fs::openat(&self.fd, name, flags, Mode::empty()).ok()?);
        let metadata = file.metadata().ok()?;
        let mine = metadata.uid() == rustix::process::geteuid().as_raw();
        (metadata.is_file() && mine && metadata.mode() & 0o022 == 0).then_some(file)
    }

    fn read_small(&self, name: &str) -> Option<String> {
        let mut text = String::new();
        self.open(name)?.take(256).read_to_string(&mut text).ok()?;
        Some(text)
    }
}

/// A folder of this user that nobody else can write to.
fn check_private(fd: impl AsFd, path: &Path) -> Result<(), Error> {
    let refuse = |reason: String| Error::CacheFolder { path: path.to_owned(), reason };
    let stat = rustix::fs::fstat(fd).map_err(|error| refuse(error.to_string()))?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(refuse("it belongs to another user; name a folder of your own".to_owned()));
    }
    if stat.st_mode & 0o022 != 0 {
        let mode = stat.st_mode & 0o777;
        return Err(refuse(format!("others can write to it (mode {mode:o}); run `chmod 700` on it")));
    }
    Ok(())
}

/// Against damage, not against malice (the folder's permissions are for that): 45 MB must pass in a few
/// milliseconds.
fn checksum(bytes: &[u8]) -> String {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [1_u64, 2, 3, 4];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
            *lane = (*lane ^ word).wrapping_mul(PRIME).rotate_left(29);
        }
    }
    let mut sum = bytes.len() as u64;
    for byte in blocks.remainder() {
        sum = (sum ^ u64::from(*byte)).wrapping_mul(PRIME).rotate_left(29);
    }
    for lane in lanes {
        sum = (sum ^ lane).wrapping_mul(PRIME).rotate_left(31);
    }
    format!("sport-aot-1 {sum:016x} {}\n", bytes.len())
}

/// A file mapped for reading.
struct Map {
    at: *mut std::ffi::c_void,
    len: usize,
}

impl Map {
    fn new(file: &File) -> Option<Self> {
        let len = usize::try_from(file.metadata().ok()?.len()).ok().filter(|len| *len > 0)?;
        // SAFETY: a fresh private mapping at an address of the kernel's choosing; nothing else knows it.
        let at = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                len,
                rustix::mm::ProtFlags::READ,
                rustix::mm::MapFlags::PRIVATE,
                file,
                0,
            )
        };
        at.ok().map(|at| Self { at, len })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is `len` bytes long and lives as long as `self`. The file lies in a folder that
        // only this user writes to, and this module replaces files by renaming, never in place.
        unsafe { std::slice::from_raw_parts(self.at.cast(), self.len) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and `bytes` borrows from `self`, so no slice is left.
        let _ = unsafe { rustix::mm::munmap(self.at, self.len) };
    }
}
