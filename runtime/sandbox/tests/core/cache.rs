//! The cache of compiled components.
//!
//! * a component is compiled once, and loaded by a second sandbox
//! * a damaged entry, a truncated one, a lost checksum, an entry that is a link: compiled again, and mended
//! * a folder that others can write to, that is a link, that is a file: refused
//! * a folder that is made is private

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;
use sport_sandbox::{ArtifactStore, Budget, Grants, Limits, PluginState, Sandbox, SandboxOptions};

use crate::support::Guest;

fn open(folder: &Path) -> Result<Sandbox, sport_sandbox::Error> {
    Sandbox::new(SandboxOptions::new(folder))
}

/// Loads and calls a component through a new sandbox.
fn use_it(aot: &Path, component: &Path) {
    let sandbox = open(aot).unwrap();
    let tool = sandbox.tool(component, &Grants::none()).unwrap();
    let store = ArtifactStore::new_in_memory();
    let budget = Budget::new(Limits::tool());
    let outcome = tool.call("probe", &json!({}), &store, &mut PluginState::new(), &budget).unwrap();
    assert_eq!(outcome.structured, Some(json!(42)));
}

/// The one compiled component in the cache; its checksum lies beside it.
fn entry(aot: &Path) -> PathBuf {
    let shelves: Vec<_> = std::fs::read_dir(aot).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(shelves.len(), 1, "one engine");
    let entries = std::fs::read_dir(&shelves[0]).unwrap().map(|entry| entry.unwrap().path());
    let entries: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|found| found == "cwasm")).collect();
    assert_eq!(entries.len(), 1, "one component");
    entries[0].clone()
}

#[test]
fn compiled_once() {
    let folder = tempfile::tempdir().unwrap();
    let (aot, component) = (folder.path().join("aot"), folder.path().join("probe.wasm"));
    std::fs::write(&component, Guest::answering("42").build()).unwrap();
    use_it(&aot, &component);
    assert_eq!(std::fs::metadata(&aot).unwrap().mode() & 0o777, 0o700);
    let code = entry(&aot);
    let before = std::fs::metadata(&code).unwrap();
    assert_eq!(before.mode() & 0o077, 0);
    use_it(&aot, &component);
    assert_eq!(std::fs::metadata(&code).unwrap().ino(), before.ino(), "not written again");
}

#[test]
fn damaged_entries_are_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let (aot, component) = (folder.path().join("aot"), folder.path().join("probe.wasm"));
    std::fs::write(&component, Guest::answering("42").build()).unwrap();
    use_it(&aot, &component);
    let code = entry(&aot);
    let sum = code.with_extension("sum");
    let whole = std::fs::read(&code).unwrap();

    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() / 2], b"", b"no code"] {
        std::fs::write(&code, damaged).unwrap();
        use_it(&aot, &component);
        assert_eq!(std::fs::read(&code).unwrap().len(), whole.len(), "mended");
    }
    std::fs::remove_file(&sum).unwrap();
    use_it(&aot, &component);
    std::fs::write(&sum, "sport-aot-1 0000000000000000 1\n").unwrap();
    use_it(&aot, &component);

    // Somebody else's code behind a link, with a matching checksum: not followed.
    let elsewhere = folder.path().join("elsewhere.cwasm");
    std::fs::rename(&code, &elsewhere).unwrap();
    symlink(&elsewhere, &code).unwrap();
    use_it(&aot, &component);
    assert!(!std::fs::symlink_metadata(&code).unwrap().is_symlink(), "mended");

    // An entry that others could have written.
    std::fs::set_permissions(&code, Permissions::from_mode(0o666)).unwrap();
    use_it(&aot, &component);
    assert_eq!(std::fs::metadata(&code).unwrap().mode() & 0o022, 0, "mended");
}

#[test]
fn folders_must_be_private() {
    let folder = tempfile::tempdir().unwrap();
    let aot = folder.path().join("aot");
    std::fs::create_dir(&aot).unwrap();
    for mode in [0o777, 0o770, 0o702] {
        std::fs::set_permissions(&aot, Permissions::from_mode(mode)).unwrap();
        let error = open(&aot).err().expect("it is refused");
        assert_eq!(error.code(), "cache-folder");
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }
    std::fs::set_permissions(&aot, Permissions::from_mode(0o755)).unwrap();
    assert!(open(&aot).is_ok(), "others may look");

    let link = folder.path().join("link");
    symlink(&aot, &link).unwrap();
    assert_eq!(open(&link).err().expect("a link is refused").code(), "cache-folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(open(&file).err().expect("a file is refused").code(), "cache-folder");
}
