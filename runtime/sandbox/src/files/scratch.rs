//! `/scratch`: a tree in memory whose clone is a pointer copy.
//!
//! Nodes are found by number, as in a file system, so an open file keeps working when its name changes. The table of
//! nodes, the nodes, and the chunks of a file's bytes are each shared until written to; a write copies only what lies
//! on its way. Node numbers are given out in order, so a replay gives the same numbers.
//!
//! Every size here is a guest's wish: it is checked against the quotas before anything is allocated.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::FileError;
use super::data::FileData;
use super::path::{Part, RelativePath, check_name};
use crate::limits;
use crate::types::ArtifactRef;

/// A node's number.
pub(crate) type Inode = u64;

/// The number of `/scratch` itself.
pub(crate) const ROOT: Inode = 0;

/// A file or a directory.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Virtual time of the last change, in nanoseconds.
    pub modified: u64,
    /// When it was made, or what the code said of when it was read: reading by itself changes nothing, or forks would copy.
    pub accessed: u64,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    /// A directory.
    Directory {
        /// The directory that holds it; its own number for the root.
        parent: Inode,
        /// What it holds.
        entries: BTreeMap<String, Inode>,
    },
    /// A file.
    File {
        /// Its bytes.
        data: FileData,
        /// The artifact it is a copy of, as long as nobody wrote to it.
        artifact: Option<ArtifactRef>,
        /// Whether a directory still names it; an open file may outlive its name.
        named: bool,
    },
}

/// The tree.
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    pub(super) nodes: Arc<BTreeMap<Inode, Arc<Node>>>,
    pub(super) next: Inode,
    /// The sum of all files' sizes.
    pub(super) bytes: u64,
}

/// What a tool call changed, to be put into a replay: small, since it points at the nodes.
#[derive(Clone, Debug)]
pub(crate) struct ScratchChange {
    /// The nodes that are new or changed, and the numbers of those that are gone.
    pub nodes: Vec<(Inode, Option<Arc<Node>>)>,
    /// The next number to be given out.
    pub next: Inode,
    /// The sum of all files' sizes.
    pub bytes: u64,
}

impl Default for Scratch {
    fn default() -> Self {
        let root = Node {
            kind: NodeKind::Directory { parent: ROOT, entries: BTreeMap::new() },
            modified: crate::wasi::clock::EPOCH_NS,
            accessed: crate::wasi::clock::EPOCH_NS,
        };
        Self { nodes: Arc::new(BTreeMap::from([(ROOT, Arc::new(root))])), next: ROOT + 1, bytes: 0 }
    }
}

impl Scratch {
    /// A node, if it still exists.
    pub fn node(&self, inode: Inode) -> Result<&Node, FileError> {
        self.nodes.get(&inode).map(|node| &**node).ok_or(FileError::BadDescriptor)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A directory's entries.
    pub fn entries(&self, inode: Inode) -> Result<&BTreeMap<String, Inode>, FileError> {
        match &self.node(inode)?.kind {
            NodeKind::Directory { entries, .. } => Ok(entries),
            NodeKind::File { .. } => Err(FileError::NotDirectory),
        }
    }

    /// A file's bytes.
    pub fn data(&self, inode: Inode) -> Result<&FileData, FileError> {
        match &self.node(inode)?.kind {
            NodeKind::File { data, .. } => Ok(data),
            NodeKind::Directory { .. } => Err(FileError::IsDirectory),
        }
    }

    /// The node that a path leads to.
    pub fn lookup(&self, base: Inode, path: &RelativePath) -> Result<Inode, FileError> {
        let inode = self.walk(base, &path.parts)?;
        if path.directory && !self.is_directory(inode)? {
            return Err(FileError::NotDirectory);
        }
        Ok(inode)
    }

    /// The directory that holds a path's last name, and that name.
    pub fn locate<'a>(&self, base: Inode, path: &RelativePath<'a>) -> Result<(Inode, &'a str), FileError> {
        let (before, name) = path.split_last()?;
        let directory = self.walk(base, before)?;
        self.entries(directory)?;
        Ok((directory, name))
    }

