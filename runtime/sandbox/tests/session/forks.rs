//! Forks: every candidate of a step runs in one of its own.
//!
//! * candidate k sees nothing of candidate j: variables, modules, files, plugin state
//! * neither does the parent, and the winner's live instance goes on
//! * a replay calls no tool, and code sees the recorded results again
//! * artifacts that tools placed and state that they wrote are in the fork
//! * functions, classes, generators, iterators and random state continue
//! * forks after a deadline, a memory bomb, a trap and an output flood have the state before that run
//! * an exception, an answer and an exit are committed; their state is in the fork
//! * grandchildren, and chains of forks
//! * files and descriptors that a step left open, also of files that were removed meanwhile
//! * many live forks of one parent, on several threads
//! * the memory limit that a step ran under holds in its replay

use std::time::Duration;

use serde_json::json;
use sport_sandbox::{Budget, EndingKind, ForkError, Limits, Session};

use crate::support::{Tools, budget, code, printed, run, session, short};

#[track_caller]
fn with_tools(session: &mut Session, tools: &mut Tools, text: &str) -> String {
    let report = session.run(&code(text), tools, &budget());
    assert_eq!(report.ending, EndingKind::Value, "{report:?}");
    report.stdout
}

#[test]
fn candidates_see_nothing_of_each_other() {
    let mut tools = Tools::default();
    let mut parent = session();
    with_tools(
        &mut parent,
        &mut tools,
        "x = [1]\nopen('/scratch/f', 'w').write('parent')\nnote(key='k', text='parent')",
    );
    let mut candidates: Vec<Session> = (0..4).map(|_| parent.fork().unwrap()).collect();
    for (number, candidate) in candidates.iter_mut().enumerate() {
        let text = format!(
            "x.append({number})\nimport json; json.mine = {number}\nopen('/scratch/f', 'a').write('{number}')\nopen('/scratch/only{number}', 'w').close()\nnote(key='k', text='{number}')"
        );
        with_tools(candidate, &mut tools, &text);
    }
    for (number, candidate) in candidates.iter_mut().enumerate() {
        let text = "import os, json\nprint(x, json.mine, open('/scratch/f').read(), sorted(os.listdir('/scratch')), read_note(key='k')['text'])";
        let expected = format!("[1, {number}] {number} parent{number} ['f', 'only{number}'] {number}\n");
        assert_eq!(with_tools(candidate, &mut tools, text), expected);
    }
    let text = "import os, json\nprint(x, hasattr(json, 'mine'), open('/scratch/f').read(), os.listdir('/scratch'), read_note(key='k')['text'])";
    assert_eq!(with_tools(&mut parent, &mut tools, text), "[1] False parent ['f'] parent\n");
    // The winner's live instance is the next parent.
    let mut winner = candidates.remove(2);
    drop((parent, candidates));
    let mut next = winner.fork().unwrap();
    assert_eq!(printed(&mut next, "print(x, open('/scratch/f').read())"), "[1, 2] parent2\n");
    assert_eq!(printed(&mut winner, "print(x)"), "[1, 2]\n");
}

#[test]
fn a_replay_calls_no_tool() {
    let mut tools = Tools::default();
    let mut parent = session();
    with_tools(&mut parent, &mut tools, "a = count()['calls']\nb = count()['calls']");
    with_tools(
        &mut parent,
        &mut tools,
        "try:\n    fail()\nexcept Exception as e:\n    why = str(e)\np = place(text='made by a tool')['path']",
    );
    assert_eq!(tools.calls.len(), 4);
    let mut fork = parent.fork().unwrap();
    let mut grandchild = fork.fork().unwrap();
    assert_eq!(tools.calls.len(), 4);
    for session in [&mut fork, &mut grandchild] {
        let mut none = Tools::default();
        assert_eq!(
            with_tools(session, &mut none, "print(a, b, 'always' in why, open(p).read())"),
            "1 2 True made by a tool\n"
        );
        assert!(none.calls.is_empty());
    }
    assert_eq!(fork.branch().files.list(), parent.branch().files.list());
    assert_eq!(fork.steps(), parent.steps() + 1);
}

#[test]
fn tool_effects_between_file_operations_come_at_their_place() {
    let mut tools = Tools::default();
    let mut parent = session();
    let text = "import os\nseen = [sorted(os.listdir('/scratch'))]\np = place(text='one')['path']\nseen.append(open(p).read())\nos.remove(p)\np = place(text='two')['path']\nopen(p, 'a').write('!')\nseen.append(open(p).read())\nseen.append(os.listdir('/scratch/artifacts'))";
    with_tools(&mut parent, &mut tools, text);
    let expected = printed(&mut parent, "print(seen)");
    assert_eq!(expected, "[[], 'one', 'two!', ['note.txt']]\n");
    let mut fork = parent.fork().unwrap();
    assert_eq!(printed(&mut fork, "print(seen)"), expected);
    assert_eq!(printed(&mut fork, "print(open(p).read())"), "two!\n");
}

