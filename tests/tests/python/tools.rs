//! Tools as functions.
//!
//! * keyword and positional arguments, left-out ones, tuples and paths
//! * a call that cannot work says how to call, and reaches no tool
//! * results are plain Python values; failures are `ToolError` with code, kind and message
//! * help and signature

use serde_json::json;

use crate::support::{raised, run, session, value};

#[test]
fn arguments() {
    let mut session = session();
    for (call, arguments) in [
        ("mean_color(image='a.png')", json!({"image": "a.png"})),
        ("mean_color('a.png', (1, 2, 3, 4))", json!({"image": "a.png", "box": [1, 2, 3, 4]})),
        (
            "import pathlib\nmean_color(box=None, image=pathlib.Path('/task/a.png'))",
            json!({"box": null, "image": "/task/a.png"}),
        ),
        ("mean_color(**{'image': 'é\"\\n'})", json!({"image": "é\"\n"})),
    ] {
        assert_eq!(value(&mut session, call)["got"], arguments, "{call}");
    }
}

#[test]
fn calls_that_cannot_work() {
    let mut session = session();
    for (call, text) in [
        (
            "mean_color()",
            "mean_color() is missing the argument 'image'; call it as mean_color(image, box=None)",
        ),
        ("mean_color(img='a')", "mean_color() has no argument 'img'; call it as mean_color(image, box=None)"),
        (
            "mean_color('a', 1, 2)",
            "mean_color() takes 2 arguments, but 3 were given; call it as mean_color(image, box=None)",
        ),
        ("mean_color(b'x')", "the argument 'image' of mean_color() is of type bytes, which is not JSON"),
        ("mean_color(float('nan'))", "the argument 'image' of mean_color() is nan, which JSON cannot hold"),
    ] {
        let report = run(&mut session, call);
        let raised = report.raised.unwrap();
        assert_eq!(raised.class, "TypeError", "{call}");
        assert!(raised.message.contains(text), "{}", raised.message);
        assert_eq!(report.tool_calls, [], "{call}");
    }
}

#[test]
fn results_and_failures() {
    let mut session = session();
    assert_eq!(
        value(&mut session, "r = mean_color('a')\n[type(r).__name__, r['got']['image']]"),
        json!(["dict", "a"])
    );
    let code = "try:\n    missing()\nexcept ToolError as e:\n    r = [e.code, e.kind, e.message, isinstance(e, Exception)]\nr";
    assert_eq!(
        value(&mut session, code),
        json!(["no-such-file", "not-found", "there is no file x.png", true])
    );
    assert_eq!(raised(&mut session, "missing(x=1)").class, "ToolError");
}

#[test]
fn help() {
    let mut session = session();
    let code = "import inspect\n[repr(mean_color), str(inspect.signature(mean_color)), mean_color.__doc__]";
    assert_eq!(
        value(&mut session, code),
        json!(["<tool mean_color(image, box=None)>", "(image, box=None)", "Mean colour of a box."])
    );
    assert!(run(&mut session, "help(mean_color)").stdout.contains("Mean colour of a box."));
}
