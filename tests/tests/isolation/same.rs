//! Sequences of steps in both places; after each step the reports and the files are equal.
//!
//! * values, prints, exceptions, exits, answers, a syntax error, standard input and arguments
//! * files of the task; files in `/scratch`: made, appended to, renamed, removed, open without a name
//! * tools: values, files, failures, state, a file of the code's own, more calls than there may be
//! * time, random numbers, what is left of the budget
//! * endings by the budget: output, memory, host calls, an endless loop
//! * displayed images, output as it is made
//! * forks from memory and by replay, of a fork, after a run that ended badly; what they go on with
//! * cancelled from another thread, in the code and in a tool

use std::time::Duration;

use sport_sandbox::{
    ArtifactStore, Budget, Channel, Limits, Made, RunReport, RunRequest, Session, TaskFile, Usage,
};

use crate::support::{Tools, away, here, open, open_with, printed, request, run, run_within};

/// Equal but for what a clock measures.
#[track_caller]
fn equal(code: &str, here: RunReport, away: RunReport) {
    let timeless =
        |report: RunReport| RunReport { usage: Usage { wall_us: 0, cpu_us: 0, ..report.usage }, ..report };
    assert_eq!(timeless(here), timeless(away), "{code}");
}

fn files(session: &Session) -> Vec<(String, Vec<u8>)> {
    let files = session.branch().files.list();
    files
        .into_iter()
        .map(|(path, _)| (path.clone(), session.branch().files.resolve(&path).unwrap().bytes.to_vec()))
        .collect()
}

/// Runs the same steps in both places.
#[track_caller]
fn both_with(limits: Limits, files_of_task: &[TaskFile], steps: &[&str]) {
    let stores = [ArtifactStore::new_in_memory(), ArtifactStore::new_in_memory()];
    let mut sessions = [
        open_with(here(), files_of_task.to_vec(), &stores[0]),
        open_with(away(), files_of_task.to_vec(), &stores[1]),
    ];
    for code in steps {
        let mut reports = Vec::new();
        for (session, store) in sessions.iter_mut().zip(&stores) {
            let mut tools = Tools { store: Some(store.clone()), calls: 0 };
            reports.push(session.run(&request(code), &mut tools, &Budget::new(limits)));
        }
        let away = reports.pop().unwrap();
        equal(code, reports.pop().unwrap(), away);
        assert_eq!(files(&sessions[0]), files(&sessions[1]), "{code}");
        assert_eq!(sessions[0].steps(), sessions[1].steps(), "{code}");
        assert_eq!(sessions[0].healthy(), sessions[1].healthy(), "{code}");
    }
}

#[track_caller]
fn both(steps: &[&str]) {
    both_with(Limits::interpreter(), &[], steps);
}

#[test]
fn endings() {
    both(&[
        "x = 41\nprint('on')\nx + 1",
        "raise ValueError('no ' + str(x))",
        "x +",
        "final_answer({'x': [x, 0.1, None]})",
        "final_answer(None)",
        "[None]",
        "None",
    ]);
    both(&["import sys\nprint('out')\nprint('err', file=sys.stderr)\nexit(3)", "'still there'"]);
    both(&["float('nan')", "'\\ud800'", "print('\\x1b[31mred')", "'ä' * 1000"]);
}

#[test]
fn input_and_arguments() {
    let request = RunRequest {
        code: "import sys\nprint(sys.argv[1:], sys.stdin.read())".to_owned(),
        stdin: Some(b"line\nline \xff".to_vec()),
        arguments: vec!["--a".to_owned(), "b c".to_owned()],
    };
    let [here, away] = [here(), away()]
        .map(|python| open(python).run(&request, &mut Tools::default(), &Budget::new(Limits::interpreter())));
    equal("stdin", here, away);
}

