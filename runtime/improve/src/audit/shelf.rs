//! Where audits are kept: a folder beside the operator's grants that nobody else can write to.
//!
//! An audit lies there under what it is of, and once more under what it was made from, so that the same audit is not made
//! twice. The last one of each name is what drift is measured against.

use std::path::Path;

use sport_sandbox::PrivateFolder;

use super::record::{Identity, Record, Settings, VERSION};
use crate::config::digest;
use crate::error::Error;
use crate::files::write_atomically;
use crate::store::Folder;

/// The folder beside the grants, and in a run directory.
const FOLDER: &str = "audits";
/// Largest record that is read; they have some hundred kilobytes at most.
const MOST: u64 = 16 << 20;

/// The operator's audits.
#[derive(Debug)]
pub struct Shelf(PrivateFolder);

impl Shelf {
    /// Opens it, making it (0700) where it is not there. `config` is the operator's folder.
    pub fn open(config: &Path) -> Result<Self, Error> {
        let refused = |path: &Path, error: &dyn std::fmt::Display| {
            Error::Refused(format!("cannot keep audits in {}: {error}", path.display()))
        };
        let folder = PrivateFolder::open(config).map_err(|error| refused(config, &error))?;
        let audits = folder.subfolder(FOLDER).map_err(|error| refused(&config.join(FOLDER), &error))?;
        Ok(Self(audits))
    }

    /// The same, but none where the operator has no folder: for those who only look.
    pub fn open_existing(config: &Path) -> Result<Option<Self>, Error> {
        if config.is_dir() { Self::open(config).map(Some) } else { Ok(None) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The last audit of exactly this.
    pub fn of(&self, identity: &Identity) -> Result<Option<Record>, Error> {
        Ok(self.read(&format!("{}.json", identity.key()?))?.filter(|record| record.identity == *identity))
    }

    /// The last audit of a verifier that calls itself so.
    pub fn last(&self, name: &str) -> Result<Option<Record>, Error> {
        self.read(&last(name))
    }

    /// An audit that was made from exactly this.
    pub fn made_from(
        &self,
        identity: &Identity,
        settings: &Settings,
        steps_digest: &str,
    ) -> Result<Option<Record>, Error> {
        let found = self.read(&from(identity, settings, steps_digest)?)?;
        Ok(found.filter(|record| {
            (&record.identity, &record.settings, record.steps_digest.as_str())
                == (identity, settings, steps_digest)
        }))
    }

    /// Keeps an audit.
    pub fn put(&self, record: &Record) -> Result<(), Error> {
        let text = record.to_json()?;
        let mut names = vec![format!("{}.json", record.identity.key()?), last(&record.name)];
        // what was cut short depends on how busy the machine was: it is no answer for the next time
        if !record.cost.cut_short {
            names.push(from(&record.identity, &record.settings, &record.steps_digest)?);
        }
        for name in names {
            self.0.write(&name, text.as_bytes()).map_err(Error::io("write", self.path().join(&name)))?;
        }
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Option<Record>, Error> {
        let path = self.path().join(name);
        let text = self.0.read(name, MOST).map_err(Error::io("read", &path))?;
        // one of another version is as good as none
        Ok(text.and_then(|text| parsed(&text)))
    }
}

/// Of another version, or no record at all: none.
fn parsed(text: &str) -> Option<Record> {
    serde_json::from_str::<Record>(text).ok().filter(|record| record.version == VERSION)
}

fn last(name: &str) -> String {
    format!("last-{}.json", &digest(name.as_bytes())[7..39])
}

fn from(identity: &Identity, settings: &Settings, steps_digest: &str) -> Result<String, Error> {
    let settings =
        serde_json::to_string(settings).map_err(|error| Error::Internal(format!("settings: {error}")))?;
    let made_from = digest(format!("{settings}\n{steps_digest}").as_bytes());
    Ok(format!("{}-{}.json", &identity.key()?[..32], &made_from[7..39]))
}

/// The copy in a run directory.
pub fn put_in_run(folder: &Folder, record: &Record) -> Result<(), Error> {
    let audits = folder.path().join(FOLDER);
    std::fs::create_dir_all(&audits).map_err(Error::io("create", &audits))?;
    write_atomically(&audits.join(format!("{}.json", record.identity.key()?)), record.to_json()?.as_bytes())
}

/// The audits that were made in a run.
pub(super) fn of_run(run: &Path) -> Result<Vec<Record>, Error> {
    let audits = run.join(FOLDER);
    let entries = match std::fs::read_dir(&audits) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", audits)(error)),
    };
    let mut records = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("read", &audits))?.path();
        if path.extension().is_some_and(|end| end == "json") {
            let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
            records.extend(parsed(&text));
        }
    }
    Ok(records)
}

/// The audit of exactly this that was made in a run.
pub(super) fn in_run(run: &Path, identity: &Identity) -> Result<Option<Record>, Error> {
    Ok(of_run(run)?.into_iter().find(|record| record.identity == *identity))
}
