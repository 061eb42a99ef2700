//! Other verifiers in a run that goes on, through the binary.
//!
//! * who judges is listed, live and at rest
//! * refused, with nothing changed: no such file, another kind, one that fails its first step, no audit and no reason, no such member
//! * swapped at once: later steps carry the new revision, each step that of one panel, and the run ends well
//! * beside the incumbent: what the two say is compared, and one that disagrees too much goes by itself
//! * who passed an audit needs no reason, and is taken from a watched folder; who has none is not, and the run's events say so
//! * rolled back by hand; the history says what happened and why
//! * a killed run goes on with the revision that decided last
//! * a run that nobody works on is not swapped, and a socket that a killed process left does no harm

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sport_tests::{assert_one_line_error, root, run, sport};

/// Longest wait for anything here.
const PATIENCE: Duration = Duration::from_secs(300);

/// A run that takes minutes, since it has many tasks and iterations.
struct Run {
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Run {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = root().join("examples").canonicalize().unwrap();
        let text = std::fs::read_to_string(example.join("scripted.toml")).unwrap();
        let text = text
            .replace("train_tasks = 12", "train_tasks = 60")
            .replace("iterations = 2", "iterations = 20")
            .replace("plugin = \"execution-facts\"", "plugin = \"execution-facts\"\nwatch = \"newcomers\"")
            .replace("scripted.jsonl", example.join("scripted.jsonl").to_str().unwrap())
            .replace("forms/raw.toml", example.join("forms/raw.toml").to_str().unwrap());
        std::fs::write(folder.path().join("long.toml"), text).unwrap();
        std::fs::create_dir(folder.path().join("newcomers")).unwrap();
        let mut run = Self { folder, child: None };
        run.go_on();
        run
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Starts a process on it, and waits until it answers.
    fn go_on(&mut self) {
        let config = self.folder.path().join("long.toml");
        let mut command =
            sport([Path::new("improve"), Path::new("--resume"), Path::new("--config"), &config]);
        command.arg("--run").arg(self.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("SPORT_CONFIG", self.folder.path().join("config"));
        self.child = Some(command.spawn().unwrap());
        self.until("it answers", |run| run.path().join("control.sock").exists());
    }

    fn verifier(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = sport(["verifier"]);
        command.args(arguments).arg("--run").arg(self.path());
        command.env("SPORT_CONFIG", self.folder.path().join("config"));
        run(&mut command)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (exit, stdout, stderr) = self.verifier(&[arguments, &["--json"]].concat());
        assert_eq!(exit, 0, "{stderr}");
        serde_json::from_str(&stdout).unwrap()
    }

    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path().join("run.sqlite")).unwrap()
    }