#[test]
fn scratch_files() {
    both(&[
        "import os\nos.makedirs('/scratch/a/b')\nopen('/scratch/a/b/c.txt', 'w').write('c' * 200000)",
        "with open('/scratch/a/b/c.txt', 'a') as f: f.write('more')\nos.path.getsize('/scratch/a/b/c.txt')",
        "os.rename('/scratch/a/b', '/scratch/d')\nsorted(os.listdir('/scratch')), os.stat('/scratch/d/c.txt').st_mtime",
        "f = open('/scratch/e', 'w+')\nf.write('kept')\nos.remove('/scratch/e')",
        "f.seek(0)\nf.read()",
        "os.remove('/scratch/d/c.txt')\nos.rmdir('/scratch/d')\nos.listdir('/scratch')",
    ]);
}

#[test]
fn files_of_the_task() {
    let folder = tempfile::tempdir().unwrap();
    let text = sport_tests::write(folder.path(), "text.txt", "one\ntwo\n");
    let bytes = sport_tests::write(folder.path(), "empty", "");
    let files = [
        TaskFile { name: "text.txt".to_owned(), path: text },
        TaskFile { name: "a".to_owned(), path: bytes },
    ];
    both_with(
        Limits::interpreter(),
        &files,
        &[
            "import os\n[(n, os.path.getsize('/task/' + n)) for n in sorted(os.listdir('/task'))], open('/task/text.txt').read()",
            "open('/task/new', 'w')",
        ],
    );
}

#[test]
fn tools() {
    both(&[
        "echo(value={'a': [1, 2.5, None, 'x' * 10000], 'big': 12345678901234567890, 'tiny': 5e-324})",
        "path = make(text='of a tool')\nopen(path).read(), path",
        "make(text='of a tool'), make(text='another')",
        "open('/scratch/own', 'w').write('12345')\nread(name='own'), read(name='/scratch/artifacts/made.txt')",
        "remember(text='first'), remember(text='second')",
        "try:\n    fail(why='x')\nexcept ToolError as e:\n    print(e)",
        "fail(why='x')",
        "read(name='nowhere')",
    ]);
    let few = Limits { tool_calls: 3, ..Limits::interpreter() };
    both_with(
        few,
        &[],
        &[
            "for i in range(3): echo(value=i)",
            "seen = []\nfor i in range(5):\n    try: seen.append(echo(value=i))\n    except ToolError as e: seen.append(str(e))\nseen",
            "for i in range(5): echo(value=i)",
        ],
    );
}

#[test]
fn time_and_chance() {
    both(&["import time, random, os, uuid\n(time.time(), random.random(), os.urandom(8), uuid.uuid4())"; 3]);
}

#[test]
fn endings_by_the_budget() {
    let limits = Limits::interpreter();
    both_with(
        Limits { output_bytes: 1_000, ..limits },
        &[],
        &["print('x' * 900)", "while True: print('x' * 100)"],
    );
    both_with(Limits { memory_bytes: 64 << 20, ..limits }, &[], &["x = 1", "x = bytearray(60 << 20)"]);
    both_with(Limits { host_calls: 500, ..limits }, &[], &["import time\nwhile True: time.time()"]);
    for code in ["while True: pass", "import time\nwhile True: time.sleep(9)"] {
        let wall = Duration::from_millis(300);
        let limits = Limits { wall, host_calls: u64::MAX, ..limits };
        let [here, away] = [here(), away()].map(|python| run_within(&mut open(python), code, limits));
        // How far it came by then differs.
        assert_eq!((here.ending, here.reason), (away.ending, away.reason), "{code}");
    }
    let cpu = Limits { cpu: Duration::from_millis(200), ..limits };
    let [here, away] = [here(), away()].map(|python| run_within(&mut open(python), "while True: pass", cpu));
    assert_eq!((here.ending, here.reason), (away.ending, away.reason));
}

#[test]
fn time_that_a_tool_takes_counts() {
    let wall = Duration::from_millis(200);
    let limits = Limits { wall, ..Limits::interpreter() };
    both_with(limits, &[], &["sleep(ms=5000)"]);
}

