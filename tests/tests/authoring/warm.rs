//! A tool with a warm start, from the project to the operator.

use crate::support::{Place, to_mend};

/// Looks words up in a file that it is handed.
const DICTIONARY: &str = r#"
use std::collections::BTreeMap;
use std::sync::OnceLock;

use sport_sdk::{Artifact, Failure, tools};

static WORDS: OnceLock<BTreeMap<String, String>> = OnceLock::new();

#[tools]
pub mod dictionary {
    use super::*;

    #[warm]
    pub fn load(artifacts: Vec<Artifact>) -> Result<(), Failure> {
        let Some(words) = artifacts.iter().find(|file| file.name.as_deref() == Some("words.txt")) else {
            return Err(Failure::invalid_input("grant the dictionary: --artifact words.txt=FILE").code("no-dictionary"));
        };
        let words = words.text()?;
        let pairs = words.lines().filter_map(|line| line.split_once('\t'));
        let pairs: BTreeMap<_, _> = pairs.map(|(word, meaning)| (word.to_owned(), meaning.to_owned())).collect();
        assert!(!pairs.is_empty(), "an empty dictionary was not thought of");
        WORDS.set(pairs).map_err(|_| Failure::internal("it is loaded already"))
    }

    /// Says what a word means.
    #[tool(read_only, deterministic)]
    pub fn look_up(word: String) -> Result<String, Failure> {
        let words = WORDS.get().ok_or_else(|| Failure::internal("it was not loaded"))?;
        words.get(&word).cloned().ok_or_else(|| Failure::not_found(format!("no word {word}")))
    }
}
"#;

const TESTS: &str = r#"
use sport_sdk::{Artifact, testing};

#[test]
fn the_cases_hold() {
    let words = Artifact::create(b"sport\ta runtime\n", "text/plain", Some("words.txt")).unwrap();
    dictionary::dictionary::load(vec![words]).unwrap();
    testing::cases(dictionary::dictionary::SPORT_TOOLS, include_str!("../cases.json"));
}
"#;

const CASES: &str = r#"[
    { "tool": "look_up", "arguments": { "word": "sport" }, "text": "a runtime" },
    { "tool": "look_up", "arguments": { "word": "tropes" }, "failure": "not-found" }
]"#;

#[test]
fn a_dictionary_is_loaded_once() {
    let place = Place::new();
    place.project(
        "dictionary",
        &[],
        &[("src/lib.rs", DICTIONARY), ("cases.json", CASES), ("tests/plugin.rs", TESTS)],
    );
    let words = place.path().join("words.txt");
    std::fs::write(&words, "sport\ta runtime\n").unwrap();

    // tried out with its file, and without
    let (exit, stdout, stderr) = place.plugin(&["test", "dictionary", "--artifact", "words.txt", "--json"]);
    let report: serde_json::Value =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    assert_eq!((exit, &report["native"]), (0, &"passed".into()), "{report:#}");
    let (exit, stdout, _) = place.plugin(&["test", "dictionary/target/dictionary.wasm", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((exit, to_mend(&report)), (1, vec!["warm".to_owned()]), "{report:#}");
    assert!(stdout.contains("no-dictionary") || stdout.contains("grant the dictionary"), "{stdout}");

    // by its path
    let component = "dictionary/target/dictionary.wasm";
    let sport = r#"{"word": "sport"}"#;
    let (exit, stdout, stderr) =
        place.plugin(&["run", component, "look_up", sport, "--artifact", "words.txt"]);
    assert_eq!((exit, stdout.contains("a runtime")), (0, true), "{stdout}{stderr}");
    let (exit, _, stderr) = place.plugin(&["run", component, "look_up", sport]);
    assert_eq!(exit, 3);
    assert!(stderr.contains("imports what it was not granted"), "{stderr}");
    let (exit, _, stderr) = place.plugin(&["run", component, "look_up", sport, "--grant", "artifacts"]);
    assert_eq!(exit, 3);
    assert!(stderr.contains("cannot be warmed") && stderr.contains("grant the dictionary"), "{stderr}");
    std::fs::write(place.path().join("empty.txt"), "").unwrap();
    let (exit, _, stderr) =
        place.plugin(&["run", component, "look_up", sport, "--artifact", "words.txt=empty.txt"]);
    assert_eq!(exit, 3);
    assert!(stderr.contains("an empty dictionary was not thought of"), "{stderr}");

    // installed: another file must be approved
    let config = place.path().join("config");
    let installed = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("SPORT_CONFIG", &config);
        sport_tests::run(&mut command)
    };
    let (exit, stdout, stderr) = installed(&["add", component, "--name", "words", "--artifact", "words.txt"]);
    assert_eq!(exit, 0, "{stderr}");
    assert!(stdout.contains("handed words.txt"), "{stdout}");
    let (exit, stdout, stderr) = installed(&["run", "words", "look_up", sport]);
    assert_eq!((exit, stdout.contains("a runtime")), (0, true), "{stdout}{stderr}");
    std::fs::write(&words, "sport\ta game\n").unwrap();
    let (exit, _, stderr) = installed(&["run", "words", "look_up", sport]);
    assert_ne!(exit, 0);
    assert!(stderr.contains("artifact words.txt"), "{stderr}");
    let (exit, stdout, stderr) = installed(&["approve", "words", "--yes"]);
    assert_eq!((exit, stdout.contains("artifact words.txt")), (0, true), "{stdout}{stderr}");
    let (exit, stdout, stderr) = installed(&["run", "words", "look_up", sport]);
    assert_eq!((exit, stdout.contains("a game")), (0, true), "{stdout}{stderr}");
    // without it nothing is loaded
    std::fs::remove_file(&words).unwrap();
    let (exit, _, stderr) = installed(&["run", "words", "look_up", sport]);
    assert_eq!(exit, 3);
    assert!(stderr.contains("words.txt"), "{stderr}");
}
