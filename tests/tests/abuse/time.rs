//! Code that never ends, in every place where a guest's code runs.
//!
//! * a tool: a loop; a loop that catches nothing because nothing can be caught; many calls of small functions; in bulk
//!   memory operations; in the start function; in the allocator; after its return; in `describe`; over a cheap host call; over
//!   a host call that fails; by cpu time; by a budget above it; a verifier
//! * Python: a loop, in a generator, in `except BaseException`, in `finally`, in `__del__`, in `__repr__` of the value, in `__eq__`
//!   and `__lt__`, in a trace function, in an import hook, at exit, in a comprehension of C code
//! * Python in C: a regular expression that backtracks, a big power, a big factorial, a long division, text to number,
//!   sorting, `itertools`, a hash collision, SQL, decompressing
//! * waiting: `sleep` for ever (time is virtual: it must end at once or at the deadline), `select`, a lock, a queue, a tool

use std::time::Duration;

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Failure, Grants, Limits, Outcome, PluginState, RunRequest, ToolHost,
    ToolInfo,
};

use crate::case::{Case, brief, case, ending_of, endless, outcome_of, python, python_within, tool};
use crate::guest::{Guest, import};

const SPIN: &str = "(loop $again (br $again)) unreachable";

/// Nobody else could ever release what is waited for; the runtime gives up.
const UNREACHABLE: &str =
    "trapped: the component trapped (wasm trap: wasm `unreachable` instruction executed)";

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    tools(&mut cases);
    python_loops(&mut cases);
    python_in_c(&mut cases);
    waiting(&mut cases);
    cases
}

fn tools(cases: &mut Vec<Case>) {
    let limits = brief(Limits::tool());
    cases.push(tool("a loop", "wall-deadline", limits, &[], Guest::doing(SPIN)));
    let cpu = Limits { cpu: Duration::from_millis(150), ..Limits::tool() };
    cases.push(tool("a loop, by cpu time", "cpu-deadline", cpu, &[], Guest::doing(SPIN)));
    let mut calls = Guest::doing("(loop $again (call $small) (br $again)) unreachable");
    calls.top = "(func $small (local i64) (local.set 0 (i64.const 1)))".to_owned();
    cases.push(tool("a loop of calls", "wall-deadline", limits, &[], calls));
    let bulk = "(drop (memory.grow (i32.const 1024)))
        (loop $again (memory.fill (i32.const 262144) (i32.const 7) (i32.const 0x3000000)) (br $again)) unreachable";
    cases.push(tool("filling 48 MiB again and again", "wall-deadline", limits, &[], Guest::doing(bulk)));
    let copy = "(drop (memory.grow (i32.const 1024)))
        (loop $again (memory.copy (i32.const 0x40000) (i32.const 0x40001) (i32.const 0x3000000)) (br $again)) unreachable";
    cases.push(tool("copying over itself again and again", "wall-deadline", limits, &[], Guest::doing(copy)));
    let mut table = Guest::doing(
        "(loop $again (table.fill $t (i32.const 0) (ref.null func) (i32.const 90000)) (br $again)) unreachable",
    );
    table.top = "(table $t 90000 funcref)".to_owned();
    cases.push(tool("filling a table again and again", "wall-deadline", limits, &[], table));

    // Both come to the five seconds of `describe`, so they run side by side.
    cases.push(case("in the start function, and in describe", "bad-description, bad-description", |host| {
        let mut start = Guest::answering("1");
        start.top = format!("(func $begin {SPIN}) (start $begin)");
        let mut describe = Guest::answering("1");
        describe.on_describe = "(loop $again (br $again))".to_owned();
        let paths = [host.file("start", &start.build()), host.file("describe", &describe.build())];
        let codes = std::thread::scope(|scope| {
            let load = |path: &std::path::PathBuf| {
                let path = path.clone();
                scope.spawn(move || {
                    host.sandbox
                        .tool(&path, &Grants::none())
                        .map_or_else(|error| error.code(), |_| "admitted")
                })
            };
            paths.each_ref().map(load).map(|thread| thread.join().unwrap())
        });
        codes.join(", ")
    }));
    let mut allocator = Guest::answering("1");
    allocator.on_realloc = "(loop $again (br $again))".to_owned();
    cases.push(tool("in the allocator", "wall-deadline", limits, &[], allocator));
    let mut after = Guest::answering("1");
    after.top =
        "(func (export \"cabi_post_sport:tool/tool@0.1.0#call\") (param i32) (loop $again (br $again)))"
            .to_owned();
    cases.push(tool("after its return", "wall-deadline", limits, &[], after));

    let mut cheap = Guest::doing("(loop $again (call $remaining (i32.const 512)) (br $again)) unreachable");
    cheap.top = import::REMAINING.to_owned();
    cases.push(tool("over a cheap host call", "host-calls-exhausted", Limits::tool(), &[], cheap));
    let mut failing = Guest::new();
    failing.top = import::KV_GET.to_owned();
    failing.call =
        "(loop $again (call $get (i32.const 4096) (i32.const 0) (i32.const 512)) (br $again)) unreachable"
            .to_owned();
    cases.push(tool(
        "over a host call that finds nothing",
        "host-calls-exhausted",
        Limits::tool(),
        &["kv"],
        failing,
    ));

    cases.push(case("under a shorter budget above it", "wall-deadline", |host| {
        let tool = host.load(Guest::doing(SPIN), &[]).unwrap();
        let inner = Budget::new(brief(Limits::tool()))
            .child(Limits { wall: Duration::from_secs(3600), ..Limits::tool() });
        let store = ArtifactStore::new_in_memory();
        outcome_of(&tool.call("probe", &json!({}), &store, &mut PluginState::new(), &inner))
    }));
    cases.push(case("on a budget that is used up", "wall-deadline", |host| {
        let tool = host.load(Guest::answering("1"), &[]).unwrap();
        let budget = Budget::new(Limits { wall: Duration::ZERO, ..Limits::tool() });
        let store = ArtifactStore::new_in_memory();
        outcome_of(&tool.call("probe", &json!({}), &store, &mut PluginState::new(), &budget))
    }));
    cases.push(case("cancelled from another thread", "cancelled", |host| {
        let tool = host.load(Guest::doing(SPIN), &[]).unwrap();
        let budget = Budget::new(Limits::tool());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                budget.cancel();
            });
            let store = ArtifactStore::new_in_memory();
            outcome_of(&tool.call("probe", &json!({}), &store, &mut PluginState::new(), &budget))
        })
    }));
}

