//! Intervals and tests against values from elsewhere:
//!
//! * Wilson's interval against known figures, and at both ends
//! * the paired bootstrap: nothing changed, everything changed, a known standard error, the same for the same seed
//! * the sign test against the binomial distribution

use sport_improve::seed::{Purpose, stream};
use sport_improve::stats::{Share, paired_bootstrap, sign_test};

fn near(left: f64, right: f64, distance: f64) {
    assert!((left - right).abs() < distance, "{left} is not near {right}");
}

#[test]
fn wilson_gives_the_known_figures() {
    // worked out apart from this code, as are the others
    let share = Share::wilson(24, 72);
    near(share.low, 0.235_346, 1e-5);
    near(share.high, 0.448_204, 1e-5);
    let share = Share::wilson(1, 10);
    near(share.low, 0.017_876, 1e-5);
    near(share.high, 0.404_150, 1e-5);
}

#[test]
fn wilson_stays_inside_at_both_ends() {
    let none = Share::wilson(0, 10);
    assert_eq!(none.low, 0.0);
    near(none.high, 0.277_53, 1e-4);
    let all = Share::wilson(10, 10);
    near(all.low, 0.722_47, 1e-4);
    near(all.high, 1.0, 1e-12);
    let unknown = Share::wilson(0, 0);
    assert_eq!((unknown.low, unknown.high, unknown.rate()), (0.0, 1.0, 0.0));
}

#[test]
fn bootstrap_of_no_change_is_zero() {
    let results = [true, false, true, true];
    let same = paired_bootstrap(&results, &results, 500, &mut stream(1, Purpose::Bootstrap, &[]));
    assert_eq!((same.difference, same.low, same.high), (0.0, 0.0, 0.0));
}

#[test]
fn bootstrap_of_a_complete_change_is_one() {
    let all = paired_bootstrap(&[false; 20], &[true; 20], 500, &mut stream(1, Purpose::Bootstrap, &[]));
    assert_eq!((all.difference, all.low, all.high), (1.0, 1.0, 1.0));
}

#[test]
fn bootstrap_comes_near_the_normal_interval() {
    // 100 tasks: 30 up, 10 down: mean 0.2, standard deviation sqrt(0.4 - 0.04) = 0.6, standard error 0.06
    let before: Vec<bool> = (0..100).map(|task| (30..40).contains(&task)).collect();
    let after: Vec<bool> = (0..100).map(|task| task < 30).collect();
    let difference = paired_bootstrap(&before, &after, 20_000, &mut stream(7, Purpose::Bootstrap, &[]));
    near(difference.difference, 0.2, 1e-12);
    near(difference.low, 0.2 - 1.96 * 0.06, 0.011);
    near(difference.high, 0.2 + 1.96 * 0.06, 0.011);
    let again = paired_bootstrap(&before, &after, 20_000, &mut stream(7, Purpose::Bootstrap, &[]));
    assert_eq!(difference, again);
}

#[test]
fn sign_test_is_the_binomial_tail() {
    assert_eq!(sign_test(0, 0), 1.0);
    near(sign_test(7, 0), 2.0 / 128.0, 1e-12); // 0.015625
    near(sign_test(9, 1), 2.0 * 11.0 / 1024.0, 1e-12);
    near(sign_test(5, 5), 1.0, 1e-12);
    near(sign_test(1, 9), sign_test(9, 1), 1e-15);
    near(sign_test(60, 40), 0.056_888, 1e-6);
}
