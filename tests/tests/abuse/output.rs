//! What guests write: floods, and bytes that mean something to a terminal.
//!
//! * Python: prints, in a loop that catches everything, to the lowest descriptors, in one piece of 10 MiB, to standard error,
//!   without line ends, of warnings, of tracebacks; every flood is cut at the budget and ends the run
//! * displays: many, large, images by the hundred, files, by hand
//! * logs of a tool: many, large, with fields; records are dropped and the call goes on
//! * escape sequences in output: kept for the report as they are (it is JSON), gone from messages
//! * last words of a guest that traps

use serde_json::json;
use sport_sandbox::{ArtifactStore, Budget, Limits, PluginState};

use crate::case::{Case, case, ending_of, python_within, run};
use crate::guest::{Guest, import};
use crate::host::Host;

fn little() -> Limits {
    Limits { output_bytes: 10_000, ..Limits::interpreter() }
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, code) in [
        ("lines", "while True: print('x' * 99)"),
        (
            "lines, in a loop that catches everything",
            "while True:\n    try:\n        print('x' * 99)\n    except BaseException: pass",
        ),
        ("nothing but line ends", "while True: print()"),
        ("one piece of 10 MiB", "print('x' * (10 << 20))"),
        ("by a low descriptor", "import os\nwhile True: os.write(1, b'x' * 99)"),
        (
            "by the first standard output",
            "import sys\nwhile True:\n    sys.__stdout__.write('x' * 99)\n    sys.__stdout__.flush()",
        ),
        ("to standard error", "import sys\nwhile True: print('x' * 99, file=sys.stderr)"),
        ("to both", "import sys\nwhile True:\n    print('x' * 99)\n    print('x' * 99, file=sys.stderr)"),
        ("without line ends", "while True: print('x', end='', flush=True)"),
        ("of binary", "import sys\nwhile True: sys.stdout.buffer.write(bytes(range(256)))"),
        (
            "of warnings",
            "import warnings\nwarnings.simplefilter('always')\nn = 0\nwhile True:\n    warnings.warn(str(n)); n += 1",
        ),
        (
            "of tracebacks",
            "import traceback\nwhile True:\n    try: 1 / 0\n    except Exception: traceback.print_exc()",
        ),
        (
            "by the host's own function",
            "from wit_world.imports import output\nwhile True: output.write(output.Channel.STDOUT, b'x' * 99)",
        ),
        (
            "after the code, by a destructor",
            "class A:\n    def __del__(self):\n        while True: print('x' * 99)\na = A()\ndel a",
        ),
    ] {
        let code = code.to_owned();
        cases.push(case(&format!("a flood {name}"), "exhausted: output with 10000 bytes", move |host| {
            let report = run(&mut host.session(Vec::new()), &code, little());
            format!("{} with {} bytes", ending_of(&report), report.usage.output_bytes)
        }));
    }
    displays(&mut cases);
    logs(&mut cases);
    escapes(&mut cases);
    cases
}

fn displays(cases: &mut Vec<Case>) {
    for (name, code) in [
        ("texts", "while True: display('x' * 20)"),
        ("large texts", "while True: display('x' * 10 ** 9)"),
        ("nothing", "while True: display('')"),
        ("images", "while True: display(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(100))"),
        (
            "by hand",
            "from wit_world.imports import output, types\nwhile True: output.display(types.Content_Text(''))",
        ),
    ] {
        let limits = Limits { output_bytes: 200_000, ..Limits::interpreter() };
        let expected = if name == "large texts" { "exhausted: memory" } else { "exhausted: output" };
        cases.push(python_within(&format!("a display flood of {name}"), expected, limits, code));
    }
    let limits = Limits { artifact_bytes: 4 << 20, ..Limits::interpreter() };
    let code =
        "n = 0\nwhile True:\n    n += 1\n    display(b'\\x89PNG\\r\\n\\x1a\\n' + bytes([n]) * (1 << 20))";
    cases.push(python_within("a display flood of large images", "exhausted: artifacts", limits, code));
    let code = "from wit_world.imports import output, types\nfrom componentize_py_types import Err\n\
                def f(content):\n    try: output.display(content); return 'taken'\n    except Err as e: return 'refused'\n\
                print(f(types.Content_Other(types.Extension('x', '[' * 100))), f(types.Content_Other(types.Extension('a\\x1b', '1'))), \
                f(types.Content_Image(types.Blob('text/html', b'x'))), f(types.Content_Artifact(types.ArtifactRef('sha256:' + '0' * 64, 'image/png', 1, None))))";
    cases.push(python_within(
        "displays that are not what they say",
        "value: refused refused refused refused",
        Limits::interpreter(),
        code,
    ));
}