fn python_loops(cases: &mut Vec<Case>) {
    for (name, code) in [
        ("a loop", "while True: pass"),
        (
            "a loop that catches everything",
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        ),
        ("a loop in finally", "try: 1 / 0\nfinally:\n    while True: pass"),
        ("a generator", "def f():\n    while True: yield\nfor x in f(): pass"),
        ("a destructor", "class A:\n    def __del__(self):\n        while True: pass\nA()"),
        ("the text form of the value", "class A:\n    def __repr__(self):\n        while True: pass\nA()"),
        (
            "the text form of an exception",
            "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
        ),
        (
            "a comparison while sorting",
            "class A:\n    def __lt__(self, other):\n        while True: pass\nsorted([A(), A()])",
        ),
        (
            "an equality in a dictionary",
            "class A:\n    __hash__ = lambda s: 1\n    def __eq__(self, other):\n        while True: pass\n{A(): 1, A(): 2}",
        ),
        (
            "a trace function",
            "import sys\ndef t(*a):\n    while True: pass\nsys.settrace(t)\ndef f(): pass\nf()",
        ),
        (
            "an import hook",
            "import sys\nclass F:\n    def find_spec(self, *a):\n        while True: pass\nsys.meta_path.insert(0, F())\nimport nothing",
        ),
        (
            "a hook for exceptions",
            "import sys\ndef h(*a):\n    while True: pass\nsys.unraisablehook = h\nclass A:\n    def __del__(self): 1 / 0\nA()",
        ),
        (
            "a metaclass",
            "class M(type):\n    def __call__(c):\n        while True: pass\nclass A(metaclass=M): pass\nA()",
        ),
        (
            "at exit",
            "import sys\nclass A:\n    def write(self, x):\n        while True: pass\n    flush = close = write\nsys.stdout = A()\nprint('x')",
        ),
        (
            "coroutines",
            "import asyncio\nasync def f():\n    while True: await asyncio.sleep(0)\nasyncio.run(f())",
        ),
    ] {
        cases.push(endless(&format!("Python, {name}"), code));
    }
    let cpu = Limits { cpu: Duration::from_millis(200), ..Limits::interpreter() };
    cases.push(python_within("Python, a loop, by cpu time", "deadline: cpu", cpu, "while True: pass"));
}

