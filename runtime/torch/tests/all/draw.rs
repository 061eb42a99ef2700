//! Drawing a token.
//!
//! * every index is drawn as often as its probability says
//! * top-k keeps the k likeliest, ties to the lower id
//! * top-p keeps the smallest set that reaches it, also when the tail is long
//! * top-k and top-p together: top-p counts within what top-k kept
//! * the ends of the uniform range give tokens that have weight
//! * settings that make no sense are refused

use sport_policy::types::Sampling;
use sport_torch::draw::{check, draw};

fn settings(top_p: f32, top_k: u32) -> Sampling {
    Sampling { temperature: 1.0, top_p, top_k, seed: 0 }
}

/// Which ids come, over a grid of uniforms, and how often.
fn counts(probabilities: &[f32], settings: &Sampling) -> Vec<usize> {
    let mut counts = vec![0; probabilities.len()];
    for step in 0..1000 {
        counts[draw(probabilities, settings, (f64::from(step) + 0.5) / 1000.0) as usize] += 1;
    }
    counts
}

#[test]
fn as_often_as_the_probability_says() {
    assert_eq!(counts(&[0.25, 0.0, 0.5, 0.25], &settings(1.0, 0)), [250, 0, 500, 250]);
}

#[test]
fn top_k() {
    assert_eq!(counts(&[0.1, 0.4, 0.1, 0.4], &settings(1.0, 2)), [0, 500, 0, 500]);
    assert_eq!(counts(&[0.25, 0.25, 0.25, 0.25], &settings(1.0, 1)), [1000, 0, 0, 0]);
}

#[test]
fn top_p() {
    assert_eq!(counts(&[0.1, 0.45, 0.05, 0.4], &settings(0.8, 0)), [0, 529, 0, 471]);
    assert_eq!(counts(&[0.1, 0.45, 0.05, 0.4], &settings(0.01, 0)), [0, 1000, 0, 0]);
    // A thousand tokens that weigh a tenth together.
    let mut long = vec![0.1 / 1000.0; 1002];
    (long[7], long[900]) = (0.6, 0.3);
    let kept = counts(&long, &settings(0.9, 0));
    assert_eq!((kept[7], kept[900]), (667, 333));
}

#[test]
fn top_k_then_top_p() {
    // Of the three kept, 0.4 is half: the first reaches 0.5 alone.
    assert_eq!(counts(&[0.4, 0.2, 0.2, 0.1, 0.1], &settings(0.5, 3)), [1000, 0, 0, 0, 0]);
}

#[test]
fn ends_of_the_range() {
    let probabilities = [0.0, 0.5, 0.5, 0.0];
    assert_eq!(draw(&probabilities, &settings(1.0, 0), 0.0), 1);
    assert_eq!(draw(&probabilities, &settings(1.0, 0), 1.0 - f64::EPSILON), 2);
    assert_eq!(draw(&probabilities, &settings(0.99, 3), 1.0 - f64::EPSILON), 2);
}

#[test]
fn nonsense_is_refused() {
    for (temperature, top_p) in [(f32::NAN, 1.0), (-1.0, 1.0), (1.0, 0.0), (1.0, 1.5), (1.0, f32::NAN)] {
        let error = check(&Sampling { temperature, top_p, top_k: 0, seed: 0 }).unwrap_err();
        assert_eq!(error.code(), "policy-bad-request");
    }
}
