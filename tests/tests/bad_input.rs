//! Bad input is a one-line error that says what to do, an exit code that is not zero, and nothing half-written.
//!
//! * config: missing file, wrong key, wrong type, key of another backend
//! * model: missing, corrupt, cut short
//! * image folder: missing, a corrupt photograph
//! * plugin: missing, not a component, cut short, of a wrong contract, asking for what is not granted
//! * run directory: exists already, of another version, not a run, in use
//! * a full disk while a run is written, and a limit on the size of files

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use sport_tests::{assert_one_line_error, cache, component, root, run, sport, write};

/// A config that works, without libtorch.
fn scripted(folder: &Path, replace: &[(&str, &str)]) -> PathBuf {
    let images = folder.join("images");
    if !images.exists() {
        std::fs::create_dir(&images).unwrap();
        for entry in std::fs::read_dir(cache().join("images")).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, images.join(path.file_name().unwrap())).unwrap();
        }
    }
    let mut text = std::fs::read_to_string(root().join("examples/scripted.toml")).unwrap();
    text = text.replace("\"cache:images\"", "\"images\"");
    let examples = root().join("examples").canonicalize().unwrap();
    text = text.replace("\"forms/", &format!("\"{}/forms/", examples.display()));
    text = text.replace("\"scripted.jsonl\"", &format!("\"{}/scripted.jsonl\"", examples.display()));
    for (from, to) in replace {
        assert!(text.contains(from), "no `{from}` in the config:\n{text}");
        text = text.replace(from, to);
    }
    write(folder, "config.toml", &text)
}

fn improve(config: &Path, run_folder: &Path) -> Command {
    sport([Path::new("improve"), Path::new("--config"), config, Path::new("--run"), run_folder])
}

/// Runs it, asserts the error, and that no run directory came to be.
fn assert_refused(config: &Path, exit: i32, needle: &str) {
    let run_folder = config.parent().unwrap().join("run");
    let (code, _, stderr) = run(&mut improve(config, &run_folder));
    assert_one_line_error(&stderr, needle);
    assert_eq!(code, exit, "{stderr}");
    assert!(!run_folder.exists(), "a run directory was left behind");
}

#[test]
fn configs() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&folder.path().join("none.toml"), 3, "none.toml");
    let config = scripted(folder.path(), &[("[explore]", "[explore]\ncandidatez = 5")]);
    assert_refused(&config, 3, "candidatez");
    let config = scripted(folder.path(), &[("[explore]", "[explore]\nmax_depth = \"deep\"")]);
    assert_refused(&config, 3, "expected u32");
    let config = scripted(folder.path(), &[("backend = \"scripted\"", "backend = \"torch\"")]);
    assert_refused(&config, 3, "policy.model is missing");
}

#[test]
fn models() {
    let folder = tempfile::tempdir().unwrap();
    let torch = |model: &Path| {
        let line = format!("backend = \"torch\"\nmodel = \"{}\"", model.display());
        scripted(folder.path(), &[("backend = \"scripted\"", line.as_str())])
    };
    assert_refused(&torch(&folder.path().join("none.gguf")), 3, "none.gguf");
    let corrupt = write(folder.path(), "corrupt.gguf", "GGUF and then nothing that makes sense");
    assert_refused(&torch(&corrupt), 3, "corrupt.gguf");
    let cut = folder.path().join("cut.gguf");
    let whole = std::fs::read(sport_tests::model()).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    assert_refused(&torch(&cut), 3, "cut.gguf");
}

