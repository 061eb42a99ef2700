//! Folders that only this user can write to: what they hold is trusted, so who could have written it matters.
//!
//! A folder and its files are opened without following links, must belong to this user, and must not be writable for anybody
//! else. Files are written under another name and renamed, so that a reader finds the old one or the new one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// A folder that only this user can write to, opened without following links.
#[derive(Debug)]
pub struct PrivateFolder {
    fd: OwnedFd,
    path: PathBuf,
}

/// Why a folder is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotPrivate {
    /// The system refused.
    #[error("cannot {action} it: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// Somebody else could have written to it.
    #[error("{0}")]
    Refused(String),
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl PrivateFolder {
    /// Opens a folder, making it (0700) if it is not there.
    pub fn open(path: &Path) -> Result<Self, NotPrivate> {
        let failed = |source| NotPrivate::Io { action: "make", source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let fd = rustix::fs::open(path, FOLDER, Mode::empty()).map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR => {
                NotPrivate::Refused("it is a link or a file; name a folder of your own".to_owned())
            }
            other => NotPrivate::Io { action: "open", source: other.into() },
        })?;
        check(&fd)?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// A folder in it, made if it is not there.
    pub fn subfolder(&self, name: &str) -> Result<Self, NotPrivate> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(NotPrivate::Io { action: "make", source: error.into() }),
        }
        let fd = rustix::fs::openat(&self.fd, name, FOLDER, Mode::empty())
            .map_err(|error| NotPrivate::Io { action: "open", source: error.into() })?;
        check(&fd)?;
        Ok(Self { fd, path: self.path.join(name) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A regular file of this user that nobody else can write; none if there is no file of that name.
    pub fn file(&self, name: &str) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(refused("it is a link; put the file itself there")),
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(refused("it is not a regular file"));
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(refused("it belongs to another user"));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(refused("others can write to it; run `chmod go-w` on it"));
        }
        Ok(Some(file))
    }

    /// A text of at most `most` bytes.
    pub fn read(&self, name: &str, most: u64) -> io::Result<Option<String>> {
        let Some(file) = self.file(name)? else { return Ok(None) };
        let mut text = String::new();
        file.take(most + 1).read_to_string(&mut text)?;
        if text.len() as u64 > most {
            return Err(refused(&format!("it is larger than {most} bytes")));
        }
        Ok(Some(text))
    }

    /// Writes a file (0600), in the place of the one that is there.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!(".{name}.{}", crate::text::thread_suffix());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let written = rustix::fs::openat(&self.fd, &temporary, flags, Mode::RUSR | Mode::WUSR)
            .map_err(io::Error::from)
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

    /// Removes a file; it is no error if it is not there.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A file to lock, made if it is not there.
    pub fn lock_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)?))
    }
}

fn refused(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason.to_owned())
}

fn check(fd: impl AsFd) -> Result<(), NotPrivate> {
    let stat =
        rustix::fs::fstat(fd).map_err(|error| NotPrivate::Io { action: "look at", source: error.into() })?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        let reason = "it belongs to another user; name a folder of your own";
        return Err(NotPrivate::Refused(reason.to_owned()));
    }
    if stat.st_mode & 0o022 != 0 {
        let mode = stat.st_mode & 0o777;
        let reason = format!("others can write to it (mode {mode:o}); run `chmod 700` on it");
        return Err(NotPrivate::Refused(reason));
    }
    Ok(())
}
