//! Names of files, as code in the interpreter gives them. It has `/task` (read-only) and `/scratch` (its own), and there
//! must be no spelling that leads anywhere else.
//!
//! * out: `..` from both folders, from a subfolder, relative, through a file, through a directory handle; absolute; `//`;
//!   backslashes, drives, percent signs, `~`; the root; `/proc`, `/dev`, `/tmp`
//! * odd: NUL, an empty name, a slash after a file, 4 KiB, a part of 256 bytes, 3000 parts, control characters
//! * links: symbolic (out, to the parent, dangling, of a folder), hard, and what reads them
//! * renames: over a folder, under itself, of the root, into and out of `/task`, onto a name with a slash
//! * `/task`: every way to write, make, remove, change times and mode
//! * quotas: bytes, a sparse file, a seek far away, files, depth, depth by renaming; what is freed can be used again
//! * swaps: an open file keeps its bytes when its name gets others; a folder that is gone; a walk while files go
//! * memory: two thousand open listings of a full folder
//! * tools: names of agent code in a tool's arguments go through the same view, and come back without control characters

use std::time::Duration;

use serde_json::json;
use sport_sandbox::{
    ArtifactStore, Branch, Budget, FileView, Limits, PluginState, TaskFile, ToolHost as _, Toolbox,
};

use crate::case::{Case, case, ending_of, outcome_of, python, run};
use crate::guest::Guest;
use crate::host::{Host, resident_memory};

/// Tries a statement in a session with `/task/a.txt`, `/scratch/f` and `/scratch/d/`: `ok`, or the error's name.
fn file(name: &str, expected: &str, statement: &str) -> Case {
    let code = format!(
        "import os, errno, shutil, pathlib\n\
         open('/scratch/f', 'w').write('mine')\nos.makedirs('/scratch/d/e')\n\
         try:\n    {statement}\n    print('ok')\n\
         except OSError as e:\n    print(errno.errorcode.get(e.errno, type(e).__name__))\n\
         except Exception as e:\n    print(type(e).__name__)"
    );
    case(name, &format!("value: {expected}"), move |host| {
        ending_of(&run(&mut session(host), &code, limits()))
    })
}

fn limits() -> Limits {
    Limits { wall: Duration::from_secs(30), ..Limits::interpreter() }
}

fn task_files(host: &Host) -> Vec<TaskFile> {
    let path = host.folder.path().join("a.txt");
    std::fs::write(&path, "text").unwrap();
    vec![TaskFile { name: "a.txt".to_owned(), path }]
}

fn session(host: &Host) -> sport_sandbox::Session {
    host.session(task_files(host))
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    outside(&mut cases);
    odd(&mut cases);
    links(&mut cases);
    renames(&mut cases);
    task(&mut cases);
    quotas(&mut cases);
    swaps(&mut cases);
    cases.push(case(
        "two thousand listings of a full folder",
        "exhausted: the component opened too many handles",
        listings,
    ));
    cases.push(case("a tool's file argument that leads out", "bad-file-name", |host| {
        argument(host, "/task/../etc/passwd")
    }));
    cases.push(case("a tool's file argument that is absolute", "no-such-file", |host| {
        argument(host, "/etc/passwd")
    }));
    cases.push(case("a tool's file argument with a NUL", "bad-file-name", |host| {
        argument(host, "/scratch/\0")
    }));
    cases.push(case("control characters in a tool's answer about files", "clean", control_characters));
    cases
}

