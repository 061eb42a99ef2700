//! `sport verifier audit` as a command:
//!
//! * equal audits are equal but for what they cost; another seed draws otherwise
//! * a quick one is made once and shown again; it is kept where only the operator can write
//! * labels of people count alone; two raters give a ceiling; a family gives self-preference
//! * a panel says how far others agree; drift is measured against the last audit
//! * the page is whole in one file, and escapes what a plugin wrote; Markdown has every gate
//! * what is wrong with files of steps and labels is said in one line

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use sport_tests::assert_one_line_error;

use super::support::{Place, step, text};

const ORACLE: &str = "mutant = \"oracle\"\nnoise = 0.1";

fn without_cost(mut record: Value) -> Value {
    record.as_object_mut().unwrap().remove("cost").unwrap();
    record["blocks"].as_object_mut().unwrap().remove("drift").unwrap();
    record["gates"].as_array_mut().unwrap().retain(|gate| gate["name"] != "drift.p");
    record
}

#[test]
fn equal_audits_are_equal() {
    let place = Place::new();
    let steps = place.steps(20);
    let audit = |seed: &str| {
        let arguments = ["mutants", "--config", ORACLE, "--steps", text(&steps), "--seed", seed];
        without_cost(place.audit(&arguments).1)
    };
    let first = audit("1");
    assert_eq!(first, audit("1"));
    assert_ne!(first["blocks"], audit("2")["blocks"]);
}

#[test]
fn a_quick_audit_is_made_once() {
    let place = Place::new();
    let steps = place.steps(60);
    let arguments = ["mutants", "--config", ORACLE, "--steps", text(&steps), "--quick"];
    let (_, first) = place.audit(&arguments);
    assert_eq!(first["steps"], 40, "a quick one asks about fewer");
    assert_eq!(place.audit(&arguments).1, first, "times included: it was not made again");
    let folder = place.path("config/audits");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for entry in folder.read_dir().unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }
    // other steps, another config: another audit
    let other =
        place.audit(&["mutants", "--config", "mutant = \"inverted\"", "--steps", text(&steps), "--quick"]).1;
    assert_ne!(other["identity"]["config"], first["identity"]["config"]);
    assert_eq!(other["identity"]["verifier"], first["identity"]["verifier"]);
}

#[test]
fn people_count_alone() {
    let place = Place::new();
    let steps = place.steps(30);
    let mut lines = Vec::new();
    for number in 0..30 {
        let recorded = step(number);
        for (candidate, truth) in recorded.truths.iter().enumerate() {
            let good = truth.unwrap();
            // people who hold the opposite of what the file says; the second disagrees once in a while
            for (rater, says) in
                [("ann", !good), ("ben", !good), ("cem", if number % 10 == 0 { good } else { !good })]
            {
                let family = if candidate % 2 == 0 { "llama" } else { "qwen" };
                lines.push(
                    json!({ "step": recorded.step, "candidate": candidate, "good": says, "rater": rater, "family": family })
                        .to_string(),
                );
            }
        }
    }
    let labels = place.write("labels.jsonl", &lines.join("\n"));
    let oracle =
        ["mutants", "--config", "mutant = \"oracle\"", "--steps", text(&steps), "--labels", text(&labels)];
    let (code, record) = place.audit(&[oracle.as_slice(), &["--family", "llama"]].concat());
    assert_eq!((code, record["settings"]["truth"].as_str()), (1, Some("people")));
    assert_eq!(record["blocks"]["truth"]["accuracy"]["value"], 0.0, "the labels decide, not the file");
    let ceiling = &record["blocks"]["ceiling"];
    assert_eq!(ceiling["agreement"]["count"], 30 * 5 * 3);
    // ann and ben always agree; cem differs from both in every tenth step
    let agreement = ceiling["agreement"]["value"].as_f64().unwrap();
    assert!((agreement - (1.0 - 0.1 * 2.0 / 3.0)).abs() < 1e-9, "{agreement}");
    assert_eq!(record["blocks"]["self_preference"]["family"], "llama");
    assert!(record["blocks"]["self_preference"]["excess"]["count"].as_u64().unwrap() > 0);
}

