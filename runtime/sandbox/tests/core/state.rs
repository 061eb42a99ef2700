//! Plugin state: an overlay per branch.
//!
//! * set, get, delete, list; revisions grow and never come back
//! * compare-and-set: over a revision, only if absent, a conflict
//! * quotas on keys, values and totals
//! * a clone sees the state as it was and writes for itself
//! * plugins do not see each other's keys
//! * through a component: a call that came back keeps its change, one that trapped does not

use serde_json::json;
use sport_sandbox::{Budget, Limits, PluginState};

use crate::support::{Bench, Guest, import};

#[test]
fn values_have_revisions() {
    let mut state = PluginState::new();
    let first = state.set("p", "a", b"1", None).unwrap();
    let second = state.set("p", "a", b"2", Some(first)).unwrap();
    assert!(second > first);
    assert_eq!(state.set("p", "a", b"3", Some(first)).unwrap_err().code, "kv-conflict");
    assert_eq!(state.set("p", "a", b"3", Some(0)).unwrap_err().code, "kv-conflict");
    assert!(state.delete("p", "a", Some(first)).is_err());
    assert!(state.delete("p", "a", Some(second)).unwrap());
    assert!(!state.delete("p", "a", None).unwrap());
    let third = state.set("p", "a", b"4", Some(0)).unwrap();
    assert!(third > second, "an old revision never matches again");
}

#[test]
fn keys_come_in_pages() {
    let mut state = PluginState::new();
    for index in 0..25 {
        state.set("p", &format!("k{index:02}"), b"", None).unwrap();
    }
    state.set("p", "other", b"", None).unwrap();
    state.set("q", "k00", b"", None).unwrap();
    let (page, cursor) = state.keys("p", "k", None, 20);
    assert_eq!((page.len(), page[0].as_str(), cursor.as_deref()), (20, "k00", Some("k19")));
    let (page, cursor) = state.keys("p", "k", cursor.as_deref(), 20);
    assert_eq!((page.len(), page[4].as_str(), cursor), (5, "k24", None));
}

#[test]
fn quotas_hold() {
    let mut state = PluginState::new();
    assert_eq!(state.set("p", "", b"", None).unwrap_err().code, "kv-bad-key");
    assert_eq!(state.set("p", &"k".repeat(257), b"", None).unwrap_err().code, "kv-bad-key");
    assert_eq!(state.set("p", "k", &vec![0; 65_537], None).unwrap_err().code, "kv-value-too-big");
    let mut written = 0;
    while state.set("p", &format!("k{written}"), &vec![0; 65_536], None).is_ok() {
        written += 1;
        assert!(written < 100);
    }
    assert_eq!(written, 63, "4 MiB with the keys");
    state.delete("p", "k0", None).unwrap();
    assert!(state.set("p", "again", &vec![0; 65_536], None).is_ok(), "what was freed can be used");
    assert!(state.set("q", "k", &vec![0; 65_536], None).is_ok(), "another plugin has its own quota");
}

#[test]
fn branches_are_apart() {
    let mut parent = PluginState::new();
    parent.set("p", "a", b"parent", None).unwrap();
    let mut fork = parent.clone();
    fork.set("p", "a", b"fork", None).unwrap();
    fork.set("p", "b", b"fork", None).unwrap();
    assert_eq!(&*parent.get("p", "a").unwrap().value, b"parent");
    assert!(parent.get("p", "b").is_none());
    assert!(parent.get("q", "a").is_none());
    assert_eq!(&*fork.get("p", "a").unwrap().value, b"fork");
}

/// Writes its own name under a key, then ends as `end` says.
fn writer(end: &str) -> Guest {
    let mut guest = Guest::new();
    guest.top = import::KV_SET.to_owned();
    let (key, value, text) = (guest.text("key"), guest.text("value"), guest.text("true"));
    guest.call = format!(
        "(call $set {key} {value} (i32.const 0) (i64.const 0) (i32.const 512)) {}",
        end.replace("$text", &text)
    );
    guest
}

#[test]
fn a_call_changes_state_only_if_it_came_back() {
    let bench = Bench::new();
    let mut state = PluginState::new();
    let budget = Budget::new(Limits::tool());

    let traps = bench.load(writer("unreachable"), &["kv"]).unwrap();
    assert!(traps.call("probe", &json!({}), &bench.store, &mut state, &budget).is_err());
    assert!(state.get(traps.digest(), "key").is_none());

    let returns = bench.load(writer("(call $json $text)"), &["kv"]).unwrap();
    returns.call("probe", &json!({}), &bench.store, &mut state, &budget).unwrap();
    assert_eq!(&*state.get(returns.digest(), "key").unwrap().value, b"value");
    assert!(state.get(traps.digest(), "key").is_none(), "each plugin has its own");
}
