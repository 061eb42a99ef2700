//! How a run ends, and what the report says of it.
//!
//! * a value, no value, a value without a JSON form
//! * an answer of any JSON type; the first one counts, also when its exception is swallowed
//! * an exception: class, message, the code's own lines; a syntax error
//! * `exit` with a code
//! * input and arguments reach the code; output is kept apart by channel and shown live
//! * tool calls are in the report with arguments and outcomes; a failing tool is an exception
//! * what was printed before a bad ending is in the report
//! * a wall deadline, in code and inside a tool call; a cancel from another thread
//! * too many tool calls
//! * a run on a session that is over is refused, and its fork runs

use std::time::Duration;

use serde_json::{Value, json};
use sport_sandbox::{Budget, Channel, EndingKind, Limits, RunRequest};

use crate::support::{Tools, budget, code, printed, run, session, short};

#[test]
fn a_value() {
    let mut session = session();
    let report = run(&mut session, "x = 20\nx + 1");
    assert_eq!(report.ending, EndingKind::Value);
    let value = report.value.unwrap();
    assert_eq!((value.json, value.repr.as_str()), (Some(json!(21)), "21"));
    assert_eq!(run(&mut session, "x = 1").value, None);
    let value = run(&mut session, "float('nan')").value.unwrap();
    assert_eq!((value.json, value.repr.as_str()), (None, "nan"));
    assert_eq!(session.steps(), 3);
}

#[test]
fn an_answer() {
    for (text, answer) in [
        ("42", json!(42)),
        ("'red'", json!("red")),
        ("None", Value::Null),
        ("[1, {'a': 2.5}]", json!([1, { "a": 2.5 }])),
    ] {
        let report = run(&mut session(), &format!("print('before')\nfinal_answer({text})\nprint('after')"));
        assert_eq!(report.ending, EndingKind::Answered, "{report:?}");
        assert_eq!(report.answer, Some(answer));
        assert_eq!(report.stdout, "before\n");
    }
    let twice = "try:\n  final_answer(1)\nexcept BaseException:\n  pass\nfinal_answer(2)";
    assert_eq!(run(&mut session(), twice).answer, Some(json!(1)));
}

#[test]
fn an_exception() {
    let report = run(&mut session(), "def f(x):\n    return 1 // x\nf(0)");
    assert_eq!(report.ending, EndingKind::Raised);
    let raised = report.raised.unwrap();
    assert_eq!(raised.class, "ZeroDivisionError");
    let traceback = raised.traceback.unwrap();
    assert!(traceback.contains("return 1 // x"), "{traceback}");
    let raised = run(&mut session(), "1 +").raised.unwrap();
    assert_eq!(raised.class, "SyntaxError");
}

#[test]
fn an_exit() {
    let report = run(&mut session(), "print('bye')\nexit(3)");
    assert_eq!((report.ending, report.exit_code), (EndingKind::Exited, Some(3)));
    assert_eq!(report.stdout, "bye\n");
}

#[test]
fn state_lasts_from_step_to_step() {
    let mut session = session();
    printed(&mut session, "import math\ndef area(r): return math.pi * r * r\nnames = ['a']");
    run(&mut session, "names.append('b')\n1 // 0");
    assert_eq!(printed(&mut session, "print(names, round(area(2), 3))"), "['a', 'b'] 12.566\n");
}

#[test]
fn input_arguments_and_live_output() {
    let request = RunRequest {
        code: "import sys\nprint(input(), sys.argv[1:])\nprint('oh', file=sys.stderr)".to_owned(),
        stdin: Some(b"hello\n".to_vec()),
        arguments: vec!["-v".to_owned()],
    };
    let mut live = Vec::new();
    let mut sink = |channel: Channel, bytes: &[u8]| live.push((channel, bytes.to_vec()));
    let report = session().run_live(&request, &mut Tools::default(), &budget(), &mut sink);
    assert_eq!(report.stdout, "hello ['-v']\n");
    assert_eq!(report.stderr, "oh\n");
    let shown = |wanted| -> Vec<u8> {
        live.iter().filter(|(channel, _)| *channel == wanted).flat_map(|(_, bytes)| bytes.clone()).collect()
    };
    assert_eq!(shown(Channel::Stdout), report.stdout.as_bytes());
    assert_eq!(shown(Channel::Stderr), report.stderr.as_bytes());
}