/// A guest that logs a text many times and then answers.
fn logging(text: &str, times: u32) -> Guest {
    let mut guest = Guest::new();
    guest.top = format!("{} (global $n (mut i32) (i32.const 0))", import::LOG);
    let (message, done) = (guest.text(text), guest.text("\"done\""));
    guest.call = format!(
        "(loop $again
            (call $log (i32.const 0) {message} (i32.const 0) (i32.const 0))
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (global.get $n) (i32.const {times}))))
         (call $json {done})"
    );
    guest
}

fn logs(cases: &mut Vec<Case>) {
    for (name, text, times) in [
        ("many", "x".to_owned(), 15_000),
        ("empty", String::new(), 15_000),
        ("large", "x".repeat(200_000), 500),
        ("of escape sequences", "\u{1b}[2J".repeat(1000), 500),
    ] {
        let limits = Limits::tool();
        cases.push(crate::case::tool(
            &format!("a log flood, {name}"),
            "answers \"done\"",
            limits,
            &[],
            logging(&text, times),
        ));
    }
    cases.push(crate::case::tool(
        "a log flood without an end",
        "host-calls-exhausted",
        Limits::tool(),
        &[],
        logging("x", u32::MAX),
    ));
}

fn escapes(cases: &mut Vec<Case>) {
    cases.push(case("the last words of a guest", "trapped: clean", |host| {
        let mut guest = Guest::new();
        guest.top = import::LOG.to_owned();
        let words = guest.text("index\u{1b}[31m out\u{7} of \u{202e}bounds");
        guest.call = format!("(call $log (i32.const 4) {words} (i32.const 0) (i32.const 0)) unreachable");
        let tool = host.load(guest, &[]).unwrap();
        let (store, budget) = (ArtifactStore::new_in_memory(), Budget::new(Limits::tool()));
        let failure = tool.call("probe", &json!({}), &store, &mut PluginState::new(), &budget).unwrap_err();
        let shown = format!(
            "{} {}",
            failure.message,
            failure.details.unwrap_or_default()["log"][0].as_str().unwrap()
        );
        let bad = shown.chars().any(|c| c.is_control() || c == '\u{202e}');
        format!("{}: {}", failure.code, if bad { &shown } else { "clean" })
    }));
    cases.push(case("the names of a guest's functions in a trap", "clean", |host| {
        let mut guest = Guest::doing("(call $evil) unreachable");
        guest.top = "(func $evil (@name \"\\1b[2J\\07\") unreachable)".to_owned();
        let tool = host.load(guest, &[]).unwrap();
        let (store, budget) = (ArtifactStore::new_in_memory(), Budget::new(Limits::tool()));
        let failure = tool.call("probe", &json!({}), &store, &mut PluginState::new(), &budget).unwrap_err();
        if failure.message.contains(char::is_control) { failure.message } else { "clean".to_owned() }
    }));
    cases.push(case("escapes in a value", "clean", |host| shown(host, "'\\x1b[2J\\x9b\\u202e'")));
    cases.push(case("escapes in a class's text form", "clean", |host| {
        shown(host, "class A:\n    def __repr__(self): return '\\x1b[2J\\x07\\u202e'\nA()")
    }));
    cases.push(case("output that is no UTF-8", "value: \u{fffd}\u{fffd}", |host| {
        let code = "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe')\nNone";
        ending_of(&run(&mut host.session(Vec::new()), code, Limits::interpreter()))
    }));
}

/// Whether a value is shown without control characters.
fn shown(host: &Host, code: &str) -> String {
    let report = run(&mut host.session(Vec::new()), code, Limits::interpreter());
    let repr = report.value.map(|value| value.repr).unwrap_or_default();
    let bad = repr.is_empty() || repr.chars().any(|c| c.is_control() || c == '\u{202e}');
    if bad { format!("{repr:?}") } else { "clean".to_owned() }
}
