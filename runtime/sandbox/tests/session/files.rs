//! `/task` and `/scratch`, through the real Python.
//!
//! * reading, seeking, sizes and listing in `/task`; nothing there can be written, renamed, removed or truncated
//! * `/scratch`: write, append, seek, truncate, sparse, rename, folders, walk, unlink while open, times
//! * one descriptor: seeks from the start, from here and from the end, each followed by a write
//! * path tricks: `..`, absolute, NUL, `//`, trailing slash, too long, too deep, links, `/proc`, `/dev`
//! * quotas on bytes, files and depth; what was freed can be used again
//! * what the host sees: `list`, `resolve` by full path and by bare name, ambiguity, artifacts
//! * task files of the operator: links are followed, folders, pipes and doubled names are refused
//! * a file that changes on the machine after the session was opened is an error, not other bytes

use std::path::PathBuf;

use sport_sandbox::{ArtifactStore, EndingKind, Isolation, Session, TaskFile};

use crate::support::{printed, run, session, session_with};

/// A folder on this machine for one test.
fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("files").join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn task(name: &str, files: &[(&str, &[u8])]) -> Session {
    let folder = folder(name);
    let files = files.iter().map(|(name, bytes)| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        TaskFile { name: (*name).to_owned(), path }
    });
    session_with(1, files.collect())
}

/// Runs an expression or statement and prints `ok` or the exception's class and errno.
#[track_caller]
fn attempt(session: &mut Session, statement: &str) -> String {
    let text = format!(
        "import os, errno\ntry:\n    {statement}\n    print('ok')\nexcept OSError as e:\n    print(errno.errorcode.get(e.errno, e.errno))\nexcept ValueError as e:\n    print('ValueError')"
    );
    printed(session, &text).trim().to_owned()
}

#[test]
fn task_files_can_be_read() {
    let mut session = task("read", &[("b.txt", b"hello world\n"), ("a.bin", &[0, 1, 2, 255])]);
    let text = "import os\nprint(sorted(os.listdir('/task')), os.path.getsize('/task/a.bin'))\nprint(open('/task/a.bin', 'rb').read())\nwith open('/task/b.txt') as f:\n    f.seek(6)\n    print(f.read().strip(), os.path.isfile('/task/b.txt'), os.path.isdir('/task'), os.path.exists('/task/c'))";
    assert_eq!(
        printed(&mut session, text),
        "['a.bin', 'b.txt'] 4\nb'\\x00\\x01\\x02\\xff'\nworld True True False\n"
    );
}

#[test]
fn a_large_task_file_comes_whole() {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut session = task("large", &[("big.bin", &bytes)]);
    let digest = sport_sandbox::digest_of(&bytes);
    let text =
        "import hashlib\nprint('sha256:' + hashlib.sha256(open('/task/big.bin', 'rb').read()).hexdigest())";
    assert_eq!(printed(&mut session, text).trim(), digest);
}

#[test]
fn task_files_cannot_be_changed() {
    let mut session = task("changed", &[("a.txt", b"text")]);
    for statement in [
        "open('/task/a.txt', 'w')",
        "open('/task/a.txt', 'a')",
        "open('/task/a.txt', 'r+')",
        "open('/task/new.txt', 'w')",
        "os.remove('/task/a.txt')",
        "os.mkdir('/task/folder')",
        "os.rename('/task/a.txt', '/task/b.txt')",
        "os.truncate('/task/a.txt', 0)",
        "os.utime('/task/a.txt', (0, 0))",
    ] {
        let refused = attempt(&mut session, statement);
        assert!(
            ["EROFS", "EACCES", "EPERM", "EBADF", "EINVAL"].contains(&refused.as_str()),
            "{statement}: {refused}"
        );
    }
    let moved = attempt(&mut session, "os.rename('/task/a.txt', '/scratch/a.txt')");
    assert!(["EROFS", "EXDEV"].contains(&moved.as_str()), "{moved}");
    assert_eq!(printed(&mut session, "print(open('/task/a.txt').read())"), "text\n");
}

