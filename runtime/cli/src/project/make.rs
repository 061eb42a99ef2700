//! A new project from a template.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::{Language, name, travels};
use crate::exit::{CommandError, Exit};

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PluginKind {
    /// Agent code calls its functions.
    Tool,
    /// It judges the candidates of a step.
    Verifier,
}

impl PluginKind {
    fn name(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Verifier => "verifier",
        }
    }
}

/// Makes the folder `name` in `parent` and gives its path. What is there already stays as it is.
pub fn make(
    parent: &Path,
    name: &str,
    language: Language,
    kind: PluginKind,
) -> Result<PathBuf, CommandError> {
    name::check(name).map_err(|reason| CommandError::new(Exit::Usage, "bad-name", reason))?;
    let path = parent.join(name);
    let io = |action: &str, error: std::io::Error| {
        let message = format!("cannot {action} {}: {error}", path.display());
        CommandError::new(Exit::BadInput, "project-io", message)
    };
    let dir = Dir::open_ambient_dir(parent, ambient_authority())
        .map_err(|error| io("open the folder of", error))?;
    match dir.create_dir(name) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let message =
                format!("{} is there already, and nothing is overwritten; take another name", path.display());
            return Err(CommandError::new(Exit::BadInput, "project-exists", message));
        }
        Err(error) => return Err(io("make", error)),
    }
    let written = dir.open_dir(name).and_then(|project| fill(&project, name, language, kind));
    if let Err(error) = written {
        // Nobody should find half a project; the folder is ours, made above.
        let _ = dir.remove_dir_all(name);
        return Err(io("fill", error));
    }
    Ok(path)
}

fn fill(project: &Dir, name: &str, language: Language, kind: PluginKind) -> std::io::Result<()> {
    let template = format!("{}-{}", language.name(), kind.name());
    for (path, bytes) in travels::template(&template) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace("{{name}}", name).replace("{{crate}}", &name.replace('-', "_"));
        write(project, path, text.as_bytes())?;
    }
    if language == Language::Rust {
        write(project, "Cargo.lock", travels::lock_file())?;
    }
    for (path, bytes) in travels::sdk(language.name()) {
        write(project, &format!("{}/{path}", travels::FOLDER), &bytes)?;
    }
    Ok(())
}

fn write(project: &Dir, path: &str, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    if let Some(folder) = Path::new(path).parent() {
        project.create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    project.open_with(path, &options)?.write_all(bytes)
}
