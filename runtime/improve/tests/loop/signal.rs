//! Runs that have nothing to learn from stop and say so:
//!
//! * nobody is ever right
//! * everybody is always right
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

#[test]
fn a_run_in_which_everybody_is_right_stops() {
    let right = "import os\nfinal_answer(image_info(image=os.listdir(\"/task\")[0])[\"width\"])".to_owned();
    let setting = Setting::new(&actions(&[(None, None, vec![right])]));
    let (_, outcome) = setting.improve("run");
    let Outcome::NoSignal { iteration: 1, reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("uniformly right"), "{reason}");
}
