//! The judging protocol, with real verifier components.
//!
//! * what facts rule out is not shown; when they rule out everybody, nobody is asked
//! * equal actions are shown once, the verifier is told how many they are, and they stand alike
//! * a verifier that is not deterministic is asked in both orders, as often as configured; one that loves a place gets ties
//! * one that only calls itself deterministic is found out, and the step dropped
//! * the best must be better by the margin
//! * long texts are cut; how long a candidate ran is not told
//! * panels: who is asked, who decides, what is stored; a cascade stops where somebody is sure
//! * a trap, a wrong count, a quote that does not occur: no vote for anybody

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a failed test")]

#[path = "../../runtime/sandbox/tests/core/guest.rs"]
mod guest;

use std::sync::Arc;

use guest::Guest;
use serde_json::{Value, json};
use sport_improve::config::Rule;
use sport_improve::judging::{self, Case, Judged, Member, Panel};
use sport_improve::observation;
use sport_improve::store::Standing::{self, Abstained, CoWinner, Loser, Tied, Vetoed, Winner};
use sport_improve::store::{Action, CandidateRow};
use sport_policy::types::{Finish, Sample, Sampling};
use sport_sandbox::{
    ArtifactStore, EndingKind, Grants, RunReport, Sandbox, SandboxOptions, StepView, Verifier,
};

/// Length of a candidate's code, where `$at` is the candidate.
const LENGTH: &str = "(f64.convert_i32_u (i32.load offset=12 (local.get $at)))";

/// A place, from 1.
const PLACE: &str = "(f64.convert_i32_u (i32.add (local.get $i) (i32.const 1)))";

const DETERMINISTIC: u32 = 1;

struct Host {
    folder: tempfile::TempDir,
    sandbox: Sandbox,
    artifacts: ArtifactStore,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(SandboxOptions::new(folder.path().join("aot"))).unwrap();
        Self { folder, sandbox, artifacts: ArtifactStore::new_in_memory() }
    }

    fn verifier(&self, guest: Guest) -> Arc<Verifier> {
        let path = self.folder.path().join("judge.wasm");
        std::fs::write(&path, guest.build()).unwrap();
        self.sandbox.verifier(&path, &Grants::none()).unwrap()
    }

    /// A panel of one.
    fn one(&self, guest: Guest) -> Panel {
        self.panel(vec![guest], Rule::All)
    }

    fn panel(&self, guests: Vec<Guest>, rule: Rule) -> Panel {
        let member = |guest| Member::new(self.verifier(guest), json!({}), 1.0);
        let members = guests.into_iter().map(member).collect();
        Panel { revision: 7, members, rule, quorum: 2, repeats: 1, margin: 0.0 }
    }

    fn judge(&self, panel: &Panel, candidates: &[CandidateRow], step: &str) -> Result<Judged, String> {
        let view = StepView {
            query: "how much is it?".to_owned(),
            files: vec![],
            captions: vec![],
            tools: vec![],
            history: vec![],
            candidates: vec![],
            depth: 0,
            max_depth: 4,
        };
        let case = Case { step: view, candidates, seed: (1, [step, "0"]), artifacts: &self.artifacts };
        judging::judge(panel, &case)
    }

    fn stand(&self, panel: &Panel, candidates: &[CandidateRow]) -> Vec<Standing> {
        self.judge(panel, candidates, "task").unwrap().ranking.standings
    }
}

/// A verifier that passes everybody with this score times a hundredth.
fn scoring(score: &str) -> Guest {
    saying(0, 1, score)
}

