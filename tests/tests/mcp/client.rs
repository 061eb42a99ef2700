//! A client at the other end of a pipe. Every wait has an end: what does not come is a failed test.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sport_tests::sport;

/// Longer than anything takes on a busy machine.
pub const LONG: Duration = Duration::from_secs(60);

pub struct Client {
    child: Child,
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    next: i64,
    /// Notifications that came while something else was waited for.
    notes: Vec<Value>,
    /// What every request says of itself, where there was no handshake.
    meta: Option<Value>,
}

impl Client {
    /// With a handshake, and nothing installed.
    pub fn new(flags: &[&str]) -> Self {
        let nothing = tempfile::tempdir().unwrap();
        let mut client = Self::start(flags, nothing.path());
        client.shake_hands();
        client
    }

    /// Without one, for the grants of this folder.
    pub fn start(flags: &[&str], config: &Path) -> Self {
        Self::spawn(flags, config, Stdio::inherit())
    }

    /// As a client that closed the server's standard error.
    pub fn start_unheard(flags: &[&str], config: &Path) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Self::spawn(flags, config, writer.into())
    }

    fn spawn(flags: &[&str], config: &Path, stderr: Stdio) -> Self {
        let mut command = sport([&["mcp"], flags].concat());
        command.env("SPORT_CONFIG", config).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        let (to, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let (sender, from) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let line = line.unwrap();
                let message = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Self { child, to, from, next: 0, notes: Vec::new(), meta: None }
    }

    pub fn shake_hands(&mut self) {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let server = self.ask("initialize", params).unwrap();
        assert_eq!(server["serverInfo"]["name"], "sport", "{server}");
        assert_eq!(server["capabilities"]["tools"]["listChanged"], true, "{server}");
        self.line(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
    }

    /// From now on as since 2026-07-28: no handshake, every request says all about itself.
    pub fn without_handshake(&mut self) {
        self.meta = Some(json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        }));
    }

    pub fn line(&mut self, line: &str) {
        writeln!(self.to.as_mut().unwrap(), "{line}").unwrap();
    }

    fn read(&mut self) -> Value {
        self.from.recv_timeout(LONG).unwrap()
    }

    /// The next message, whatever it is.
    pub fn next(&mut self) -> Value {
        self.read()
    }

    /// Sends a request and does not wait.
    pub fn send(&mut self, method: &str, mut params: Value) -> i64 {
        self.next += 1;
        if let Some(meta) = &self.meta {
            let mut all = meta.clone();
            for (key, value) in params["_meta"].as_object().into_iter().flatten() {
                all[key] = value.clone();
            }
            params["_meta"] = all;
        }
        let message = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        self.line(&message.to_string());
        self.next
    }

    /// The answer to a request.
    pub fn answer(&mut self, id: i64) -> Result<Value, Value> {
        loop {
            let message = self.read();
            if message.get("method").is_some() {
                self.notes.push(message);
                continue;
            }
            assert_eq!(message["id"], id, "an answer to something else: {message}");
            return match message.get("result") {
                Some(result) => Ok(result.clone()),
                None => Err(message["error"].clone()),
            };
        }
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// The next notification of this method, which may have come already.
    pub fn note(&mut self, method: &str) -> Value {
        let began = Instant::now();
        loop {
            if let Some(at) = self.notes.iter().position(|note| note["method"] == method) {
                return self.notes.remove(at)["params"].clone();
            }
            assert!(began.elapsed() < LONG, "no {method} came");
            let message = self.read();
            assert!(message.get("method").is_some(), "an answer where {method} should come: {message}");
            self.notes.push(message);
        }
    }

    /// Notifications of this method that came so far.
    pub fn notes(&mut self, method: &str) -> Vec<Value> {
        let (these, rest) =
            std::mem::take(&mut self.notes).into_iter().partition(|note| note["method"] == method);
        self.notes = rest;
        these
    }

    pub fn cancel(&mut self, id: i64) {
        let params = json!({ "requestId": id, "reason": "no longer wanted" });
        self.line(
            &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }).to_string(),
        );
    }

    /// A tool's result, which must be none of failure.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).unwrap();
        assert_ne!(result["isError"], true, "{result}");
        result
    }

    /// The code and the message of a tool's failure.
    pub fn failure(&mut self, tool: &str, arguments: Value) -> (String, String) {
        let result = self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).unwrap();
        assert_eq!(result["isError"], true, "{result}");
        let code = result["_meta"]["sport/failure"]["code"].as_str().unwrap();
        (code.to_owned(), result["content"][0]["text"].as_str().unwrap().to_owned())
    }

    pub fn tools(&mut self) -> Vec<Value> {
        self.ask("tools/list", json!({})).unwrap()["tools"].as_array().unwrap().clone()
    }

    pub fn names(&mut self) -> Vec<String> {
        self.tools().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    pub fn open(&mut self, arguments: Value) -> String {
        self.call("python_open", arguments)["structuredContent"]["session"].as_str().unwrap().to_owned()
    }

    /// What a run is told as.
    pub fn run(&mut self, session: &str, code: &str) -> Value {
        let params = json!({ "name": "python_run", "arguments": { "session": session, "code": code } });
        self.ask("tools/call", params).unwrap()["structuredContent"].clone()
    }

    pub fn value(&mut self, session: &str, code: &str) -> Value {
        let report = self.run(session, code);
        assert_eq!(report["ending"], "value", "{report}");
        report["value"].clone()
    }

    /// Ends the input, and waits until the server has ended.
    pub fn end(mut self) -> (i32, Duration) {
        self.to = None;
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code().unwrap(), began.elapsed());
            }
            assert!(began.elapsed() < LONG, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // That of a test that failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
