//! Runs that have nothing to learn from stop and say so:
//!
//! * nobody is ever right
//! * everybody is always right; SFT alone may imitate them all the same, unless only contested winners count
//! * asked again, the run says the same

use sport_improve::{Outcome, Silent, Summary};

use super::setting::{Setting, actions};

#[test]
fn a_run_in_which_nobody_is_right_stops() {
    let wrong: Vec<String> = (0..5).map(|guess| format!("final_answer({guess})")).collect();
    let setting = Setting::new(&actions(&[(None, None, wrong)]));
    let (run, outcome) = setting.improve("run");
    let Outcome::NoSignal { iteration: 1, reason } = &outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("no step had a winner") && reason.contains("prompt form"), "{reason}");
    let summary = Summary::read(run.folder()).unwrap();
    assert_eq!(summary.outcome, "no-signal");
    assert_eq!(summary.iterations.len(), 2);
    assert_eq!(summary.iterations[1].winners, 0);
    assert!(summary.iterations[1].adapter.is_none());
    assert!(setting.path("run/report.html").is_file());
    drop(run);
    assert_eq!(setting.open("run").unwrap().improve(&mut Silent).unwrap(), outcome);
}

fn everybody_is_right() -> Setting {
    let right = "import os\nfinal_answer(image_info(image=os.listdir(\"/task\")[0])[\"width\"])".to_owned();
    Setting::new(&actions(&[(None, None, vec![right])]))
}

#[test]
fn sft_alone_needs_no_loser_unless_it_is_told_to() {
    for (contested, finishes) in [(false, true), (true, false)] {
        let setting = everybody_is_right()
            .with("[tune.sft]", &format!("[tune.sft]\ncontested = {contested}"))
            .with("[tune.dpo]", "[tune.dpo]\nepochs = 0");
        let (_, outcome) = setting.improve("run");
        assert_eq!(outcome == Outcome::Finished, finishes, "{outcome:?}");
    }
}

#[test]
fn a_run_in_which_everybody_is_right_stops() {
    let setting = everybody_is_right();
    let (_, outcome) = setting.improve("run");
    let Outcome::NoSignal { iteration: 1, reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("uniformly right"), "{reason}");
}