    /// Whether it is a directory.
    pub fn is_directory(&self, inode: Inode) -> Result<bool, FileError> {
        Ok(matches!(self.node(inode)?.kind, NodeKind::Directory { .. }))
    }

    /// Makes an empty directory.
    pub fn create_directory(&mut self, parent: Inode, name: &str, now: u64) -> Result<Inode, FileError> {
        // The new directory's own entries lie one level deeper.
        if self.depth(parent)? + 1 >= limits::SCRATCH_DEPTH {
            return Err(FileError::Quota);
        }
        self.add(parent, name, NodeKind::Directory { parent, entries: BTreeMap::new() }, now)
    }

    /// Makes a file.
    pub fn create_file(
        &mut self,
        parent: Inode,
        name: &str,
        data: FileData,
        artifact: Option<ArtifactRef>,
        now: u64,
    ) -> Result<Inode, FileError> {
        let size = data.len() as u64;
        self.check_room(size)?;
        let inode = self.add(parent, name, NodeKind::File { data, artifact, named: true }, now)?;
        self.bytes += size;
        Ok(inode)
    }

    /// Writes to a file.
    pub fn write(&mut self, inode: Inode, offset: u64, bytes: &[u8], now: u64) -> Result<(), FileError> {
        let size = self.data(inode)?.len() as u64;
        let end = offset.checked_add(bytes.len() as u64).ok_or(FileError::Invalid)?;
        let grown = end.saturating_sub(size);
        self.check_room(grown)?;
        let offset = usize::try_from(offset).map_err(|_| FileError::Invalid)?;
        self.change_file(inode, now, |data| data.write(offset, bytes))?;
        self.bytes += if bytes.is_empty() { 0 } else { grown };
        Ok(())
    }

    /// Cuts or fills up a file.
    pub fn resize(&mut self, inode: Inode, size: u64, now: u64) -> Result<(), FileError> {
        let old = self.data(inode)?.len() as u64;
        self.check_room(size.saturating_sub(old))?;
        let new = usize::try_from(size).map_err(|_| FileError::Invalid)?;
        self.change_file(inode, now, |data| data.resize(new))?;
        self.bytes = self.bytes - old + size;
        Ok(())
    }

    /// Sets the times that are given.
    pub fn touch(
        &mut self,
        inode: Inode,
        accessed: Option<u64>,
        modified: Option<u64>,
    ) -> Result<(), FileError> {
        let node = self.node_mut(inode)?;
        node.accessed = accessed.unwrap_or(node.accessed);
        node.modified = modified.unwrap_or(node.modified);
        Ok(())
    }

    /// Takes a file's name away. It goes with its bytes unless it is open; then [`Self::forget`] ends it.
    pub fn unlink(&mut self, parent: Inode, name: &str, open: bool, now: u64) -> Result<(), FileError> {
        let inode = *self.entries(parent)?.get(name).ok_or(FileError::NoEntry)?;
        if self.is_directory(inode)? {
            return Err(FileError::IsDirectory);
        }
        self.remove_entry(parent, name, now)?;
        self.drop_name(inode, open)
    }

    /// Removes an empty directory.
    pub fn remove_directory(&mut self, parent: Inode, name: &str, now: u64) -> Result<(), FileError> {
        let inode = *self.entries(parent)?.get(name).ok_or(FileError::NoEntry)?;
        if !self.entries(inode)?.is_empty() {
            return Err(FileError::NotEmpty);
        }
        self.remove_entry(parent, name, now)?;
        Arc::make_mut(&mut self.nodes).remove(&inode);
        Ok(())
    }

