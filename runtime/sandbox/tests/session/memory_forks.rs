//! Forks from memory: when they are possible, and that nothing tells them from a replay.
//!
//! * a session that holds no handles is forked from memory; one with an open descriptor by replay, which says why; once it
//!   is closed, from memory again
//! * an interpreter that keeps state in a global, in a table or in its element segments is forked by replay; one that only
//!   could, in code that nothing reaches, is not
//! * random programs: a fork from memory and a fork by replay go on in the same way, files, time and random numbers included
//! * generations of forks with a growing state, and old ones of them that are gone on with later
//! * a hundred live forks of one session, each with changes of its own, after the session is gone
//! * after a run that ended badly the state before it is still there in memory
//! * an instance that a dropped fork leaves is used again, and nothing of what that fork did is in it: random programs, large
//!   memory, files and handles left open, other sizes, and with a guest whose memory can be looked at
//! * memory that the state takes is charged to the fork, and its limit holds

use sport_sandbox::{
    ArtifactStore, Budget, EndingKind, Grants, Limits, Made, Sandbox, SandboxOptions, Session, SessionOptions,
};

use crate::image::{NUMBER, Place, guest_with};
use crate::support::{Tools, budget, code, component, printed, run, session};

#[track_caller]
fn from_memory(session: &Session) -> Session {
    let fork = session.fork().unwrap();
    assert_eq!(*fork.made(), Made::FromMemory);
    fork
}

#[track_caller]
fn by_replay(session: &Session, why: &str) -> Session {
    let fork = session.fork().unwrap();
    let Made::ByReplay(reason) = fork.made() else { panic!("{:?}", fork.made()) };
    assert!(reason.contains(why), "{reason}");
    fork
}

#[test]
fn handles_decide() {
    let mut parent = session();
    printed(
        &mut parent,
        "import os, time\nx = 1\nopen('/scratch/f', 'w').write('f')\nos.listdir('/task')\ntime.sleep(5)",
    );
    from_memory(&parent);
    printed(&mut parent, "fd = os.open('/scratch/f', os.O_RDONLY)");
    let mut fork = by_replay(&parent, "handles");
    assert_eq!(printed(&mut fork, "print(os.read(fd, 9))"), "b'f'\n");
    printed(&mut parent, "os.close(fd)");
    from_memory(&parent);
    // The runtime's own standard output is taken and given back each time.
    let raw = "import sys\nsys.__stdout__.write('raw')\nsys.__stdout__.flush()";
    assert_eq!(printed(&mut parent, raw), "raw");
    assert_eq!(printed(&mut from_memory(&parent), &format!("{raw}\nprint(x)")), "raw1\n");
}

#[test]
fn the_interpreters_code_decides() {
    const BUMP_MEMORY: &str = r#"(data (i32.const 131072) "\00\00\01\00")
        (func $get (result i32) (i32.load (i32.const 131072)))
        (func $set (param i32) (i32.store (i32.const 131072) (local.get 0)))"#;
    const BUMP_GLOBAL: &str = "(global $free (mut i32) (i32.const 65536))
        (func $get (result i32) (global.get $free)) (func $set (param i32) (global.set $free (local.get 0)))";
    let table = "(table $t 2 funcref) (func $f) (elem $e func $f)";
    for (bump, extra, in_run, why) in [
        (BUMP_MEMORY, "", "", None),
        (BUMP_MEMORY, "(global $g (mut i32) (i32.const 0)) (func (global.set $g (i32.const 1)))", "", None),
        (BUMP_GLOBAL, "", "", Some("global")),
        (BUMP_MEMORY, table, "(table.set $t (i32.const 0) (ref.null func))", Some("table")),
        (BUMP_MEMORY, table, "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))", Some("table")),
        (BUMP_MEMORY, table, "(elem.drop $e)", Some("segment")),
        (
            BUMP_MEMORY,
            "(global $g (mut i32) (i32.const 0)) (func $w (global.set $g (i32.const 1)))
             (table 1 funcref) (elem (i32.const 0) $w)",
            "",
            Some("global"),
        ),
    ] {
        let place = Place::new();
        let bytes = guest_with(bump, extra, NUMBER, in_run);
        // The second time the answer comes from the cache.
        for _ in 0..2 {
            let interpreter = place.load(&bytes);
            let options =
                SessionOptions { seed: 0, files: Vec::new(), store: ArtifactStore::new_in_memory() };
            let mut parent = interpreter.open(options).unwrap();
            let exits = |session: &mut Session| {
                session.run(&code(""), &mut Tools::default(), &budget()).exit_code.unwrap()
            };
            assert_eq!(exits(&mut parent), 42);
            let mut fork = match why {
                None => from_memory(&parent),
                Some(why) => by_replay(&parent, why),
            };
            assert_eq!((exits(&mut fork), exits(&mut fork), exits(&mut parent)), (43, 44, 43), "{extra}");
        }
    }
}

/// A stream of choices that the number decides.
struct Choices(u64);