    fn count(&self, query: &str) -> i64 {
        self.database().query_row(query, [], |row| row.get(0)).unwrap()
    }

    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            let ended = self.child.as_mut().map(|child| child.try_wait().unwrap());
            assert!(!matches!(ended, Some(Some(_))), "{what}: the run ended first");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Steps that were judged by a revision.
    fn judged_by(&self, revision: u32) -> i64 {
        self.count(&format!("SELECT count(DISTINCT step) FROM judgement WHERE revision = {revision}"))
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const UNAUDITED: [&str; 2] = ["--allow-unaudited", "a test"];

/// Two candidates and the same answer from anybody who can judge at all: `self-consistency` needs other numbers than this.
fn agreeing(folder: &Path) -> String {
    let path = folder.join("agreeing.toml");
    std::fs::write(&path, "votes = 1\nquorum = 0.2\n").unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_run_gets_other_verifiers() {
    let mut run = Run::start();
    let list = run.json(&["list"]);
    assert_eq!((&list["deciding"]["number"], &list["beside"]), (&1.into(), &Value::Null));
    assert_eq!(list["deciding"]["identities"][0][0], "execution-facts");

    // refused: nothing changes
    let text = run.folder.path().join("text.wasm");
    std::fs::write(&text, "no component").unwrap();
    let image = root().join("target/components/image.wasm");
    let config = run.folder.path().join("wrong.toml");
    std::fs::write(&config, "nonsense = true\n").unwrap();
    for (arguments, word) in [
        (vec!["swap", "nowhere/judge.wasm"], "check the path"),
        (vec!["swap", text.to_str().unwrap()], "does not begin like WebAssembly"),
        (vec!["swap", image.to_str().unwrap(), "--grant", "artifacts"], "verifier"),
        (vec!["swap", "execution-facts", "--config", config.to_str().unwrap()], "cannot judge a small step"),
        (vec!["swap", "self-consistency", "--member", "3"], "there is no member 3"),
        (vec!["rollback"], "no revision before"),
    ] {
        let unaudited: &[&str] = if arguments[0] == "swap" { &UNAUDITED } else { &[] };
        let (exit, _, stderr) = run.verifier(&[&arguments, unaudited].concat());
        assert!(exit == 1 || exit == 3, "{arguments:?}: {exit} {stderr}");
        assert_one_line_error(&stderr, word);
    }
    let (exit, _, stderr) = run.verifier(&["swap", "self-consistency"]);
    assert_eq!(exit, 1);
    assert_one_line_error(&stderr, "--allow-unaudited");
    assert_eq!(run.json(&["history"]).as_array().unwrap().len(), 1);

    // at once
    let agreeing = agreeing(run.folder.path());
    let swap = ["swap", "self-consistency", "--config", &agreeing, "--now"];
    let (exit, stdout, stderr) = run.verifier(&[&swap[..], &UNAUDITED].concat());
    assert_eq!((exit, stdout.trim()), (0, "revision 2 decides"), "{stderr}");
    run.until("a step is judged by revision 2", |run| run.judged_by(2) > 0);
    let list = run.json(&["list"]);
    assert_eq!(list["deciding"]["identities"][0][0], "self-consistency");
    assert_eq!(list["deciding"]["reason"], "not audited: a test");

    // back by hand
    let (exit, stdout, stderr) = run.verifier(&["rollback"]);
    assert_eq!((exit, stdout.trim()), (0, "revision 1 decides"), "{stderr}");
    let states: Vec<String> = run
        .json(&["history"])
        .as_array()
        .unwrap()
        .iter()
        .map(|revision| revision["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["deciding", "rolled-back"]);

    // every step was judged by one panel, and by the verifier of that revision
    run.kill();
    assert_eq!(
        run.count(
            "SELECT count(*) FROM (SELECT step FROM judgement GROUP BY step HAVING count(DISTINCT revision) > 1)"
        ),
        0
    );
    assert_eq!(
        run.count(
            "SELECT count(*) FROM judgement JOIN revision ON revision.number = judgement.revision \
             WHERE judgement.verifier != identities ->> '$[0][1]'"
        ),
        0
    );
}

#[test]
fn a_newcomer_judges_beside_and_goes_when_it_disagrees() {
    let mut run = Run::start();
    // this one passes everybody who answered, whatever was answered: it has its own winners
    let folder = run.folder.path().to_owned();
    let config = folder.join("odd.toml");
    std::fs::write(&config, "votes = 1\nquorum = 0.1\n").unwrap();
    let swap = ["swap", "self-consistency", "--config", config.to_str().unwrap(), "--shadow", "1000"];
    let (exit, stdout, stderr) = run
        .verifier(&[&swap[..], &["--max-abstentions", "0", "--max-disagreement", "0"], &UNAUDITED].concat());
    assert_eq!((exit, stdout.trim()), (0, "revision 2 judges beside revision 1"), "{stderr}");
    let (exit, _, stderr) = run.verifier(&[&swap[..], &UNAUDITED].concat());
    if exit == 1 {
        assert_one_line_error(&stderr, "another newcomer is in its shadow stage");
    }
    run.until("it is dropped", |run| run.count("SELECT count(*) FROM revision WHERE state = 'dropped'") > 0);
    let history = run.json(&["history"]);
    let reason = history[1]["reason"].as_str().unwrap();
    assert!(reason.contains("more than 0 of them"), "{reason}");
    assert!(run.count("SELECT count(*) FROM trial WHERE revision = 2") >= 8);
    assert_eq!(run.judged_by(2), 0, "it decided nothing");
    assert_eq!(run.json(&["list"])["deciding"]["number"], 1);
}

#[test]
fn a_resumed_run_has_the_verifier_that_decided_last() {
    let mut run = Run::start();
    let agreeing = agreeing(run.folder.path());
    let swap = ["swap", "self-consistency", "--config", &agreeing, "--now"];
    assert_eq!(run.verifier(&[&swap[..], &UNAUDITED].concat()).0, 0);
    run.kill();
    // nobody works on it: it can be looked at, and not be changed
    assert_eq!(run.json(&["list"])["deciding"]["number"], 2);
    let (exit, _, stderr) = run.verifier(&["rollback"]);
    assert_eq!(exit, 6);
    assert_one_line_error(&stderr, "no process works on");
    // what the killed process left is in nobody's way
    assert!(run.path().join("control.sock").exists());
    let before = run.judged_by(2);
    run.go_on();
    run.until("it judges on", |run| run.judged_by(2) > before);
    assert_eq!(run.json(&["list"])["deciding"]["number"], 2);
}

#[test]
fn who_passed_an_audit_needs_no_reason() {
    let mut run = Run::start();
    // before it first tunes, the run audits its own verifier
    let audits = run.folder.path().join("config/audits");
    let passed = |_: &Run| std::fs::read_dir(&audits).is_ok_and(|files| files.count() > 0);
    run.until("its verifier is audited", passed);
    let text = std::fs::read_to_string(run.path().join("sport.toml")).unwrap();
    let config: toml::Table = toml::from_str(&text).unwrap();
    let own = run.folder.path().join("own.toml");
    std::fs::write(&own, toml::to_string(&config["verifier"]["config"]).unwrap()).unwrap();
    let (exit, stdout, stderr) = run.verifier(&[
        "swap",
        "execution-facts",
        "--config",
        own.to_str().unwrap(),
        "--shadow",
        "3",
        "--probation",
        "3",
    ]);
    assert_eq!((exit, stdout.trim()), (0, "revision 2 judges beside revision 1"), "{stderr}");
    // it says what the other says: it gets through all stages, and decides
    run.until("it decides", |run| run.json(&["history"])[1]["state"] == "deciding");
    assert_eq!(run.json(&["history"])[0]["state"], "replaced");
    assert!(run.judged_by(2) >= 3);
}

#[test]
fn a_folder_is_watched() {
    let mut run = Run::start();
    let audits = run.folder.path().join("config/audits");
    run.until("its verifier is audited", |_| std::fs::read_dir(&audits).is_ok_and(|files| files.count() > 0));
    let newcomers = run.folder.path().join("newcomers");
    let put = |name: &str, component: &str, config: &str| {
        std::fs::write(newcomers.join(format!("{name}.toml")), config).unwrap();
        let from = root().join(format!("target/components/{component}.wasm"));
        std::fs::copy(from, newcomers.join(format!("{name}.wasm"))).unwrap();
    };
    // nobody knows this one
    put("stranger", "self-consistency", "votes = 1\nquorum = 0.2\n");
    let events = |run: &Run, part: &str| {
        run.count(&format!("SELECT count(*) FROM event WHERE kind = 'verifier' AND text LIKE '%{part}%'"))
    };
    run.until("the stranger is refused", |run| {
        events(run, "stranger.wasm: not taken: the newcomer has no audit") > 0
    });
    assert_eq!(run.json(&["history"]).as_array().unwrap().len(), 1);
    // this one passed with this config
    let text = std::fs::read_to_string(run.path().join("sport.toml")).unwrap();
    let config: toml::Table = toml::from_str(&text).unwrap();
    put("known", "execution-facts", &toml::to_string(&config["verifier"]["config"]).unwrap());
    run.until("the other is tried", |run| events(run, "known.wasm: revision 2 judges beside revision 1") > 0);
}
