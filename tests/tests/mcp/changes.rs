use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sport_tests::{component, run, sport};

use super::client::Client;

const CHANGED: &str = "notifications/tools/list_changed";

struct Operator {
    folder: tempfile::TempDir,
}

impl Operator {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    fn copy(&self, of: &str, name: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::copy(component(of), &path).unwrap();
        path
    }

    fn plugin(&self, arguments: &[&str]) {
        let mut command: Command = sport([&["plugin"], arguments].concat());
        let (code, _, stderr) = run(command.env("SPORT_CONFIG", self.config()));
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
    }
}

/// The same component with other bytes: a section that nobody reads.
fn rebuild(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    // custom section, 6 bytes: a name of 4 letters, and one byte
    bytes.extend_from_slice(&[0, 6, 4, b'n', b'o', b't', b'e', 1]);
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn revision(client: &mut Client, name: &str) -> Value {
    let tools = client.tools();
    tools
        .iter()
        .find(|tool| tool["name"] == name)
        .map_or(Value::Null, |tool| tool["_meta"]["sport/revision"].clone())
}

#[test]
fn what_is_installed_is_served_as_it_changes() {
    let operator = Operator::new();
    let mut client = Client::start(&["--no-interpreter"], &operator.config());
    client.shake_hands();
    assert_eq!(client.names(), ["artifact_put"], "nothing is granted, nothing is served");
    // added
    let path = operator.copy("calculator", "sums");
    operator.plugin(&["add", path.to_str().unwrap()]);
    client.note(CHANGED);
    assert_eq!(client.names(), ["artifact_put", "calculate"]);
    assert_eq!(client.call("calculate", json!({ "expression": "1+1" }))["structuredContent"]["result"], 2);
    // swapped: built anew, asking for the same and saying the same
    let before = revision(&mut client, "calculate");
    rebuild(&path);
    client.note(CHANGED);
    let after = revision(&mut client, "calculate");
    assert!(before != after && after.as_str().unwrap().starts_with("sha256:"), "{before} {after}");
    assert_eq!(client.call("calculate", json!({ "expression": "2+2" }))["structuredContent"]["result"], 4);
    // another component in its place is not what was approved
    std::fs::copy(component("image"), &path).unwrap();
    client.note(CHANGED);
    assert_eq!(client.names(), ["artifact_put"]);
    let error = client.ask("tools/call", json!({ "name": "calculate", "arguments": {} })).unwrap_err();
    assert_eq!(error["code"], -32602, "{error}");
    // and is again, once it is back
    std::fs::copy(component("calculator"), &path).unwrap();
    client.note(CHANGED);
    assert_eq!(client.names(), ["artifact_put", "calculate"]);
    // removed
    operator.plugin(&["remove", "sums"]);
    client.note(CHANGED);
    assert_eq!(client.names(), ["artifact_put"]);
    assert!(client.notes(CHANGED).is_empty(), "each change is told once");
}

#[test]
fn who_listens_without_a_handshake_hears_of_it() {
    let operator = Operator::new();
    let mut client = Client::start(&["--no-interpreter"], &operator.config());
    client.without_handshake();
    let wanted = json!({ "notifications": { "toolsListChanged": true, "promptsListChanged": true } });
    let listening = client.send("subscriptions/listen", wanted);
    let accepted = client.note("notifications/subscriptions/acknowledged");
    assert_eq!(accepted["notifications"], json!({ "toolsListChanged": true }), "{accepted}");
    let path = operator.copy("calculator", "sums");
    operator.plugin(&["add", path.to_str().unwrap()]);
    let note = client.note(CHANGED);
    assert_eq!(note["_meta"]["io.modelcontextprotocol/subscriptionId"], listening, "{note}");
    assert_eq!(client.names(), ["artifact_put", "calculate"]);
    // who no longer listens hears nothing
    client.cancel(listening);
    operator.plugin(&["remove", "sums"]);
    while client.names().len() > 1 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(client.notes(CHANGED).is_empty());
}

#[test]
fn two_of_one_name_are_not_served_both() {
    let operator = Operator::new();
    for name in ["first", "second"] {
        operator.plugin(&["add", operator.copy("calculator", name).to_str().unwrap()]);
    }
    // of which nobody hears here, and the server goes on
    let mut client = Client::start_unheard(&["--no-interpreter"], &operator.config());
    client.shake_hands();
    let plugin = |client: &mut Client| {
        let tools = client.tools();
        let found: Vec<_> = tools.iter().filter(|tool| tool["name"] == "calculate").collect();
        assert_eq!(found.len(), 1, "{tools:?}");
        found[0]["_meta"]["sport/plugin"].clone()
    };
    assert_eq!(plugin(&mut client), "first");
    operator.plugin(&["remove", "first"]);
    client.note(CHANGED);
    assert_eq!(plugin(&mut client), "second");
    assert_eq!(client.call("calculate", json!({ "expression": "1+1" }))["structuredContent"]["result"], 2);
}

#[test]
fn sessions_see_the_tools_of_the_moment() {
    let operator = Operator::new();
    let mut client = Client::start(&[], &operator.config());
    client.shake_hands();
    let session = client.open(json!({}));
    let code = "try: r = calculate(expression='3*3')['result']\nexcept NameError: r = 'none'\nr";
    assert_eq!(client.value(&session, code), "none");
    let path = operator.copy("calculator", "sums");
    operator.plugin(&["add", path.to_str().unwrap()]);
    client.note(CHANGED);
    assert_eq!(client.value(&session, code), 9);
}

#[test]
fn what_was_typed_is_served_and_nothing_else() {
    let operator = Operator::new();
    let sums = operator.copy("calculator", "sums");
    operator.plugin(&["add", sums.to_str().unwrap()]);
    let image = operator.copy("image", "pictures");
    let flags = ["--no-interpreter", "--tool", image.to_str().unwrap(), "--grant", "artifacts"];
    let mut client = Client::start(&flags, &operator.config());
    client.shake_hands();
    let pictures = [
        "artifact_put",
        "add_text",
        "annotate_image",
        "compare_images",
        "convert_image",
        "crop_image",
        "draw_box",
        "image_info",
        "mean_color",
        "resize_image",
    ];
    assert_eq!(client.names(), pictures);
    // a file that is typed is followed, too
    let before = revision(&mut client, "image_info");
    rebuild(&image);
    client.note(CHANGED);
    assert_ne!(revision(&mut client, "image_info"), before);
    std::fs::remove_file(&image).unwrap();
    client.note(CHANGED);
    assert_eq!(client.names(), ["artifact_put"]);
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let nothing = tempfile::tempdir().unwrap();
    for (flags, wanted) in [
        (&["--tool", "no-such-plugin"][..], 4),
        (&["--tool", "/no/such/file.wasm"][..], 3),
        (&["--deadline", "calculate=31"][..], 2),
        (&["--deadline", "calculate"][..], 2),
        (&["--session-idle", "0"][..], 2),
        (&["--file", "/no/such/file"][..], 3),
        (&["--token-file", "/x"][..], 2),
    ] {
        let mut command = sport([&["mcp", "--no-interpreter"], flags].concat());
        let (code, stdout, stderr) = run(command.env("SPORT_CONFIG", nothing.path()));
        assert_eq!((code, stdout.as_str()), (wanted, ""), "{flags:?}: {stderr}");
    }
}