impl Choices {
    fn below(&mut self, end: u64) -> u64 {
        // Knuth's MMIX constants; the upper bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn step(&mut self) -> String {
        let n = self.below(50) + 1;
        match self.below(10) {
            0 => format!("state.append([{n}] * {n} * 100)"),
            1 => format!("state = state[-{n}:] + [random.random()]"),
            2 => format!("open('/scratch/f{}', 'a').write('{n}' * {n})", n % 4),
            3 => format!(
                "import os\nstate += [sorted(os.listdir('/scratch'))]\nos.path.exists('/scratch/f{0}') and os.remove('/scratch/f{0}')",
                n % 4
            ),
            4 => format!("time.sleep({n})\nstate.append(time.time())"),
            5 => format!("g = (i * {n} for i in range(1000))\nstate.append(next(g))"),
            6 => format!("state.append(next(g, None))\nclass K{n}:\n    made = {n}"),
            7 => format!("big = bytearray({n} << 16)\nbig[::4096] = bytes(len(big[::4096]))"),
            8 => "import uuid, secrets\nstate.append(secrets.token_hex(8))\nstate.append(str(uuid.uuid4()))"
                .to_owned(),
            _ => format!("db.execute('insert into t values ({n})')\n{n} // (len(state) % 2)"),
        }
    }
}

const BEGIN: &str = "import random, sqlite3, time\nstate = []\ng = iter(range(9))\ndb = sqlite3.connect(':memory:')\ndb.execute('create table t (x)')";
const LOOK: &str = "import os, secrets\nprint(state, next(g, None), db.execute('select sum(x) from t').fetchone(), random.random(), time.time(), secrets.token_hex(4), {n: open('/scratch/' + n).read() for n in sorted(os.listdir('/scratch'))}, sorted(n for n in globals() if n[0] == 'K'))";

#[test]
fn a_fork_from_memory_is_a_replay() {
    for seed in 0..12 {
        let mut choices = Choices(seed);
        let mut current = session();
        printed(&mut current, BEGIN);
        for _ in 0..choices.below(6) + 2 {
            let report = run(&mut current, &choices.step());
            assert!(report.ending.may_commit(), "{report:?}");
            if choices.below(2) == 0 {
                current = from_memory(&current);
            }
        }
        let (mut memory, mut replay) = (from_memory(&current), current.fork_by_replay().unwrap());
        let next = choices.step();
        for step in [next.as_str(), LOOK] {
            let (a, b) = (run(&mut memory, step), run(&mut replay, step));
            assert_eq!(
                (a.ending, &a.stdout, &a.raised),
                (b.ending, &b.stdout, &b.raised),
                "seed {seed}: {step}"
            );
        }
        assert_eq!(memory.branch().files.list(), replay.branch().files.list());
    }
}

#[test]
fn generations() {
    let mut current = session();
    printed(&mut current, "log = []\nbig = []");
    let mut kept = Vec::new();
    for number in 0..40 {
        printed(
            &mut current,
            &format!("log.append({number})\nbig.append(bytearray([{number}]) * (300 << 10))"),
        );
        let next = from_memory(&current);
        if number % 10 == 5 {
            kept.push((number, current));
        }
        current = next;
    }
    let look = "print(log == list(range(len(log))), len(log), all(b == bytearray([n]) * (300 << 10) for n, b in enumerate(big)))";
    assert_eq!(printed(&mut current, look), "True 40 True\n");
    for (number, mut old) in kept {
        let mut fork = from_memory(&old);
        assert_eq!(printed(&mut fork, look), format!("True {} True\n", number + 1));
        assert_eq!(printed(&mut old, look), format!("True {} True\n", number + 1));
    }
}

#[test]
fn a_hundred_live_forks() {
    let mut parent = session();
    printed(&mut parent, "data = {n: str(n) * 50 for n in range(20000)}");
    let mut forks: Vec<Session> = (0..100).map(|_| from_memory(&parent)).collect();
    for (number, fork) in forks.iter_mut().enumerate() {
        printed(fork, &format!("data[{number}] = 'mine'\nextra = [{number}] * 10000"));
    }
    printed(&mut parent, "data.clear()");
    drop(parent);
    for (number, fork) in forks.iter_mut().enumerate() {
        let text =
            format!("print([n for n, s in data.items() if s != str(n) * 50] == [{number}], sum(extra))");
        assert_eq!(printed(fork, &text), format!("True {}\n", number * 10000));
    }
}

#[test]
fn a_bad_ending_leaves_the_state_before_in_memory() {
    let mut parent = session();
    printed(&mut parent, "x = [1]");
    drop(from_memory(&parent));
    let tight = Budget::new(Limits { output_bytes: 100, ..Limits::interpreter() });
    let report = parent.run(&code("x.append(2)\nprint('y' * 1000)"), &mut Tools::default(), &tight);
    assert_eq!(report.ending, EndingKind::Exhausted);
    assert_eq!(printed(&mut from_memory(&parent), "print(x)"), "[1]\n");
    // A fork that has run nothing has its parent's state to fall back on.
    let mut fork = from_memory(&parent);
    let tight = Budget::new(Limits { output_bytes: 100, ..Limits::interpreter() });
    fork.run(&code("print('y' * 1000)"), &mut Tools::default(), &tight);
    assert!(!fork.healthy());
    assert_eq!(printed(&mut from_memory(&fork), "print(x)"), "[1]\n");
}

