//! `sport exec --serve` driven line by line.
//!
//! * hello, open, run, state, fork, close; the end of the input ends the server
//! * sessions work side by side; requests of one are done in order
//! * output as it is made, cut between characters
//! * the client's tools: answered, failing, given a file, giving a file, too late; wrong answers
//! * budgets: narrower than the server's, never wider; cancelled while running and while waiting
//! * an unhealthy session is gone on with by a fork, from memory where that was kept
//! * files: by path, by bytes, read in parts
//! * what is wrong: no JSON, no message, no method, no session, wrong params, a line that is too long; the server goes on

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};
use sport_tests::{photograph, sport};

struct Client {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    next: i64,
}

impl Client {
    fn new(flags: &[&str]) -> Self {
        let mut command = sport([&["exec", "--serve"], flags].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, to, from, next: 0 }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.to.as_mut().unwrap(), "{line}").unwrap();
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Sends a request and does not wait.
    fn send(&mut self, method: &str, params: Value) -> i64 {
        self.next += 1;
        let id = self.next;
        self.line(&json!({ "id": id, "method": method, "params": params }).to_string());
        id
    }

    /// The answer to a request; what comes before it is dropped.
    fn answer(&mut self, id: i64) -> Result<Value, String> {
        loop {
            let message = self.read();
            if message["id"] == id && message.get("method").is_none() {
                return match message.get("result") {
                    Some(result) => Ok(result.clone()),
                    None => Err(message["error"]["data"]["code"].as_str().unwrap().to_owned()),
                };
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let id = self.send(method, params);
        self.answer(id)
    }

    fn open(&mut self, params: Value) -> String {
        self.ask("open", params).unwrap()["session"].as_str().unwrap().to_owned()
    }

    fn run(&mut self, session: &str, code: &str) -> Value {
        self.ask("run", json!({ "session": session, "code": code })).unwrap()["report"].clone()
    }

    fn value(&mut self, session: &str, code: &str) -> Value {
        let report = self.run(session, code);
        assert_eq!(report["ending"], "value", "{report}");
        report["value"]["json"].clone()
    }

    /// The next request of the server, which must be a tool call.
    fn tool_call(&mut self) -> (Value, Value) {
        let message = self.read();
        assert_eq!(message["method"], "tool", "{message}");
        (message["id"].clone(), message["params"].clone())
    }

    fn end(mut self) -> i32 {
        self.to = None;
        self.child.wait().unwrap().code().unwrap()
    }
}

fn tool(name: &str, properties: Value) -> Value {
    json!({ "name": name, "description": "a tool", "input_schema": { "type": "object", "properties": properties } })
}

#[test]
fn sessions_are_opened_forked_and_closed() {
    let mut client = Client::new(&["--tool", "calculator"]);
    let hello = client.ask("hello", json!({ "protocol": 1 })).unwrap();
    assert_eq!((&hello["protocol"], &hello["interpreter"]["language"]), (&1.into(), &"python".into()));
    assert_eq!(hello["tools"][0]["name"], "calculate");
    assert_eq!(client.ask("hello", json!({ "protocol": 2 })), Err("protocol".into()));
    let one = client.open(json!({ "seed": 5 }));
    client.run(&one, "import random\nx = [random.random()]");
    assert_eq!(client.value(&one, "calculate(expression='6*7')['result']"), 42);
    let fork = client.ask("fork", json!({ "session": one })).unwrap();
    assert_eq!((&fork["steps"], &fork["made"]["by"]), (&2.into(), &"memory".into()));
    let two = fork["session"].as_str().unwrap().to_owned();
    client.run(&two, "x.append('two')");
    assert_eq!(client.value(&one, "len(x)"), 1);
    assert_eq!(client.value(&two, "len(x)"), 2);
    // the same seed draws the same
    let other = client.open(json!({ "seed": 5 }));
    let drawn = client.value(&other, "import random\nrandom.random()");
    assert_eq!(client.value(&one, "x[0]"), drawn);
    assert_eq!(client.ask("sessions", json!({})).unwrap()["sessions"], json!(["s1", "s2", "s3"]));
    client.ask("close", json!({ "session": two })).unwrap();
    assert_eq!(client.ask("run", json!({ "session": two, "code": "1" })), Err("no-such-session".into()));
    assert_eq!(client.end(), 0);
}

#[test]
fn sessions_work_side_by_side() {
    let mut client = Client::new(&[]);
    let (slow, quick) = (client.open(json!({})), client.open(json!({})));
    let endless = client.send("run", json!({ "session": slow, "code": "while True: pass" }));
    let after = client.send("run", json!({ "session": slow, "code": "1" }));
    assert_eq!(client.value(&quick, "1 + 1"), 2);
    assert_eq!(client.ask("cancel", json!({ "request": endless })).unwrap()["cancelled"], true);
    let report = client.answer(endless).unwrap();
    assert_eq!((&report["report"]["ending"], &report["healthy"]), (&"cancelled".into(), &false.into()));
    // the session is over, and what waited for it hears so
    assert_eq!(client.answer(after).unwrap()["report"]["ending"], "trapped");
    let fork =
        client.ask("fork", json!({ "session": slow })).unwrap()["session"].as_str().unwrap().to_owned();
    assert_eq!(client.value(&fork, "2 + 2"), 4);
    // one that waits behind another can be cancelled too
    let first = client.send("run", json!({ "session": quick, "code": "while True: pass" }));
    let second = client.send("run", json!({ "session": fork, "code": "while True: pass" }));
    let third = client.send("run", json!({ "session": fork, "code": "y = 1" }));
    client.ask("cancel", json!({ "request": third })).unwrap();
    client.ask("cancel", json!({ "request": second })).unwrap();
    assert_eq!(client.answer(second).unwrap()["report"]["ending"], "cancelled");
    client.ask("cancel", json!({ "request": first })).unwrap();
    assert_eq!(client.answer(first).unwrap()["report"]["ending"], "cancelled");
    assert_eq!(client.ask("cancel", json!({ "request": 999 })).unwrap()["cancelled"], false);
    // a full queue: what does not fit is refused, and the session stays
    let full = client.open(json!({}));
    let spin = "print('begun', flush=True)\nwhile True: pass";
    client.send("run", json!({ "session": full, "code": spin, "live": true }));
    while client.read()["method"] != "output" {}
    let waiting: Vec<i64> = (0..70).map(|_| client.send("list-files", json!({ "session": full }))).collect();
    assert_eq!(client.answer(*waiting.last().unwrap()), Err("busy".into()));
    assert_eq!(client.ask("close", json!({ "session": full })), Err("busy".into()));
    assert!(
        client.ask("sessions", json!({})).unwrap()["sessions"].as_array().unwrap().contains(&full.into())
    );
    // an id can be used again as soon as its answer is there
    let fork = client.open(json!({}));
    for _ in 0..50 {
        let run = json!({ "id": "again", "method": "run", "params": { "session": fork, "code": "1" } });
        client.line(&run.to_string());
        loop {
            let message = client.read();
            if message["id"] == "again" {
                assert_eq!(message["result"]["report"]["ending"], "value", "{message}");
                break;
            }
        }
    }
    // a run without an id is ended by the end of the input, too
    client.line(
        &json!({ "method": "run", "params": { "session": fork, "code": "while True: pass" } }).to_string(),
    );
    // with something running, the end of the input ends it
    client.send("run", json!({ "session": "s1", "code": "1" }));
    let last = client.open(json!({}));
    client.send("run", json!({ "session": last, "code": "while True: pass" }));
    assert_eq!(client.end(), 0);
}

#[test]
fn output_comes_as_it_is_made() {
    let mut client = Client::new(&[]);
    let session = client.open(json!({}));
    let code = "import sys, os\nprint('one')\nprint('two', file=sys.stderr)\nos.write(1, b'\\xc3')\nos.write(1, b'\\xa9')";
    let id = client.send("run", json!({ "session": session, "code": code, "live": true }));
    let (mut stdout, mut stderr) = (String::new(), String::new());
    loop {
        let message = client.read();
        if message["method"] != "output" {
            assert_eq!(message["id"], id);
            break;
        }
        let text = message["params"]["text"].as_str().unwrap();
        assert_eq!(message["params"]["run"], id);
        if message["params"]["channel"] == "stdout" { stdout += text } else { stderr += text }
    }
    assert_eq!((stdout.as_str(), stderr.as_str()), ("one\né", "two\n"));
}

#[test]
fn tools_of_the_client_are_asked() {
    let photo = photograph("coffee.png");
    let mut client = Client::new(&["--tool", "image", "--file", photo.to_str().unwrap()]);
    let tools = json!([
        tool("look-up", json!({ "word": { "type": "string" } })),
        tool("describe", json!({ "picture": { "type": "string", "format": "sport-artifact" } })),
    ]);
    let session = client.open(json!({ "tools": tools }));
    // a value
    let id = client.send("run", json!({ "session": session, "code": "look_up('apple')['kind']" }));
    let (call, params) = client.tool_call();
    assert_eq!(
        params,
        json!({ "session": session, "run": id, "name": "look-up", "arguments": { "word": "apple" } })
    );
    client.line(&json!({ "id": call, "result": { "value": { "kind": "fruit" } } }).to_string());
    assert_eq!(client.answer(id).unwrap()["report"]["value"]["json"], "fruit");
    // a failure
    let code = "try: look_up('pear')\nexcept ToolError as e: r = [e.code, e.message]\nr";
    let id = client.send("run", json!({ "session": session, "code": code }));
    let (call, _) = client.tool_call();
    let error = json!({ "code": -32000, "message": "no such word", "data": { "code": "no-word" } });
    client.line(&json!({ "id": call, "error": error }).to_string());
    assert_eq!(client.answer(id).unwrap()["report"]["value"]["json"], json!(["no-word", "no such word"]));
    // wrong arguments are not even asked about, and an answer that is none is an error of the tool
    let code = "try: look_up(7)\nexcept ToolError as e: r = e.code\nr";
    assert_eq!(client.value(&session, code), "bad-arguments");
    for wrong in
        [json!({ "result": 7 }), json!({ "result": { "file": { "media_type": "a/b", "base64": "?" } } })]
    {
        let code = "try: look_up('x')\nexcept ToolError as e: r = e.code\nr";
        let id = client.send("run", json!({ "session": session, "code": code }));
        let (call, _) = client.tool_call();
        let mut answer = wrong.clone();
        answer["id"] = call;
        client.line(&answer.to_string());
        assert_eq!(client.answer(id).unwrap()["report"]["value"]["json"], "bad-answer", "{wrong}");
    }
    // files both ways
    let code = "p = describe(picture='coffee.png')\n[p, image_info(image=p)['width'], open(p, 'rb').read()[:4].hex()]";
    let id = client.send("run", json!({ "session": session, "code": code }));
    let (call, params) = client.tool_call();
    let picture = &params["arguments"]["picture"];
    assert_eq!((&picture["path"], &picture["media_type"]), (&"coffee.png".into(), &"image/png".into()));
    let file = json!({ "name": "same.png", "media_type": "image/png", "base64": picture["base64"] });
    client.line(&json!({ "id": call, "result": { "file": file } }).to_string());
    let value = client.answer(id).unwrap()["report"]["value"]["json"].clone();
    assert_eq!(value, json!(["/scratch/artifacts/same.png", 600, "89504e47"]));
    // the wall time runs on while the client thinks
    let params = json!({ "session": session, "code": "look_up('slow')", "budget": { "wall_ms": 300 } });
    let id = client.send("run", params);
    let (call, _) = client.tool_call();
    assert_eq!(client.read()["params"]["id"], call, "it is told that the answer is no longer wanted");
    assert_eq!(client.answer(id).unwrap()["report"]["ending"], "deadline");
    client.line(&json!({ "id": call, "result": { "value": 1 } }).to_string());
    assert!(client.ask("sessions", json!({})).is_ok(), "a late answer is dropped");
    // names
    let twice = json!([tool("a-b", json!({})), tool("a_b", json!({}))]);
    let given = json!([tool("final_answer", json!({}))]);
    for bad in [json!([tool("a b", json!({}))]), json!([tool("image_info", json!({}))]), twice, given] {
        assert_eq!(client.ask("open", json!({ "tools": bad })), Err("bad-params".into()));
    }
    let bad = json!([{ "name": "a", "input_schema": { "type": "string" } }]);
    assert_eq!(client.ask("open", json!({ "tools": bad })), Err("bad-params".into()));
}

#[test]
fn budgets_only_narrow() {
    let mut client = Client::new(&["--wall", "1", "--output", "1"]);
    let session = client.open(json!({}));
    let wide = json!({ "wall_ms": 3_600_000, "output_bytes": 1 << 30 });
    let flood = json!({ "session": session, "code": "print('x' * 9000)", "budget": wide });
    let report = client.ask("run", flood).unwrap()["report"].clone();
    assert_eq!((&report["ending"], report["stdout"].as_str().unwrap().len()), (&"exhausted".into(), 1024));
    let fork = client.ask("fork", json!({ "session": session })).unwrap()["session"].clone();
    let spin = json!({ "session": fork, "code": "while True: pass", "budget": wide });
    let report = client.ask("run", spin).unwrap()["report"].clone();
    assert!(report["reason"].as_str().unwrap().contains("1 s"), "{report}");
}

#[test]
fn what_is_kept_is_forked_from_memory() {
    let mut client = Client::new(&[]);
    for (keep, by) in [(true, "memory"), (false, "replay")] {
        let session = client.open(json!({}));
        client.run(&session, "x = 1");
        let run = json!({ "session": session, "code": "while True: pass", "budget": { "wall_ms": 100 }, "keep": keep });
        assert_eq!(client.ask("run", run).unwrap()["healthy"], false);
        let fork = client.ask("fork", json!({ "session": session })).unwrap();
        assert_eq!(fork["made"]["by"], by);
        assert_eq!(client.value(fork["session"].as_str().unwrap(), "x"), 1);
    }
}

#[test]
fn files_go_in_and_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = sport_tests::write(folder.path(), "words.txt", "one two");
    let mut client = Client::new(&[]);
    let files = json!([
        { "path": path },
        { "path": path, "name": "other.txt" },
        { "name": "bytes.bin", "base64": "AAEC" },
    ]);
    let session = client.open(json!({ "files": files }));
    let code = "open('/scratch/out.bin', 'wb').write(open('/task/bytes.bin', 'rb').read() * 1000)\n\
                [open('/task/' + n).read() for n in ('words.txt', 'other.txt')]";
    assert_eq!(client.value(&session, code), json!(["one two", "one two"]));
    let listed = client.ask("list-files", json!({ "session": session })).unwrap();
    assert_eq!(listed["files"].as_array().unwrap().len(), 4, "{listed}");
    assert!(
        listed["files"].as_array().unwrap().contains(&json!({ "path": "/scratch/out.bin", "size": 3000 }))
    );
    let params = json!({ "session": session, "path": "out.bin", "offset": 2998, "length": 100 });
    let part = client.ask("read-file", params).unwrap();
    assert_eq!(
        (&part["size"], &part["offset"], &part["base64"]),
        (&3000.into(), &2998.into(), &"AQI=".into())
    );
    for (path, offset) in [("/etc/passwd", 0), ("/scratch/../etc/passwd", 0), ("none", u64::MAX)] {
        let params = json!({ "session": session, "path": path, "offset": offset });
        assert!(client.ask("read-file", params).is_err(), "{path}");
    }
    let params = json!({ "session": session, "digest": "sha256:00" });
    assert_eq!(client.ask("read-artifact", params), Err("artifact".into()));
    for wrong in
        [json!([{ "name": "a" }]), json!([{ "base64": "AA==" }]), json!([{ "name": "a", "base64": "?" }])]
    {
        assert_eq!(client.ask("open", json!({ "files": wrong })), Err("bad-params".into()));
    }
    for wrong in [
        json!([{ "path": "/nowhere/x" }]),
        json!([{ "path": folder.path() }]),
        json!([{ "path": "/dev/zero" }]),
    ] {
        assert!(client.ask("open", json!({ "files": wrong })).is_err());
    }
}

#[test]
fn what_is_wrong_is_answered_and_the_server_goes_on() {
    let mut client = Client::new(&[]);
    let refused = |client: &mut Client, line: &str| {
        client.line(line);
        let message = client.read();
        (message["id"].clone(), message["error"]["data"]["code"].as_str().unwrap().to_owned())
    };
    for (line, code) in [
        ("nonsense", "not-json"),
        ("{\"id\": 1", "not-json"),
        ("[]", "not-a-message"),
        ("{\"id\": {}, \"method\": \"hello\"}", "not-a-message"),
        ("{\"id\": 1}", "not-a-message"),
        ("\u{0}", "not-json"),
    ] {
        assert_eq!(refused(&mut client, line), (Value::Null, code.to_owned()), "{line}");
    }
    assert_eq!(client.ask("nope", json!({})), Err("no-such-method".into()));
    assert_eq!(client.ask("open", json!({ "sed": 1 })), Err("bad-params".into()));
    assert_eq!(client.ask("run", json!({ "session": "s1" })), Err("bad-params".into()));
    assert_eq!(client.ask("sessions", json!({ "all": true })), Err("bad-params".into()));
    client.line(
        r#"{"id": 3, "method": "run", "params": {"session": "s1", "code": "1", "budget": {"wall_ms": "1"}}}"#,
    );
    let message = client.read()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("budget.wall_ms: "), "{message}");
    assert_eq!(client.ask("fork", json!({ "session": "s1" })), Err("no-such-session".into()));
    assert_eq!(client.ask("close", json!({ "session": "\u{1b}[31m" })), Err("no-such-session".into()));
    // deep, but a message like any other
    client.line(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    assert_eq!(client.read()["error"]["data"]["code"], "not-json");
    // a notification gets no answer, a text may be an id, blank lines are nothing
    client.line("{\"method\": \"sessions\"}\n\n   ");
    client.line("{\"id\": \"a\", \"method\": \"sessions\"}");
    assert_eq!(client.read()["id"], "a");
    // two runs of one id at once
    let session = client.open(json!({}));
    let run = json!({ "id": "twice", "method": "run", "params": { "session": session, "code": "while True: pass" } });
    client.line(&run.to_string());
    client.line(&run.to_string());
    assert_eq!(client.read()["error"]["data"]["code"], "not-a-message");
    client.ask("cancel", json!({ "request": "twice" })).unwrap();
    assert_eq!(client.end(), 0);
}
