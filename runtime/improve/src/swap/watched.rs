//! A folder of newcomers: a component that is put there is swapped in, if it passed an audit.
//!
//! The config beside it is `NAME.toml`. What lay there at the start is no newcomer, and a file that is still being written is left
//! until it has been the same for a while. What becomes of each is an event of the run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value};
use sport_sandbox::components_in;

use super::protocol::Newcomer;
use crate::error::Error;

/// How often the folder is looked at; a file that is the same at two looks is complete.
const LOOK: Duration = Duration::from_secs(1);

/// A file as it lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    size: u64,
    changed: Option<SystemTime>,
    /// It was the same at two looks, and what becomes of it was decided.
    taken: bool,
}

/// The folder, and what was seen in it.
#[derive(Debug)]
pub struct Watched {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Seen>,
    looked: Instant,
}

impl Watched {
    /// Begins to watch; what is there now is known.
    pub fn new(folder: &Path) -> Result<Self, Error> {
        let mut watched = Self { folder: folder.to_owned(), files: BTreeMap::new(), looked: Instant::now() };
        watched.files = watched.look()?;
        for file in watched.files.values_mut() {
            file.taken = true;
        }
        Ok(watched)
    }

    /// The next newcomer; none most of the time, and always within a second of the last look.
    pub fn next(&mut self) -> Result<Option<Newcomer>, Error> {
        if self.looked.elapsed() < LOOK {
            return Ok(None);
        }
        self.looked = Instant::now();
        let now = self.look()?;
        let mut newcomer = None;
        let before = std::mem::take(&mut self.files);
        for (path, mut seen) in now {
            if let Some(was) =
                before.get(&path).filter(|was| (was.size, was.changed) == (seen.size, seen.changed))
            {
                seen.taken = was.taken;
                if !seen.taken && newcomer.is_none() {
                    seen.taken = true;
                    newcomer = Some(path.clone());
                }
            }
            self.files.insert(path, seen);
        }
        newcomer.map(|path| named(&path)).transpose()
    }

    fn look(&self) -> Result<BTreeMap<PathBuf, Seen>, Error> {
        let found = components_in(&self.folder)?.into_iter().filter_map(|(_, path)| {
            // one that was taken away meanwhile is not there
            let about = std::fs::metadata(&path).ok()?;
            Some((path, Seen { size: about.len(), changed: about.modified().ok(), taken: false }))
        });
        Ok(found.collect())
    }
}

/// A component in the folder, with the config beside it.
fn named(path: &Path) -> Result<Newcomer, Error> {
    let path = std::fs::canonicalize(path).map_err(Error::io("find", path))?;
    let beside = path.with_extension("toml");
    let config = match std::fs::read_to_string(&beside) {
        Ok(text) => toml::from_str::<Map<String, Value>>(&text)
            .map_err(|error| Error::Refused(format!("{}: {}", beside.display(), error.message())))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Map::new(),
        Err(error) => return Err(Error::io("read", &beside)(error)),
    };
    let plugin = path.to_str().ok_or_else(|| Error::Refused(format!("{} is not UTF-8", path.display())))?;
    Ok(Newcomer { plugin: plugin.to_owned(), grants: Vec::new(), config, weight: 1.0 })
}
