//! Stages one by one:
//!
//! * called in order they come to what the loop comes to
//! * a stage before the one it builds on is refused by name
//! * an iteration that the run does not have is refused
//! * a stage that is done is not done again

use sport_improve::{Silent, Stage};

use super::setting::{Setting, contents, width_actions};

#[test]
fn stages_in_order_are_the_loop() {
    let setting = Setting::new(&width_actions()).with("iterations = 2", "iterations = 1");
    drop(setting.improve("whole"));
    let order = [
        (0, Stage::Synthesize),
        (0, Stage::Evaluate),
        (1, Stage::Synthesize),
        (1, Stage::Explore),
        (1, Stage::Verify),
        (1, Stage::Pair),
        (1, Stage::Sft),
        (1, Stage::Evaluate),
    ];
    drop(setting.create("run").unwrap());
    for (iteration, stage) in order {
        // opened anew each time, as commands do
        setting.open("run").unwrap().stage(iteration, stage, &mut Silent).unwrap();
    }
    setting.open("run").unwrap().improve(&mut Silent).unwrap();
    assert_eq!(contents(&setting.path("run")), contents(&setting.path("whole")));
}

#[test]
fn a_stage_out_of_order_is_refused() {
    let setting = Setting::new(&width_actions());
    let mut run = setting.create("run").unwrap();
    for (stage, needs) in [
        (Stage::Explore, "synthesize"),
        (Stage::Verify, "synthesize"),
        (Stage::Pair, "explore"),
        (Stage::Sft, "pair"),
        (Stage::Evaluate, "synthesize"),
    ] {
        let error = run.stage(1, stage, &mut Silent).unwrap_err();
        assert_eq!(error.code(), "stage-order");
        assert!(error.to_string().contains(&format!("run `sport {needs}` first")), "{error}");
    }
    let error = run.stage(3, Stage::Explore, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("iterations 1 to 2"), "{error}");
    let error = run.stage(0, Stage::Pair, &mut Silent).unwrap_err();
    assert_eq!(error.code(), "refused");
}

#[test]
fn a_stage_that_is_done_is_not_done_again() {
    let setting = Setting::new(&width_actions());
    let mut run = setting.create("run").unwrap();
    for stage in [Stage::Synthesize, Stage::Explore, Stage::Verify, Stage::Pair] {
        run.stage(1, stage, &mut Silent).unwrap();
        let before = contents(&setting.path("run"));
        run.stage(1, stage, &mut Silent).unwrap();
        assert_eq!(contents(&setting.path("run")), before, "{stage} twice");
    }
}