#[test]
fn others_are_compared_with() {
    let place = Place::new();
    let steps = place.steps(30);
    let audit = |config: &str, panel: &str| {
        place.audit(&["mutants", "--config", config, "--steps", text(&steps), "--panel", panel]).1
    };
    let record = audit("mutant = \"oracle\"", "mutants=mutant = \"inverted\"");
    let other = &record["blocks"]["panel"][0];
    // they never agree where both decide; kappa is -1 only where both are as often for the first
    assert!(other["kappa"]["value"].as_f64().unwrap() < -0.9, "{other}");
    assert!(!other["disagreements"].as_array().unwrap().is_empty());
    assert!(record["blocks"]["drift"].is_null(), "there was no audit before");

    let same = audit("mutant = \"oracle\"", "mutants=mutant = \"oracle\"");
    assert_eq!(same["blocks"]["panel"][0]["agreement"]["value"], 1.0);
    let drift = &same["blocks"]["drift"];
    assert_eq!(
        (drift["same"].as_bool(), drift["up"].as_u64(), drift["down"].as_u64()),
        (Some(true), Some(0), Some(0))
    );

    let worse = audit("mutant = \"inverted\"", "mutants=mutant = \"oracle\"");
    let drift = &worse["blocks"]["drift"];
    assert_eq!((drift["same"].as_bool(), drift["down"].as_u64()), (Some(false), Some(30 * 6)));
    assert!(drift["p"].as_f64().unwrap() < 1e-6);
    assert!(!super::support::blocking(&worse).contains(&"drift.p".to_owned()), "another verifier may differ");
}

#[test]
fn the_page_is_whole() {
    let place = Place::new();
    let steps = place.steps(12);
    let (html, markdown) = (place.path("audit.html"), place.path("audit.md"));
    let arguments =
        ["verifier", "audit", "mutants", "--config", "{\"mutant\": \"keyword\"}", "--steps", text(&steps)];
    let files = ["--html", text(&html), "--markdown", text(&markdown)];
    let (code, stdout, stderr) = place.sport(&[arguments.as_slice(), &files].concat());
    assert_eq!(code, 1, "{stderr}");
    assert!(stdout.contains("BLOCKS") && stdout.contains("truth: accuracy on pairs"), "{stdout}");
    let page = std::fs::read_to_string(html).unwrap();
    assert!(
        !page.contains("http") && !page.contains("<script") && !page.contains("src="),
        "it reaches outside"
    );
    assert!(page.contains("<svg") && page.contains("It may not tune a policy"));
    let markdown = std::fs::read_to_string(markdown).unwrap();
    for gate in ["validity.failures", "order.consistency", "controls.injection", "forecast.pairs"] {
        assert!(page.contains(gate) && markdown.contains(gate), "{gate}");
    }
}

#[test]
fn bad_files_are_named() {
    let place = Place::new();
    let steps = place.steps(3);
    let says = |arguments: &[&str], code: i32, part: &str| {
        let (found, _, stderr) = place.sport(&[&["verifier", "audit", "mutants"], arguments].concat());
        assert_eq!(found, code, "{stderr}");
        assert_one_line_error(&stderr, part);
    };
    let broken = place.write("broken.jsonl", "\n{\"task\": \"a\"}\n");
    says(&["--steps", text(&broken)], 3, "line 2: not a recorded step");
    let one = serde_json::to_string(&step(0)).unwrap();
    let twice = place.write("twice.jsonl", &format!("{one}\n{one}\n"));
    says(&["--steps", text(&twice)], 3, "is there twice");
    let empty = place.write("empty.jsonl", "");
    says(&["--steps", text(&empty)], 3, "nothing to audit");
    let label = json!({ "step": "nowhere", "candidate": 0, "good": true, "rater": "ann" }).to_string();
    let labels = place.write("labels.jsonl", &label);
    says(&["--steps", text(&steps), "--labels", text(&labels)], 3, "nowhere");
    says(&["--steps", text(&steps), "--config", "mutant = "], 3, "--config");
    says(&["--steps", text(&steps), "--margin", "7"], 2, "from 0 to 1");
}
