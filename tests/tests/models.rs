//! Models that plugins ask, through the binary, with a server on this machine that answers as an endpoint does.
//!
//! * `describe_image` from agent code: what the server is asked, what the code gets; the key is sent and seen nowhere else
//! * a plugin in Python asks as well: texts, an image, a schema; an answer that misses the schema is a failure
//! * a plugin that is granted a model which is not set up; a grant without a model; `models.toml` with mistakes
//! * a key that cannot be had is said when the model is asked
//! * the budget's flags

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sport_tests::{assert_one_line_error, component, photograph, run, sport, write};

const KEY: &str = "sk-test-0123456789";

/// Answers every request with the same, for as long as the test lives.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Server {
    fn saying(text: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = Vec::new();
                let (head, body) = loop {
                    let mut chunk = [0; 65_536];
                    let count = stream.read(&mut chunk).unwrap();
                    bytes.extend_from_slice(&chunk[..count]);
                    let text = String::from_utf8_lossy(&bytes);
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.split("content-length: ").nth(1).unwrap();
                    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
                    if body.len() >= length || count == 0 {
                        break (head.to_owned(), body.to_owned());
                    }
                };
                heard.lock().unwrap().push((head, serde_json::from_str(&body).unwrap()));
                let answer = json!({
                    "model": "seer-1", "usage": { "prompt_tokens": 900, "completion_tokens": 9 },
                    "choices": [{ "message": { "content": format!("{text} {KEY}") }, "finish_reason": "stop" }],
                })
                .to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
                stream.write_all((head + &answer).as_bytes()).unwrap();
            }
        });
        Self { port, asked }
    }
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A folder in which `see` is installed, with this text as `models.toml`.
    fn new(models: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.models(models);
        place
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    fn models(&self, text: &str) {
        use std::os::unix::fs::DirBuilderExt as _;
        if !self.config().exists() {
            std::fs::DirBuilder::new().mode(0o700).create(self.config()).unwrap();
        }
        write(&self.config(), "models.toml", text);
    }

    fn sport(&self, arguments: &[&str]) -> Command {
        let mut command = sport(arguments);
        command.env("SPORT_CONFIG", self.config());
        command
    }

    fn add(&self, more: &[&str]) -> (i32, String, String) {
        let tool = component("describe-image");
        run(self.sport(&["plugin", "add", "--name", "see"]).arg(tool).args(more))
    }
}

fn vision(port: u16, more: &str) -> String {
    format!("[models.vision]\nurl = \"http://127.0.0.1:{port}/v1\"\nmodel = \"seer\"\n{more}")
}

/// Asks once for a text about an image, and once for JSON.
const LOOK: &str = r#"
from sport_sdk import Artifact, chat, tool


@tool(read_only=True, open_world=True)
def look(image: Artifact) -> str:
    """Says what is on an image."""
    answer = chat.ask("vision", ["What is it?", image], system="Be brief.", max_tokens=50)
    return f"{answer.text.split()[0]}, {answer.finish}, {answer.input_tokens} and {answer.output_tokens}, {answer.model}"


@tool(read_only=True, open_world=True)
def count(image: Artifact) -> int:
    """Counts what is on an image."""
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
    return chat.ask("vision", ["How many?", image], schema=schema, temperature=0.0).json()["count"]
"#;

#[test]
fn a_plugin_in_python_asks() {
    let server = Server::saying("mug");
    let place = Place::new(&vision(server.port, ""));
    let folder = place.folder.path();
    let (code, _, stderr) =
        run(place.sport(&["plugin", "new", "look", "--lang", "python"]).current_dir(folder));
    assert_eq!(code, 0, "{stderr}");
    write(&folder.join("look"), "plugin.py", LOOK);
    let (code, stdout, stderr) = run(place.sport(&["plugin", "build", "look"]).current_dir(folder));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.trim_end().ends_with("that asks for artifacts, chat"), "{stdout}");
    let mut add =
        place.sport(&["plugin", "add", "look/target/look.wasm", "--model", "vision", "--grant", "artifacts"]);
    let (code, _, stderr) = run(add.current_dir(folder));
    assert_eq!(code, 0, "{stderr}");
    let call = |tool: &str| {
        let mut command =
            place.sport(&["plugin", "run", "look", tool, r#"{"image": "coffee.png"}"#, "--file"]);
        run(command.arg(photograph("coffee.png")))
    };
    let (code, stdout, stderr) = call("look");
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("mug, stop, 900 and 9, seer-1"), "{stdout}");
    let (code, _, stderr) = call("count");
    assert_eq!(code, 1);
    assert!(stderr.contains("schema"), "{stderr}");
    let asked = server.asked.lock().unwrap();
    let body = &asked[0].1;
    assert_eq!((&body["messages"][0]["role"], &body["max_tokens"]), (&json!("system"), &json!(50)));
    let shown = &body["messages"][1]["content"];
    assert_eq!(shown[0], json!({ "type": "text", "text": "What is it?" }));
    assert!(shown[1]["image_url"]["url"].as_str().unwrap().starts_with("data:image/png;base64,iVBOR"));
    assert!(asked[1].1["response_format"].is_object(), "{}", asked[1].1);
}

