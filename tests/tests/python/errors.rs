//! What a model reads when its code fails.
//!
//! * the agent's own lines, of this step and of earlier ones, with their source; nothing of the library
//! * a syntax error with its caret
//! * deep recursion, cut; with the limit raised; memory; missing modules and files with a hint
//! * a traceback of a failed tool call points at the call

use crate::support::{raised, run, session};

#[test]
fn own_lines_with_their_source() {
    let mut session = session();
    run(&mut session, "import json\n\ndef load(text):\n    return json.loads(text)");
    let raised = raised(&mut session, "load('{')");
    assert_eq!(raised.class, "json.decoder.JSONDecodeError");
    assert_eq!(
        raised.traceback.unwrap(),
        "Traceback (most recent call last):\n  \
           File \"<step 2>\", line 1, in <module>\n    load('{')\n    ~~~~^^^^^\n  \
           File \"<step 1>\", line 4, in load\n    return json.loads(text)\n           ~~~~~~~~~~^^^^^^\n\
         json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    );
}

#[test]
fn a_syntax_error_has_its_caret() {
    let raised = raised(&mut session(), "x = 1\ny = x +* 2");
    assert_eq!(raised.class, "SyntaxError");
    let shown = raised.traceback.unwrap();
    assert!(shown.contains("line 2\n    y = x +* 2\n           ^"), "{shown}");
}

#[test]
fn deep_recursion() {
    for code in [
        "def f(n):\n    return f(n + 1)\nf(0)",
        "import sys\nsys.setrecursionlimit(3000)\ndef f(n):\n    return f(n + 1)\nf(0)",
        "import re\nre.compile('(' * 2000 + ')' * 2000)",
        "import copy\nl = []\nfor _ in range(5000):\n    l = [l]\ncopy.deepcopy(l)",
    ] {
        let raised = raised(&mut session(), code);
        assert_eq!(raised.class, "RecursionError", "{code}");
        assert!(raised.traceback.unwrap().len() < 4_000, "{code}");
    }
}

#[test]
fn out_of_memory_is_said_in_words() {
    let code = "try:\n    x = 'a' * 10**9\nexcept MemoryError:\n    y = 1\nx = 'a' * 10**9";
    let report = run(&mut session(), code);
    let text = report.raised.map_or_else(|| report.reason.unwrap_or_default(), |raised| raised.message);
    assert!(text.contains("memory"), "{text}");
}

#[test]
fn hints() {
    for (code, hint) in [
        ("import numpy", "Only Python's standard library is installed here."),
        ("import ssl", "ssl is a part of Python that does not exist in this sandbox."),
        ("open('nothing.txt')", "No such file"),
        ("jsn = 1\njsno", "Did you mean: 'jsn'?"),
        ("math.pi", "Did you forget to import 'math'?"),
    ] {
        let shown = raised(&mut session(), code).traceback.unwrap();
        assert!(shown.contains(hint), "{shown}");
    }
}

#[test]
fn a_failed_tool_call() {
    let raised = raised(&mut session(), "x = 1\nmissing(image='x.png')");
    assert_eq!(raised.class, "ToolError");
    assert_eq!(raised.message, "missing: there is no file x.png (no-such-file)");
    assert_eq!(
        raised.traceback.unwrap(),
        "Traceback (most recent call last):\n  File \"<step 1>\", line 2, in <module>\n    missing(image='x.png')\n    \
         ~~~~~~~^^^^^^^^^^^^^^^\nToolError: missing: there is no file x.png (no-such-file)"
    );
}