fn outside(cases: &mut Vec<Case>) {
    for (name, expected, path) in [
        ("dot dot from /scratch", "EPERM", "/scratch/../etc/passwd"),
        ("dot dot from /task", "EPERM", "/task/../../etc/passwd"),
        ("dot dot, relative", "EPERM", "../etc/passwd"),
        ("dot dot from a folder", "EPERM", "/scratch/d/../../etc/passwd"),
        ("dot dot through a file", "EPERM", "/task/a.txt/../../etc/passwd"),
        ("absolute", "ENOENT", "/etc/passwd"),
        ("two slashes", "ENOENT", "//etc/passwd"),
        ("two slashes inside", "EPERM", "/scratch//../../etc//passwd"),
        ("a backslash", "ENOENT", "/scratch/..\\\\etc\\\\passwd"),
        ("a drive", "ENOENT", "C:\\\\Windows\\\\win.ini"),
        ("percent signs", "ENOENT", "/scratch/%2e%2e/etc/passwd"),
        ("a full-width dot", "ENOENT", "/scratch/\\uff0e\\uff0e/etc/passwd"),
        ("the root", "ENOENT", "/"),
        ("/proc/self/environ", "ENOENT", "/proc/self/environ"),
        ("/proc/self/mem", "ENOENT", "/proc/self/mem"),
        ("/proc/1/root", "ENOENT", "/proc/1/root/etc/passwd"),
        ("/dev/mem", "ENOENT", "/dev/mem"),
        ("/dev/zero", "ENOENT", "/dev/zero"),
        ("/dev/fd", "ENOENT", "/dev/fd/3"),
        ("/tmp", "ENOENT", "/tmp/x"),
        ("a prefix that is alike", "ENOENT", "/scratchpad/x"),
        ("a prefix that is alike, of /task", "ENOENT", "/task2/a.txt"),
    ] {
        cases.push(file(&format!("reading, {name}"), expected, &format!("open('{path}', 'rb').read(10)")));
    }
    cases.push(file("writing, dot dot", "EPERM", "open('/scratch/../out', 'w')"));
    cases.push(file("writing, absolute", "ENOENT", "open('/tmp/out', 'w')"));
    cases.push(file("writing, /dev/tty", "ENOENT", "open('/dev/tty', 'w')"));
    cases.push(file("listing the root", "ENOENT", "os.listdir('/')"));
    cases.push(file("a home folder", "ok", "assert not os.path.exists(os.path.expanduser('~/.ssh'))"));
    cases.push(file("changing into the root", "ENOENT", "os.chdir('/')"));
    cases.push(file(
        "changing out step by step",
        "EPERM",
        "os.chdir('/scratch/d')\n    os.chdir('../../..')",
    ));
    cases.push(file("walking from the root", "ok", "assert list(os.walk('/')) == []"));
    cases.push(file(
        "dot dot through a directory handle",
        "EPERM",
        "fd = os.open('/scratch', os.O_RDONLY)\n    os.open('../etc/passwd', os.O_RDONLY, dir_fd=fd)",
    ));
    cases.push(file(
        "an absolute name through a directory handle",
        "ENOENT",
        "fd = os.open('/scratch', os.O_RDONLY)\n    os.open('/etc/passwd', os.O_RDONLY, dir_fd=fd)",
    ));
    cases.push(file(
        "every other descriptor",
        "ok",
        "for fd in range(3, 64):\n        try: os.open('etc/passwd', os.O_RDONLY, dir_fd=fd); raise KeyError\n        except OSError: pass",
    ));
}

fn odd(cases: &mut Vec<Case>) {
    cases.push(file("a NUL", "ValueError", "open('/scratch/a\\0b', 'w')"));
    cases.push(file("no name", "EISDIR", "open('', 'w')"));
    cases.push(file("a slash after a file", "ENOTDIR", "open('/scratch/f/')"));
    cases.push(file("a dot after a file", "ENOTDIR", "open('/scratch/f/.')"));
    cases.push(file("dot dot after a file", "ENOTDIR", "open('/scratch/f/..')"));
    cases.push(file("a slash after a new file", "EISDIR", "open('/scratch/new/', 'w')"));
    cases.push(file("a name of 4 KiB", "ENAMETOOLONG", "open('/scratch/' + 'n' * 4096, 'w')"));
    cases.push(file("a part of 256 bytes", "ENAMETOOLONG", "open('/scratch/' + 'n' * 256, 'w')"));
    cases.push(file("a part of 255 bytes", "ok", "open('/scratch/' + 'n' * 255, 'w')"));
    cases.push(file(
        "a part of 128 letters of two bytes",
        "ENAMETOOLONG",
        "open('/scratch/' + 'é' * 128, 'w')",
    ));
    cases.push(file("3000 parts", "ENAMETOOLONG", "open('/scratch/' + 'd/' * 3000 + 'x')"));
    cases.push(file("3000 times back", "ENAMETOOLONG", "open('/scratch/' + 'd/../' * 3000 + 'f')"));
    cases.push(file("a name that is no UTF-8", "EILSEQ", "open(b'/scratch/\\xff\\xfe', 'w')"));
    cases.push(file("a name with an escape sequence", "ok", "open('/scratch/\\x1b[31mred', 'w')"));
    cases.push(file(
        "making a device",
        "AttributeError",
        "os.mknod('/scratch/dev', 0o60000 | 0o666, 1 << 8)",
    ));
    cases.push(file("making a pipe", "AttributeError", "os.mkfifo('/scratch/pipe')"));
    cases.push(file("changing the root", "AttributeError", "os.chroot('/scratch')"));
}

