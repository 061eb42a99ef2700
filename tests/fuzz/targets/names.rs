//! Names of files: those in the arguments of tools, those of `/scratch`, and those that artifacts bring along.
//!
//! A line is a deed: `?name` resolves a name, `@name` makes an artifact of it, `+name|type|bytes` shows an artifact under
//! `/scratch/artifacts`, `d path`, `w path|offset|length`, `s path|size`, `x path` and `m path|path` work in `/scratch`, `f` goes on in a
//! fork. The first line without a mark is a plain name for an artifact.
//!
//! * what resolves lies in `/task` or `/scratch`, is on the list, and has the bytes that are there; a file beside the task's
//!   own is never reached;
//! * the quotas on bytes, files and depth hold, and the sum of sizes is what is there;
//! * a fork does not see what the other does;
//! * a name that an artifact gets is one part, and cannot be `.` or `..`.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sport_fuzz::{assert_one_line, assert_sound};
use sport_sandbox::fuzzing::{self, Deed};
use sport_sandbox::{ArtifactRef, ArtifactStore, FileView, TaskFile, limits};

const OUTSIDE: &[u8] = b"not for the agent";

/// Kept open for as long as the process lives: the task's files and one beside them.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in [("photo.jpg", &b"a photograph"[..]), ("a", b"letter"), ("outside", OUTSIDE)] {
        std::fs::write(folder.path().join(name), bytes).expect("the file is written");
    }
    folder
});

static TASK: LazyLock<FileView> = LazyLock::new(|| {
    let file = |name: &str| TaskFile { name: name.to_owned(), path: FOLDER.path().join(name) };
    FileView::new(&[file("photo.jpg"), file("a")]).expect("the task's files are there")
});

fuzz_target!(|text: &str| {
    let mut view = TASK.clone();
    let store = ArtifactStore::new_in_memory();
    let mut others: Vec<(FileView, Vec<(String, u64)>)> = Vec::new();
    for line in text.split('\n').take(64) {
        deed(&mut view, &store, line, &mut others);
        check(&view);
    }
    for (other, list) in others {
        assert_eq!(other.list(), list, "a fork was changed by the other");
    }
});

fn deed(
    view: &mut FileView,
    store: &ArtifactStore,
    line: &str,
    forks: &mut Vec<(FileView, Vec<(String, u64)>)>,
) {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let mut marks = line.chars();
    let mark = marks.next();
    let rest = marks.as_str();
    let mut parts = rest.trim_start_matches(' ').splitn(3, '|');
    let (first, second, third) =
        (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let done = match mark {
        Some('?') => return resolve(view, rest),
        Some('@') => match view.artifact(rest, store) {
            Ok(artifact) => {
                assert_ne!(&*store.get(&artifact.digest).expect("it was stored"), OUTSIDE);
                return;
            }
            Err(failure) => return assert_sound(&failure),
        },
        Some('+') => return add(view, store, first, second, third),
        Some('f') => {
            if forks.len() < 8 {
                forks.push((view.clone(), view.list()));
            }
            return;
        }
        Some('d') => fuzzing::scratch(view, Deed::Folder(first)),
        Some('w') => {
            let length = usize::try_from(number(third)).unwrap_or(0).min(1 << 16);
            // Holes are filled with zeros: more than this is only slow.
            let offset = number(second);
            let offset = if offset < limits::SCRATCH_BYTES { offset.min(1 << 20) } else { offset };
            fuzzing::scratch(view, Deed::Write(first, offset, length))
        }
        Some('s') => {
            let size = number(second);
            let size = if size <= limits::SCRATCH_BYTES { size.min(1 << 20) } else { size };
            fuzzing::scratch(view, Deed::Resize(first, size))
        }
        Some('x') => fuzzing::scratch(view, Deed::Remove(first)),
        Some('m') => fuzzing::scratch(view, Deed::Rename(first, second)),
        _ => {
            if let Some(name) = fuzzing::artifact_name(line) {
                assert!(
                    !name.contains(['/', '\\', '\0']) && !matches!(name.as_str(), "" | "." | ".."),
                    "{name:?}"
                );
                assert_one_line(&name, limits::SHORT_TEXT_BYTES);
            }
            return;
        }
    };
    if let Err(message) = done {
        assert_one_line(&message, 128);
    }
}

fn resolve(view: &FileView, name: &str) {
    match view.resolve(name) {
        Ok(file) => {
            assert_ne!(&*file.bytes, OUTSIDE, "{name:?} leads outside");
            assert!(file.path.starts_with("/task/") || file.path.starts_with("/scratch/"), "{:?}", file.path);
            let size = file.bytes.len() as u64;
            let sizes = view.list();
            // A path with `..` in it is another spelling of one on the list.
            let there = |(path, found): &(String, u64)| *found == size && last(path) == last(&file.path);
            assert!(sizes.iter().any(there), "{name:?} is {:?}, which is not on the list", file.path);
        }
        Err(failure) => assert_sound(&failure),
    }
}

fn last(path: &str) -> Option<&str> {
    path.rsplit('/').find(|part| !part.is_empty() && *part != ".")
}

fn add(view: &mut FileView, store: &ArtifactStore, name: &str, media_type: &str, bytes: &str) {
    let stored = store.put(bytes.as_bytes(), media_type, None).expect("it is stored");
    let artifact = ArtifactRef { name: (!name.is_empty()).then(|| name.to_owned()), ..stored };
    match view.add_artifact(&artifact, store) {
        Ok(path) => {
            let plain = path.strip_prefix("/scratch/artifacts/").expect("it lies among the artifacts");
            assert!(!plain.contains('/') && !plain.starts_with('.') && !plain.is_empty(), "{path:?}");
            assert_one_line(plain, 2 * limits::NAME_BYTES);
            let file = view.resolve(&path).expect("what was shown is there");
            assert_eq!(&*file.bytes, bytes.as_bytes());
        }
        Err(failure) => assert_sound(&failure),
    }
}

fn check(view: &FileView) {
    let mut sum = 0;
    let list = view.list();
    assert!(list.len() <= limits::SCRATCH_FILES + 2);
    for (path, size) in &list {
        if let Some(below) = path.strip_prefix("/scratch/") {
            sum += size;
            assert!(below.split('/').count() <= limits::SCRATCH_DEPTH, "{path:?} lies too deep");
            assert!(below.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?}");
        }
    }
    assert_eq!(sum, view.scratch_bytes(), "the sum of the sizes");
    assert!(sum <= limits::SCRATCH_BYTES);
}
