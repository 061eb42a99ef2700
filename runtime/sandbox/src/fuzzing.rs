//! What `tests/fuzz` feeds and is not public: thin functions over the real ones, and nothing else.
//!
//! Compiled only with the feature `fuzzing`, which nothing but that folder switches on.

use std::collections::BTreeMap;

use crate::files::FileError;
use crate::files::data::FileData;
use crate::files::path::RelativePath;
use crate::files::scratch::ROOT;
use crate::registry::file::{self, PluginsFile};
use crate::{Error, FileView, Grant, Grants, Inspection, Kind, admission, inspect};

/// Everything that is decided about a component before it is compiled, for a file with these bytes.
pub fn admit(bytes: &[u8], kind: Kind, grants: &Grants) -> Result<Inspection, Error> {
    let inspection = inspect::inspect_bytes("fuzzed", bytes)?;
    admission::check("fuzzed", &inspection, kind, grants)?;
    admission::validate("fuzzed", bytes)?;
    Ok(inspection)
}

/// What a text of `plugins.toml` grants.
pub fn grants_file(text: &str) -> Result<BTreeMap<String, Grant>, String> {
    PluginsFile::parse(text).map(|file| file.plugins)
}

/// The text with this plugin's grant written into it.
pub fn grants_file_with(text: &str, name: &str, grant: &Grant) -> Result<String, String> {
    file::with(text, name, grant)
}

/// The text without this plugin.
pub fn grants_file_without(text: &str, name: &str) -> Result<String, String> {
    file::without(text, name)
}

/// What becomes of a file name that a guest gave to an artifact.
pub fn artifact_name(text: &str) -> Option<String> {
    crate::host::artifacts::file_name(text)
}

/// What agent code does to `/scratch`, by paths below it, as the WASI functions do it.
#[derive(Clone, Copy, Debug)]
pub enum Deed<'a> {
    /// Makes a directory.
    Folder(&'a str),
    /// Writes so many bytes at an offset, into a new file if there is none.
    Write(&'a str, u64, usize),
    /// Cuts a file, or fills it up.
    Resize(&'a str, u64),
    /// Removes a file or an empty directory.
    Remove(&'a str),
    /// Renames.
    Rename(&'a str, &'a str),
}

/// Does it. The reason is the message that agent code would see.
pub fn scratch(view: &mut FileView, deed: Deed) -> Result<(), String> {
    work(view, deed).map_err(|error| error.to_string())
}

fn work(view: &mut FileView, deed: Deed) -> Result<(), FileError> {
    let tree = &mut view.scratch;
    match deed {
        Deed::Folder(path) => {
            let path = RelativePath::parse(path)?;
            let (folder, name) = tree.locate(ROOT, &path)?;
            tree.create_directory(folder, name, 1).map(drop)
        }
        Deed::Write(path, offset, length) => {
            let path = RelativePath::parse(path)?;
            let inode = match tree.lookup(ROOT, &path) {
                Err(FileError::NoEntry) => {
                    let (folder, name) = tree.locate(ROOT, &path)?;
                    tree.create_file(folder, name, FileData::default(), None, 1)?
                }
                found => found?,
            };
            tree.write(inode, offset, &vec![b'.'; length], 2)
        }
        Deed::Resize(path, size) => {
            let inode = tree.lookup(ROOT, &RelativePath::parse(path)?)?;
            tree.resize(inode, size, 3)
        }
        Deed::Remove(path) => {
            let path = RelativePath::parse(path)?;
            let (folder, name) = tree.locate(ROOT, &path)?;
            match tree.unlink(folder, name, false, 4) {
                Err(FileError::IsDirectory) => tree.remove_directory(folder, name, 4),
                done => done,
            }
        }
        Deed::Rename(from, to) => {
            let (from, to) = (RelativePath::parse(from)?, RelativePath::parse(to)?);
            let (from, to) = (tree.locate(ROOT, &from)?, tree.locate(ROOT, &to)?);
            tree.rename(from, to, |_| false, 5)
        }
    }
}
