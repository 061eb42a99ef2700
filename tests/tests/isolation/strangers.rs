//! Processes that say what no worker says: a real process each, in Python, that speaks the wire.
//!
//! * at the start: nonsense, a header and a body of any length, silence and an end
//! * in a run: too much output, a report that is too deep, too large or of another shape, a tree that is none, a file that
//!   calls itself a copy of an artifact it is not, a tool call that was never made, an answer to something else
//! * each ends its process and its run, as trapped with a reason; nothing of it is kept; the host goes on

use std::sync::Arc;

use serde_json::json;
use sport_sandbox::{
    ArtifactStore, Budget, EndingKind, Error, Grants, Interpreter, Isolation, Limits, SessionOptions,
    SessionWorker,
};

use crate::support::{Tools, away, open, printed, request, sandbox};

/// The stranger: says `Loaded` (unless `start` is given), then `Begun`, then what it is told to say to a run.
const STRANGER: &str = r#"
import array, json, os, socket, struct, sys
control = socket.socket(fileno=os.dup(0))
def send(to, header, body=b""):
    header = json.dumps(header).encode() if not isinstance(header, bytes) else header
    to.sendall(struct.pack("<IQ", len(header), len(body)) + header + body)
def exactly(of, size):
    data = b""
    while len(data) < size:
        more = of.recv(size - len(data))
        if not more: sys.exit(0)
        data += more
    return data
def receive(of):
    space = socket.CMSG_SPACE(8)
    first, beside, _, _ = of.recvmsg(12, space)
    if not first: sys.exit(0)
    rights = array.array("i")
    for _, _, data in beside: rights.frombytes(data[:len(data) - len(data) % 4])
    first += exactly(of, 12 - len(first))
    header, body = struct.unpack("<IQ", first)
    return json.loads(exactly(of, header)), exactly(of, body), list(rights)
said = json.load(open(sys.argv[1]))
receive(control)
if "raw" in said:
    control.sendall(bytes(said["raw"]))
    receive(control)
send(control, {"Loaded": {"info": {"language": "x", "version": "1", "packages": []}, "seal": {"network_namespace": True, "system_calls": True}}})
_, _, rights = receive(control)
session = socket.socket(fileno=rights[0])
receive(session)
send(session, "Begun")
order, _, _ = receive(session)
for header, size in said["words"]:
    send(session, header, b"x" * size)
receive(session)
receive(session)
"#;

fn load(said: &serde_json::Value) -> Result<Arc<Interpreter>, Error> {
    // Too much for an argument, some of it.
    let folder = tempfile::tempdir().unwrap();
    let said = sport_tests::write(folder.path(), "said", &said.to_string());
    let arguments = vec!["-c".to_owned(), STRANGER.to_owned(), said.display().to_string()];
    let isolation = Isolation::Process(SessionWorker { program: python(), arguments });
    sandbox(isolation).interpreter(&sport_tests::component("python"), &Grants::new(["tools"]).unwrap())
}

/// The machine's own Python.
fn python() -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join("python3")).find(|path| path.is_file()).unwrap()
}

#[test]
fn at_the_start() {
    let cases = [
        (json!({ "raw": b"hello, I am no worker at all".to_vec() }), "too many"),
        (json!({ "raw": [255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0] }), "too many"),
        (json!({ "raw": [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 123, 125] }), "too many"),
        (json!({ "raw": [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 123, 125] }), "no message"),
        (
            json!({ "raw": [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 34, 66, 101, 103, 117, 110, 34] }),
            "did not begin",
        ),
    ];
    for (said, reason) in cases {
        let error = load(&said).map(drop).unwrap_err().to_string();
        assert!(error.contains(reason), "{said}: {error}");
    }
}

