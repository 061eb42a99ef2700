//! A session is decided by its seed, its files and what it is told.
//!
//! * equal seeds draw equal numbers, other seeds others: `random`, `os.urandom`, `uuid`, `secrets`
//! * time starts at a fixed date, goes forward with every reading, and sleeping moves it without waiting
//! * a loop that waits for the clock ends
//! * a fork continues time and random numbers where its parent was, and two forks alike
//! * hashes and set orders are equal in all sessions

use crate::support::{printed, session_with};

const DRAW: &str = "import random, os, uuid, secrets\nprint(random.random(), os.urandom(4).hex(), uuid.uuid4(), secrets.randbits(64))";
const CLOCK: &str = "import time, datetime\nprint(time.time(), time.monotonic(), time.perf_counter(), datetime.datetime.now())";

#[test]
fn random_follows_the_seed() {
    let draw = |seed| printed(&mut session_with(seed, Vec::new()), DRAW);
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn time_is_virtual() {
    let mut session = session_with(1, Vec::new());
    let first = printed(&mut session, "import time\nprint(time.strftime('%Y-%m-%d %H:%M', time.gmtime()))");
    assert_eq!(first, "2026-01-01 00:00\n");
    let text = "a = time.monotonic()\ntime.sleep(86400)\nb = time.monotonic()\nprint(int(b - a))";
    assert_eq!(printed(&mut session, text), "86400\n");
    assert_eq!(printed(&mut session, "print(time.gmtime().tm_mday)"), "2\n");
    let wait = "end = time.monotonic() + 1\nwhile time.monotonic() < end: pass\nprint('done')";
    assert_eq!(printed(&mut session, wait), "done\n");
}

#[test]
fn time_is_the_same_in_equal_sessions() {
    let clock = || printed(&mut session_with(3, Vec::new()), CLOCK);
    assert_eq!(clock(), clock());
}

#[test]
fn forks_continue_time_and_random() {
    let mut parent = session_with(5, Vec::new());
    printed(&mut parent, DRAW);
    printed(&mut parent, "import time\ntime.sleep(12.5)");
    let mut forks = [parent.fork().unwrap(), parent.fork().unwrap()];
    let text = format!("{DRAW}\n{CLOCK}");
    let expected = printed(&mut parent, &text);
    for fork in &mut forks {
        assert_eq!(printed(fork, &text), expected);
    }
}

#[test]
fn hashes_and_orders_are_equal() {
    let text = "print(hash('sport'), list({'a', 'b', 'c', 'd'}), id(object()) > 0)";
    assert_eq!(
        printed(&mut session_with(1, Vec::new()), text),
        printed(&mut session_with(2, Vec::new()), text)
    );
}
