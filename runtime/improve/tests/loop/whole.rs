//! A whole run from pictures to report:
//!
//! * the base fails, the tuned policy is right, and every figure of the summary says so
//! * manifests, adapters, report and config lie in the run directory
//! * winners are right, equal texts merged, losers paired; known answers are in no prompt
//! * a step without a winner is tried again from the same state, hotter
//! * a task of two steps: the winner's variables and files are there in the second step
//! * a held-out task ends after so many steps in a row that raise
//! * a finished run has nothing left to do

use std::fs;

use sport_improve::store::{Standing, StepOutcome};
use sport_improve::{Outcome, Silent, Split, Summary};
use sport_sandbox::EndingKind;

use super::setting::{Setting, actions, contents, look_actions, width_actions};

#[test]
fn a_run_improves_and_says_so() {
    let setting = Setting::new(&width_actions());
    let (run, outcome) = setting.improve("run");
    assert_eq!(outcome, Outcome::Finished);
    let summary = Summary::read(run.folder()).unwrap();
    assert_eq!(summary.run, "run");
    assert_eq!(summary.seed, 11);
    assert_eq!(summary.outcome, "finished");
    assert_eq!(summary.iterations.len(), 3);

    let base = &summary.iterations[0];
    assert_eq!((base.held_out.correct, base.held_out.total), (0, 4));
    assert_eq!((base.tasks, base.candidates, base.pairs), (0, 0, 0));
    assert!(base.sft.is_none() && base.dpo.is_none() && base.adapter.is_none());

    let first = &summary.iterations[1];
    assert_eq!((first.held_out.correct, first.held_out.total), (4, 4));
    assert_eq!((first.tasks, first.steps, first.candidates), (4, 4, 20));
    assert_eq!(first.endings["answered"], 16);
    assert_eq!(first.endings["raised"], 4);
    // one in each step was ruled out by facts, and not judged
    assert_eq!((first.winners, first.judgements), (4, 16));
    assert_eq!(first.winners_precision, Some(1.0));
    assert_eq!(first.pairs, 8, "the wrong one and the broken one; the guess is an abstention");
    let dpo = first.dpo.as_ref().unwrap();
    assert_eq!((dpo.items, dpo.steps), (8, 4));
    assert_eq!(first.sft.as_ref().unwrap().items, 8, "winner and co-winner of each step");
    assert_eq!(first.families["width"].correct, 4);
    assert_eq!(first.sets["demo"].total, 4);
    for stage in ["synthesize", "explore", "verify", "pair", "sft", "dpo", "evaluate"] {
        assert!(first.seconds.contains_key(stage), "{stage} has no time");
    }

    let comparison = summary.comparison.unwrap();
    assert_eq!((comparison.iteration, comparison.difference, comparison.tasks_up), (2, 1.0, 4));
    assert_eq!((comparison.families_up, comparison.families_down), (1, 0));

    for name in ["sport.toml", "report.html", "manifests/iteration-0.json", "manifests/iteration-2.json"] {
        assert!(setting.path("run").join(name).is_file(), "{name} is missing");
    }
    assert!(setting.path("run").join(first.adapter.as_ref().unwrap()).is_dir());
    let manifest = fs::read_to_string(setting.path("run/manifests/iteration-1.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["result"]["held_out"]["correct"], 4);
    assert!(manifest["digests"]["interpreter"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn winners_are_right_and_losers_are_paired() {
    let setting = Setting::new(&width_actions());
    let (run, _) = setting.improve("run");
    let store = &run.folder().store;
    for (task, _) in store.tasks(1, Split::Train).unwrap() {
        let steps = store.steps(&task.id).unwrap();
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].outcome, StepOutcome::Winner);
        assert!(!steps[0].prompt.contains(&task.answer.to_string()), "the known answer is in a prompt");
        let candidates = store.candidates(steps[0].id).unwrap();
        let winner = &candidates[steps[0].winner.unwrap() as usize];
        assert_eq!(winner.standing, Some(Standing::Winner));
        assert_eq!(winner.report.as_ref().unwrap().answer.as_ref(), Some(&task.answer));
        assert!(!winner.dependences.is_empty(), "counterfactual facts are there");
        let pairs: Vec<_> =
            store.pairs(1).unwrap().into_iter().filter(|pair| pair.step == steps[0].id).collect();
        assert_eq!(pairs.len(), 2);
        for pair in pairs {
            assert_ne!(
                candidates[pair.rejected as usize].report.as_ref().unwrap().answer,
                Some(task.answer.clone())
            );
            assert!(pair.reference.is_some());
        }
    }
}

#[test]
fn a_step_without_a_winner_is_tried_hotter() {
    let setting = Setting::new(&actions(&[(None, None, vec!["final_answer(".to_owned(); 5])]))
        .with("[explore]", "[explore]\ntemperature = [0.0, 0.5, 0.5, 0.5, 0.5]\ntemperature_rise = 0.25");
    let (run, _) = setting.improve("run");
    let store = &run.folder().store;
    let (task, _) = store.tasks(1, Split::Train).unwrap().remove(0);
    let steps = store.steps(&task.id).unwrap();
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert_eq!((steps[0].outcome, steps[1].outcome), (StepOutcome::NoWinner, StepOutcome::NoWinner));
    assert_eq!(steps[0].prompt, steps[1].prompt);
    let temperatures = |step: usize| -> Vec<f32> {
        store.candidates(steps[step].id).unwrap().iter().map(|row| row.sampling.temperature).collect()
    };
    assert_eq!(temperatures(0), [0.0, 0.5, 0.5, 0.5, 0.5]);
    assert_eq!(temperatures(1), [0.25, 0.75, 0.75, 0.75, 0.75]);
}

#[test]
fn the_second_step_has_what_the_winner_left() {
    let setting = Setting::new(&look_actions())
        .with("\"width\"]\n\n[explore]", "\"look-then-format\"]\n\n[explore]")
        .with("train_tasks = 4", "train_tasks = 2")
        .with("iterations = 2", "iterations = 1");
    let (run, outcome) = setting.improve("run");
    assert_eq!(outcome, Outcome::Finished);
    let store = &run.folder().store;
    for (task, _) in store.tasks(1, Split::Train).unwrap() {
        let steps = store.steps(&task.id).unwrap();
        assert_eq!(steps.len(), 2, "{steps:?}");
        let second = store.candidates(steps[1].id).unwrap();
        let winner = second[steps[1].winner.unwrap() as usize].report.clone().unwrap();
        assert_eq!(winner.ending, EndingKind::Answered, "{winner:?}");
        assert_eq!(winner.answer, Some(task.answer.clone()));
        assert!(steps[1].prompt.contains("Output: "), "the observation is in the second prompt");
    }
    let results = store.evaluations(0).unwrap();
    assert!(results.iter().all(|result| result.correct && result.steps.len() == 2), "{results:?}");
}

#[test]
fn a_held_out_task_ends_after_steps_that_raise() {
    let lost = |depth: u64| (None, Some(depth), vec![format!("no_such_name_{depth}"); 5]);
    let answer = "final_answer(1)".to_owned();
    for (failed, steps) in [(1, 1), (2, 2), (3, 4)] {
        let actions = actions(&[
            lost(0),
            lost(1),
            (None, Some(2), vec!["'on'".to_owned(); 5]),
            (None, None, vec![answer.clone(); 5]),
        ]);
        let setting = Setting::new(&actions).with(
            "[evaluate]\nmax_depth = 2",
            &format!("[evaluate]\nmax_depth = 6\nmax_failed_steps = {failed}"),
        );
        let (run, outcome) = setting.improve("run");
        assert!(matches!(outcome, Outcome::NoSignal { .. }), "{outcome:?}");
        let results = run.folder().store.evaluations(0).unwrap();
        assert!(results.iter().all(|result| result.steps.len() == steps), "{failed}: {results:?}");
    }
}

#[test]
fn a_finished_run_stays_as_it_is() {
    let setting = Setting::new(&width_actions());
    drop(setting.improve("run"));
    let before = contents(&setting.path("run"));
    let outcome = setting.open("run").unwrap().improve(&mut Silent).unwrap();
    assert_eq!(outcome, Outcome::Finished);
    assert_eq!(contents(&setting.path("run")), before);
}