/// A report as a worker would give it, and the rest of `Done`.
fn done(change: impl FnOnce(&mut serde_json::Value)) -> serde_json::Value {
    let usage =
        json!({ "wall_us": 1, "memory_bytes": 1, "host_calls": 1, "tool_calls": 0, "output_bytes": 0 });
    let report = json!({
        "ending": "value", "answer": null, "value": null, "raised": null, "exit_code": null, "reason": null,
        "stdout": "", "stderr": "", "displays": [], "tool_calls": [], "usage": usage,
    });
    let limits = serde_json::to_value(Limits::interpreter()).unwrap();
    let mark = json!({ "digest": vec![0; 32], "clock": 0, "random": [0, 0] });
    let mut done = json!({
        "report": report,
        "output": [0, 0],
        "answer": [],
        "value": [],
        "tool_calls": [],
        "step": { "limits": limits, "calls": [], "mark": mark, "files": tree(json!([])) },
        "displayed": [],
        "spent": { "cpu_us": 0, "counts": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
    });
    change(&mut done);
    json!({ "Done": done })
}

fn tree(nodes: serde_json::Value) -> serde_json::Value {
    json!({ "nodes": nodes, "next": 10, "bytes": 0 })
}

fn folder(parent: u64, entries: serde_json::Value) -> serde_json::Value {
    json!({ "modified": 0, "accessed": 0, "kind": { "Directory": { "parent": parent, "entries": entries } } })
}

fn file(size: u64, named: bool) -> serde_json::Value {
    json!({ "modified": 0, "accessed": 0, "kind": { "File": { "size": size, "artifact": null, "named": named } } })
}

fn deep() -> serde_json::Value {
    (0..100).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn in_a_run() {
    let secret = ArtifactStore::new_in_memory();
    let kept = secret.put(b"somebody else's", "text/plain", None).unwrap();
    let digest = kept.digest.clone();
    let of_tree = |nodes: serde_json::Value| done(|done| done["step"]["files"] = tree(nodes));
    let copy = json!({ "modified": 0, "accessed": 0, "kind": { "File": { "size": 3, "named": true, "artifact":
        { "digest": digest, "media_type": "text/plain", "size": 3, "name": null } } } });
    let spent = json!({ "cpu_us": 0, "counts": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
    let invoke = |name: &str, arguments: serde_json::Value, files: serde_json::Value| json!({ "Invoke": { "name": name, "arguments": arguments, "files": files, "spent": spent.clone(), "memory": 1 } });
    let cases = [
        ("output", vec![(json!({ "Show": "Stdout" }), 400 << 20)], "more output"),
        ("out of place", vec![(json!("Begun"), 0)], "out of place"),
        ("header", vec![(done(|d| d["report"]["stdout"] = json!("x".repeat(30 << 20))), 0)], "too many"),
        ("stdout", vec![(done(|d| d["output"] = json!([60 << 20, 0])), 60 << 20)], "more output"),
        ("no stdout", vec![(done(|d| d["output"] = json!([2, 1])), 2)], "output are missing"),
        ("deep", vec![(done(|d| d["answer"] = json!([deep()])), 0)], ""),
        ("large", vec![(done(|d| d["answer"] = json!(["x".repeat(2 << 20)])), 0)], "larger or deeper"),
        ("shape", vec![(done(|d| d["report"]["ending"] = json!("won")), 0)], "no message"),
        ("no step", vec![(done(|d| d["step"] = json!(null)), 0)], "left no state"),
        ("a step", vec![(done(|d| d["report"]["ending"] = json!("trapped")), 0)], "left a state"),
        (
            "displays",
            vec![(
                done(|d| d["report"]["displays"] = json!(vec![json!({ "type": "text", "text": "" }); 2000])),
                0,
            )],
            "displayed",
        ),
        (
            "no bytes",
            vec![(
                done(
                    |d| d["report"]["displays"] = json!([{ "type": "artifact", "digest": digest, "media_type": "text/plain", "size": 1, "name": null }]),
                ),
                0,
            )],
            "missing",
        ),
        (
            "other bytes",
            vec![(
                done(|d| {
                    d["report"]["displays"] = json!([{ "type": "artifact", "digest": digest, "media_type": "text/plain", "size": 3, "name": null }]);
                    d["displayed"] = json!([3]);
                }),
                3,
            )],
            "not the one",
        ),
        ("a call", vec![(done(|d| d["tool_calls"] = json!([null])), 0)], "no such tool"),
        (
            "an outcome",
            vec![(
                done(
                    |d| d["tool_calls"] = json!([{ "name": "echo", "arguments": {}, "outcome": { "Ok": { "content": [], "structured": 1 } } }]),
                ),
                0,
            )],
            "nobody called",
        ),
        ("a list", vec![(done(|d| d["step"]["calls"] = json!(["ListTools"])), 0)], "no such list"),
        ("nowhere", vec![(of_tree(json!([[0, folder(0, json!({ "a": 5 }))]])), 0)], "leads nowhere"),
        (
            "a circle",
            vec![(of_tree(json!([[0, folder(0, json!({ "a": 1 }))], [1, folder(0, json!({ "b": 0 }))]])), 0)],
            "two names",
        ),
        (
            "a name",
            vec![(of_tree(json!([[0, folder(0, json!({ "../a": 1 }))], [1, file(0, true)]])), 0)],
            "a name is none",
        ),
        (
            "a parent",
            vec![(of_tree(json!([[0, folder(0, json!({ "a": 1 }))], [1, folder(7, json!({}))]])), 0)],
            "not where it says",
        ),
        ("lost", vec![(of_tree(json!([[1, file(0, true)]])), 0)], "has none"),
        ("no root", vec![(of_tree(json!([[0, null]])), 0)], "nowhere"),
        ("root", vec![(of_tree(json!([[0, file(0, true)]])), 0)], "no directory"),
        (
            "size",
            vec![(of_tree(json!([[0, folder(0, json!({ "a": 1 }))], [1, file(3, true)]])), 3)],
            "the sum",
        ),
        (
            "few bytes",
            vec![(of_tree(json!([[0, folder(0, json!({ "a": 1 }))], [1, file(3, true)]])), 2)],
            "fewer bytes",
        ),
        ("a copy", vec![(of_tree(json!([[0, folder(0, json!({ "a": 1 }))], [1, copy]])), 3)], "no copy"),
        ("arguments", vec![(invoke("echo", deep(), tree(json!([]))), 0)], ""),
        ("long name", vec![(invoke(&"x".repeat(1000), json!({}), tree(json!([]))), 0)], "longer"),
        ("files of a call", vec![(invoke("echo", json!({}), tree(json!([[0, null]]))), 0)], "nowhere"),
    ];
    for (name, words, reason) in cases {
        let python = load(&json!({ "words": words })).unwrap();
        let store = secret.clone();
        let mut session = python.open(SessionOptions { seed: 0, files: Vec::new(), store }).unwrap();
        let mut tools = Tools::default();
        let report = session.run(&request("1"), &mut tools, &Budget::new(Limits::interpreter()));
        assert_eq!(report.ending, EndingKind::Trapped, "{name}: {report:?}");
        let why = report.reason.unwrap();
        assert!(
            why.starts_with("its process was ended by the host") && why.contains(reason),
            "{name}: {why}"
        );
        assert_eq!(tools.calls, 0, "{name}");
        assert_eq!((session.steps(), session.healthy()), (0, false), "{name}");
        assert!(session.branch().files.list().is_empty(), "{name}");
        assert!(python.process().is_none(), "{name}");
    }
    assert_eq!(printed(&mut open(away()), "print(1)"), "1\n");
}

#[test]
fn one_that_says_nothing() {
    let python = load(&json!({ "words": [] })).unwrap();
    let limits = Limits { wall: std::time::Duration::from_millis(100), ..Limits::interpreter() };
    let report = open(&python).run(&request("1"), &mut Tools::default(), &Budget::new(limits));
    assert_eq!(report.ending, EndingKind::Deadline, "{report:?}");
    assert!(python.process().is_none());
}

#[test]
fn a_report_that_is_well_is_taken() {
    // Else the cases above would prove nothing.
    let python = load(&json!({ "words": [(done(|d| d["output"] = json!([2, 0])), 2)] })).unwrap();
    let mut session = open(&python);
    let report = session.run(&request("1"), &mut Tools::default(), &Budget::new(Limits::interpreter()));
    assert_eq!((report.ending, report.stdout.as_str()), (EndingKind::Value, "xx"), "{report:?}");
    assert_eq!(session.steps(), 1);
}