/// One that gives everybody this verdict, with a score if it has one.
fn saying(verdict: u32, has_score: u32, score: &str) -> Guest {
    let mut guest = Guest::new();
    guest.judge = Some(format!(
        "(local $i i32) (local $at i32) (local $out i32) (local $count i32)
         (local.set $count (i32.load offset=44 (local.get $step)))
         (local.set $at (i32.load offset=40 (local.get $step)))
         (local.set $out (call $realloc (i32.const 0) (i32.const 0) (i32.const 8)
           (i32.mul (local.get $count) (i32.const 40))))
         (i32.store8 (i32.const 1024) (i32.const 0))
         (i32.store (i32.const 1028) (local.get $out)) (i32.store (i32.const 1032) (local.get $count))
         (block $done (loop $next
           (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
           (i32.store8 (local.get $out) (i32.const {verdict}))
           (i32.store8 offset=8 (local.get $out) (i32.const {has_score}))
           (f64.store offset=16 (local.get $out) (f64.div {score} (f64.const 100)))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (local.set $at (i32.add (local.get $at) (i32.const 88)))
           (local.set $out (i32.add (local.get $out) (i32.const 40)))
           (br $next)))
         (i32.const 1024)"
    ));
    guest
}

fn deterministic(mut guest: Guest) -> Guest {
    guest.traits = DETERMINISTIC;
    guest
}

fn candidate(number: u32, code: &str, ending: EndingKind, answer: Option<Value>) -> CandidateRow {
    CandidateRow {
        number,
        sampling: Sampling { temperature: 0.7, top_p: 1.0, top_k: 0, seed: u64::from(number) },
        sample: Sample {
            text: code.to_owned(),
            tokens: vec![number],
            log_probs: vec![-1.0],
            finish: Finish::Stop,
        },
        action: Action { thought: String::new(), code: code.to_owned() },
        report: Some(RunReport { ending, answer, ..observation::unparsed() }),
        dependences: Vec::new(),
        standing: None,
    }
}

/// Candidates whose codes have these lengths, each with an answer of its own.
fn of_lengths(lengths: &[usize]) -> Vec<CandidateRow> {
    let row = |(number, &length): (usize, &usize)| {
        let letter = char::from(b'a' + number as u8).to_string();
        candidate(number as u32, &letter.repeat(length), EndingKind::Answered, Some(json!(number)))
    };
    lengths.iter().enumerate().map(row).collect()
}

#[test]
fn facts_rule_out_first() {
    let host = Host::new();
    let panel = host.one(deterministic(scoring(LENGTH)));
    let mut rows = of_lengths(&[10, 20, 90]);
    rows[2].report = Some(RunReport { ending: EndingKind::Deadline, ..observation::unparsed() });
    let judged = host.judge(&panel, &rows, "task").unwrap();
    assert_eq!(judged.ranking.standings, [Loser, Winner, Vetoed]);
    assert!(judged.askings.iter().all(|asking| !asking.order.contains(&2)), "{:?}", judged.askings);
    assert_eq!(judged.rows.iter().map(|row| row.candidate).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((judged.rows[0].revision, judged.rows[0].member), (7, 0));
    for row in &mut rows {
        row.report = Some(RunReport { ending: EndingKind::Trapped, ..observation::unparsed() });
    }
    let judged = host.judge(&panel, &rows, "task").unwrap();
    assert_eq!((judged.ranking.winner, judged.askings.len()), (None, 0));
}

#[test]
fn equal_actions_are_shown_once() {
    let host = Host::new();
    let mut rows = of_lengths(&[10, 20, 30]);
    rows[2].action = rows[1].action.clone();
    let judged = host.judge(&host.one(deterministic(scoring(LENGTH))), &rows, "task").unwrap();
    assert_eq!(judged.askings[0].order.len(), 2);
    assert_eq!(judged.ranking.standings, [Loser, Winner, CoWinner]);
    // it is told: the facts of such a candidate have an extension
    let told = "(f64.convert_i32_u (i32.load offset=68 (local.get $at)))";
    assert_eq!(host.stand(&host.one(deterministic(scoring(told))), &rows), [Loser, Winner, CoWinner]);
}

#[test]
fn both_orders_are_asked() {
    let host = Host::new();
    let rows = of_lengths(&[10, 20, 30]);
    let mut panel = host.one(scoring(LENGTH));
    panel.repeats = 3;
    let judged = host.judge(&panel, &rows, "task").unwrap();
    assert_eq!(judged.ranking.standings, [Loser, Loser, Winner]);
    assert_eq!(judged.askings.len(), 6);
    for pair in judged.askings.chunks(2) {
        let backward: Vec<u32> = pair[1].order.iter().rev().copied().collect();
        assert_eq!(pair[0].order, backward);
    }
    let orders: std::collections::BTreeSet<_> = judged.askings.iter().map(|asking| &asking.order).collect();
    assert!(orders.len() > 2, "every repeat has an order of its own: {orders:?}");
    // whoever stands last is best, whoever that is
    for step in ["one", "two", "three", "four"] {
        let judged = host.judge(&host.one(scoring(PLACE)), &rows, step).unwrap();
        assert_eq!(judged.ranking.winner, None, "{:?}", judged.askings);
        assert!(judged.ranking.standings.contains(&Tied));
    }
}

#[test]
fn who_only_calls_itself_deterministic_is_found_out() {
    let host = Host::new();
    let rows = of_lengths(&[10, 20, 30]);
    let (liar, honest) = (host.one(deterministic(scoring(PLACE))), host.one(deterministic(scoring(LENGTH))));
    let steps: Vec<String> = (0..64).map(|number| format!("task-{number}")).collect();
    let found: Vec<String> = steps.iter().filter_map(|step| host.judge(&liar, &rows, step).err()).collect();
    assert!((1..=16).contains(&found.len()), "{} of 64 steps", found.len());
    assert!(found[0].contains("calls itself deterministic"), "{}", found[0]);
    assert!(steps.iter().all(|step| host.judge(&honest, &rows, step).is_ok()));
}

#[test]
fn the_best_is_better_by_the_margin() {
    let host = Host::new();
    let mut panel = host.one(deterministic(scoring(LENGTH)));
    let rows = of_lengths(&[10, 20, 25]);
    assert_eq!(host.stand(&panel, &rows), [Loser, Loser, Winner]);
    panel.margin = 0.1;
    assert_eq!(host.stand(&panel, &rows), [Loser, Tied, Tied]);
}

#[test]
fn what_is_shown_is_cut_and_blind() {
    let host = Host::new();
    let mut rows = of_lengths(&[7_000, 60_000]);
    let scaled = format!("(f64.div {LENGTH} (f64.const 1000))");
    let judged = host.judge(&host.one(deterministic(scoring(&scaled))), &rows, "task").unwrap();
    let scores: Vec<f64> = judged.rows.iter().map(|row| row.score.unwrap()).collect();
    assert!((0.069..0.071).contains(&scores[0]) && (0.080..0.081).contains(&scores[1]), "{scores:?}");
    // how long it ran
    for (row, seconds) in rows.iter_mut().zip([1, 40]) {
        row.report.as_mut().unwrap().usage.wall_us = seconds * 1_000_000;
    }
    let wall = "(f64.div (f64.convert_i64_u (i64.load offset=56 (local.get $at))) (f64.const 1000))";
    let judged = host.judge(&host.one(deterministic(scoring(wall))), &rows, "task").unwrap();
    assert!(judged.rows.iter().all(|row| row.score == Some(0.0)), "{:?}", judged.rows);
}

#[test]
fn panels_decide_together() {
    let host = Host::new();
    let rows = of_lengths(&[10, 20]);
    let long = || deterministic(scoring(LENGTH));
    let short = || deterministic(scoring(&format!("(f64.sub (f64.const 100) {LENGTH})")));
    let against = || deterministic(saying(1, 1, "(f64.const 1)"));
    let silent = || deterministic(saying(2, 0, "(f64.const 0)"));
    for (guests, rule, standings) in [
        (vec![long(), long(), short()], Rule::All, [Loser, Winner]),
        (vec![long(), against(), long()], Rule::All, [Loser, Loser]),
        (vec![long(), silent(), long()], Rule::All, [Abstained, Abstained]),
        (vec![against(), silent(), long()], Rule::Any, [Loser, Winner]),
        (vec![against(), long(), long()], Rule::Quorum, [Loser, Winner]),
        (vec![long(), silent(), against()], Rule::Quorum, [Abstained, Abstained]),
        (vec![long(), short(), silent()], Rule::Mean, [Tied, Tied]),
        (vec![silent(), long(), short()], Rule::Cascade, [Loser, Winner]),
        (vec![against(), long(), short()], Rule::Cascade, [Loser, Loser]),
    ] {
        let count = guests.len() as u32;
        let judged = host.judge(&host.panel(guests, rule), &rows, "task").unwrap();
        assert_eq!(judged.ranking.standings, standings, "{rule:?}");
        let last = judged.rows.iter().filter(|row| row.member == count).collect::<Vec<_>>();
        assert_eq!(last.len(), 2, "the panel's own word is stored");
        assert_eq!(last[0].verifier, format!("panel:{}", rule.name()));
    }
    // who is sure spares the others
    let asked = |guests| {
        let judged = host.judge(&host.panel(guests, Rule::Cascade), &rows, "task").unwrap();
        judged.askings.iter().map(|asking| asking.member).max()
    };
    assert_eq!(asked(vec![long(), short(), short()]), Some(0));
    assert_eq!(asked(vec![silent(), silent(), long()]), Some(2));
}

#[test]
fn what_goes_wrong_is_no_vote() {
    let host = Host::new();
    let rows = of_lengths(&[10, 20]);
    let mut trap = Guest::new();
    trap.judge = Some("unreachable".to_owned());
    let reason = host.judge(&host.one(trap), &rows, "task").unwrap_err();
    assert!(reason.contains("the verifier failed"), "{reason}");
    let mut short = Guest::new();
    short.judge = Some(
        "(i32.store8 (i32.const 1024) (i32.const 0)) (i32.store (i32.const 1028) (i32.const 1200))
         (i32.store (i32.const 1032) (i32.const 0)) (i32.const 1024)"
            .to_owned(),
    );
    assert!(host.judge(&host.one(short), &rows, "task").is_err());
    // one of a panel fails: the step is dropped
    let mut trap = Guest::new();
    trap.judge = Some("unreachable".to_owned());
    let panel = host.panel(vec![deterministic(scoring(LENGTH)), trap], Rule::Any);
    assert!(host.judge(&panel, &rows, "task").is_err());
}
