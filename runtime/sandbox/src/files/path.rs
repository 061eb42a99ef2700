//! Names as agent code gives them, taken apart and checked before anything is looked up.
//!
//! Paths to the WASI functions are relative to a directory; a `..` that would leave that directory, an absolute path,
//! a NUL byte, or a part longer than any file system takes is refused here, whatever exists behind it.

use super::FileError;
use crate::limits;

/// One part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// `..`
    Parent,
    /// A name.
    Name(&'a str),
}

/// A relative path in parts: `.` and doubled slashes are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelativePath<'a> {
    /// The parts, none for the directory itself.
    pub parts: Vec<Part<'a>>,
    /// It ended in a slash or a dot, so only a directory will do.
    pub directory: bool,
}

impl<'a> RelativePath<'a> {
    /// Takes a path apart.
    pub fn parse(path: &'a str) -> Result<Self, FileError> {
        if path.is_empty() {
            return Err(FileError::NoEntry);
        }
        if path.len() > limits::PATH_BYTES {
            return Err(FileError::NameTooLong);
        }
        if path.contains('\0') {
            return Err(FileError::Invalid);
        }
        if path.starts_with('/') {
            return Err(FileError::NotPermitted);
        }
        let mut parts = Vec::new();
        // A `..` may go back over what was named, never above the directory that the path is relative to.
        let mut level: usize = 0;
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    level = level.checked_sub(1).ok_or(FileError::NotPermitted)?;
                    parts.push(Part::Parent);
                }
                name if name.len() > limits::FILE_NAME_BYTES => return Err(FileError::NameTooLong),
                name => {
                    level += 1;
                    parts.push(Part::Name(name));
                }
            }
        }
        let last = path.rsplit('/').next();
        Ok(Self { parts, directory: matches!(last, Some("" | "." | "..")) })
    }

    /// The last name and the path before it, for functions that make or remove something.
    pub fn split_last(&self) -> Result<(&[Part<'a>], &'a str), FileError> {
        match self.parts.split_last() {
            Some((Part::Name(name), before)) => Ok((before, name)),
            // The directory itself, or one reached by `..`: neither can be made, removed or renamed by that name.
            Some((Part::Parent, _)) | None => Err(FileError::Invalid),
        }
    }
}

/// Checks the plain name of a file or directory: one part, nothing special.
pub(crate) fn check_name(name: &str) -> Result<(), FileError> {
    if name.len() > limits::FILE_NAME_BYTES {
        return Err(FileError::NameTooLong);
    }
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(FileError::Invalid);
    }
    Ok(())
}

/// A file's media type by the ending of its name, for artifacts and what a model is shown.
pub(crate) fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    const TYPES: &[(&str, &str)] = &[
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("gif", "image/gif"),
        ("webp", "image/webp"),
        ("bmp", "image/bmp"),
        ("tif", "image/tiff"),
        ("tiff", "image/tiff"),
        ("txt", "text/plain"),
        ("md", "text/markdown"),
        ("csv", "text/csv"),
        ("json", "application/json"),
        ("pdf", "application/pdf"),
        ("wav", "audio/wav"),
        ("mp3", "audio/mpeg"),
    ];
    TYPES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(ending))
        .map_or("application/octet-stream", |(_, kind)| kind)
}
