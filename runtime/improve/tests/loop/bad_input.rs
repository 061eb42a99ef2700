//! Bad input: one line, and nothing half-written:
//!
//! * a missing form, action file, plugin, image folder; a broken image; a component of another kind
//! * a tool whose grants reach outside is refused unless the operator says that it is read-only
//! * a component or form that changed since the run began

use std::fs;

use sport_improve::{Error, Silent};

use super::setting::{Setting, width_actions};

/// What creating and beginning a run says.
fn fails(setting: &Setting) -> Error {
    match setting.create("run") {
        Err(error) => {
            assert!(!setting.path("run").exists(), "a run directory is left behind");
            error
        }
        Ok(mut run) => run.improve(&mut Silent).unwrap_err(),
    }
}

fn says(error: &Error, part: &str) {
    let text = error.to_string();
    assert!(text.contains(part) && !text.contains('\n'), "{text:?} does not say {part:?} on one line");
}

#[test]
fn missing_files_are_named() {
    let setting = Setting::new(&width_actions());
    fs::remove_file(setting.path("form.toml")).unwrap();
    says(&fails(&setting), "form.toml");

    let setting = Setting::new(&width_actions());
    fs::remove_file(setting.path("actions.json")).unwrap();
    says(&fails(&setting), "actions.json");

    let setting = Setting::new(&width_actions()).with("plugin = \"calculator\"", "plugin = \"abacus\"");
    says(&fails(&setting), "abacus.wasm");

    let setting = Setting::new(&width_actions());
    fs::remove_dir_all(setting.path("images")).unwrap();
    says(&fails(&setting), "no such folder of images");
}

#[test]
fn a_broken_image_is_named() {
    let setting = Setting::new(&width_actions());
    fs::write(setting.path("images/coffee.png"), b"not a picture").unwrap();
    let error = fails(&setting);
    assert_eq!(error.code(), "synthesize");
    says(&error, "coffee.png");
    says(&error, "replace the image");
}

#[test]
fn a_component_of_another_kind_is_refused() {
    let setting = Setting::new(&width_actions())
        .with("plugin = \"execution-facts\"", "plugin = \"image\"\ngrants = [\"artifacts\"]");
    says(&fails(&setting), "image");
}

#[test]
fn grants_that_reach_outside_are_refused() {
    let setting = Setting::new(&width_actions())
        .with("grants = [\"artifacts\"]", "grants = [\"artifacts\", \"fetch\"]");
    let error = fails(&setting);
    assert_eq!(error.code(), "refused");
    says(&error, "reaches outside the branch");
    // unless the operator says that it changes nothing, or that it may
    for (old, new) in [
        ("[\"artifacts\", \"fetch\"]", "[\"artifacts\", \"fetch\"]\nread_only = true"),
        ("[explore]", "[explore]\nallow_effects = true"),
    ] {
        let setting = Setting::new(&width_actions())
            .with("grants = [\"artifacts\"]", "grants = [\"artifacts\", \"fetch\"]")
            .with(old, new);
        if let Err(error) = setting.create("run") {
            // `fetch` itself is not there yet
            assert!(!error.to_string().contains("reaches outside the branch"), "{new}: {error}");
        }
    }
}

#[test]
fn what_a_run_is_made_of_may_not_change() {
    let setting = Setting::new(&width_actions());
    drop(setting.create("run").unwrap());
    let form = fs::read_to_string(setting.path("form.toml")).unwrap();
    fs::write(setting.path("form.toml"), form.replace("Question:", "Task:")).unwrap();
    let error = setting.open("run").err().unwrap();
    assert_eq!(error.code(), "run-changed");
    says(&error, "form changed since the run began");
    fs::write(setting.path("form.toml"), form).unwrap();
    assert!(setting.open("run").is_ok());
}
