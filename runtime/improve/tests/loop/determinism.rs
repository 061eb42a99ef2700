//! Equal runs:
//!
//! * the same config gives the same records, whatever the number of threads
//! * another seed gives other seeds and orders

use super::setting::{Setting, contents, width_actions};

#[test]
fn equal_configs_give_equal_records() {
    let records = |threads: &str| -> Vec<String> {
        let setting = Setting::new(&width_actions())
            .with("threads = 2", threads)
            .with("iterations = 2", "iterations = 1");
        drop(setting.improve("run"));
        // the folder's name and the number of threads are part of the config, so their digest differs
        let folder = setting.path("").display().to_string();
        contents(&setting.path("run"))
            .into_iter()
            .filter(|row| !row.contains("config-digest"))
            .map(|row| row.replace(folder.trim_end_matches('/'), ""))
            .collect()
    };
    assert_eq!(records("threads = 1"), records("threads = 2"));
}

#[test]
fn another_seed_draws_otherwise() {
    let sampling = |seed: &str| -> Vec<u64> {
        let setting =
            Setting::new(&width_actions()).with("seed = 11", seed).with("iterations = 2", "iterations = 1");
        let (run, _) = setting.improve("run");
        let store = &run.folder().store;
        let steps = store.steps_of_iteration(1).unwrap();
        steps
            .iter()
            .flat_map(|step| store.candidates(step.id).unwrap())
            .map(|row| row.sampling.seed)
            .collect()
    };
    let (one, other) = (sampling("seed = 11"), sampling("seed = 12"));
    assert_eq!(one.len(), other.len());
    assert!(one.iter().zip(&other).all(|(one, other)| one != other));
}