fn python_in_c(cases: &mut Vec<Case>) {
    for (name, code) in [
        ("a regular expression that backtracks", "import re\nre.match(r'(a+)+$', 'a' * 64 + 'b')"),
        ("another one", "import re\nre.fullmatch(r'(?:a|a)*b', 'a' * 64)"),
        ("a big power", "9 ** 9 ** 9"),
        ("a big factorial", "import math\nmath.factorial(10 ** 7)"),
        ("a long division", "x = (1 << 40_000_000) // 3 ** 9_000_000"),
        ("combinations", "import math\nmath.comb(10 ** 8, 5 * 10 ** 7)"),
        ("an endless iterator", "import itertools\nsum(itertools.repeat(1))"),
        ("products", "import itertools\nmax(itertools.product(range(99), repeat=99))"),
        ("a search in a long text", "s = 'a' * 10**7\nwhile True: s.find('a' * 10**6 + 'b')"),
        ("a range", "x = sum(range(10 ** 15))"),
        (
            "SQL",
            "import sqlite3\nsqlite3.connect(':memory:').execute('with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t').fetchall()",
        ),
        ("a decimal", "import decimal\ndecimal.getcontext().prec = 10 ** 6\ndecimal.Decimal(2).exp()"),
        ("colliding hashes", "m = (1 << 31) - 1\nd = {}\nfor i in range(10 ** 7): d[i * m] = i"),
    ] {
        cases.push(endless(&format!("Python in C, {name}"), code));
    }
    cases.push(python("Python in C, digits of a huge number", "raised: ValueError", "x = str(1 << 10 ** 6)"));
}

fn waiting(cases: &mut Vec<Case>) {
    cases.push(python(
        "sleeping for a year",
        "value: slept",
        "import time\ntime.sleep(31536000)\nprint('slept')",
    ));
    cases.push(endless("sleeping again and again", "import time\nwhile True: time.sleep(1000)"));
    cases.push(endless("waiting for a time", "import time\nwhile time.time() > 0: pass"));
    for (name, expected, code) in [
        ("waiting for standard input", "value: ''", "import sys\nprint(repr(sys.stdin.read()))"),
        (
            "waiting for a lock",
            UNREACHABLE,
            "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()",
        ),
        ("waiting for a queue", UNREACHABLE, "import queue\nqueue.Queue().get()"),
        (
            "waiting for a descriptor",
            "value: ([], [], [])",
            "import select\nprint(select.select([], [], [], 10 ** 6))",
        ),
    ] {
        cases.push(python(name, expected, code));
    }
    cases.push(case("a tool that sleeps past the deadline", "deadline: wall", |host| {
        let mut session = host.session(Vec::new());
        let code = "try:\n    slow()\nexcept BaseException: pass\nprint('went on')".to_owned();
        let limits = Limits { wall: Duration::from_millis(500), ..Limits::interpreter() };
        let request = RunRequest { code, ..RunRequest::default() };
        ending_of(&session.run(&request, &mut Slow, &Budget::new(limits)))
    }));
}

/// One tool, which sleeps until the budget ends and a little longer.
struct Slow;

impl ToolHost for Slow {
    fn tools(&self) -> Vec<ToolInfo> {
        vec![ToolInfo {
            name: "slow".to_owned(),
            description: "sleeps".to_owned(),
            input_schema: json!({ "type": "object" }),
        }]
    }

    fn invoke(&mut self, _: &str, _: &Value, _: &mut Branch, budget: &Budget) -> Result<Outcome, Failure> {
        std::thread::sleep(budget.wall_left() + Duration::from_millis(20));
        Ok(Outcome::default())
    }
}
