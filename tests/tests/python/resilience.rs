//! What a step breaks does not break the next.
//!
//! * given names, built-ins, streams, the working directory are back
//! * `os._exit`, a closed standard output, an emptied list of modules
//! * the interpreter's own modules, bent: the run fails, or the next step works; the host never notices more
//! * a step that ends badly leaves what it had assigned; a raised exception keeps nothing alive

use serde_json::json;
use sport_sandbox::EndingKind;

use crate::support::{raised, run, session, value};

#[test]
fn names_are_back() {
    let mut session = session();
    run(&mut session, "mean_color = final_answer = ToolError = None");
    assert_eq!(value(&mut session, "mean_color('a')['got']"), json!({"image": "a"}));
    assert_eq!(run(&mut session, "final_answer(ToolError.__name__)").answer, Some(json!("ToolError")));
}

#[test]
fn builtins_are_back() {
    let mut session = session();
    for code in [
        "import builtins\nbuiltins.len = builtins.print = None\ndel builtins.range",
        "import builtins\nd = vars(builtins)\nfor n in list(d):\n    d.pop(n)",
        "__builtins__ = {}",
        "import builtins\nbuiltins.__dict__.clear()\n1/0",
    ] {
        let report = run(&mut session, code);
        assert!(matches!(report.ending, EndingKind::Value | EndingKind::Raised), "{code}: {report:?}");
        let report = run(&mut session, "print(len(range(3)))");
        assert_eq!(report.stdout, "3\n", "{code}: {report:?}");
    }
}

#[test]
fn the_process_is_back() {
    let mut session = session();
    for code in [
        "import sys\nsys.stdout.close()",
        "import sys\nsys.stdout = sys.stderr = None",
        "import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.detach())\nprint('x')",
        "import os\nos.mkdir('d')\nos.chdir('d')",
        "import sys\nsys.setrecursionlimit(60)\nsys.path.clear()",
        "import sys\nsys.settrace(lambda *a: 1 / 0)",
        "import warnings\nwarnings.simplefilter('error')",
        "import gc\ngc.disable()",
        "import sys\nsys.modules.clear()\nsys.meta_path.clear()",
        "import sys\ndel sys.modules['json'], sys.modules['os']",
    ] {
        run(&mut session, code);
        let report = run(&mut session, "import os\nprint(os.getcwd())");
        assert_eq!(report.stdout, "/scratch\n", "{code}: {report:?}");
    }
}

#[test]
fn leaving_at_once_is_an_exit() {
    let mut session = session();
    let report = run(&mut session, "x = 1\nimport os\nos._exit(3)");
    assert_eq!((report.ending, report.exit_code), (EndingKind::Exited, Some(3)));
    assert_eq!(value(&mut session, "x"), json!(1));
}

#[test]
fn the_interpreters_own_modules_are_within_reach_and_hold_nothing_more() {
    // Agent code may bend what runs it; all it can do with that is what it was granted anyway.
    let mut session = session();
    let report = run(&mut session, "import sport_python.session as s\ns.runner.execute = None");
    assert_eq!(report.ending, EndingKind::Value);
    let report = run(&mut session, "1");
    assert!(matches!(report.ending, EndingKind::Raised | EndingKind::Trapped), "{report:?}");
    assert_eq!(value(&mut crate::support::session(), "1"), json!(1));
}

#[test]
fn state_after_an_error() {
    let mut session = session();
    raised(&mut session, "x = [1]\nx.append(2)\n1 / 0\nx.append(3)");
    assert_eq!(value(&mut session, "x"), json!([1, 2]));
}
