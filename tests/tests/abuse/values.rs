//! What a guest may give back. Nothing of it is used before it was checked, and what does not pass is a failure that names it.
//!
//! * addresses: a result area outside of memory, unaligned, in the last bytes; text of 2 GiB, past the end, over itself
//! * numbers: an unknown case, an unknown flag, a bool of 7
//! * text: no UTF-8, a lone surrogate as bytes, overlong, cut in the middle; NUL, escape sequences, direction overrides
//! * size: 9 MiB in one crossing, 2 MiB of JSON, 65 pieces, 30 million of nothing, 30 million log fields, names of a megabyte
//! * JSON: none, cut, two values, 10,000 deep, 65 deep, doubled keys, NaN, Infinity, 1e999, 400 digits, a BOM, half a surrogate
//! * failures that look like the host's: `wall-deadline`, a code with escapes, details of 100 levels
//! * content: kinds with spaces, media types with line ends, images that are text, artifacts of others
//! * Python: values without a JSON form, answers that are too big or too deep, classes that lie about themselves

use serde_json::json;
use sport_sandbox::{ArtifactStore, Budget, Content, Failure, Limits, Outcome, PluginState, digest_of};

use crate::case::{Case, case, ending_of, outcome_of, python, run, tool};
use crate::guest::{Guest, import};
use crate::host::Host;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    addresses(&mut cases);
    texts(&mut cases);
    sizes(&mut cases);
    json_texts(&mut cases);
    failures(&mut cases);
    contents(&mut cases);
    from_python(&mut cases);
    cases
}

fn doing(cases: &mut Vec<Case>, name: &str, expected: &str, body: &str) {
    cases.push(tool(name, expected, Limits::tool(), &[], Guest::doing(body)));
}

fn addresses(cases: &mut Vec<Case>) {
    for (name, expected, body) in [
        ("a result far outside of memory", "trapped", "(i32.const 0xffffff00)"),
        ("a result that ends outside of memory", "trapped", "(i32.const 262140)"),
        ("a result at an odd address", "trapped", "(i32.const 1025)"),
        ("text of 2 GiB", "trapped", "(call $json (i32.const 4096) (i32.const 0x7fffffff))"),
        ("text of 4 GiB less one", "trapped", "(call $json (i32.const 4096) (i32.const 0xffffffff))"),
        ("text past the end of memory", "trapped", "(call $json (i32.const 20000000) (i32.const 1000))"),
        ("text around the end of addresses", "trapped", "(call $json (i32.const 0xfffffff0) (i32.const 64))"),
        (
            "text of nothing, at the end of memory",
            "bad-guest-value",
            "(call $json (i32.const 262144) (i32.const 0))",
        ),
        // The area that says where the text is, as the text itself: five control characters.
        ("text over its own address", "bad-guest-value", "(call $json (i32.const 1040) (i32.const 5))"),
        (
            "an unknown case of the result",
            "trapped",
            "(i32.store8 (i32.const 1024) (i32.const 7)) (i32.const 1024)",
        ),
        (
            "an unknown case of the option",
            "trapped",
            "(drop (call $json (i32.const 4096) (i32.const 1))) (i32.store8 (i32.const 1036) (i32.const 9)) (i32.const 1024)",
        ),
    ] {
        doing(cases, name, expected, body);
    }
    cases.push(case("flags that do not exist", "admitted", |host| {
        let mut guest = Guest::answering("1");
        // The hints lie in the fifth byte after the output schema; describe writes 1 there itself, then this is done again.
        guest.on_describe = "(i32.store8 (i32.const 2096) (i32.const 255))".to_owned();
        host.load(guest, &[]).map_or_else(|error| error.code().to_owned(), |_| "admitted".to_owned())
    }));
}

/// Bytes at an address, in code.
fn bytes(at: u32, bytes: &[u8]) -> String {
    (at..).zip(bytes).map(|(at, byte)| format!("(i32.store8 (i32.const {at}) (i32.const {byte}))")).collect()
}

fn texts(cases: &mut Vec<Case>) {
    for (name, expected, text) in [
        ("a byte that is no UTF-8", "trapped", &b"\"\xff\""[..]),
        ("a surrogate as three bytes", "trapped", b"\"\xed\xa0\x80\""),
        ("an overlong slash", "trapped", b"\"\xc0\xaf\""),
        ("a letter cut in the middle", "trapped", b"\"\xc3"),
        ("a code point beyond the last", "trapped", b"\"\xf4\x90\x80\x80\""),
        ("a NUL in JSON text", "bad-guest-value", b"\"\0\""),
        ("a byte order mark", "bad-guest-value", b"\xef\xbb\xbf1"),
    ] {
        let body = format!("{} (call $json (i32.const 4096) (i32.const {}))", bytes(4096, text), text.len());
        doing(cases, name, expected, &body);
    }
    cases.push(case("an escape sequence in a text piece", "clean", |host| {
        piece(host, "a\u{1b}[2J\u{7}\u{9b}b\u{202e}c")
    }));
    cases.push(case("a carriage return in a text piece", "clean", |host| piece(host, "good\rbad")));
}