#[test]
fn an_image_is_described() {
    let server = Server::saying("a cup of");
    let place = Place::new(&vision(server.port, "key = { env = \"SEER_KEY\" }\n"));
    let (code, stdout, stderr) = place.add(&["--model", "vision"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("models vision"), "{stdout}");
    let text =
        "found = describe_image(image='coffee.png', question='what is in the cup?')\nfinal_answer(found)";
    let code = write(place.folder.path(), "look.py", text);
    let mut command = place.sport(&["exec", "--json", "--tool", "see", "--file"]);
    command.arg(photograph("coffee.png")).arg(&code).env("SEER_KEY", KEY);
    let (status, stdout, stderr) = run(&mut command);
    assert_eq!(status, 0, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    // the server says the key, and nobody hears it
    assert!(!stdout.contains(KEY) && !stderr.contains(KEY), "{stdout}");
    let said = report["answer"]["text"].as_str().unwrap();
    assert!(said.starts_with("a cup of"), "{report}");
    assert_eq!((&report["answer"]["model"], &report["answer"]["cut"]), (&json!("seer-1"), &json!(false)));
    assert_eq!((&report["usage"]["model_calls"], &report["usage"]["tokens"]), (&json!(1), &json!(909)));
    let asked = server.asked.lock().unwrap();
    let (head, body) = &asked[0];
    assert!(
        head.starts_with("POST /v1/chat/completions ") && head.contains(&format!("Bearer {KEY}")),
        "{head}"
    );
    assert_eq!((&body["model"], &body["max_tokens"]), (&json!("seer"), &json!(500)));
    let shown = &body["messages"][1]["content"];
    assert_eq!(shown[0], json!({ "type": "text", "text": "what is in the cup?" }));
    assert!(shown[1]["image_url"]["url"].as_str().unwrap().starts_with("data:image/png;base64,iVBOR"));
    drop(asked);

    let mut short = place.sport(&["exec", "--tool", "see", "--model-calls", "0", "--file"]);
    short.arg(photograph("coffee.png")).arg(&code).env("SEER_KEY", KEY);
    let (status, _, stderr) = run(&mut short);
    assert_ne!(status, 0);
    assert!(stderr.contains("questions to models used up: the limit is 0"), "{stderr}");
}

#[test]
fn what_is_not_granted_or_not_there() {
    let place = Place::new("");
    let (_, _, stderr) = place.add(&[]);
    assert_one_line_error(&stderr, "sport:host/chat");
    let (_, _, stderr) = place.add(&["--model", "vision"]);
    assert_one_line_error(&stderr, "the model `vision`, which is not set up; there are: none");
    for (text, what) in [
        ("[models.vision]\nurl = \"http://127.0.0.1:1/v1\"\n", "missing field `model`"),
        ("[models.vision]\nurl = \"nowhere\"\nmodel = \"m\"\n", "it is no URL"),
        ("[models.Vision]\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\n", "no role"),
        (&vision(1, "keys = 1\n"), "line 4: unknown field `keys`"),
        (&vision(1, "key = \"sk-123\"\n"), "line 4"),
    ] {
        place.models(text);
        let (_, _, stderr) = place.add(&["--model", "vision"]);
        assert_one_line_error(&stderr, what);
        assert!(stderr.contains("models.toml"), "{stderr}");
    }
}

#[test]
fn a_key_that_cannot_be_had() {
    let place = Place::new(&vision(1, "key = { env = \"SPORT_TEST_NO_SUCH_KEY\" }\n"));
    assert_eq!(place.add(&["--model", "vision"]).0, 0);
    let mut command =
        place.sport(&["plugin", "run", "see", "describe_image", r#"{"image":"coffee.png"}"#, "--file"]);
    let (status, _, stderr) = run(command.arg(photograph("coffee.png")));
    assert_ne!(status, 0);
    assert_one_line_error(&stderr, "SPORT_TEST_NO_SUCH_KEY is not set");
}
