//! The memory of a session at rest, kept so that any number of instances can begin from it.
//!
//! Most of a session's memory is still the interpreter's own image, which every instance maps anyway. A snapshot holds only
//! what was written since: large pieces in an anonymous file that forks map privately (a page is copied when a fork writes
//! to it, and never otherwise), small pieces as bytes that every fork copies, which for them is cheaper than a mapping.
//!
//! A fork's snapshot builds on the one that the fork came from: a [`Layer`] is added for what it wrote itself. When there
//! are [`MOST_LAYERS`], the next snapshot begins anew with all of them in one.

use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::MemfdFlags;

use super::memory::{AtRest, Image, Start};
use crate::limits;

/// A piece at least so large is mapped, a smaller one copied: a mapping costs a system call and a kernel object, and each of
/// its pages that is used a fault, where a copied page costs one fault and is done with. With less, forks of small states,
/// most of whose pages every run touches, were slower; with more, those of a state of 10 MB.
const MAPPED_FROM: usize = 64 << 10;

/// Pieces that lie no further apart become one: a page or two are kept twice, and every fork is spared a mapping.
const JOINED_WITHIN: usize = 8 << 10;

/// A layer costs every later fork its mappings, and a file descriptor.
const MOST_LAYERS: usize = 6;

/// See the module.
#[derive(Debug)]
pub(crate) struct Snapshot {
    image: Arc<Image>,
    /// Size of the memory.
    size: usize,
    /// Oldest first: a later one covers an earlier one.
    layers: Vec<Arc<Layer>>,
    /// Small pieces and where they lie.
    small: Vec<(usize, Box<[u8]>)>,
    /// Where it says something else than the image: all pieces, in order and without overlaps.
    covered: Vec<Range<usize>>,
}

/// Pieces of a memory in a file, at the places that they have in the memory.
#[derive(Debug)]
struct Layer {
    file: OwnedFd,
    pieces: Vec<Range<usize>>,
}

impl Snapshot {
    /// Takes one of a memory that began with `image`, or from `before`, which began with `image`.
    pub fn take(memory: &AtRest<'_>, image: &Arc<Image>, before: Option<&Self>) -> std::io::Result<Self> {
        let inherited = before.map_or(&[][..], |before| &before.layers);
        let mut layers = inherited.to_vec();
        let mut pieces = memory.own_pages()?;
        let count = pieces_of(&layers).count();
        let bytes: usize = pieces_of(&layers).map(|piece| piece.len()).sum();
        if layers.len() >= MOST_LAYERS || count >= limits::SNAPSHOT_PIECES || bytes > memory.size() {
            // What is in them and was not written since is a file's page, so it has to be named.
            pieces.extend(pieces_of(&layers));
            layers.clear();
        }
        let (large, small) = apart(pieces);
        if !large.is_empty() {
            layers.push(Arc::new(Layer::write(memory, large)?));
        }
        let covered = pieces_of(&layers).chain(small.iter().cloned()).collect();
        let small = small
            .into_iter()
            .map(|piece| Ok((piece.start, memory.bytes(piece)?.into())))
            .collect::<std::io::Result<_>>()?;
        let covered = merged(covered, 0);
        Ok(Self { image: Arc::clone(image), size: memory.size(), layers, small, covered })
    }

    /// The memory's size.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How the memory of an instance must begin that this is put into.
    pub fn start(&self) -> Start {
        Start { image: Arc::clone(&self.image), size: self.size }
    }

    /// Makes a memory that began with [`Self::start`], and was written to since, the one that this was taken of.
    pub fn restore(&self, memory: &mut AtRest<'_>) -> std::io::Result<()> {
        self.fits(memory)?;
        memory.reset(&self.image, 0..memory.size())?;
        self.put_in(memory)
    }