/// A text piece comes back without control characters and direction overrides.
fn piece(host: &Host, text: &str) -> String {
    let mut guest = Guest::new();
    let text = guest.text(text);
    guest.call = format!("{} {}", halves(&text, 776), one_piece(0));
    match call(host, guest, &[]) {
        Ok(Outcome { content, .. }) => match &content[..] {
            [Content::Text { text }] => {
                let bad = text.chars().find(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(c));
                bad.map_or("clean".to_owned(), |c| format!("{c:?}"))
            }
            other => format!("{other:?}"),
        },
        Err(failure) => failure.code,
    }
}

/// The two constants of a text, stored at an address.
fn halves(text: &str, at: u32) -> String {
    let (address, length) = text.split_once(") (").unwrap();
    format!("(i32.store (i32.const {at}) {address})) (i32.store (i32.const {}) ({length})", at + 4)
}

/// An outcome of one piece of content at 768, of this case.
fn one_piece(kind: u32) -> String {
    format!("(i32.store8 (i32.const 768) (i32.const {kind})) {}", pieces(1))
}

fn pieces(count: u32) -> String {
    format!(
        "(i32.store8 (i32.const 1024) (i32.const 0))
         (i32.store (i32.const 1028) (i32.const 768)) (i32.store (i32.const 1032) (i32.const {count}))
         (i32.store8 (i32.const 1036) (i32.const 0)) (i32.const 1024)"
    )
}

fn call(host: &Host, guest: Guest, grants: &[&str]) -> Result<Outcome, Failure> {
    let tool = host.load(guest, grants).expect("it is admitted");
    let store = ArtifactStore::new_in_memory();
    tool.call("probe", &json!({}), &store, &mut PluginState::new(), &Budget::new(Limits::tool()))
}

fn sizes(cases: &mut Vec<Case>) {
    let digits = |count: u32| {
        format!(
            "(drop (memory.grow (i32.const 256))) (memory.fill (i32.const 262144) (i32.const 49) (i32.const {count}))
             (call $json (i32.const 262144) (i32.const {count}))"
        )
    };
    doing(cases, "9 MiB in one crossing", "hostcall-exhausted", &digits(9 << 20));
    doing(cases, "2 MiB of JSON", "bad-guest-value", &digits(2 << 20));
    doing(cases, "a number of 900,000 digits", "bad-guest-value", &digits(900_000));
    doing(
        cases,
        "65 pieces of content",
        "bad-guest-value",
        "(memory.fill (i32.const 8192) (i32.const 0) (i32.const 8192))
         (drop (call $json (i32.const 0) (i32.const 0))) (i32.store (i32.const 1028) (i32.const 8192))
         (i32.store (i32.const 1032) (i32.const 65)) (i32.store8 (i32.const 1036) (i32.const 0)) (i32.const 1024)",
    );
    doing(
        cases,
        "nine million empty pieces",
        "hostcall-exhausted",
        "(drop (memory.grow (i32.const 7000)))
         (drop (call $json (i32.const 0) (i32.const 0))) (i32.store (i32.const 1028) (i32.const 262144))
         (i32.store (i32.const 1032) (i32.const 9000000)) (i32.const 1024)",
    );
    let mut fields = Guest::new();
    fields.top = import::LOG.to_owned();
    let text = fields.text("true");
    fields.call = format!(
        "(drop (memory.grow (i32.const 7000)))
         (call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 262144) (i32.const 25000000)) (call $json {text})"
    );
    cases.push(tool("25 million empty log fields", "hostcall-exhausted", Limits::tool(), &[], fields));
    let mut key = Guest::new();
    key.top = import::KV_GET.to_owned();
    key.call = "(drop (memory.grow (i32.const 512))) (call $get (i32.const 262144) (i32.const 33554432) (i32.const 512)) unreachable".to_owned();
    cases.push(tool("a key of 32 MiB", "hostcall-exhausted", Limits::tool(), &["kv"], key));
}