#[test]
fn scratch_is_a_file_system() {
    let mut session = session();
    let text = r"
import os
os.makedirs('/scratch/one/two')
with open('/scratch/one/two/f.txt', 'w') as f: f.write('abc')
with open('/scratch/one/two/f.txt', 'a') as f: f.write('def')
with open('/scratch/one/two/f.txt', 'r+b') as f:
    f.seek(1); f.write(b'X'); f.seek(0, 2); f.write(b'!')
print(open('/scratch/one/two/f.txt').read())
os.rename('/scratch/one/two', '/scratch/one/three')
print([(d, sorted(s), sorted(n)) for d, s, n in os.walk('/scratch')])
with open('/scratch/holes', 'wb') as f: f.seek(100000); f.write(b'end')
d = open('/scratch/holes', 'rb').read()
print(len(d), set(d[:100000]), d[-3:])
os.truncate('/scratch/holes', 5)
print(os.stat('/scratch/holes').st_size)
f = open('/scratch/gone', 'w+'); f.write('still'); f.flush()
os.remove('/scratch/gone')
f.seek(0); print(f.read(), os.path.exists('/scratch/gone')); f.close()
os.replace('/scratch/holes', '/scratch/one/three/f.txt')
print(os.stat('/scratch/one/three/f.txt').st_size, os.listdir('/scratch'))
os.remove('/scratch/one/three/f.txt'); os.rmdir('/scratch/one/three'); os.rmdir('/scratch/one')
print(os.listdir('/scratch'))
";
    assert_eq!(
        printed(&mut session, text),
        "aXcdef!\n[('/scratch', ['one'], []), ('/scratch/one', ['three'], []), ('/scratch/one/three', [], ['f.txt'])]\n\
         100003 {0} b'end'\n5\nstill False\n5 ['one']\n[]\n"
    );
    assert_eq!(session.branch().files.scratch_bytes(), 0);
}

#[test]
fn seeks_and_writes_on_one_descriptor() {
    let text = r"
import os
def t(*steps):
    open('/scratch/f', 'wb').write(b'abcdef')
    fd = os.open('/scratch/f', os.O_RDWR)
    for step in steps:
        if isinstance(step, bytes): os.write(fd, step)
        elif step == 'fstat': os.fstat(fd)
        else: os.lseek(fd, *step)
    os.close(fd)
    return open('/scratch/f', 'rb').read().decode()
print(t(b'X', (0, 2), b'!'), t(b'X', (-1, 2), b'!'), t(b'X', (3, 0), b'!'), t(b'X', (0, 1), b'!'), t(b'X', 'fstat', b'!'), t((0, 2), b'!'), t(b'X', (2, 1), b'!'))
";
    let expected = "Xbcdef! Xbcde! Xbc!ef X!cdef X!cdef abcdef! Xbc!ef\n";
    assert_eq!(printed(&mut session(), text), expected);
}

#[test]
fn libraries_that_use_files_work() {
    let text = r"
import tempfile, shutil, zipfile, csv, sqlite3, pathlib, glob, os
p = pathlib.Path('/scratch/d'); p.mkdir(); (p / 'a.csv').write_text('x,y\n1,2\n')
print(list(csv.DictReader(open('/scratch/d/a.csv'))))
shutil.copy('/scratch/d/a.csv', '/scratch/b.csv')
with zipfile.ZipFile('/scratch/z.zip', 'w') as z: z.write('/scratch/b.csv', 'b.csv')
print(zipfile.ZipFile('/scratch/z.zip').read('b.csv'), sorted(glob.glob('/scratch/*')))
shutil.rmtree('/scratch/d'); print(os.path.exists('/scratch/d'))
with tempfile.TemporaryDirectory(dir='/scratch') as t: print(os.listdir(t))
";
    assert_eq!(
        printed(&mut session(), text),
        "[{'x': '1', 'y': '2'}]\nb'x,y\\n1,2\\n' ['/scratch/b.csv', '/scratch/d', '/scratch/z.zip']\nFalse\n[]\n"
    );
}