#[test]
fn output_as_it_is_made() {
    let code = "import sys\nfor i in range(3):\n    print(i)\n    print(-i, file=sys.stderr)";
    let [here, away] = [here(), away()].map(|python| {
        let mut shown = Vec::new();
        let budget = Budget::new(Limits::interpreter());
        let mut sink = |channel: Channel, bytes: &[u8]| shown.push((channel, bytes.to_vec()));
        open(python).run_live(&request(code), &mut Tools::default(), &budget, &mut sink);
        shown
    });
    assert_eq!(here, away);
    assert!(here.len() >= 6);
}

#[test]
fn displays() {
    // A PNG of one pixel, by hand.
    let code = "import struct, zlib\ndef chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))\npng = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 2, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(b'\\0abc')) + chunk(b'IEND', b'')\nopen('/scratch/data.bin', 'wb').write(png)\ndisplay(png)\ndisplay('a text')\ndisplay('/scratch/data.bin')\ndisplay({'a': 1})";
    let stores = [ArtifactStore::new_in_memory(), ArtifactStore::new_in_memory()];
    let reports = [(here(), &stores[0]), (away(), &stores[1])]
        .map(|(python, store)| run(&mut open_with(python, Vec::new(), store), code));
    for (report, store) in reports.iter().zip(&stores) {
        for content in &report.displays {
            if let sport_sandbox::Content::Artifact(artifact) = content {
                assert!(store.get(&artifact.digest).unwrap().starts_with(b"\x89PNG"));
            }
        }
    }
    let [here, away] = reports;
    assert!(!here.displays.is_empty(), "{here:?}");
    equal("display", here, away);
}

#[test]
fn forks() {
    let [here, away] = [here(), away()].map(|python| {
        let mut parent = open(python);
        printed(
            &mut parent,
            "import random\nstate = [random.random()]\nopen('/scratch/f', 'w').write('parent')",
        );
        let mut said = Vec::new();
        let next = "state.append(random.random())\nprint(state, open('/scratch/f').read())";
        let mut fork = parent.fork().unwrap();
        assert_eq!(*fork.made(), Made::FromMemory);
        said.push(printed(&mut fork, next));
        let mut replayed = parent.fork_by_replay().unwrap();
        said.push(printed(&mut replayed, next));
        said.push(printed(&mut parent, "open('/scratch/f', 'w').write('later')\nprint(len(state))"));
        let mut grandchild = fork.fork().unwrap();
        said.push(printed(&mut grandchild, next));
        parent.keep();
        let limits = Limits { wall: Duration::from_millis(100), ..Limits::interpreter() };
        let ended = run_within(&mut parent, "state = None\nwhile True: pass", limits);
        said.push(format!("{:?} {:?}", ended.ending, run(&mut parent, "1").reason));
        let mut back = parent.fork().unwrap();
        assert_eq!(*back.made(), Made::FromMemory);
        said.push(printed(&mut back, next));
        // with an open file only a replay is the same
        run(&mut back, "import os\nfd = os.open('/scratch/f', os.O_RDONLY)");
        assert!(matches!(back.fork().unwrap().made(), Made::ByReplay(_)));
        said
    });
    assert_eq!(here, away);
}

#[test]
fn a_run_is_cancelled() {
    let mut session = open(away());
    let budget = Budget::new(Limits::interpreter());
    let other = budget.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        other.cancel();
    });
    let report = session.run(&request("while True: pass"), &mut Tools::default(), &budget);
    canceller.join().unwrap();
    assert_eq!(report.ending.name(), "cancelled", "{report:?}");
    // its process is alive
    assert_eq!(printed(&mut session.fork().unwrap(), "print(1)"), "1\n");
}

#[test]
fn a_run_is_cancelled_while_a_tool_works() {
    for python in [here(), away()] {
        let budget = Budget::new(Limits::interpreter());
        let other = budget.clone();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            other.cancel();
        });
        let report =
            open(python).run(&request("sleep(ms=300)\nprint('went on')"), &mut Tools::default(), &budget);
        canceller.join().unwrap();
        assert_eq!((report.ending.name(), report.stdout.as_str()), ("cancelled", ""), "{report:?}");
    }
}
