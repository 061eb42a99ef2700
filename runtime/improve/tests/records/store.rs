//! The run directory:
//!
//! * it appears whole; one that exists is not touched; one that cannot be made leaves nothing behind
//! * a second process is refused while the first works
//! * a run of another version is refused with what to do; so are a missing run, a foreign folder, a broken database
//! * a record written twice is an error or nothing, and what belongs together is there together
//! * an execution is stored once; a decided step stays decided
//! * reading needs no lock

use std::fs;
use std::path::Path;

use serde_json::json;
use sport_improve::Split;
use sport_improve::store::Folder;
use tempfile::tempdir;

use super::common::{CONFIG, parse, task};

fn create(path: &Path) -> Result<Folder, sport_improve::Error> {
    Folder::create(path, parse(CONFIG).unwrap(), &[("digest:model".to_owned(), "sha256:0".to_owned())])
}

#[test]
fn a_run_directory_appears_whole() {
    let place = tempdir().unwrap();
    let run = place.path().join("deep/run");
    let folder = create(&run).unwrap();
    for name in ["sport.toml", "run.sqlite", "blobs", "adapters", "manifests", "lock"] {
        assert!(run.join(name).exists(), "{name} is missing");
    }
    assert_eq!(folder.store.meta("digest:model").unwrap().as_deref(), Some("sha256:0"));
    assert_eq!(fs::read_dir(place.path().join("deep")).unwrap().count(), 1, "no draft is left");
    assert_eq!(folder.config, parse(CONFIG).unwrap());
}

#[test]
fn what_exists_is_not_touched() {
    let place = tempdir().unwrap();
    fs::write(place.path().join("mine.txt"), "mine").unwrap();
    let error = create(place.path()).unwrap_err();
    assert_eq!(error.code(), "bad-run");
    assert!(error.to_string().contains("already exists and is not empty"), "{error}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    let empty = tempdir().unwrap();
    create(empty.path()).unwrap();
}

#[test]
fn a_second_process_is_refused() {
    let place = tempdir().unwrap();
    let run = place.path().join("run");
    let first = create(&run).unwrap();
    let error = Folder::open(&run).unwrap_err();
    assert_eq!(error.code(), "run-locked");
    assert!(Folder::open_to_read(&run).is_ok(), "reading needs no lock");
    drop(first);
    assert!(Folder::open(&run).is_ok());
}

#[test]
fn what_is_no_run_of_this_version_is_refused() {
    let place = tempdir().unwrap();
    let run = place.path().join("run");
    drop(create(&run).unwrap());
    let connection = rusqlite::Connection::open(run.join("run.sqlite")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    // a later version may have keys that this one does not know: the version is what is said
    fs::write(run.join("sport.toml"), "[future]\nkey = 1\n").unwrap();
    let error = Folder::open(&run).unwrap_err();
    assert_eq!(error.code(), "run-version");
    let text = error.to_string();
    assert!(text.contains("version 99") && text.contains("start a new run"), "{text}");

    let error = Folder::open(&place.path().join("missing")).unwrap_err().to_string();
    assert!(error.contains("there is no such run directory"), "{error}");
    let error = Folder::open(place.path()).unwrap_err().to_string();
    assert!(error.contains("is not a run directory"), "{error}");

    fs::write(run.join("run.sqlite"), "this is no database, and long enough to be read as one".repeat(20))
        .unwrap();
    let error = Folder::open(&run).unwrap_err();
    assert_eq!(error.code(), "database");
    assert!(!error.to_string().contains('\n') && error.to_string().contains("restore it"), "{error}");
}

#[test]
fn tasks_are_stored_together_and_once() {
    let place = tempdir().unwrap();
    let folder = create(&place.path().join("run")).unwrap();
    let store = &folder.store;
    let tasks = [task("train-1-a", Split::Train), task("train-1-b", Split::Train)];
    store.put_tasks(1, Split::Train, &tasks).unwrap();
    assert!(store.put_tasks(1, Split::Train, &tasks).is_err(), "a task is stored once");
    let clash = [task("train-1-c", Split::Train), task("train-1-a", Split::Train)];
    assert!(store.put_tasks(2, Split::Train, &clash).is_err());
    assert!(store.tasks(2, Split::Train).unwrap().is_empty(), "half a list is no list");
    let stored: Vec<_> = store.tasks(1, Split::Train).unwrap().into_iter().map(|(task, _)| task).collect();
    assert_eq!(stored, tasks);
}

#[test]
fn stages_add_up_their_time() {
    use sport_improve::Stage;
    let place = tempdir().unwrap();
    let folder = create(&place.path().join("run")).unwrap();
    let store = &folder.store;
    store.add_seconds(1, Stage::Explore, 1.5).unwrap();
    assert!(!store.stage_done(1, Stage::Explore).unwrap());
    store.end_stage(1, Stage::Explore, 0.5, &json!({"tasks": 3})).unwrap();
    assert!(store.stage_done(1, Stage::Explore).unwrap());
    assert_eq!(store.stages(1).unwrap(), [("explore".to_owned(), 2.0, Some(json!({"tasks": 3})))]);
}