#[test]
fn path_tricks_lead_nowhere() {
    let mut session = task("tricks", &[("a.txt", b"text")]);
    printed(&mut session, "import os\nos.mkdir('/scratch/d')\nopen('/scratch/f', 'w').close()");
    for path in [
        "/scratch/../etc/passwd",
        "/task/../../etc/passwd",
        "../etc/passwd",
        "/etc/passwd",
        "/proc/self/environ",
        "/dev/null",
        "//etc/passwd",
        "/scratch/d/../../etc/passwd",
        "/task/a.txt/../../etc/passwd",
        "/",
        "/tmp",
        "/scratch/%2e%2e/etc/passwd",
        "/scratch/..\\\\etc",
        "C:\\\\Windows",
        "/scratch/f/x",
        "/scratch/f/..",
    ] {
        let refused = attempt(&mut session, &format!("open('{path}', 'rb').read()"));
        assert_ne!(refused, "ok", "{path}");
        let refused = attempt(&mut session, &format!("open('{path}', 'wb')"));
        let harmless = ["/scratch/..\\\\etc"].contains(&path);
        // The whole name is one plain file name in the directory that the code is in.
        let plain = ["C:\\\\Windows"].contains(&path);
        assert!(refused != "ok" || harmless || plain, "{path}: {refused}");
    }
    // What is refused and how.
    for (statement, expected) in [
        ("open('/scratch/a\\0b', 'w')", &["ValueError"][..]),
        ("open('/scratch/f/', 'r')", &["ENOTDIR"]),
        ("open('/scratch/new/', 'w')", &["EISDIR", "ENOTDIR", "EINVAL", "ENOENT"]),
        ("os.remove('/scratch/d')", &["EISDIR", "EPERM"]),
        ("os.remove('/scratch/f/')", &["ENOTDIR"]),
        ("os.rmdir('/scratch/f')", &["ENOTDIR"]),
        ("os.rmdir('/scratch')", &["EINVAL", "EBUSY", "EPERM", "ENOENT"]),
        ("os.rename('/scratch/f', '/scratch/g/')", &["ENOTDIR"]),
        ("os.rename('/scratch/d', '/scratch/d/e')", &["EINVAL"]),
        ("os.rename('/scratch/d', '/scratch/f')", &["ENOTDIR"]),
        ("os.rename('/scratch/f', '/scratch/d')", &["EISDIR"]),
        ("open('/scratch/' + 'x' * 300, 'w')", &["ENAMETOOLONG"]),
        ("open('/scratch/' + 'd/' * 3000 + 'x')", &["ENAMETOOLONG"]),
        ("os.symlink('/etc/passwd', '/scratch/l')", &["EPERM", "ENOTSUP"]),
        ("os.symlink('f', '/scratch/l')", &["EPERM", "ENOTSUP"]),
        ("os.link('/scratch/f', '/scratch/l')", &["EPERM", "ENOTSUP"]),
        ("os.mkdir('/scratch/d')", &["EEXIST"]),
        ("open('/scratch/f', 'x')", &["EEXIST"]),
        ("open('/scratch/d', 'w')", &["EISDIR"]),
    ] {
        let refused = attempt(&mut session, statement);
        assert!(expected.contains(&refused.as_str()), "{statement}: {refused}");
    }
    // Harmless spellings of what may be read.
    for path in ["/task//a.txt", "/task/./a.txt", "/scratch/d/../f", "/task/a.txt"] {
        assert_eq!(attempt(&mut session, &format!("open('{path}', 'rb').read()")), "ok", "{path}");
    }
    assert!(printed(&mut session, "print(sorted(os.listdir('/scratch')))").contains("etc"));
}

#[test]
fn quotas_hold() {
    let mut session = session();
    let full = "f = open('/scratch/big', 'wb')\ntry:\n    while True: f.write(b'x' * (1 << 20))\nexcept OSError as e:\n    print(e.errno, f.tell() <= 64 << 20)\ntry:\n    f.close()\nexcept OSError: pass";
    assert!(printed(&mut session, full).ends_with("True\n"));
    assert!(session.branch().files.scratch_bytes() <= 64 << 20);
    for statement in
        ["open('/scratch/sparse', 'wb').truncate(1 << 40)", "os.truncate('/scratch/big', 1 << 62)"]
    {
        assert_ne!(attempt(&mut session, statement), "ok", "{statement}");
    }
    // What is freed can be used again.
    let again = "import os\nos.remove('/scratch/big')\nopen('/scratch/big', 'wb').write(b'x' * (32 << 20))\nprint('fits')";
    assert_eq!(printed(&mut session, again), "fits\n");
    let many = "n = 0\ntry:\n    while True:\n        open(f'/scratch/n{n}', 'w').close(); n += 1\nexcept OSError as e:\n    print(900 < n < 1025)";
    assert_eq!(printed(&mut session, many), "True\n");
    let mut session = self::session();
    let deep = "import os\np = '/scratch'\nn = 0\ntry:\n    while True:\n        p += '/d'; os.mkdir(p); n += 1\nexcept OSError as e:\n    print(n)";
    let depth: usize = printed(&mut session, deep).trim().parse().unwrap();
    assert!((8..=16).contains(&depth), "{depth}");
    // Moving a deep tree down may not go deeper either.
    let deeper = "os.makedirs('/scratch/a/b/c/d/e/f')\nos.rename('/scratch/d', '/scratch/a/b/c/d/e/f/g')";
    assert_eq!(run(&mut session, deeper).ending, EndingKind::Raised);
}

