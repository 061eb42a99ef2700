//! Whether a tree is one. A change of `/scratch` that comes from another process may say anything.

use std::collections::HashSet;

use super::path::check_name;
use super::scratch::{NodeKind, ROOT, Scratch};
use crate::limits;

/// What is wrong with a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unsound(pub &'static str);

impl Scratch {
    /// Checks everything that the other methods keep: every name leads somewhere, every node is named once (an open file whose
    /// name was taken away, not at all), parents are right, and all quotas hold.
    pub fn sound(&self) -> Result<(), Unsound> {
        if self.nodes.len() > limits::SCRATCH_FILES + 1 {
            return Err(Unsound("there are more files than there may be"));
        }
        if self.nodes.keys().next_back().is_some_and(|last| *last >= self.next) {
            return Err(Unsound("a number is given out already that is to come"));
        }
        if !self.is_directory(ROOT).map_err(|_| Unsound("the root is nowhere"))? {
            return Err(Unsound("the root is no directory"));
        }
        let mut seen = HashSet::from([ROOT]);
        let mut open = vec![(ROOT, ROOT, 0)];
        while let Some((inode, above, depth)) = open.pop() {
            let Ok(node) = self.node(inode) else { return Err(Unsound("a name leads nowhere")) };
            match &node.kind {
                NodeKind::File { named: true, .. } => {}
                NodeKind::File { named: false, .. } => return Err(Unsound("a file without a name has one")),
                NodeKind::Directory { parent, .. } if *parent != above => {
                    return Err(Unsound("a directory is not where it says"));
                }
                NodeKind::Directory { .. } if depth >= limits::SCRATCH_DEPTH => {
                    return Err(Unsound("directories are nested deeper than they may be"));
                }
                NodeKind::Directory { entries, .. } => {
                    for (name, child) in entries {
                        check_name(name).map_err(|_| Unsound("a name is none"))?;
                        if !seen.insert(*child) {
                            return Err(Unsound("a file has two names"));
                        }
                        open.push((*child, inode, depth + 1));
                    }
                }
            }
        }
        let mut bytes: u64 = 0;
        for (inode, node) in self.nodes.iter() {
            match &node.kind {
                NodeKind::File { data, named, .. } => {
                    if *named != seen.contains(inode) {
                        return Err(Unsound("a file that says it has a name has none"));
                    }
                    bytes = bytes.saturating_add(data.len() as u64);
                }
                NodeKind::Directory { .. } if !seen.contains(inode) => {
                    return Err(Unsound("a directory is nowhere"));
                }
                NodeKind::Directory { .. } => {}
            }
        }
        if bytes != self.bytes || bytes > limits::SCRATCH_BYTES {
            return Err(Unsound("its size is not the sum of its files, or more than there may be"));
        }
        Ok(())
    }
}