fn json_texts(cases: &mut Vec<Case>) {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = "{\"a\":".repeat(10_000) + "1" + &"}".repeat(10_000);
    for (name, expected, text) in [
        ("no text", "bad-guest-value", String::new()),
        ("JSON that is none", "bad-guest-value", "nul".to_owned()),
        ("JSON that is cut", "bad-guest-value", "{\"a\":".to_owned()),
        ("two values", "bad-guest-value", "1 2".to_owned()),
        ("arrays 10,000 deep", "bad-guest-value", deep(10_000)),
        ("objects 10,000 deep", "bad-guest-value", objects),
        ("arrays without an end", "bad-guest-value", "[".repeat(200_000)),
        ("arrays 65 deep", "bad-guest-value", deep(65)),
        ("NaN", "bad-guest-value", "NaN".to_owned()),
        ("Infinity", "bad-guest-value", "[-Infinity]".to_owned()),
        ("a number beyond a double", "bad-guest-value", "1e999".to_owned()),
        ("400 digits", "bad-guest-value", "9".repeat(400)),
        ("half a surrogate", "bad-guest-value", "\"\\ud800\"".to_owned()),
        ("comments", "bad-guest-value", "/* */ 1".to_owned()),
        ("single quotes", "bad-guest-value", "'a'".to_owned()),
        ("a key twice: the last counts", "answers {\"a\":2}", "{\"a\":1,\"a\":2}".to_owned()),
        (
            "a prototype as a key is a key",
            "answers {\"__proto__\":{\"x\":1}}",
            "{\"__proto__\":{\"x\":1}}".to_owned(),
        ),
    ] {
        cases.push(tool(&format!("JSON, {name}"), expected, Limits::tool(), &[], Guest::answering(&text)));
    }
    cases.push(case("JSON, half a million values", "in bounds", |host| {
        let before = crate::host::resident_memory();
        let text = format!("[{}0]", "0,".repeat(500_000));
        let result = call(host, Guest::answering(&text), &[]);
        let grown = crate::host::resident_memory().saturating_sub(before) >> 20;
        if grown < 200 { "in bounds".to_owned() } else { format!("{} with {grown} MiB", outcome_of(&result)) }
    }));
}

/// A guest that fails in its own words: kind, code, message, details.
fn failing(kind: u32, code: &str, message: &str, details: &str) -> Guest {
    let mut guest = Guest::new();
    let (code, message, details) = (guest.text(code), guest.text(message), guest.text(details));
    guest.call = format!(
        "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const {kind}))
         {} {} (i32.store8 (i32.const 1048) (i32.const 0)) (i32.store8 (i32.const 1052) (i32.const 1)) {} (i32.const 1024)",
        halves(&code, 1032),
        halves(&message, 1040),
        halves(&details, 1056)
    );
    guest
}

fn failures(cases: &mut Vec<Case>) {
    let fail = |kind, code: &'static str, message: &'static str, details: String| {
        move |host: &Host| match call(host, failing(kind, code, message, &details), &[]) {
            Ok(_) => "answers".to_owned(),
            Err(failure) => format!("{} {:?} {:?}", failure.code, failure.message, failure.details),
        }
    };
    cases.push(case(
        "a code with an escape sequence",
        "unnamed \"m\" None",
        fail(0, "a\u{1b}[31m", "m", String::new()),
    ));
    cases.push(case("a code of capitals", "unnamed \"m\" None", fail(0, "FAILED", "m", String::new())));
    cases.push(case(
        "a message with line noise",
        "x \"a [2K b c\" None",
        fail(0, "x", "a\u{1b}[2K\u{8}b\u{202e}c", String::new()),
    ));
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    cases.push(case("details of 100 levels", "x \"m\" None", fail(0, "x", "m", deep)));
    cases.push(case("an unknown kind of failure", "trapped", |host| {
        outcome_of(&call(host, failing(77, "x", "m", ""), &[]))
    }));
    // A tool may call its failure what it likes; the run that called it has not come to its own deadline by that.
    for (code, kind) in
        [("wall-deadline", 4), ("tool-calls-exhausted", 5), ("memory-exhausted", 5), ("cancelled", 6)]
    {
        cases.push(case(&format!("a tool's own failure called {code}"), "raised: ToolError", move |host| {
            let tool = host.load(failing(kind, code, "no more", ""), &[]).unwrap();
            let mut toolbox =
                sport_sandbox::Toolbox::new(vec![tool], ArtifactStore::new_in_memory()).unwrap();
            let request = sport_sandbox::RunRequest { code: "probe()".to_owned(), ..Default::default() };
            let budget = Budget::new(Limits::interpreter());
            ending_of(&host.session(Vec::new()).run(&request, &mut toolbox, &budget))
        }));
    }
}

