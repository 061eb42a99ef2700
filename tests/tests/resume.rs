//! `kill -9` at any moment, then `--resume`: nothing lost, nothing twice.
//!
//! * killed again and again at spread-out moments, a run ends with the same database as one that was left alone
//! * a second process on the same run is refused while the first works on it
//! * an interrupt stops at a safe place with its own exit code

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use sport_tests::{assert_one_line_error, root, run, sport};

/// Longest wait for anything here.
const PATIENCE: Duration = Duration::from_secs(300);

fn improve(run_folder: &Path) -> Command {
    let config = root().join("examples/scripted.toml");
    let mut command = sport([Path::new("improve"), Path::new("--resume"), Path::new("--config"), &config]);
    command.arg("--run").arg(run_folder);
    command.env("SPORT_CONFIG", run_folder.with_file_name("config"));
    command
}

/// What must be equal in equal runs: everything but times.
fn contents(run_folder: &Path) -> Vec<String> {
    let database = rusqlite::Connection::open(run_folder.join("run.sqlite")).unwrap();
    let queries = [
        "SELECT id || '|' || iteration || '|' || coalesce(ending, '') FROM task ORDER BY id",
        "SELECT task || '|' || depth || '|' || outcome || '|' || coalesce(winner, '') || '|' || prompt FROM step ORDER BY task, depth",
        "SELECT task || '|' || depth || '|' || number || '|' || text || '|' || hex(tokens) || '|' || coalesce(candidate.ending, '') \
         || '|' || coalesce(standing, '') || '|' || coalesce(dependences, '') \
         FROM candidate JOIN step ON step.id = candidate.step ORDER BY task, depth, number",
        "SELECT task || '|' || depth || '|' || candidate || '|' || place || '|' || verdict || '|' || coalesce(score, '') \
         FROM judgement JOIN step ON step.id = judgement.step ORDER BY task, depth, candidate",
        "SELECT iteration || '|' || number || '|' || chosen || '|' || rejected FROM pair ORDER BY iteration, number",
        "SELECT iteration || '|' || stage || '|' || step || '|' || record FROM metric ORDER BY iteration, stage, step",
        "SELECT iteration || '|' || task || '|' || correct || '|' || ending || '|' || coalesce(answer, '') FROM evaluation ORDER BY iteration, task",
        "SELECT number || '|' || coalesce(outcome, '') || '|' || coalesce(adapter_digest, '') FROM iteration ORDER BY number",
    ];
    let mut rows = Vec::new();
    for query in queries {
        let mut statement = database.prepare(query).unwrap();
        let found = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.extend(found.map(Result::unwrap));
    }
    rows
}

fn wait_for(child: &mut Child, limit: Duration) -> Option<i32> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

#[test]
fn killed_runs_end_as_if_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (alone, killed): (PathBuf, PathBuf) = (folder.path().join("alone"), folder.path().join("killed"));
    let begun = Instant::now();
    let (code, _, stderr) = run(&mut improve(&alone));
    assert_eq!(code, 0, "{stderr}");
    let whole = begun.elapsed();

    // Moments spread over the run, each later than the one before, so that every stage is hit on some of them.
    let mut kills = 0;
    for moment in 1..60_u32 {
        let mut child = improve(&killed)
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let patience = whole.mul_f64(0.1 + f64::from(moment % 7) / 12.0);
        match wait_for(&mut child, patience) {
            Some(code) => {
                assert_eq!(code, 0);
                break;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            }
        }
    }
    let (code, _, stderr) = run(&mut improve(&killed));
    assert_eq!(code, 0, "{stderr}");
    assert!(kills >= 2, "the run was killed only {kills} times");
    let (left_alone, resumed) = (contents(&alone), contents(&killed));
    assert!(left_alone.len() > 100, "only {} records", left_alone.len());
    for (one, other) in left_alone.iter().zip(&resumed) {
        assert_eq!(one, other);
    }
    assert_eq!(left_alone.len(), resumed.len());
}

#[test]
fn two_processes_cannot_share_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let run_folder = folder.path().join("run");
    let mut first = improve(&run_folder)
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !run_folder.join("run.sqlite").exists() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
    // Held still, so that it cannot be done before the second one has looked: a stopped process keeps its lock.
    // SAFETY: a signal to the child that this test started.
    unsafe { libc::kill(first.id() as i32, libc::SIGSTOP) };
    let (code, _, stderr) = run(&mut improve(&run_folder));
    let still_working = first.try_wait().unwrap().is_none();
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(still_working, "the first process ended within a look of its start");
    assert_one_line_error(&stderr, "in use");
    assert_eq!(code, 6);
}

#[test]
fn an_interrupt_stops_at_a_safe_place() {
    let folder = tempfile::tempdir().unwrap();
    let run_folder = folder.path().join("run");
    let mut child = improve(&run_folder)
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !run_folder.join("run.sqlite").exists() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
    // SAFETY: a signal to the child that this test started.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    assert_eq!(wait_for(&mut child, PATIENCE), Some(130));
    let (code, _, stderr) = run(&mut improve(&run_folder));
    assert_eq!(code, 0, "{stderr}");
}
