//! What tuning asks for:
//!
//! * a run audits its verifier by itself before it first tunes; the audit lies in the run and with the operator, and the
//!   manifest says on what grounds was learned
//! * pairs of a coin-flip are refused; with a reason they are tuned on, and manifest and report have the reason
//! * `tune` alone asks for the same
//! * a run that is label-free takes no answer known by program; labels of people open it
//! * tasks of the audit split can be explored, and nothing that counts training tasks sees them

use std::path::Path;

use serde_json::{Value, json};
use sport_tests::{assert_one_line_error, root};

use super::support::{Place, blocking, text};

/// The scripted example with something changed, at a place of its own.
fn config(place: &Place, changes: &[(&str, &str)]) -> String {
    let examples = root().join("examples").canonicalize().unwrap();
    let mut config = std::fs::read_to_string(examples.join("scripted.toml")).unwrap();
    for file in ["scripted.jsonl", "forms/raw.toml"] {
        config = config.replace(file, text(&examples.join(file)));
    }
    for (old, new) in changes {
        assert!(config.contains(old), "{old} is not in the example");
        config = config.replace(old, new);
    }
    text(&place.write("sport.toml", &config)).to_owned()
}

/// The verifier of the example, replaced by a coin.
fn coin(place: &Place) -> String {
    let examples = root().join("examples").canonicalize().unwrap();
    let whole = std::fs::read_to_string(examples.join("scripted.toml")).unwrap();
    let begin = whole.find("[verifier]").unwrap();
    let end = whole.find("[synthesize]").unwrap();
    config(
        place,
        &[(
            &whole[begin..end],
            "[verifier]\nplugin = \"mutants\"\n[verifier.config]\nmutant = \"coin-flip\"\n\n",
        )],
    )
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_run_audits_its_verifier_by_itself() {
    let place = Place::new();
    let (config, run) = (config(&place, &[]), place.path("run"));
    let (code, _, stderr) = place.sport(&["improve", "--config", &config, "--run", text(&run)]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("audit of execution-facts"), "{stderr}");
    let manifest = read(&run.join("manifests/iteration-1.json"));
    assert_eq!(manifest["audit"][0]["grounds"], "audited", "{}", manifest["audit"]);
    let audits: Vec<_> = run.join("audits").read_dir().unwrap().collect();
    assert_eq!(audits.len(), 1, "one verifier, one audit, two iterations");
    let record = read(&audits[0].as_ref().unwrap().path());
    assert_eq!(
        (record["outcome"].as_str(), record["settings"]["quick"].as_bool()),
        (Some("passed"), Some(true))
    );
    assert!(place.path("config/audits").is_dir());

    // audit tasks were explored for it, and no figure of the run counts them
    let database = rusqlite::Connection::open(run.join("run.sqlite")).unwrap();
    let count = |query: &str| database.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
    let of_audit = count("SELECT count(*) FROM step JOIN task ON task.id = step.task WHERE split = 'audit'");
    assert!(of_audit > 0);
    let (_, stdout, _) = place.sport(&["run", "show", text(&run), "--json"]);
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    let counted: i64 =
        summary["iterations"].as_array().unwrap().iter().map(|one| one["steps"].as_i64().unwrap()).sum();
    assert_eq!(counted + of_audit, count("SELECT count(*) FROM step"));
    assert_eq!(
        count(
            "SELECT count(*) FROM pair JOIN step ON step.id = pair.step JOIN task ON task.id = step.task WHERE split = 'audit'"
        ),
        0
    );

    // the same by hand, on the same steps
    let (code, by_hand) = place.audit(&["--run", text(&run), "--quick"]);
    assert_eq!(code, 0);
    assert_eq!(by_hand["identity"], record["identity"]);
}

#[test]
fn pairs_of_a_coin_are_refused() {
    let place = Place::new();
    let (config, run) = (coin(&place), place.path("run"));
    let improve = ["improve", "--config", &config, "--run", text(&run), "--resume"];
    let (code, _, stderr) = place.sport(&[improve.as_slice(), &["--json"]].concat());
    assert_eq!(code, 3, "{stderr}");
    let error: Value = serde_json::from_str(stderr.trim()).unwrap();
    assert_eq!(error["error"]["code"], "unaudited");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("controls.empty") && message.contains("sport verifier audit --run"),
        "{message}"
    );
    assert!(!run.join("adapters/iteration-1").exists(), "something was tuned");

    // alone it asks for the same
    let (code, _, stderr) = place.sport(&["tune", "--run", text(&run)]);
    assert_eq!(code, 3);
    assert_one_line_error(stderr.lines().last().unwrap(), "was blocked by its audit");
    let (code, record) = place.audit(&["--run", text(&run)]);
    assert!(code == 1 && blocking(&record).contains(&"controls.empty".to_owned()), "{:?}", blocking(&record));

    let (code, _, stderr) = place.sport(&[improve.as_slice(), &["--allow-unaudited", " "]].concat());
    assert_eq!(code, 2, "{stderr}");
    let reason = "to see <what> comes of it";
    let (code, _, stderr) = place.sport(&[improve.as_slice(), &["--allow-unaudited", reason]].concat());
    assert_eq!(code, 0, "{stderr}");
    let manifest = read(&run.join("manifests/iteration-1.json"));
    assert_eq!(manifest["audit"][0]["grounds"], "unaudited");
    assert_eq!(manifest["audit"][0]["reason"], reason);
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(report.contains("without a passing audit") && report.contains("to see &lt;what&gt; comes of it"));
}

