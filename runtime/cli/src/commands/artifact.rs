//! `--artifact`: a file that a tool's warm start is handed.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sport_sandbox::Grants;

use crate::exit::{CommandError, Exit};
use crate::paths;

/// A file, with the name that the tool knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedFile {
    /// The name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// `NAME=PATH`, or a path whose file name is the name.
impl FromStr for GrantedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (name, Path::new(path)),
            None => {
                let path = Path::new(text);
                let name = path.file_name().and_then(|name| name.to_str());
                (name.ok_or("the path has no file name; write NAME=PATH")?, path)
            }
        };
        if name.is_empty() || path.as_os_str().is_empty() {
            return Err("write NAME=PATH".to_owned());
        }
        Ok(Self { name: name.to_owned(), path: path.to_owned() })
    }
}

/// The same grants with these files.
pub fn with_artifacts(grants: Grants, files: &[GrantedFile]) -> Result<Grants, CommandError> {
    files.iter().try_fold(grants, |grants, GrantedFile { name, path }| {
        grants.with_artifact_file(name, path).map_err(|error| match error {
            sport_sandbox::Error::Io { source, .. } => {
                let message =
                    format!("cannot read {}: {source}; check the path given with --artifact", path.display());
                CommandError::new(Exit::BadInput, "file-missing", message)
            }
            other => other.into(),
        })
    })
}

/// The tools of Sport's own that are handed files, and the folder of the cache where `make setup` puts them.
const FIRST_PARTY: [(&str, &str, [&str; 2]); 1] = [("ocr", "ocr", ["detect.onnx", "recognise.onnx"])];

/// The files that a tool of Sport's own is handed.
pub fn first_party(tool: &str) -> Result<Vec<GrantedFile>, CommandError> {
    let Some((_, folder, names)) = FIRST_PARTY.iter().find(|(name, ..)| *name == tool) else {
        return Ok(Vec::new());
    };
    let folder = paths::cache().join(folder);
    let files = names.map(|name| GrantedFile { name: name.to_owned(), path: folder.join(name) });
    if let Some(missing) = files.iter().find(|file| !file.path.is_file()) {
        let message =
            format!("{tool} needs {}, which is not there; run `make {tool}`", missing.path.display());
        return Err(CommandError::new(Exit::NotSetUp, "file-missing", message));
    }
    Ok(files.into())
}