#[test]
fn all_kinds_of_state_continue() {
    let mut parent = session();
    printed(
        &mut parent,
        "import random, re, io, sqlite3, itertools\nclass C:\n    n = 0\n    def up(self): C.n += 1; return C.n\nc = C(); c.up()\ndef gen():\n    for i in range(100): yield i\ng = gen(); next(g); next(g)\nit = itertools.count(5); next(it)\nrandom.seed(3); random.random()\ns = io.StringIO(); s.write('abc')\ndb = sqlite3.connect(':memory:'); db.execute('create table t (x)'); db.execute('insert into t values (7)')\nf = (lambda y: lambda z: y + z)(10)",
    );
    let text = "print(c.up(), next(g), next(it), random.random(), s.getvalue(), db.execute('select x from t').fetchone(), f(1))";
    let mut forks = [parent.fork().unwrap(), parent.fork().unwrap()];
    let expected = printed(&mut parent, text);
    assert!(expected.starts_with("2 2 6 "), "{expected}");
    for fork in &mut forks {
        assert_eq!(printed(fork, text), expected);
    }
}

#[test]
fn forks_after_bad_endings_have_the_state_before() {
    let tight = || Budget::new(Limits { output_bytes: 1_000, ..Limits::interpreter() });
    for (text, budget, ending) in [
        (
            "x = 2\nopen('/scratch/f', 'w').write('2')\nwhile True: pass",
            short(Duration::from_secs(2)),
            EndingKind::Deadline,
        ),
        (
            "x = 2\nopen('/scratch/f', 'w').write('2')\ny = []\nwhile True: y.append(bytearray(1 << 20))",
            budget(),
            EndingKind::Exhausted,
        ),
        ("x = 2\nopen('/scratch/f', 'w').write('2')\nimport os\nos.abort()", budget(), EndingKind::Trapped),
        ("x = 2\nopen('/scratch/f', 'w').write('2')\nprint('y' * 2000)", tight(), EndingKind::Exhausted),
    ] {
        let mut parent = session();
        printed(&mut parent, "x = 1\nopen('/scratch/f', 'w').write('1')");
        let mut sibling = parent.fork().unwrap();
        let mut candidate = parent.fork().unwrap();
        let report = candidate.run(&code(text), &mut Tools::default(), &budget);
        assert_eq!(report.ending, ending, "{text}: {:?}", report.reason);
        assert!(!candidate.healthy());
        assert_eq!(candidate.branch().files.resolve("f").unwrap().bytes[..], *b"1");
        let look = "print(x, open('/scratch/f').read())";
        assert_eq!(printed(&mut candidate.fork().unwrap(), look), "1 1\n");
        assert_eq!(printed(&mut sibling, look), "1 1\n");
        assert_eq!(printed(&mut parent, look), "1 1\n");
    }
}

#[test]
fn good_endings_are_committed() {
    for (text, ending) in [
        ("x = 2\n1 // 0", EndingKind::Raised),
        ("x = 2\nfinal_answer(5)", EndingKind::Answered),
        ("x = 2\nexit(4)", EndingKind::Exited),
        ("x = 2\nx", EndingKind::Value),
    ] {
        let mut parent = session();
        printed(&mut parent, "x = 1");
        assert_eq!(run(&mut parent, text).ending, ending);
        assert_eq!(printed(&mut parent.fork().unwrap(), "print(x)"), "2\n", "{text}");
        assert_eq!(printed(&mut parent, "print(x)"), "2\n", "{text}");
    }
}

#[test]
fn a_memory_error_that_was_caught_comes_again() {
    let mut parent = session();
    let budget = Budget::new(Limits { memory_bytes: 96 << 20, ..Limits::interpreter() });
    let text = "n = 0\nkeep = []\ntry:\n    while True:\n        keep.append(bytearray(1 << 20)); n += 1\nexcept MemoryError:\n    del keep[:]";
    let report = parent.run(&code(text), &mut Tools::default(), &budget);
    assert_eq!(report.ending, EndingKind::Value, "{report:?}");
    let mut fork = parent.fork().unwrap();
    let count = printed(&mut parent, "print(n)");
    assert_eq!(printed(&mut fork, "print(n)"), count);
    assert!(count.trim().parse::<u32>().unwrap() < 96);
}