#[test]
fn tool_calls_are_reported() {
    let mut tools = Tools::default();
    let text = "print(note(key='a', text='x')['revision'])\ntry:\n    fail()\nexcept Exception as e:\n    print('failed:', e)";
    let report = session().run(&code(text), &mut tools, &budget());
    assert_eq!(report.ending, EndingKind::Value, "{report:?}");
    assert!(report.stdout.starts_with("1\nfailed:"), "{}", report.stdout);
    assert!(report.stdout.contains("this tool always fails"), "{}", report.stdout);
    let names: Vec<&str> = report.tool_calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["note", "fail"]);
    assert_eq!(report.tool_calls[0].arguments, json!({ "key": "a", "text": "x" }));
    assert_eq!(report.tool_calls[1].outcome.as_ref().unwrap_err().code, "always-fails");
    assert_eq!(report.usage.tool_calls, 2);
}

#[test]
fn a_deadline() {
    let mut session = session();
    let report = session.run(
        &code("print('on')\nwhile True: pass"),
        &mut Tools::default(),
        &short(Duration::from_secs(2)),
    );
    assert_eq!(report.ending, EndingKind::Deadline, "{report:?}");
    assert_eq!(report.stdout, "on\n");
    assert!(report.reason.unwrap().contains("2 s"));
    assert!(!session.healthy());
}

#[test]
fn a_deadline_inside_a_tool_call() {
    let mut tools = Tools::default();
    let text = "try:\n    slow(seconds=600)\nexcept BaseException:\n    pass\nprint('went on')";
    let report = session().run(&code(text), &mut tools, &short(Duration::from_secs(2)));
    assert_eq!(report.ending, EndingKind::Deadline, "{report:?}");
    assert_eq!(report.stdout, "");
    assert_eq!(tools.calls.len(), 1);
}

#[test]
fn a_cancel() {
    let budget = budget();
    let other = budget.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        other.cancel();
    });
    let report = session().run(&code("while True: pass"), &mut Tools::default(), &budget);
    assert_eq!(report.ending, EndingKind::Cancelled, "{report:?}");
    canceller.join().unwrap();
}

#[test]
fn too_many_tool_calls() {
    let budget = Budget::new(Limits { tool_calls: 3, ..Limits::interpreter() });
    let mut tools = Tools::default();
    let mut session = session();
    let report = session.run(&code("while True: print(count()['calls'])"), &mut tools, &budget);
    assert_eq!(report.ending, EndingKind::Exhausted, "{report:?}");
    assert_eq!(report.stdout, "1\n2\n3\n");
    assert_eq!(tools.calls.len(), 3);
    assert!(!session.healthy());
}

#[test]
fn a_session_that_is_over() {
    let mut session = session();
    printed(&mut session, "x = 5");
    session.run(&code("x = 6\nwhile True: pass"), &mut Tools::default(), &short(Duration::from_secs(2)));
    let report = run(&mut session, "x");
    assert_eq!(report.ending, EndingKind::Trapped);
    assert!(report.reason.unwrap().contains("deadline"));
    assert_eq!(printed(&mut session.fork().unwrap(), "print(x)"), "5\n");
}

#[test]
fn the_process_cannot_be_left() {
    // `os._exit` is an exit like any other; an abort costs the session.
    let report = run(&mut session(), "import os\nprint('a', flush=True)\nos._exit(3)");
    assert_eq!((report.ending, report.exit_code), (EndingKind::Exited, Some(3)), "{report:?}");
    let mut session = session();
    let report = run(&mut session, "import os\nprint('a', flush=True)\nos.abort()");
    assert_eq!(report.ending, EndingKind::Trapped, "{report:?}");
    assert_eq!(report.stdout, "a\n");
    assert!(!session.healthy());
}