#[test]
fn images() {
    let folder = tempfile::tempdir().unwrap();
    let config = scripted(folder.path(), &[("\"images\"", "\"no-images-here\"")]);
    assert_refused(&config, 3, "no-images-here");
    let config = scripted(folder.path(), &[]);
    std::fs::write(folder.path().join("images/coffee.png"), b"\x89PNG\r\n\x1a\n and then nothing").unwrap();
    let run_folder = folder.path().join("run");
    let (code, _, stderr) = run(&mut improve(&config, &run_folder));
    assert_eq!(code, 3, "{stderr}");
    assert_one_line_error(stderr.lines().last().unwrap(), "coffee.png");
    // mended, the run goes on
    std::fs::copy(cache().join("images/coffee.png"), folder.path().join("images/coffee.png")).unwrap();
    let (code, _, stderr) = run(improve(&config, &run_folder).arg("--resume"));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn plugins() {
    let folder = tempfile::tempdir().unwrap();
    let calculator = std::fs::read(component("calculator")).unwrap();
    let with = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        scripted(folder.path(), &[("plugin = \"calculator\"", &format!("plugin = \"{}\"", path.display()))])
    };
    let missing = scripted(folder.path(), &[("plugin = \"calculator\"", "plugin = \"./none.wasm\"")]);
    assert_refused(&missing, 3, "none.wasm");
    assert_refused(&with("text.wasm", b"not wasm at all"), 3, "text is not a component");
    assert_refused(&with("cut.wasm", &calculator[..calculator.len() / 2]), 3, "cut");
    let other = with("other.wasm", &wat::parse_str("(component)").unwrap());
    assert_refused(&other, 3, "contract");
    let ungranted = scripted(folder.path(), &[("grants = [\"artifacts\"]", "grants = []")]);
    assert_refused(&ungranted, 3, "artifacts");
}

#[test]
fn run_directories() {
    let folder = tempfile::tempdir().unwrap();
    let config = scripted(folder.path(), &[]);
    let run_folder = folder.path().join("run");
    let (code, _, stderr) = run(&mut improve(&config, &run_folder));
    assert!(code == 0 || code == 1, "{stderr}");

    let (code, _, stderr) = run(&mut improve(&config, &run_folder));
    assert_one_line_error(&stderr, "--resume");
    assert_eq!(code, 6);

    rusqlite::Connection::open(run_folder.join("run.sqlite"))
        .unwrap()
        .pragma_update(None, "user_version", 999)
        .unwrap();
    let (code, _, stderr) = run(&mut sport([Path::new("run"), Path::new("show"), &run_folder]));
    assert_one_line_error(&stderr, "version 999");
    assert_eq!(code, 6);

    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let (code, _, stderr) = run(&mut sport([Path::new("run"), Path::new("show"), &empty]));
    assert_one_line_error(&stderr, "empty");
    assert_eq!(code, 6);
}

#[test]
fn a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let config = scripted(folder.path(), &[]);
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    // A disk of our own, in a mount namespace that ends with the script; later it grows, and the run goes on.
    let script = r#"
        set -e
        mount -t tmpfs -o size=300k tmpfs "$2"
        code=0; "$0" improve --config "$1" --run "$2/run" || code=$?
        echo "first: $code"
        mount -o remount,size=64m "$2"
        "$0" improve --config "$1" --run "$2/run" --resume --json > /dev/null
        "$0" run show "$2/run" --json
    "#;
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]).arg(sport_tests::binary());
        run(command.arg(&config).arg(&disk))
    };
    if unshared("mount -t tmpfs tmpfs \"$2\"").0 != 0 {
        eprintln!("this machine lets nobody mount a disk; `a_limit_on_the_size_of_files` has to do alone");
        return;
    }
    let (code, stdout, stderr) = unshared(script);
    assert_eq!(code, 0, "{stderr}");
    assert_one_line_error(&stderr, "the disk is full");
    let (first, summary) = stdout.split_once('\n').unwrap();
    assert_eq!(first, "first: 3");
    let summary: serde_json::Value = serde_json::from_str(summary).unwrap();
    assert_eq!(summary["outcome"], "finished", "{summary}");
}

#[test]
fn a_limit_on_the_size_of_files() {
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let config = scripted(folder.path(), &[]);
    let run_folder = folder.path().join("run");
    let mut command = improve(&config, &run_folder);
    // SAFETY: only async-signal-safe calls between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit { rlim_cur: 64 << 10, rlim_max: 64 << 10 };
            libc::setrlimit(libc::RLIMIT_FSIZE, &limit);
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            Ok(())
        });
    }
    let (code, _, stderr) = run(&mut command);
    assert_ne!(code, 0);
    assert!(stderr.lines().last().unwrap().starts_with("error: "), "{stderr}");
    // what is there can be gone on with once there is room
    let (code, _, stderr) = run(improve(&config, &run_folder).arg("--resume"));
    assert!(code == 0 || code == 1, "{stderr}");
}