#[test]
fn label_free_means_people() {
    let place = Place::new();
    let config = config(&place, &[("[explore]", "[audit]\nlabel_free = true\n\n[explore]")]);
    let run = place.path("run");
    let improve = ["improve", "--config", &config, "--run", text(&run), "--resume"];
    let (code, _, stderr) = place.sport(&improve);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("has no audit in this run"), "{stderr}");
    let (code, _, stderr) = place.sport(&["verifier", "audit", "--run", text(&run)]);
    assert_eq!(code, 3);
    assert_one_line_error(&stderr, "label-free");

    // people look at what was explored and say what is good
    let database = rusqlite::Connection::open(run.join("run.sqlite")).unwrap();
    let mut statement = database
        .prepare(
            "SELECT task || '/' || depth, candidate.number, report -> '$.answer', record -> '$.answer', candidate.ending \
             FROM candidate JOIN step ON step.id = candidate.step JOIN task ON task.id = step.task WHERE report NOT NULL",
        )
        .unwrap();
    let rows = statement
        .query_map([], |row| {
            let answer: Option<String> = row.get(2)?;
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                answer,
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
            ))
        })
        .unwrap();
    let labels: Vec<String> = rows
        .map(Result::unwrap)
        .filter(|(.., ending)| ending == "answered" || ending == "raised")
        .map(|(step, candidate, answer, known, _)| {
            let good = answer.as_deref() == Some(known.as_str());
            json!({ "step": step, "candidate": candidate, "good": good, "rater": "ann" }).to_string()
        })
        .collect();
    assert!(labels.len() > 40, "only {}", labels.len());
    let labels = place.write("labels.jsonl", &labels.join("\n"));
    let (code, record) = place.audit(&["--run", text(&run), "--labels", text(&labels)]);
    assert_eq!((code, record["settings"]["truth"].as_str()), (0, Some("people")), "{:?}", blocking(&record));
    let (code, _, stderr) = place.sport(&improve);
    assert_eq!(code, 0, "{stderr}");
    let manifest = read(&run.join("manifests/iteration-1.json"));
    assert_eq!(manifest["audit"][0]["grounds"], "audited");
}

#[test]
fn audit_tasks_are_explored_on_demand() {
    let place = Place::new();
    let (config, run) = (config(&place, &[]), place.path("run"));
    for stage in [["synthesize", "--config", &config].as_slice(), &["explore"]] {
        let (code, _, stderr) = place.sport(&[&[stage[0], "--run", text(&run)], &stage[1..]].concat());
        assert_eq!(code, 0, "{stderr}");
    }
    let count = || {
        let database = rusqlite::Connection::open(run.join("run.sqlite")).unwrap();
        let query = "SELECT count(*) FROM step JOIN task ON task.id = step.task WHERE split = 'audit'";
        database.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(count(), 0);
    let arguments = ["--run", text(&run), "--explore", "6", "--quick"];
    let (_, record) = place.audit(&arguments);
    let explored = count();
    assert!(explored >= 4, "{explored} steps");
    assert!(
        record["steps"].as_i64().unwrap() > explored,
        "the few of the audit split are joined by those of training"
    );
    place.audit(&arguments);
    assert_eq!(count(), explored, "explored once");
}