fn links(cases: &mut Vec<Case>) {
    for (name, statement) in [
        ("a symbolic link out", "os.symlink('/etc/passwd', '/scratch/l')"),
        ("a symbolic link to the parent", "os.symlink('..', '/scratch/l')"),
        ("a symbolic link within", "os.symlink('f', '/scratch/l')"),
        ("a symbolic link with a slash", "os.symlink('/etc', '/scratch/l/', target_is_directory=True)"),
        ("a symbolic link in /task", "os.symlink('/etc/passwd', '/task/l')"),
        ("a hard link", "os.link('/scratch/f', '/scratch/l')"),
        ("a hard link out", "os.link('/task/a.txt', '/scratch/l')"),
        ("a symbolic link by pathlib", "pathlib.Path('/scratch/l').symlink_to('/etc')"),
    ] {
        cases.push(file(name, "EPERM", statement));
    }
    cases.push(file("a hard link of a host file", "ENOENT", "os.link('/etc/passwd', '/scratch/l')"));
    cases.push(file("reading a link that is none", "EINVAL", "os.readlink('/scratch/f')"));
    cases.push(file(
        "links in an archive",
        "ok",
        "import tarfile, io\n    b = io.BytesIO()\n    t = tarfile.open(fileobj=b, mode='w')\n    \
         i = tarfile.TarInfo('l'); i.type = tarfile.SYMTYPE; i.linkname = '/etc/passwd'; t.addfile(i); t.close()\n    \
         b.seek(0)\n    try: tarfile.open(fileobj=b).extractall('/scratch', filter='fully_trusted')\n    \
         except Exception: pass\n    assert not os.path.lexists('/scratch/l')",
    ));
}

fn renames(cases: &mut Vec<Case>) {
    for (name, expected, statement) in [
        ("of a folder into itself", "EINVAL", "os.rename('/scratch/d', '/scratch/d/e/x')"),
        ("of a folder over a file", "ENOTDIR", "os.rename('/scratch/d', '/scratch/f')"),
        ("of a file over a folder", "EISDIR", "os.rename('/scratch/f', '/scratch/d')"),
        (
            "over a folder that is not empty",
            "ENOTEMPTY",
            "os.mkdir('/scratch/x')\n    os.rename('/scratch/x', '/scratch/d')",
        ),
        ("of a file to a name with a slash", "ENOTDIR", "os.rename('/scratch/f', '/scratch/g/')"),
        ("of a file with a slash", "ENOTDIR", "os.rename('/scratch/f/', '/scratch/g')"),
        ("of the root of /scratch", "EINVAL", "os.rename('/scratch/.', '/scratch/x')"),
        ("out by dot dot", "EPERM", "os.rename('/scratch/f', '/scratch/../f')"),
        ("out to /tmp", "ENOENT", "os.rename('/scratch/f', '/tmp/f')"),
        ("into /task", "EXDEV", "os.rename('/scratch/f', '/task/f')"),
        ("over a file of /task", "EXDEV", "os.replace('/scratch/f', '/task/a.txt')"),
        ("out of /task", "EROFS", "os.rename('/task/a.txt', '/scratch/a.txt')"),
        ("to a part of 256 bytes", "ENAMETOOLONG", "os.rename('/scratch/f', '/scratch/' + 'n' * 256)"),
        ("of what is not there", "ENOENT", "os.rename('/scratch/none', '/scratch/x')"),
        (
            "onto itself",
            "ok",
            "os.rename('/scratch/f', '/scratch/d/../f')\n    assert open('/scratch/f').read() == 'mine'",
        ),
    ] {
        cases.push(file(&format!("a rename {name}"), expected, statement));
    }
}