    /// The same for a memory that another snapshot was put into before, or none, and of which the pages are known that were
    /// written to: those stay the memory's own, which spares it the faults that a new mapping would cost.
    pub fn restore_over(
        &self,
        memory: &mut AtRest<'_>,
        before: Option<&Self>,
        own: &[Range<usize>],
    ) -> std::io::Result<()> {
        self.fits(memory)?;
        // Pages of the other's files are not the memory's own, and show what this one does not.
        let other: Vec<Range<usize>> = before.map(Self::mapped).unwrap_or_default();
        for range in without(&other, &self.mapped()) {
            memory.reset(&self.image, range)?;
        }
        for range in without(own, &self.covered) {
            memory.revert(range, &self.image)?;
        }
        self.put_in(memory)
    }

    fn fits(&self, memory: &AtRest<'_>) -> std::io::Result<()> {
        if memory.size() == self.size {
            return Ok(());
        }
        Err(std::io::Error::other("the fork's memory is not of its parent's size"))
    }

    fn put_in(&self, memory: &mut AtRest<'_>) -> std::io::Result<()> {
        for layer in &self.layers {
            for piece in &layer.pieces {
                memory.map(piece.clone(), layer.file.as_fd())?;
            }
        }
        for (at, bytes) in &self.small {
            memory.write(*at, bytes)?;
        }
        Ok(())
    }

    /// Where it maps files, in order and without overlaps.
    fn mapped(&self) -> Vec<Range<usize>> {
        merged(pieces_of(&self.layers).collect(), 0)
    }
}

/// The pieces of all of these.
fn pieces_of(layers: &[Arc<Layer>]) -> impl Iterator<Item = Range<usize>> {
    layers.iter().flat_map(|layer| layer.pieces.iter().cloned())
}

impl Layer {
    fn write(memory: &AtRest<'_>, pieces: Vec<Range<usize>>) -> std::io::Result<Self> {
        let file = rustix::fs::memfd_create("sport-fork", MemfdFlags::CLOEXEC)?;
        // What is not written stays a hole and takes no memory.
        rustix::fs::ftruncate(&file, memory.size() as u64)?;
        for piece in &pieces {
            let (mut at, mut left) = (piece.start as u64, memory.bytes(piece.clone())?);
            while !left.is_empty() {
                let written = rustix::io::pwrite(&file, left, at)?;
                left = &left[written..];
                at += written as u64;
            }
        }
        Ok(Self { file, pieces })
    }
}

/// Large pieces and small ones, joined where they lie close together; closer or farther, so that there are not too many.
fn apart(pieces: Vec<Range<usize>>) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let mut within = JOINED_WITHIN;
    loop {
        let joined = merged(pieces.clone(), within);
        let (large, small): (Vec<_>, Vec<_>) =
            joined.into_iter().partition(|piece| piece.len() >= MAPPED_FROM);
        if large.len() <= limits::SNAPSHOT_PIECES {
            return (large, small);
        }
        within *= 2;
    }
}

/// In order, without overlaps, and as one where they lie no further apart than `within`.
fn merged(mut pieces: Vec<Range<usize>>, within: usize) -> Vec<Range<usize>> {
    pieces.sort_unstable_by_key(|piece| piece.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for piece in pieces {
        match merged.last_mut() {
            Some(last) if piece.start <= last.end + within => last.end = last.end.max(piece.end),
            _ => merged.push(piece),
        }
    }
    merged
}

/// What is in `all` and not in `but`; both are in order and without overlaps.
fn without(all: &[Range<usize>], but: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut left = Vec::new();
    let mut first = 0;
    for range in all {
        let mut start = range.start;
        while but.get(first).is_some_and(|but| but.end <= start) {
            first += 1;
        }
        for but in but[first..].iter().take_while(|but| but.start < range.end) {
            if but.start > start {
                left.push(start..but.start);
            }
            start = start.max(but.end);
        }
        if start < range.end {
            left.push(start..range.end);
        }
    }
    left
}