fn contents(cases: &mut Vec<Case>) {
    let blob = |case: u32, media_type: &str| {
        let mut guest = Guest::new();
        let (kind, data) = (guest.text(media_type), guest.text("bytes"));
        guest.call = format!("{} {} {}", halves(&kind, 776), halves(&data, 784), one_piece(case));
        guest
    };
    for (name, guest) in [
        ("an image that is text", blob(1, "text/html")),
        ("a sound that is an image", blob(2, "image/png")),
        ("a media type with a line end", blob(1, "image/png\r\nx: y")),
        ("a media type without an end", blob(1, "image/")),
        ("no media type", blob(1, "")),
    ] {
        cases.push(tool(name, "bad-guest-value", Limits::tool(), &[], guest));
    }
    let mut other = Guest::new();
    let (kind, value) = (other.text("a kind\u{1b}"), other.text("1"));
    other.call = format!("{} {} {}", halves(&kind, 776), halves(&value, 784), one_piece(4));
    cases.push(tool("a kind of content with spaces", "bad-guest-value", Limits::tool(), &[], other));
    let mut stolen = Guest::new();
    let (digest, kind) = (stolen.text(&digest_of(b"secret")), stolen.text("text/plain"));
    stolen.call = format!(
        "(memory.fill (i32.const 768) (i32.const 0) (i32.const 64)) {} {} {}",
        halves(&digest, 776),
        halves(&kind, 784),
        one_piece(3)
    );
    cases.push(tool("an artifact of somebody else", "artifact-out-of-reach", Limits::tool(), &[], stolen));
}

fn from_python(cases: &mut Vec<Case>) {
    cases.push(case("Python, values without a JSON form", "none", |host| {
        let mut session = host.session(Vec::new());
        let values = [
            "float('nan')",
            "float('inf')",
            "10 ** 400",
            "2 ** 64",
            "'\\ud800'",
            "b'x'",
            "object()",
            "1j",
            "[[]] * 10 ** 6",
            "{(1,): 2}",
            "['x' * 10 ** 6, 'x' * 10 ** 6]",
            "(lambda x: x.append(x) or x)([])",
        ];
        let with_json = values.iter().find(|code| {
            let report = run(&mut session, code, Limits::interpreter());
            report.value.is_none_or(|value| value.json.is_some() || value.repr.len() > 16_000)
        });
        with_json.map_or("none", |code| code).to_owned()
    }));
    for (name, expected, code) in [
        ("an answer that is too big", "raised: ValueError", "final_answer('x' * (1 << 21))"),
        (
            "an answer that is too deep",
            "raised: TypeError",
            "x = []\nfor _ in range(100): x = [x]\nfinal_answer(x)",
        ),
        ("an answer that is not a number", "raised: TypeError", "final_answer(float('nan'))"),
        ("an answer of half a surrogate", "raised: TypeError", "final_answer('\\udfff')"),
        (
            "an answer by hand that is no JSON",
            "answered: null",
            "import sport_python.answer as a\na._first = 'null'\nraise a.FinalAnswer",
        ),
        (
            "an answer by hand of NaN",
            "raised: ValueError",
            "import sport_python.answer as a\na._first = 'NaN'\nraise a.FinalAnswer",
        ),
        (
            "an answer by hand, 100 levels",
            "raised: ValueError",
            "import sport_python.answer as a\na._first = '[' * 100 + ']' * 100\nraise a.FinalAnswer",
        ),
        (
            "a class that says it is a string",
            "raised: TypeError",
            "class A:\n    __class__ = str\nfinal_answer(A())",
        ),
        (
            "an integer that lies",
            "answered: 3",
            "class A(int):\n    def __int__(self): return 10 ** 99\n    def __repr__(self): return 'NaN'\nfinal_answer(A(3))",
        ),
        (
            "an exception class with escapes",
            "raised: A [31m",
            "raise type('A\\x1b[31m\\n', (Exception,), {})",
        ),
        ("an exit code beyond numbers", "exited: 1", "exit(1 << 70)"),
        ("an exit code of text", "exited: 1", "exit('\\x1b[31m')"),
    ] {
        cases.push(python(&format!("Python, {name}"), expected, code));
    }
    cases.push(case("Python, a message of ten megabytes", "cut", |host| {
        let report = run(
            &mut host.session(Vec::new()),
            "raise ValueError('\\x1b[2J' * 2_000_000)",
            Limits::interpreter(),
        );
        let Some(raised) = report.raised else { return ending_of(&report) };
        let size = raised.message.len() + raised.traceback.as_ref().map_or(0, String::len);
        let clean =
            !raised.message.contains('\u{1b}') && !raised.traceback.unwrap_or_default().contains('\u{1b}');
        if size < 300_000 && clean { "cut".to_owned() } else { format!("{size} bytes, clean: {clean}") }
    }));
}
