//! New projects, and folders that are none.

use sport_tests::assert_one_line_error;

use crate::support::{Place, to_mend};

#[test]
fn names_are_checked() {
    let place = Place::new();
    for name in
        ["Hello", "1st", "a b", "../up", "a/b", "", "-x", "naïve", &"x".repeat(65), "test", "serde", "match"]
    {
        let (exit, _, stderr) = place.plugin(&["new", "--", name]);
        assert_eq!(exit, 2, "{name}: {stderr}");
        assert_one_line_error(&stderr, "name");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new();
    let folder = place.path().join("taken");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("mine.txt"), "mine").unwrap();
    let (exit, _, stderr) = place.plugin(&["new", "taken"]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "nothing is overwritten");
    // nor is a link followed
    std::os::unix::fs::symlink(&folder, place.path().join("link")).unwrap();
    assert_eq!(place.plugin(&["new", "link"]).0, 3);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    let (exit, _, stderr) = place.plugin(&["new", "other", "--path", "nowhere"]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "nowhere");
}

#[test]
fn a_folder_without_a_plugin_is_none() {
    let place = Place::new();
    for command in ["build", "test"] {
        let (exit, _, stderr) = place.plugin(&[command]);
        assert_eq!(exit, 3);
        assert_one_line_error(&stderr, "sport plugin new NAME");
    }
    let (exit, _, stderr) = place.plugin(&["test", "no.wasm"]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "check the path");
    std::fs::write(place.path().join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
    let (exit, _, stderr) = place.plugin(&["build"]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "Cargo.toml: it has no [package]");
}

#[test]
fn an_empty_crate_is_no_plugin() {
    let place = Place::new();
    place.project(
        "empty",
        &[],
        &[("src/lib.rs", "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n")],
    );
    let (exit, _, stderr) = place.plugin(&["build", "empty"]);
    assert_eq!(exit, 3);
    assert!(stderr.lines().last().unwrap().contains("#[tool]"), "{stderr}");
}

#[test]
fn a_verifier_in_rust() {
    let place = Place::new();
    place.project("strict-r", &["--kind", "verifier"], &[]);
    let (exit, report) = place.tested("strict-r");
    assert_eq!(exit, 0, "{report:#}");
    assert_eq!((&report["kind"], &report["native"]), (&"verifier".into(), &"passed".into()));
    assert!(to_mend(&report).is_empty());
}

#[test]
fn a_verifier_in_python() {
    let place = Place::new();
    place.project("strict-p", &["--kind", "verifier", "--lang", "python"], &[]);
    let (exit, report) = place.tested("strict-p");
    assert_eq!(exit, 0, "{report:#}");
    assert_eq!((&report["kind"], &report["native"]), (&"verifier".into(), &"passed".into()));
    let names: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    for name in ["describe", "cases", "judgements", "permutation", "deterministic", "limits"] {
        assert!(names.contains(&name), "no {name} in {names:?}");
    }
}