#[test]
fn the_host_resolves_names() {
    let mut session = task("resolve", &[("photo.jpg", b"jpeg"), ("data.csv", b"1,2")]);
    printed(
        &mut session,
        "import os\nos.makedirs('/scratch/out')\nopen('/scratch/out/photo.png', 'w').write('png')\nopen('/scratch/data.csv', 'w').write('3')",
    );
    let files = &session.branch().files;
    let resolved = files.resolve("photo.jpg").unwrap();
    assert_eq!(
        (resolved.path.as_str(), &*resolved.bytes, resolved.media_type),
        ("/task/photo.jpg", &b"jpeg"[..], "image/jpeg")
    );
    assert_eq!(files.resolve("photo.png").unwrap().path, "/scratch/out/photo.png");
    assert_eq!(files.resolve("out/photo.png").unwrap().path, "/scratch/out/photo.png");
    assert_eq!(&*files.resolve("/scratch/data.csv").unwrap().bytes, b"3");
    assert_eq!(files.resolve("data.csv").unwrap_err().code, "file-ambiguous");
    for name in [
        "",
        "/etc/passwd",
        "../photo.jpg",
        "/task/../etc/passwd",
        "/task/photo.jpg/",
        "/task",
        "/scratch/out",
        "no.png",
        "/scratch/\0",
    ] {
        let failure = files.resolve(name).unwrap_err();
        assert!(["no-such-file", "bad-file-name"].contains(&failure.code.as_str()), "{name:?}: {failure:?}");
    }
    let missing = files.resolve("phto.jpg").unwrap_err();
    assert!(missing.message.contains("/task/photo.jpg"), "{missing}");
    let listed: Vec<String> = files.list().into_iter().map(|(path, _)| path).collect();
    assert_eq!(listed, ["/task/data.csv", "/task/photo.jpg", "/scratch/data.csv", "/scratch/out/photo.png"]);
}

#[test]
fn artifacts_have_places() {
    let store = ArtifactStore::new_in_memory();
    let mut files = session().branch().files.clone();
    let one = store.put(b"one", "image/png", Some("crop.png")).unwrap();
    let two = store.put(b"two", "image/png", Some("crop.png")).unwrap();
    let odd = store.put(b"odd", "image/png", Some("../../etc/passwd")).unwrap();
    assert_eq!(files.add_artifact(&one, &store).unwrap(), "/scratch/artifacts/crop.png");
    assert_eq!(files.add_artifact(&one, &store).unwrap(), "/scratch/artifacts/crop.png");
    assert_eq!(files.add_artifact(&two, &store).unwrap(), "/scratch/artifacts/crop-2.png");
    let place = files.add_artifact(&odd, &store).unwrap();
    assert!(
        place.starts_with("/scratch/artifacts/") && place.ends_with(".png") && !place.contains(".."),
        "{place}"
    );
    assert_eq!(files.artifact("crop-2.png", &store).unwrap().digest, two.digest);
}

#[test]
fn the_operators_files_are_checked() {
    let folder = folder("operator");
    std::fs::write(folder.join("real.txt"), "real").unwrap();
    std::os::unix::fs::symlink(folder.join("real.txt"), folder.join("link.txt")).unwrap();
    let file = |name: &str, path: &str| TaskFile { name: name.to_owned(), path: folder.join(path) };
    let mut linked = session_with(1, vec![file("a.txt", "link.txt")]);
    assert_eq!(printed(&mut linked, "print(open('/task/a.txt').read())"), "real\n");
    let open = |files| {
        let options = sport_sandbox::SessionOptions { seed: 1, files, store: ArtifactStore::new_in_memory() };
        crate::support::python().open(options).map(drop)
    };
    assert_eq!(open(vec![file("a.txt", "missing.txt")]).unwrap_err().code(), "io");
    assert_eq!(open(vec![file("a.txt", ".")]).unwrap_err().code(), "invalid");
    for name in ["", "..", "a/b", "a\0", "/a"] {
        assert_eq!(open(vec![file(name, "real.txt")]).unwrap_err().code(), "invalid", "{name:?}");
    }
    assert_eq!(open(vec![file("a", "real.txt"), file("a", "real.txt")]).unwrap_err().code(), "invalid");
}

#[test]
fn a_task_file_that_changes_is_an_error() {
    let mut session = task("grows", &[("a.txt", b"text")]);
    std::fs::write(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("files/grows/a.txt"), "longer text")
        .unwrap();
    // A process of its own is handed the bytes when the session is opened, so there it is the file as it was.
    let expected = match crate::support::isolation() {
        Isolation::None => "EIO",
        Isolation::Process(_) => "ok",
    };
    assert_eq!(attempt(&mut session, "open('/task/a.txt').read()"), expected);
}
