//! Toolboxes: tools of several plugins, files by name, and tools that call tools.
//!
//! * two tools of one name: an error that names both plugins
//! * an unknown tool: a failure that names what there is
//! * agent code gives a file's name, the component gets a reference; a name that means nothing; a digest
//!   instead of a name
//! * an artifact that comes back appears under `/scratch/artifacts/` and is named by its path
//! * a tool calls another tool through `sport:host/tools`; its own grants decide
//! * a plugin that was granted some tools of others: it can call those, and sees no others
//! * a plugin that calls itself: `tool-cycle`
//! * a fifth level: `nesting-too-deep`
//! * nested tool calls are counted on the caller's budget

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, FailureKind, FileView, Grants, Limits, Outcome, PluginState, TaskFile,
    ToolHost, Toolbox,
};

use crate::support::{Bench, Guest, import};

fn branch(files: &[TaskFile]) -> Branch {
    Branch { files: FileView::new(files).unwrap(), state: PluginState::new() }
}

fn named(name: &str, mut guest: Guest) -> Guest {
    guest.name = name.to_owned();
    guest
}

/// A tool that calls another with no arguments and passes its structured result on, or its failure's code.
fn caller(name: &str, callee: &str) -> Guest {
    let mut guest = named(name, Guest::new());
    guest.top = import::INVOKE.to_owned();
    let (callee, arguments) = (guest.text(callee), guest.text("{}"));
    guest.call = format!(
        "(call $invoke {callee} {arguments} (i32.const 512))
         (if (result i32) (i32.load8_u (i32.const 512))
            (then (call $quoted (i32.load (i32.const 520)) (i32.load (i32.const 524))))
            (else (call $json (i32.load (i32.const 528)) (i32.load (i32.const 532)))))"
    );
    guest
}

fn invoke(
    toolbox: &Toolbox,
    name: &str,
    arguments: Value,
    branch: &mut Branch,
) -> Result<Outcome, sport_sandbox::Failure> {
    let mut host = toolbox;
    host.invoke(name, &arguments, branch, &Budget::new(Limits::interpreter()))
}

#[test]
fn names_are_unique() {
    let bench = Bench::new();
    let first = bench.load_as("first", Guest::answering("1"), &[]).unwrap();
    let second = bench.load_as("second", Guest::answering("2"), &[]).unwrap();
    let error = Toolbox::new(vec![first.clone(), second], bench.store.clone()).unwrap_err();
    assert_eq!(error.code(), "duplicate-tool");
    assert!(error.to_string().contains("first") && error.to_string().contains("second"), "{error}");

    let toolbox = Toolbox::new(vec![first], bench.store.clone()).unwrap();
    assert_eq!(toolbox.descriptor("probe").unwrap().description, "a probe");
    assert_eq!(toolbox.tools()[0].name, "probe");
    let failure = invoke(&toolbox, "prob", json!({}), &mut branch(&[])).unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::NotFound, "no-such-tool"));
    assert!(failure.message.contains("tools: probe"), "{}", failure.message);
}

/// Gives its arguments back as its structured result.
fn echo() -> Guest {
    let mut guest = named("echo", Guest::doing("(call $json (local.get $args) (local.get $args_len))"));
    guest.input_schema =
        r#"{"type":"object","properties":{"file":{"type":"string","format":"sport-artifact"}}}"#.to_owned();
    guest
}

#[test]
fn files_go_in_by_name_and_come_back_by_path() {
    let bench = Bench::new();
    let photo = bench.folder.path().join("photo.jpg");
    std::fs::write(&photo, b"a photo").unwrap();
    let toolbox = Toolbox::new(vec![bench.load(echo(), &[]).unwrap()], bench.store.clone()).unwrap();
    let mut branch = branch(&[TaskFile { name: "photo.jpg".to_owned(), path: photo }]);

    for name in ["photo.jpg", "/task/photo.jpg"] {
        let outcome = invoke(&toolbox, "echo", json!({ "file": name }), &mut branch).unwrap();
        let got = &outcome.structured.unwrap()["file"];
        let digest = got["digest"].as_str().unwrap();
        assert_eq!(&*bench.store.get(digest).unwrap(), b"a photo", "the component got a reference");
        assert_eq!(got["media_type"], "image/jpeg");
    }
    for wrong in [json!("nothing.png"), json!("../../etc/passwd"), json!("/etc/passwd")] {
        let failure = invoke(&toolbox, "echo", json!({ "file": wrong }), &mut branch).unwrap_err();
        assert!(["no-such-file", "bad-file-name"].contains(&failure.code.as_str()), "{wrong}: {failure}");
    }
    let secret = bench.store.put(b"secret", "text/plain", None).unwrap();
    let reference = serde_json::to_value(secret).unwrap();
    for wrong in [reference, json!(7), json!([])] {
        let failure = invoke(&toolbox, "echo", json!({ "file": wrong }), &mut branch).unwrap_err();
        assert_eq!(failure.code, "bad-arguments", "{wrong}");
    }
}