fn task(cases: &mut Vec<Case>) {
    for (name, statement) in [
        ("opening to write", "open('/task/a.txt', 'w')"),
        ("opening to append", "open('/task/a.txt', 'a')"),
        ("opening to update", "open('/task/a.txt', 'r+')"),
        ("opening to truncate", "os.open('/task/a.txt', os.O_RDONLY | os.O_TRUNC)"),
        ("a new file", "open('/task/new', 'w')"),
        ("a new folder", "os.mkdir('/task/new')"),
        ("removing", "os.remove('/task/a.txt')"),
        ("removing the folder", "os.rmdir('/task/d')"),
        ("its times", "os.utime('/task/a.txt', (0, 0))"),
        ("renaming within", "os.rename('/task/a.txt', '/task/b.txt')"),
        ("copying over", "shutil.copyfile('/scratch/f', '/task/a.txt')"),
    ] {
        cases.push(file(&format!("/task, {name}"), "EROFS", statement));
    }
    cases.push(file(
        "/task, truncating by a reader",
        "EROFS",
        "os.ftruncate(os.open('/task/a.txt', os.O_RDONLY), 0)",
    ));
    cases.push(file(
        "/task, writing by a reader",
        "EROFS",
        "os.write(os.open('/task/a.txt', os.O_RDONLY), b'x')",
    ));
}

fn quotas(cases: &mut Vec<Case>) {
    let fill = "f = open('/scratch/big', 'wb', buffering=0)\n    while True: f.write(b'x' * (1 << 20))";
    cases.push(file("more bytes than the quota", "EIO", fill));
    cases.push(file("a sparse file", "EDQUOT", "os.truncate('/scratch/f', 1 << 40)"));
    cases.push(file("a size beyond any file", "EDQUOT", "os.truncate('/scratch/f', (1 << 63) - 1)"));
    cases.push(file(
        "a seek far away",
        "EIO",
        "f = open('/scratch/f', 'wb', buffering=0)\n    f.seek(1 << 40)\n    f.write(b'x')",
    ));
    cases.push(file(
        "a seek to the end of numbers",
        "EIO",
        "f = open('/scratch/f', 'wb', buffering=0)\n    f.seek((1 << 63) - 1)\n    f.write(b'xx')",
    ));
    cases.push(file(
        "a place before the start",
        "EINVAL",
        "os.pread(os.open('/scratch/f', os.O_RDONLY), 4, -5)",
    ));
    cases.push(file(
        "bytes of files without a name",
        "EIO",
        "held = []\n    while True:\n        f = open('/scratch/x', 'wb', buffering=0); f.write(b'x' * (1 << 20)); held.append(f); os.remove('/scratch/x')",
    ));
    cases.push(file(
        "more files than the quota",
        "EDQUOT",
        "for n in range(2000): open(f'/scratch/n{n}', 'w').close()",
    ));
    cases.push(file(
        "more folders than the quota",
        "EDQUOT",
        "for n in range(2000): os.mkdir(f'/scratch/n{n}')",
    ));
    cases.push(file("a deep tree", "EDQUOT", "os.makedirs('/scratch/' + 'd/' * 40)"));
    cases.push(file(
        "a deep tree by renaming",
        "EDQUOT",
        "for n in range(99):\n        os.makedirs(f'/scratch/t{n}/' + 'e/' * 5); os.rename(f'/scratch/t{n - 1}' if n else '/scratch/d', f'/scratch/t{n}/' + 'e/' * 5 + 'x')",
    ));
    cases.push(file(
        "what is freed, again and again",
        "ok",
        "for n in range(20):\n        open('/scratch/big', 'wb').write(b'x' * (30 << 20)); os.remove('/scratch/big')",
    ));
}