#[test]
fn a_chain_of_forks() {
    let mut session = session();
    for number in 0..8 {
        printed(
            &mut session,
            &format!("a = globals().get('a', 0) + {number}\nopen('/scratch/log', 'a').write('{number}')"),
        );
        session = session.fork().unwrap();
    }
    assert_eq!(session.steps(), 8);
    assert_eq!(printed(&mut session, "print(a, open('/scratch/log').read())"), "28 01234567\n");
}

#[test]
fn files_that_were_left_open_are_written() {
    let mut parent = session();
    printed(
        &mut parent,
        "import os\nf = open('/scratch/f', 'w+')\nf.write('one ')\ng = open('/scratch/gone', 'w+')\ng.write('unseen')\ng.flush()\nos.remove('/scratch/gone')",
    );
    let mut fork = parent.fork().unwrap().fork().unwrap();
    printed(&mut parent, "open('/scratch/f', 'a').write('parent')");
    let text = "print(f.closed, open('/scratch/f', 'a+').write('fork'), open('/scratch/f').read(), os.listdir('/scratch'))";
    assert_eq!(printed(&mut fork, text), "True 4 one fork ['f']\n");
    assert_eq!(printed(&mut parent, "print(open('/scratch/f').read())"), "one parent\n");
    assert_eq!(fork.branch().files.scratch_bytes(), 8);
}

#[test]
fn raw_descriptors_stay_open() {
    let mut parent = session();
    printed(
        &mut parent,
        "import os\nfd = os.open('/scratch/f', os.O_RDWR | os.O_CREAT)\nos.write(fd, b'one ')\nold = os.open('/scratch/old', os.O_RDWR | os.O_CREAT)\nos.write(old, b'unseen')\nos.remove('/scratch/old')",
    );
    let mut fork = parent.fork().unwrap().fork().unwrap();
    let look = "os.write(fd, {who})\nos.lseek(fd, 0, 0)\nos.lseek(old, 0, 0)\nprint(os.read(fd, 99), os.read(old, 99), os.listdir('/scratch'))";
    let parents = printed(&mut parent, &look.replace("{who}", "b'parent'"));
    assert_eq!(parents, "b'one parent' b'unseen' ['f']\n");
    assert_eq!(printed(&mut fork, &look.replace("{who}", "b'fork'")), "b'one fork' b'unseen' ['f']\n");
    printed(&mut fork, "os.close(old)\nos.close(fd)");
    assert_eq!(fork.branch().files.scratch_bytes(), 8);
}

#[test]
fn the_tools_of_the_past_are_those_it_had() {
    // The tools that a session has are asked for in every run; a fork must not see other ones in its past.
    let mut tools = Tools::default();
    let mut parent = session();
    with_tools(
        &mut parent,
        &mut tools,
        "have = sorted(n for n in ('count', 'note') if n in globals() or hasattr(__builtins__, n))\nx = callable(count)",
    );
    let mut fork = parent.fork().unwrap();
    assert_eq!(printed(&mut fork, "print(x)"), "True\n");
}

#[test]
fn many_forks_on_many_threads() {
    let mut parent = session();
    printed(&mut parent, "data = list(range(50000))\nopen('/scratch/f', 'w').write('base')");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let parent = &parent;
            scope.spawn(move || {
                let mut live: Vec<Session> = (0..8).map(|_| parent.fork().unwrap()).collect();
                for (number, fork) in live.iter_mut().enumerate() {
                    let mark = thread * 100 + number;
                    printed(
                        fork,
                        &format!("data[{number}] = -{mark}\nopen('/scratch/f', 'a').write('{mark}')"),
                    );
                }
                for (number, fork) in live.iter_mut().enumerate() {
                    let mark = thread * 100 + number;
                    let expected =
                        format!("{} base{mark}\n", (0..50000_i64).sum::<i64>() - number as i64 - mark as i64);
                    assert_eq!(printed(fork, "print(sum(data), open('/scratch/f').read())"), expected);
                }
            });
        }
    });
    assert_eq!(printed(&mut parent, "print(sum(data), open('/scratch/f').read())"), "1249975000 base\n");
}

#[test]
fn sessions_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let mut session = session();
    is_send(&session);
    printed(&mut session, "x = 1");
    let mut session = std::thread::spawn(move || {
        printed(&mut session, "x += 1");
        session
    })
    .join()
    .unwrap();
    assert_eq!(printed(&mut session, "print(x)"), "2\n");
    assert_eq!(ForkError::ReplayDiverged { step: 0, reason: String::new() }.code(), "replay-diverged");
    assert_eq!(run(&mut session, "x").value.unwrap().json, Some(json!(2)));
}
