//! A run that stops anywhere goes on to the same end:
//!
//! * at every fail point: the records are those of a run that was left alone
//! * a task of several steps goes on from a session that is made again from its winners
//! * an observer that says stop interrupts; nothing is lost
//! * nothing is left over: no stray adapter

use std::fs;

use sport_improve::{Error, Observer, Outcome, Silent, Stage};

use super::setting::{Setting, contents, look_actions, width_actions};

/// Runs until the point, goes on, and gives the records.
fn stopped_at(setting: &Setting, run: &str, point: &str) -> Vec<String> {
    let mut stopped = setting.create(run).unwrap();
    stopped.fail_at(point);
    match stopped.improve(&mut Silent) {
        Err(Error::FailPoint(name)) => assert!(point.starts_with(&name)),
        other => panic!("{point} was not reached: {other:?}"),
    }
    drop(stopped);
    let outcome = setting.open(run).unwrap().improve(&mut Silent).unwrap();
    assert_eq!(outcome, Outcome::Finished);
    contents(&setting.path(run))
}

#[test]
fn a_run_stopped_anywhere_comes_to_the_same_end() {
    let setting = Setting::new(&width_actions()).with("iterations = 2", "iterations = 1");
    drop(setting.improve("whole"));
    let whole = contents(&setting.path("whole"));
    let points = [
        "tasks-stored:2",
        "sampled:1",
        "samples-stored:2",
        "executed:1",
        "executed:5",
        "judged:4",
        "decided:3",
        "references:1",
        "optimiser-step:9",
        "adapter-saved:1",
        "adapter-saved:9",
        "checkpoint:10",
        "wave-evaluated:3",
        "manifest:2",
    ];
    for (number, point) in points.into_iter().enumerate() {
        let run = format!("run-{number}");
        assert_eq!(stopped_at(&setting, &run, point), whole, "stopped at {point}");
        let adapters = setting.path(&run).join("adapters/iteration-1");
        assert_eq!(fs::read_dir(adapters).unwrap().count(), 2, "one of SFT and one of DPO, after {point}");
        fs::remove_dir_all(setting.path(&run)).unwrap();
    }
}

#[test]
fn a_session_is_made_again_from_its_winners() {
    let setting = Setting::new(&look_actions())
        .with("\"width\"]\n\n[explore]", "\"look-then-format\"]\n\n[explore]")
        .with("train_tasks = 4", "train_tasks = 2")
        .with("iterations = 2", "iterations = 1");
    drop(setting.improve("whole"));
    let whole = contents(&setting.path("whole"));
    // the second batch of samples is that of the second steps
    for (number, point) in ["samples-stored:2", "sampled:2", "judged:3"].into_iter().enumerate() {
        assert_eq!(stopped_at(&setting, &format!("run-{number}"), point), whole, "stopped at {point}");
    }
}

/// Says stop after so many signs of progress.
struct Impatient(u32);

impl Observer for Impatient {
    fn begin(&mut self, _: u32, _: Stage, _: u64, _: &'static str) {}
    fn advance(&mut self, _: u32, _: Stage, _: u64, _: u64) {
        self.0 = self.0.saturating_sub(1);
    }
    fn end(&mut self, _: u32, _: Stage, _: &str) {}
    fn note(&mut self, _: &str) {}
    fn stop(&self) -> bool {
        self.0 == 0
    }
}

#[test]
fn an_interrupted_run_loses_nothing() {
    let setting = Setting::new(&width_actions()).with("iterations = 2", "iterations = 1");
    drop(setting.improve("whole"));
    let mut interruptions = 0;
    let mut run = setting.create("run").unwrap();
    loop {
        match run.improve(&mut Impatient(4)) {
            Ok(outcome) => {
                assert_eq!(outcome, Outcome::Finished);
                break;
            }
            Err(Error::Interrupted) => interruptions += 1,
            Err(error) => panic!("{error}"),
        }
        drop(run);
        run = setting.open("run").unwrap();
    }
    assert!(interruptions > 4, "{interruptions} interruptions are too few to tell");
    drop(run);
    assert_eq!(contents(&setting.path("run")), contents(&setting.path("whole")));
}
