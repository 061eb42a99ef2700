//! The files that travel inside the binary (`build.rs` makes the table): SDKs, contracts, templates.

use std::borrow::Cow;

/// Path in the repository, and bytes.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/travels.rs"));

/// What in a project holds the SDK.
pub const FOLDER: &str = ".sport";

/// The recipe for a compiler where the machine's own has no wasm target.
pub fn guest_env() -> &'static str {
    FILES
        .iter()
        .find(|(path, _)| *path == "scripts/guest-env.sh")
        .and_then(|(_, bytes)| std::str::from_utf8(bytes).ok())
        .unwrap_or_default()
}

/// The files of a template, with its name taken off their paths.
pub fn template(name: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let prefix = format!("sdk/templates/{name}/");
    FILES.iter().filter_map(move |(path, bytes)| Some((path.strip_prefix(&prefix)?, *bytes)))
}

/// The lock file that the SDK was tested with; cargo takes out of it what a project does not need.
pub fn lock_file() -> &'static [u8] {
    FILES.iter().find(|(path, _)| *path == "plugins/Cargo.lock").map_or(&[], |(_, bytes)| bytes)
}

/// The files of the SDK for a language, with their paths in [`FOLDER`].
pub fn sdk(language: &str) -> impl Iterator<Item = (String, Cow<'static, [u8]>)> {
    let own = format!("sdk/{language}/");
    FILES.iter().filter_map(move |(path, bytes)| {
        if let Some(name) = path.strip_prefix("plugins/interpreters/python/") {
            return (language == "python").then(|| (format!("sdk/python/{name}"), Cow::Borrowed(*bytes)));
        }
        if !path.starts_with(&own) && !path.starts_with("wit/") {
            return None;
        }
        let bytes = if path.ends_with("Cargo.toml") { alone(bytes) } else { Cow::Borrowed(*bytes) };
        Some(((*path).to_owned(), bytes))
    })
}

/// A manifest without what ties it to the workspace that it has in the repository.
fn alone(manifest: &'static [u8]) -> Cow<'static, [u8]> {
    let text = String::from_utf8_lossy(manifest);
    let kept = text.lines().filter(|line| !line.starts_with("workspace = ") && *line != "[lints]");
    Cow::Owned(kept.map(|line| format!("{line}\n")).collect::<String>().into_bytes())
}