    /// Renames, over what is there as POSIX has it. `open` says whether a node is open.
    pub fn rename(
        &mut self,
        from: (Inode, &str),
        to: (Inode, &str),
        open: impl Fn(Inode) -> bool,
        now: u64,
    ) -> Result<(), FileError> {
        check_name(to.1)?;
        let inode = *self.entries(from.0)?.get(from.1).ok_or(FileError::NoEntry)?;
        let target = self.entries(to.0)?.get(to.1).copied();
        if target == Some(inode) {
            return Ok(());
        }
        let moved_directory = self.is_directory(inode)?;
        if moved_directory {
            // Into itself would cut it off; and everything below it must stay within the depth.
            if self.ancestors(to.0)?.contains(&inode) {
                return Err(FileError::Invalid);
            }
            if self.depth(to.0)? + 1 + self.height(inode)? >= limits::SCRATCH_DEPTH {
                return Err(FileError::Quota);
            }
        }
        if let Some(target) = target {
            match (moved_directory, self.is_directory(target)?) {
                (true, true) => self.remove_directory(to.0, to.1, now)?,
                (false, false) => self.unlink(to.0, to.1, open(target), now)?,
                (true, false) => return Err(FileError::NotDirectory),
                (false, true) => return Err(FileError::IsDirectory),
            }
        }
        self.remove_entry(from.0, from.1, now)?;
        self.insert_entry(to.0, to.1, inode, now)?;
        if let NodeKind::Directory { parent, .. } = &mut self.node_mut(inode)?.kind {
            *parent = to.0;
        }
        Ok(())
    }

    /// Ends an open file that no longer has a name, when its last descriptor is gone.
    pub fn forget(&mut self, inode: Inode) {
        let unnamed =
            matches!(self.node(inode).map(|node| &node.kind), Ok(NodeKind::File { named: false, .. }));
        if unnamed {
            self.remove_node(inode);
        }
    }

