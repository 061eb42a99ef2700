//! Seeds:
//!
//! * the same ids give the same seed; another run, purpose or id gives another
//! * ids do not run into each other
//! * an order is a permutation

use sport_improve::seed::{Purpose, order, seed};

#[test]
fn a_seed_depends_on_everything_it_is_for() {
    let one = seed(1, Purpose::Sample, &["task", "0", "1"]);
    assert_eq!(one, seed(1, Purpose::Sample, &["task", "0", "1"]));
    assert_ne!(one, seed(2, Purpose::Sample, &["task", "0", "1"]));
    assert_ne!(one, seed(1, Purpose::Session, &["task", "0", "1"]));
    assert_ne!(one, seed(1, Purpose::Sample, &["task", "1", "0"]));
}

#[test]
fn ids_do_not_run_into_each_other() {
    assert_ne!(seed(1, Purpose::Sample, &["ab", "c"]), seed(1, Purpose::Sample, &["a", "bc"]));
    assert_ne!(seed(1, Purpose::Sample, &["a"]), seed(1, Purpose::Sample, &["a", ""]));
}

#[test]
fn an_order_is_a_permutation() {
    let mut order = order(50, 3, Purpose::Epoch, &["1"]);
    assert_ne!(order, (0..50).collect::<Vec<_>>());
    order.sort_unstable();
    assert_eq!(order, (0..50).collect::<Vec<_>>());
}