#[test]
fn artifacts_come_back_as_files() {
    let bench = Bench::new();
    let mut guest = named("make", Guest::new());
    let (kind, body) = (guest.text("image/png"), "some bytes");
    let at = guest.text(body);
    let halves = |text: &str, at: u32| {
        let (address, length) = text.split_once(") (").unwrap();
        format!("(i32.store (i32.const {at}) {address})) (i32.store (i32.const {}) ({length})", at + 4)
    };
    guest.call = format!(
        "(i32.store8 (i32.const 768) (i32.const 1)) {} {}
         (i32.store8 (i32.const 1024) (i32.const 0))
         (i32.store (i32.const 1028) (i32.const 768)) (i32.store (i32.const 1032) (i32.const 1))
         (i32.store8 (i32.const 1036) (i32.const 0)) (i32.const 1024)",
        halves(&kind, 776),
        halves(&at, 784)
    );
    let toolbox = Toolbox::new(
        vec![bench.load(guest, &[]).unwrap(), bench.load_as("echo", echo(), &[]).unwrap()],
        bench.store.clone(),
    )
    .unwrap();
    let mut here = branch(&[]);
    let other = here.clone();
    let outcome = invoke(&toolbox, "make", json!({}), &mut here).unwrap();
    let path = outcome.structured.unwrap();
    let path = path.as_str().unwrap();
    assert!(path.starts_with("/scratch/artifacts/") && path.ends_with(".png"), "{path}");
    assert_eq!(&*here.files.resolve(path).unwrap().bytes, b"some bytes");
    assert!(other.files.resolve(path).is_err(), "another branch does not see it");
    // And it can be handed to the next tool.
    assert!(invoke(&toolbox, "echo", json!({ "file": path }), &mut here).is_ok());
}

#[test]
fn tools_call_tools() {
    let bench = Bench::new();
    let leaf = bench.load_as("leaf", named("leaf", Guest::answering("7")), &[]).unwrap();
    let refused = bench.load_as("outer", caller("outer", "leaf"), &[]).unwrap_err();
    assert_eq!(refused.code(), "not-granted");
    let outer = bench.load_as("outer", caller("outer", "leaf"), &["tools"]).unwrap();
    let lost = bench.load_as("lost", caller("lost", "nothing"), &["tools"]).unwrap();
    let own = bench.load_as("own", caller("own", "own"), &["tools"]).unwrap();
    let toolbox = Toolbox::new(vec![leaf, outer, lost, own], bench.store.clone()).unwrap();
    let mut branch = branch(&[]);
    let mut answer = |name: &str| invoke(&toolbox, name, json!({}), &mut branch).unwrap().structured.unwrap();
    assert_eq!(answer("outer"), json!(7));
    assert_eq!(answer("lost"), json!("no-such-tool"));
    assert_eq!(answer("own"), json!("tool-cycle"));
}

#[test]
fn nesting_ends() {
    let bench = Bench::new();
    let mut plugins = vec![bench.load_as("leaf", named("t0", Guest::answering("7")), &[]).unwrap()];
    for level in 1..=5 {
        let guest = caller(&format!("t{level}"), &format!("t{}", level - 1));
        plugins.push(bench.load_as(&format!("level{level}"), guest, &["tools"]).unwrap());
    }
    let toolbox = Toolbox::new(plugins, ArtifactStore::new_in_memory()).unwrap();
    let mut branch = branch(&[]);
    let mut answer = |name: &str| invoke(&toolbox, name, json!({}), &mut branch).unwrap().structured.unwrap();
    assert_eq!(answer("t3"), json!(7), "four levels");
    assert_eq!(answer("t4"), json!("nesting-too-deep"));
    assert_eq!(answer("t5"), json!("nesting-too-deep"));

    let mut host = &toolbox;
    let budget = Budget::new(Limits { tool_calls: 1, ..Limits::interpreter() });
    let outcome = host.invoke("t2", &json!({}), &mut branch, &budget).unwrap();
    assert_eq!(outcome.structured, Some(json!("tool-calls-exhausted")));
    assert_eq!(budget.usage().tool_calls, 1);
}

#[test]
fn only_the_granted_tools_of_others_can_be_called() {
    let bench = Bench::new();
    let callee = bench.load_as("callee", named("callee", Guest::answering("7")), &[]).unwrap();
    for (granted, expected) in
        [(vec!["callee"], "7"), (vec!["other"], "tool-not-granted"), (vec![], "tool-not-granted")]
    {
        let path = bench.file("caller", &caller("caller", "callee").build());
        let grants = Grants::new(["tools"]).unwrap().with_calls(granted);
        let calling = bench.sandbox.tool(&path, &grants).unwrap();
        let toolbox = Toolbox::new(vec![callee.clone(), calling], bench.store.clone()).unwrap();
        let outcome = invoke(&toolbox, "caller", json!({}), &mut branch(&[])).unwrap();
        let got = outcome.structured.unwrap();
        assert_eq!(got.as_str().map_or_else(|| got.to_string(), str::to_owned), expected);
    }
}