#[test]
fn memory_is_charged() {
    let mut parent = session();
    printed(&mut parent, "x = bytearray(60 << 20)");
    let mut fork = from_memory(&parent);
    let report = run(&mut fork, "1");
    assert!(report.usage.memory_bytes >= 80 << 20, "{:?}", report.usage);
    let small = Budget::new(Limits { memory_bytes: 100 << 20, ..Limits::interpreter() });
    let report = fork.run(&code("y = bytearray(60 << 20)"), &mut Tools::default(), &small);
    assert_eq!(report.ending, EndingKind::Exhausted, "{report:?}");
    let too_small = Budget::new(Limits { memory_bytes: 64 << 20, ..Limits::interpreter() });
    let report = from_memory(&parent).run(&code("1"), &mut Tools::default(), &too_small);
    assert_eq!(report.ending, EndingKind::Exhausted, "{report:?}");
}

#[test]
fn another_sandbox_knows_it_from_the_cache() {
    // The answer about the code is kept beside the compiled component, which this folder has from the other tests or makes.
    let aot_dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("aot");
    let sandbox = Sandbox::new(SandboxOptions::new(aot_dir)).unwrap();
    let python = sandbox.interpreter(&component("python.wasm"), &Grants::new(["tools"]).unwrap()).unwrap();
    let options = SessionOptions { seed: 7, files: Vec::new(), store: ArtifactStore::new_in_memory() };
    let mut parent = python.open(options).unwrap();
    printed(&mut parent, "x = 5");
    assert_eq!(printed(&mut from_memory(&parent), "print(x)"), "5\n");
}

#[test]
fn nothing_is_left_in_an_instance_that_is_used_again() {
    let mut choices = Choices(11);
    let mut parent = session();
    printed(&mut parent, BEGIN);
    for round in 0..10 {
        run(&mut parent, &choices.step());
        let leave = [
            "left = bytearray(b'left behind ' * 300_000)\nstate.clear()",
            "import os\nfd = os.open('/scratch/left', os.O_CREAT | os.O_RDWR)\nos.write(fd, b'x')",
            "import sys\nsys.setrecursionlimit(50)\nimport json\njson.loads = None\ndel state, g",
            "random.seed(1)\ntime.sleep(1000)\n1 / 0",
            "while True: state.append(0)",
        ];
        for number in 0..4 {
            let mut fork = parent.fork().unwrap();
            for _ in 0..3 {
                run(&mut fork, &choices.step());
            }
            run(&mut fork, leave[(round + number) % leave.len()]);
        }
        // where objects lie says what was allocated before them
        let look = format!(
            "{LOOK}\nimport gc\nprint([id(object()) for _ in range(9)], id([]), len(gc.get_objects()))"
        );
        let mut again = from_memory(&parent);
        let mut replayed = parent.fork_by_replay().unwrap();
        assert_eq!(printed(&mut again, &look), printed(&mut replayed, &look), "round {round}");
    }
}

#[test]
fn a_guest_finds_its_memory_as_it_was() {
    // its exit code counts up in a place that the image does not cover
    const BUMP: &str = r#"(func $get (result i32)
            (if (result i32) (i32.eqz (i32.load (i32.const 270336))) (then (i32.const 65536))
              (else (i32.load (i32.const 270336)))))
        (func $set (param i32) (i32.store (i32.const 270336) (local.get 0)))"#;
    for bump in [
        BUMP,
        r#"(data (i32.const 131072) "\00\00\01\00")
        (func $get (result i32) (i32.load (i32.const 131072)))
        (func $set (param i32) (i32.store (i32.const 131072) (local.get 0)))"#,
    ] {
        let place = Place::new();
        let interpreter = place.load(&guest_with(bump, "", NUMBER, ""));
        let options = SessionOptions { seed: 0, files: Vec::new(), store: ArtifactStore::new_in_memory() };
        let mut parent = interpreter.open(options).unwrap();
        let exits = |session: &mut Session| {
            session.run(&code(""), &mut Tools::default(), &budget()).exit_code.unwrap()
        };
        for parents in 42..46 {
            assert_eq!(exits(&mut parent), parents);
            for runs in 0..5 {
                let mut fork = from_memory(&parent);
                for run in 1..=runs {
                    assert_eq!(exits(&mut fork), parents + run);
                }
            }
            // a family of its own: an old fork that lives on while the others change
            let mut old = from_memory(&parent);
            drop(from_memory(&parent));
            assert_eq!(exits(&mut old), parents + 1);
        }
    }
}
