//! Where things lie: the cache, the built components, the torch backend.
//!
//! Each place has one environment variable that overrides it and one default, so that the same binary works
//! from a checkout and from an installed tree.

use std::path::{Path, PathBuf};

/// Downloads and compiled code: `$SPORT_CACHE`, else `$XDG_CACHE_HOME/sport`, else `~/.cache/sport`.
pub fn cache() -> PathBuf {
    sport_improve::config::cache_folder()
}

/// First-party components: `$SPORT_COMPONENTS`, else `../components` beside the binary.
pub fn components() -> PathBuf {
    // `target/components` beside `target/release/sport`, without a `..`, for messages
    let folder = binary_folder();
    let above = folder.parent().unwrap_or(&folder);
    sport_improve::Places::with_components(above.join("components")).components
}

/// The torch backend: `$SPORT_TORCH`, else `libsport_torch.so` beside the binary.
pub fn torch_backend() -> PathBuf {
    std::env::var_os("SPORT_TORCH").map_or_else(|| binary_folder().join(TORCH_LIBRARY), PathBuf::from)
}

#[cfg(target_os = "macos")]
const TORCH_LIBRARY: &str = "libsport_torch.dylib";
#[cfg(not(target_os = "macos"))]
const TORCH_LIBRARY: &str = "libsport_torch.so";

fn binary_folder() -> PathBuf {
    let folder = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    folder.unwrap_or_default()
}

/// The operator's grants: `$SPORT_CONFIG`, else `$XDG_CONFIG_HOME/sport`, else `~/.config/sport`.
pub fn config() -> PathBuf {
    sport_improve::config::config_folder()
}

/// Where the component of a plugin of Sport's own lies.
pub fn first_party(name: &str) -> PathBuf {
    components().join(format!("{name}.wasm"))
}

/// Whether what was typed is a name rather than a path.
pub fn is_name(typed: &str) -> bool {
    !typed.contains(std::path::MAIN_SEPARATOR) && !typed.ends_with(".wasm")
}