    /// All files with their paths below `/scratch`, in order.
    pub fn files(&self) -> Vec<(String, Inode)> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), ROOT)];
        while let Some((prefix, directory)) = open.pop() {
            let Ok(entries) = self.entries(directory) else { continue };
            for (name, &inode) in entries {
                let path = format!("{prefix}{name}");
                match self.is_directory(inode) {
                    Ok(true) => open.push((format!("{path}/"), inode)),
                    _ => found.push((path, inode)),
                }
            }
        }
        found.sort();
        found
    }

    /// What changed between two states of the same tree.
    pub fn change(before: &Self, after: &Self) -> ScratchChange {
        let mut nodes = Vec::new();
        if !Arc::ptr_eq(&before.nodes, &after.nodes) {
            for (inode, node) in after.nodes.iter() {
                if !before.nodes.get(inode).is_some_and(|old| Arc::ptr_eq(old, node)) {
                    nodes.push((*inode, Some(Arc::clone(node))));
                }
            }
            let gone = before.nodes.keys().filter(|inode| !after.nodes.contains_key(inode));
            nodes.extend(gone.map(|inode| (*inode, None)));
        }
        ScratchChange { nodes, next: after.next, bytes: after.bytes }
    }

    /// Makes a recorded change again.
    pub fn apply(&mut self, change: &ScratchChange) {
        if !change.nodes.is_empty() {
            let nodes = Arc::make_mut(&mut self.nodes);
            for (inode, node) in &change.nodes {
                match node {
                    Some(node) => nodes.insert(*inode, Arc::clone(node)),
                    None => nodes.remove(inode),
                };
            }
        }
        self.next = change.next;
        self.bytes = change.bytes;
    }

    /// Whether both trees hold the same; what is shared is not looked at.
    pub fn same(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.nodes, &other.nodes) {
            return true;
        }
        self.next == other.next
            && self.bytes == other.bytes
            && self.nodes.len() == other.nodes.len()
            && self
                .nodes
                .iter()
                .zip(other.nodes.iter())
                .all(|((a_inode, a), (b_inode, b))| a_inode == b_inode && (Arc::ptr_eq(a, b) || a.same(b)))
    }

    /// Levels below `/scratch`: 0 for the root.
    fn depth(&self, inode: Inode) -> Result<usize, FileError> {
        Ok(self.ancestors(inode)?.len() - 1)
    }

    /// A directory and all above it.
    fn ancestors(&self, inode: Inode) -> Result<Vec<Inode>, FileError> {
        let mut chain = vec![inode];
        let mut at = inode;
        while at != ROOT {
            let NodeKind::Directory { parent, .. } = self.node(at)?.kind else {
                return Err(FileError::NotDirectory);
            };
            at = parent;
            chain.push(at);
        }
        Ok(chain)
    }

    /// Levels of directories below a node. The depth quota bounds the recursion.
    fn height(&self, inode: Inode) -> Result<usize, FileError> {
        let NodeKind::Directory { entries, .. } = &self.node(inode)?.kind else { return Ok(0) };
        let mut most = 0;
        for &child in entries.values() {
            if self.is_directory(child)? {
                most = most.max(1 + self.height(child)?);
            }
        }
        Ok(most)
    }

    fn walk(&self, base: Inode, parts: &[Part]) -> Result<Inode, FileError> {
        let mut at = base;
        for part in parts {
            let NodeKind::Directory { parent, entries } = &self.node(at)?.kind else {
                return Err(FileError::NotDirectory);
            };
            at = match part {
                Part::Parent => *parent,
                Part::Name(name) => *entries.get(*name).ok_or(FileError::NoEntry)?,
            };
        }
        Ok(at)
    }

    fn check_room(&self, grown: u64) -> Result<(), FileError> {
        match self.bytes.checked_add(grown) {
            Some(sum) if sum <= limits::SCRATCH_BYTES => Ok(()),
            _ => Err(FileError::Quota),
        }
    }

    fn add(&mut self, parent: Inode, name: &str, kind: NodeKind, now: u64) -> Result<Inode, FileError> {
        check_name(name)?;
        if self.entries(parent)?.contains_key(name) {
            return Err(FileError::Exists);
        }
        if self.nodes.len() > limits::SCRATCH_FILES {
            return Err(FileError::Quota);
        }
        let inode = self.next;
        self.next += 1;
        Arc::make_mut(&mut self.nodes).insert(inode, Arc::new(Node { kind, modified: now, accessed: now }));
        self.insert_entry(parent, name, inode, now)?;
        Ok(inode)
    }

    fn insert_entry(&mut self, parent: Inode, name: &str, inode: Inode, now: u64) -> Result<(), FileError> {
        let node = self.node_mut(parent)?;
        let NodeKind::Directory { entries, .. } = &mut node.kind else {
            return Err(FileError::NotDirectory);
        };
        entries.insert(name.to_owned(), inode);
        node.modified = now;
        Ok(())
    }

    fn remove_entry(&mut self, parent: Inode, name: &str, now: u64) -> Result<(), FileError> {
        let node = self.node_mut(parent)?;
        let NodeKind::Directory { entries, .. } = &mut node.kind else {
            return Err(FileError::NotDirectory);
        };
        entries.remove(name).ok_or(FileError::NoEntry)?;
        node.modified = now;
        Ok(())
    }

    fn drop_name(&mut self, inode: Inode, open: bool) -> Result<(), FileError> {
        if !open {
            self.remove_node(inode);
            return Ok(());
        }
        if let NodeKind::File { named, .. } = &mut self.node_mut(inode)?.kind {
            *named = false;
        }
        Ok(())
    }

    fn remove_node(&mut self, inode: Inode) {
        if let Some(node) = Arc::make_mut(&mut self.nodes).remove(&inode)
            && let NodeKind::File { data, .. } = &node.kind
        {
            self.bytes -= data.len() as u64;
        }
    }

    fn change_file(
        &mut self,
        inode: Inode,
        now: u64,
        change: impl FnOnce(&mut FileData),
    ) -> Result<(), FileError> {
        let node = self.node_mut(inode)?;
        let NodeKind::File { data, artifact, .. } = &mut node.kind else {
            return Err(FileError::IsDirectory);
        };
        change(data);
        *artifact = None;
        node.modified = now;
        Ok(())
    }

    fn node_mut(&mut self, inode: Inode) -> Result<&mut Node, FileError> {
        let node = Arc::make_mut(&mut self.nodes).get_mut(&inode).ok_or(FileError::BadDescriptor)?;
        Ok(Arc::make_mut(node))
    }
}

impl Node {
    fn same(&self, other: &Self) -> bool {
        let kind = match (&self.kind, &other.kind) {
            (
                NodeKind::Directory { parent: a, entries: a_entries },
                NodeKind::Directory { parent: b, entries: b_entries },
            ) => a == b && a_entries == b_entries,
            (
                NodeKind::File { data: a, named: a_named, .. },
                NodeKind::File { data: b, named: b_named, .. },
            ) => a_named == b_named && a.same(b),
            _ => false,
        };
        kind && self.modified == other.modified && self.accessed == other.accessed
    }
}
