//! What paths in a config mean.

use std::path::{Path, PathBuf};

/// Downloads and compiled code: `$SPORT_CACHE`, else `$XDG_CACHE_HOME/sport`, else `~/.cache/sport`.
pub fn cache_folder() -> PathBuf {
    folder("SPORT_CACHE", "XDG_CACHE_HOME", ".cache")
}

/// What the operator grants to plugins: `$SPORT_CONFIG`, else `$XDG_CONFIG_HOME/sport`, else `~/.config/sport`.
pub fn config_folder() -> PathBuf {
    folder("SPORT_CONFIG", "XDG_CONFIG_HOME", ".config")
}

fn folder(own: &str, xdg: &str, in_home: &str) -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set(own).unwrap_or_else(|| {
        set(xdg)
            .or_else(|| set("HOME").map(|home| home.join(in_home)))
            .unwrap_or_else(std::env::temp_dir)
            .join("sport")
    })
}

/// How a config names a plugin that the operator installed.
pub const INSTALLED: &str = "installed:";

/// Where things lie that a config may name shortly.
#[derive(Clone, Debug)]
pub struct Places {
    /// What `cache:` stands for.
    pub cache: PathBuf,
    /// Where a bare plugin name is looked up.
    pub components: PathBuf,
}

impl Places {
    /// The cache by its environment variables; components from `$SPORT_COMPONENTS`, else from `components`.
    pub fn with_components(components: impl Into<PathBuf>) -> Self {
        let set = std::env::var_os("SPORT_COMPONENTS").filter(|value| !value.is_empty());
        Self { cache: cache_folder(), components: set.map_or_else(|| components.into(), PathBuf::from) }
    }
}

/// What relative paths are relative to.
pub(super) struct Base<'base> {
    pub folder: &'base Path,
    pub places: &'base Places,
}

impl Base<'_> {
    /// `cache:x` lies in the cache, `x` beside the config file.
    pub fn path(&self, typed: &str) -> PathBuf {
        match typed.strip_prefix("cache:") {
            Some(rest) => self.places.cache.join(rest.trim_start_matches('/')),
            None => tidy(&self.folder.join(typed)),
        }
    }

    /// A bare name is a first-party component, `installed:NAME` what the operator installed, anything else a path.
    pub fn plugin(&self, typed: &str) -> PathBuf {
        if typed.starts_with(INSTALLED) {
            PathBuf::from(typed)
        } else if typed.contains(['/', ':']) || typed.ends_with(".wasm") {
            self.path(typed)
        } else {
            self.places.components.join(format!("{typed}.wasm"))
        }
    }
}

/// Takes `.` and `..` out where no link can be in the way of it: leading parts stay as they are.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if tidy.file_name().is_some() && !tidy.is_symlink() => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}