fn swaps(cases: &mut Vec<Case>) {
    cases.push(file(
        "a name that gets another file while it is open",
        "ok",
        "f = open('/scratch/f'); open('/scratch/g', 'w').write('other'); os.replace('/scratch/g', '/scratch/f')\n    \
         assert (f.read(), open('/scratch/f').read()) == ('mine', 'other')",
    ));
    cases.push(file(
        "a folder that becomes a file between two looks",
        "ENOTDIR",
        "fd = os.open('/scratch/d', os.O_RDONLY); os.rmdir('/scratch/d/e'); os.rmdir('/scratch/d')\n    \
         open('/scratch/d', 'w').close(); open('/scratch/d/x', 'w')",
    ));
    cases.push(file(
        "a file in a folder that is gone",
        "ENOENT",
        "fd = os.open('/scratch/d/e', os.O_RDONLY); os.rmdir('/scratch/d/e'); os.open('x', os.O_CREAT | os.O_WRONLY, dir_fd=fd)",
    ));
    cases.push(file(
        "a file that shrinks under a reader",
        "ok",
        "f = open('/scratch/f', 'rb', buffering=0); os.truncate('/scratch/f', 1); f.seek(3)\n    assert f.read(9) == b''",
    ));
    cases.push(file(
        "a walk while files come and go",
        "ok",
        "for n in range(300): open(f'/scratch/d/{n}', 'w').close()\n    seen = 0\n    \
         for entry in os.scandir('/scratch/d'):\n        seen += 1\n        if entry.is_file(): os.remove(entry.path)\n        \
         open(f'/scratch/d/x{seen % 7}', 'w').close()\n    assert 301 <= seen < 400, seen",
    ));
    cases.push(python(
        "the working folder removed",
        "value: FileNotFoundError",
        "import os\nos.mkdir('d'); os.chdir('d'); os.rmdir('/scratch/d')\ntry: open('x', 'w')\nexcept OSError as e: print(type(e).__name__)",
    ));
}

/// A thousand files with long names, and as many open listings of them as the handles allow.
fn listings(host: &Host) -> String {
    let before = resident_memory();
    let code = "import os\nfor n in range(1000): open(f'/scratch/{n}'.ljust(255, 'n'), 'w').close()\nheld = []\n\
                try:\n    while True: held.append(os.scandir('/scratch')); next(held[-1])\nexcept OSError: pass\nprint(len(held) > 500)";
    let mut session = host.session(Vec::new());
    let report = run(&mut session, code, limits());
    let grown = resident_memory().saturating_sub(before) >> 20;
    if grown > 200 { format!("{}, with {grown} MiB more", ending_of(&report)) } else { ending_of(&report) }
}

/// What comes of a tool call with this file name.
fn argument(host: &Host, name: &str) -> String {
    let mut guest = Guest::answering("1");
    guest.input_schema =
        r#"{"type":"object","properties":{"file":{"type":"string","format":"sport-artifact"}}}"#.to_owned();
    let tool = host.load(guest, &[]).unwrap();
    let toolbox = Toolbox::new(vec![tool], ArtifactStore::new_in_memory()).unwrap();
    let mut branch = Branch { files: FileView::new(&task_files(host)).unwrap(), state: PluginState::new() };
    outcome_of(&(&toolbox).invoke(
        "probe",
        &json!({ "file": name }),
        &mut branch,
        &Budget::new(Limits::tool()),
    ))
}

/// A file name with an escape sequence, in a message that lists what files there are.
fn control_characters(host: &Host) -> String {
    let mut session = session(host);
    run(
        &mut session,
        "for n in ('a', 'b\\x1b]0;title\\x07', 'c\\u202e'): open('/scratch/' + n, 'w').close()",
        limits(),
    );
    let failure = session.branch().files.resolve("none").unwrap_err();
    let bad = failure.message.chars().find(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(c));
    bad.map_or("clean".to_owned(), |c| format!("{c:?} in {:?}", failure.message))
}
