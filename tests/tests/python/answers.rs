//! Values and answers.
//!
//! * JSON of every type, with text in any script; what has no JSON form; a huge value is cut
//! * `None` is no value
//! * answers inside functions, after output, swallowed; not JSON is a `TypeError`
//! * input, arguments and both output channels

use serde_json::{Value, json};
use sport_sandbox::{Budget, EndingKind, Limits, RunRequest};

use crate::support::{Tools, raised, run, session, value};

#[test]
fn values_have_a_json_form_where_there_is_one() {
    let mut session = session();
    assert_eq!(
        value(&mut session, "[1, -2.5, 'é😀\\n', None, True, (1, 2), {'k': {3}}]"),
        json!([1, -2.5, "é😀\n", null, true, [1, 2], {"k": [3]}])
    );
    assert_eq!(value(&mut session, "2**64 - 1"), json!(u64::MAX));
    for code in ["float('nan')", "2**64", "object()", "'\\ud800'", "b'x'"] {
        let report = run(&mut session, code);
        assert_eq!(report.ending, EndingKind::Value, "{code}");
        assert_eq!(report.value.unwrap().json, None, "{code}");
    }
    let report = run(&mut session, "list(range(10**6))");
    let value = report.value.unwrap();
    assert_eq!(value.json, None);
    assert!(value.repr.starts_with("[0, 1, 2") && value.repr.len() < 5_000);
}

#[test]
fn none_is_no_value() {
    let report = run(&mut session(), "print('shown')");
    assert_eq!((report.value, report.stdout.as_str()), (None, "shown\n"));
}

#[test]
fn answers() {
    for (code, answer) in [
        ("final_answer(None)", Value::Null),
        ("final_answer({'a': (1, 2)})", json!({"a": [1, 2]})),
        ("def f():\n    final_answer('in')\n    return 1\nf()", json!("in")),
        ("try:\n    final_answer(1)\nexcept Exception:\n    final_answer(2)", json!(1)),
        ("try:\n    final_answer(1)\nexcept BaseException:\n    pass\n1 / 0", json!(1)),
        ("try:\n    final_answer(1j)\nexcept TypeError:\n    final_answer('text')", json!("text")),
    ] {
        let report = run(&mut session(), code);
        assert_eq!((report.ending, report.answer), (EndingKind::Answered, Some(answer)), "{code}");
    }
    let raised = raised(&mut session(), "final_answer({'a': [object()]})");
    assert_eq!(raised.class, "TypeError");
    assert!(raised.message.contains("the answer['a'][0] is of type object"), "{}", raised.message);
}

#[test]
fn input_arguments_and_channels() {
    let request = RunRequest {
        code: "import sys\nprint(input('? '), sys.argv[1:])\nprint('err', file=sys.stderr)".into(),
        stdin: Some(b"line\n".to_vec()),
        arguments: vec!["a".into(), "b c".into()],
    };
    let report = session().run(&request, &mut Tools, &Budget::new(Limits::interpreter()));
    assert_eq!(report.stdout, "? line ['a', 'b c']\n");
    assert_eq!(report.stderr, "err\n");
}
