//! The cache of compiled components.
//!
//! Compiling takes from 60 ms (a tool) to 10 s (CPython), so native code is kept in a folder. Loading native
//! code means trusting it, therefore: only this module writes there; the folder is a [`PrivateFolder`]; and a checksum is
//! compared before a file is used. Whatever does not match is compiled again.
//!
//! A file is named by the component's digest, inside a folder named by [`crate::engine::fingerprint`]: engine
//! version, settings, target and cpu features.

use std::borrow::Cow;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::admission;
use crate::compile::{self, Compiler, Profile};
use crate::engine::fingerprint;
use crate::error::Error;
use crate::private::{NotPrivate, PrivateFolder};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct AotCache {
    folder: Arc<Folder>,
}

#[derive(Debug)]
struct Folder {
    place: PrivateFolder,
    compiler: Compiler,
    /// Told before a component is compiled.
    notice: OnceLock<Notice>,
}

/// Told before a component is compiled: its name and its size in bytes. A large one takes seconds.
pub type Notice = fn(&str, usize);

impl AotCache {
    /// Opens the folder, making it (0700) if it is not there.
    pub fn open(path: &Path, compiler: Compiler) -> Result<Self, Error> {
        let place = PrivateFolder::open(path).map_err(unusable(path))?;
        Ok(Self { folder: Arc::new(Folder { place, compiler, notice: OnceLock::new() }) })
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
        profile: Profile,
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
        let compiled = compile::compile(&self.folder.compiler, engine, profile, name, &bytes)?;
        tracing::info!(name, bytes = bytes.len(), ms = started.elapsed().as_millis(), "compiled a component");
        // A cache that cannot be written costs time, not the call.
        if let Err(error) = shelf.store(hex, &compiled) {
            tracing::warn!(name, %error, path = %self.folder.place.path().display(), "cannot keep a compiled component");
        } else if let Some(component) = shelf.load(engine, hex) {
            return Ok(component);
        }
        // SAFETY: these bytes were made by `precompile_component` of an engine with the same settings a moment ago, in this
        // process or in the worker that it started.
        unsafe { Component::deserialize(engine, &compiled) }.map_err(|error| Error::compile(name, &error))
    }

    /// A component that is compiled for one use and not kept.
    pub fn uncached(
        &self,
        engine: &Engine,
        profile: Profile,
        name: &str,
        bytes: &[u8],
    ) -> Result<Component, Error> {
        admission::validate(name, bytes)?;
        let compiled = compile::compile(&self.folder.compiler, engine, profile, name, bytes)?;
        // SAFETY: as at the end of `component`.
        unsafe { Component::deserialize(engine, &compiled) }.map_err(|error| Error::compile(name, &error))
    }

    /// A file that is kept beside a compiled component, such as an interpreter's memory image; if it is there
    /// and whole.
    pub fn beside(&self, engine: &Engine, digest: &str, ending: &str) -> Result<Option<File>, Error> {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        Ok(self.shelf(engine)?.load_file(&format!("{hex}.{ending}")))
    }

    /// The native code that is kept for a component, if it is there and whole.
    pub fn code(&self, engine: &Engine, digest: &str) -> Result<Option<File>, Error> {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        Ok(self.shelf(engine)?.code(hex))
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
            .place
            .write(&name, bytes)
            .and_then(|()| shelf.place.write(&format!("{name}.sum"), checksum(bytes).as_bytes()));
        kept.map_err(Error::io("write", shelf.place.path().join(name)))
    }

    /// The part of the cache for one engine.
    fn shelf(&self, engine: &Engine) -> Result<Shelf, Error> {
        let name = fingerprint(engine);
        let place = self.folder.place.subfolder(&name);
        let place = place.map_err(unusable(&self.folder.place.path().join(&name)))?;
        Ok(Shelf { place })
    }
}

/// The folder, or a part of it, is not one whose files may be run.
fn unusable(path: &Path) -> impl FnOnce(NotPrivate) -> Error {
    move |error| Error::CacheFolder { path: path.to_owned(), reason: error.to_string() }
}

struct Shelf {
    place: PrivateFolder,
}

impl Shelf {
    /// A kept component, if it is there and whole.
    fn load(&self, engine: &Engine, hex: &str) -> Option<Component> {
        let file = self.code(hex)?;
        // SAFETY: the file was written by `store` below from this engine's own output: it lies in a folder that only this
        // user can write to, was opened without following links, and matches its checksum.
        unsafe { load_code(engine, &file) }
            .inspect_err(
                |error| tracing::warn!(%error, hex, "a compiled component does not load; compiling it again"),
            )
            .ok()
    }

    /// Kept code, if it is there and whole.
    fn code(&self, hex: &str) -> Option<File> {
        let sum = self.read_small(&format!("{hex}.sum"))?;
        let file = self.open(&format!("{hex}.cwasm"))?;
        let map = Map::new(&file)?;
        if sum != checksum(map.bytes()) {
            tracing::warn!(path = %self.place.path().display(), hex, "a compiled component is damaged; compiling it again");
            return None;
        }
        drop(map);
        Some(file)
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
        self.place.write(&format!("{hex}.cwasm"), compiled)?;
        self.place.write(&format!("{hex}.sum"), checksum(compiled).as_bytes())
    }

    /// A file that is there and can be trusted.
    fn open(&self, name: &str) -> Option<File> {
        self.place.file(name).ok().flatten()
    }

    fn read_small(&self, name: &str) -> Option<String> {
        self.place.read(name, 256).ok().flatten()
    }
}

/// Loads native code. The engine itself checks its version and settings.
///
/// # Safety
///
/// The file holds what an engine like this one gave out, and nobody changes it.
pub(crate) unsafe fn load_code(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    // Through the descriptor, so that what was checked is what is loaded.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    if Path::new(&path).exists() {
        // SAFETY: by the caller's word.
        return unsafe { Component::deserialize_file(engine, &path) };
    }
    let map = Map::new(file).ok_or_else(|| wasmtime::Error::msg("the file cannot be mapped"))?;
    // SAFETY: by the caller's word.
    unsafe { Component::deserialize(engine, map.bytes()) }
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
