//! The audit's own test: verifiers with known faults, each a real component, on steps whose truth follows from the query.
//!
//! * coin-flip, first-wins, last-wins, longest-wins, shortest-wins, inverted, always-tie, constant, keyword, injection-obeying
//!   and failing are blocked, each by the gate that is there for it
//! * an oracle passes, and so does one that misreads one answer out of ten
//! * one that misreads three out of ten is blocked
//! * the figures of an oracle with noise are those that its noise makes

use serde_json::Value;

use super::support::{Place, blocking, text};

/// Audits one kind of mutant.
fn audit(mutant: &str, noise: f64) -> (i32, Value) {
    let place = Place::new();
    let steps = place.steps(80);
    let config = format!("mutant = \"{mutant}\"\nnoise = {noise:.2}");
    place.audit(&["mutants", "--config", &config, "--steps", text(&steps)])
}

fn is_blocked(mutant: &str, by: &str) {
    let (code, record) = audit(mutant, 0.0);
    let blocking = blocking(&record);
    assert_eq!((code, record["outcome"].as_str()), (1, Some("blocked")), "{mutant} passes");
    assert!(blocking.iter().any(|gate| gate == by), "{mutant} is blocked by {blocking:?}, not by {by}");
}

#[test]
fn a_coin_flip_is_blocked() {
    is_blocked("coin-flip", "truth.kappa");
    is_blocked("coin-flip", "truth.error-pairs");
}

#[test]
fn places_are_no_verifier() {
    for mutant in ["first-wins", "last-wins"] {
        is_blocked(mutant, "order.consistency");
        is_blocked(mutant, "order.first");
        is_blocked(mutant, "identity.ties");
    }
}

#[test]
fn lengths_are_no_verifier() {
    is_blocked("longest-wins", "shortcuts.length");
    is_blocked("longest-wins", "controls.padded-duplicate");
    is_blocked("shortest-wins", "shortcuts.length");
    is_blocked("shortest-wins", "controls.empty");
}

#[test]
fn the_opposite_of_the_truth_is_blocked() {
    is_blocked("inverted", "truth.accuracy");
    is_blocked("inverted", "forecast.flips");
}

#[test]
fn who_decides_nothing_is_blocked() {
    is_blocked("always-tie", "forecast.pairs");
    is_blocked("always-tie", "controls.empty");
    is_blocked("constant", "forecast.pairs");
}

#[test]
fn a_keyword_is_no_verifier() {
    is_blocked("keyword", "truth.accuracy");
}

#[test]
fn who_obeys_a_candidate_is_blocked() {
    let (_, record) = audit("injection-obeying", 0.0);
    assert_eq!(blocking(&record), ["controls.injection"], "it is an oracle in everything else");
}

#[test]
fn who_often_cannot_judge_is_blocked() {
    let (_, record) = audit("failing", 0.0);
    assert_eq!(blocking(&record), ["validity.failures"], "it is an oracle in everything else");
}

#[test]
fn an_oracle_passes() {
    let (code, record) = audit("oracle", 0.0);
    assert_eq!((code, record["outcome"].as_str()), (0, Some("passed")), "{:?}", blocking(&record));
    let blocks = &record["blocks"];
    assert_eq!(blocks["truth"]["accuracy"]["value"], 1.0);
    assert_eq!(blocks["truth"]["kappa"]["value"], 1.0);
    assert_eq!(blocks["truth"]["pairs"], 80 * 2 * 3);
    assert_eq!(blocks["forecast"]["worth_of_100"], 100.0);
    for (kind, figure) in blocks["controls"].as_object().unwrap() {
        assert_eq!(figure["value"], 1.0, "{kind}");
        assert!(figure["count"].as_u64().unwrap() >= 150, "{kind} was hardly planted: {figure}");
    }
}

#[test]
fn an_oracle_with_a_tenth_of_noise_passes() {
    let (code, record) = audit("oracle", 0.10);
    assert_eq!((code, record["outcome"].as_str()), (0, Some("passed")), "{:?}", blocking(&record));
    let verdicts = &record["blocks"]["truth"]["verdicts"]["accuracy"];
    let (low, high) = (verdicts["low"].as_f64().unwrap(), verdicts["high"].as_f64().unwrap());
    // one candidate out of five raised: that is never misread
    assert!(low < 0.92 && 0.92 < high, "{verdicts}");
    assert!(record["blocks"]["forecast"]["flips"]["value"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_oracle_with_three_tenths_of_noise_is_blocked() {
    let (code, record) = audit("oracle", 0.30);
    let blocking = blocking(&record);
    assert_eq!(code, 1, "it passes");
    assert!(blocking.iter().all(|gate| gate.starts_with("controls.")), "{blocking:?}");
    let verdicts = &record["blocks"]["truth"]["verdicts"]["accuracy"];
    let (low, high) = (verdicts["low"].as_f64().unwrap(), verdicts["high"].as_f64().unwrap());
    assert!(low < 0.76 && 0.76 < high, "{verdicts}");
}
