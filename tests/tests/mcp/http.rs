use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sport_tests::{assert_one_line_error, run, sport, write};

use super::client::LONG;

const TOKEN: &str = "a-token-that-nobody-guesses-4711";

struct Server {
    child: Child,
    address: String,
}

/// What a server answered: status, head, body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    /// The messages in it: one as JSON, or those of a stream of events.
    fn messages(&self) -> Vec<Value> {
        if let Ok(message) = serde_json::from_str(&self.body) {
            return vec![message];
        }
        let lines = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        lines.filter_map(|line| serde_json::from_str(line.trim()).ok()).collect()
    }

    fn result(&self) -> Value {
        let messages = self.messages();
        let answer = messages.iter().find(|message| message.get("id").is_some());
        answer.unwrap_or_else(|| panic!("{} {}", self.status, self.body))["result"].clone()
    }

    fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim().to_owned())
    }
}

impl Server {
    fn new(flags: &[&str]) -> Self {
        let nothing = tempfile::tempdir().unwrap();
        let mut command = sport([&["mcp", "--http", "0"], flags].concat());
        command.env("SPORT_CONFIG", nothing.path()).env("SPORT_MCP_TOKEN", TOKEN).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let address = line.strip_prefix("listening on http://").and_then(|rest| rest.strip_suffix("/mcp"));
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Sends a request and gives the socket that it is answered on.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        let mut all = vec![
            ("Host", self.address.as_str()),
            ("Authorization", "Bearer a-token-that-nobody-guesses-4711"),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        for (name, value) in headers {
            all.retain(|(there, _)| there != name);
            if !value.is_empty() {
                all.push((name, value));
            }
        }
        all.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // One who is refused need not be heard out.
        let _ = stream.write_all(body.as_bytes());
        stream
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = Vec::new();
        let _ = self.send(method, path, headers, body).read_to_end(&mut text);
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { unchunked(body) } else { body.to_owned() };
        Answer { status, head: head.to_owned(), body }
    }

    fn post(&self, headers: &[(&str, &str)], message: &Value) -> Answer {
        self.ask("POST", "/mcp", headers, &message.to_string())
    }

    /// The session id of a client with a handshake.
    fn shake_hands(&self) -> String {
        let answer = self.post(&[], &initialize());
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.result()["serverInfo"]["name"], "sport");
        let id = answer.header("mcp-session-id").unwrap();
        let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(self.post(&[("Mcp-Session-Id", &id)], &note).status, 202);
        id
    }

    /// A call of a client without a handshake.
    fn call(&self, tool: &str, arguments: Value) -> Value {
        self.post(&MODERN(tool), &modern(tool, arguments)).result()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn initialize() -> Value {
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    request("initialize", params)
}

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// The headers that go with [`modern`].
#[expect(non_snake_case, reason = "a constant, but for the tool's name")]
fn MODERN(tool: &str) -> [(&str, &str); 3] {
    [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", tool)]
}

fn modern(tool: &str, arguments: Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    request("tools/call", json!({ "name": tool, "arguments": arguments, "_meta": meta }))
}

fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || rest.len() < size {
            break;
        }
        whole.push_str(&rest[..size]);
        text = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

#[test]
fn who_may_come_in() {
    let server = Server::new(&[
        "--tool",
        "calculator",
        "--no-interpreter",
        "--allow-host",
        "tools.example",
        "--allow-origin",
        "https://app.example:443",
    ]);
    let status = |headers: &[(&str, &str)]| server.post(headers, &initialize()).status;
    assert_eq!(status(&[]), 200);
    // the token
    for wrong in ["", "Bearer", "Bearer ", "Bearer wrong", "Basic YTpi", "a-token-that-nobody-guesses-4711"] {
        let answer = server.post(&[("Authorization", wrong)], &initialize());
        assert_eq!(
            (answer.status, answer.header("www-authenticate").as_deref()),
            (401, Some("Bearer")),
            "{wrong:?}"
        );
        assert!(!answer.body.contains(TOKEN));
    }
    let longer = format!("Bearer {TOKEN}x");
    let shorter = format!("Bearer {}", &TOKEN[1..]);
    assert_eq!((status(&[("Authorization", &longer)]), status(&[("Authorization", &shorter)])), (401, 401));
    // the host: a page whose name was made to lead here says its own
    for (host, wanted) in [
        ("localhost", 200),
        ("127.0.0.1:1", 200),
        ("tools.example", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
    ] {
        assert_eq!(status(&[("Host", host)]), wanted, "{host}");
    }
    // the origin
    for (origin, wanted) in [
        ("https://app.example", 200),
        ("https://app.example:443", 200),
        ("http://app.example", 403),
        ("https://app.example:8443", 403),
        ("https://evil.example", 403),
        ("http://localhost", 403),
        ("null", 403),
    ] {
        assert_eq!(status(&[("Origin", origin)]), wanted, "{origin}");
    }
    // where, and how much
    assert_eq!(server.ask("GET", "/", &[], "").status, 404);
    assert_eq!(server.ask("PUT", "/mcp", &[], "{}").status, 405);
    assert_eq!(server.post(&[("Content-Type", "text/plain")], &initialize()).status, 415);
    assert_eq!(server.ask("POST", "/mcp", &[], &"x".repeat((24 << 20) + 1)).status, 413);
    assert_eq!(server.post(&[], &initialize()).status, 200, "it goes on");
}

#[test]
fn with_a_handshake_and_without() {
    let server = Server::new(&["--tool", "calculator"]);
    // no page may ask where none was named
    for origin in ["https://app.example", "http://localhost", "null"] {
        assert_eq!(server.post(&[("Origin", origin)], &initialize()).status, 403, "{origin}");
    }
    let id = server.shake_hands();
    let session = [("Mcp-Session-Id", id.as_str())];
    let call = request("tools/call", json!({ "name": "calculate", "arguments": { "expression": "6*7" } }));
    assert_eq!(server.post(&session, &call).result()["structuredContent"]["result"], 42);
    // another client's, or one that is no more
    assert_eq!(server.post(&[("Mcp-Session-Id", "someone-elses")], &call).status, 404);
    assert_ne!(server.post(&[], &call).status, 200);
    // one that needs no handshake; state lies behind its handle
    let opened = server.call("python_open", json!({}));
    let handle = opened["structuredContent"]["session"].clone();
    server.call("python_run", json!({ "session": handle, "code": "x = 20" }));
    let run = server.call("python_run", json!({ "session": handle, "code": "x + 1" }));
    assert_eq!(run["structuredContent"]["value"], 21, "{run}");
    // and is the same for whoever has it
    let run = request(
        "tools/call",
        json!({ "name": "python_run", "arguments": { "session": handle, "code": "x + 2" } }),
    );
    assert_eq!(server.post(&session, &run).result()["structuredContent"]["value"], 22);
    assert!(server.ask("DELETE", "/mcp", &session, "").status < 300);
    assert_eq!(server.post(&session, &call).status, 404);
}

#[test]
fn who_hangs_up_no_longer_wants_it() {
    let server = Server::new(&[]);
    let handle = server.call("python_open", json!({}))["structuredContent"]["session"].clone();
    let spin = modern("python_run", json!({ "session": handle, "code": "while True: pass" }));
    let stream = server.send("POST", "/mcp", &MODERN("python_run"), &spin.to_string());
    std::thread::sleep(Duration::from_millis(700));
    drop(stream);
    let began = Instant::now();
    let after = server.call("python_run", json!({ "session": handle, "code": "1" }));
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "the call before it went on for {:?}",
        began.elapsed()
    );
    assert_eq!(after["structuredContent"]["healthy"], false, "{after}");
}

#[test]
fn clients_are_counted() {
    let server = Server::new(&["--no-interpreter"]);
    let sessions: Vec<String> = (0..128).map(|_| server.shake_hands()).collect();
    let answer = server.post(&[], &initialize());
    assert_eq!(answer.status, 503, "{}", answer.body);
    let first = [("Mcp-Session-Id", sessions[0].as_str())];
    assert!(server.ask("DELETE", "/mcp", &first, "").status < 300);
    let began = Instant::now();
    while server.post(&[], &initialize()).status != 200 {
        assert!(began.elapsed() < LONG, "the place of one who left is free again");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_token_in_a_file_is_the_one() {
    let folder = tempfile::tempdir().unwrap();
    let other = "another-token-that-nobody-guesses";
    let file = write(folder.path(), "token", &format!("{other}\n"));
    mode(&file, 0o600);
    let server = Server::new(&["--no-interpreter", "--token-file", file.to_str().unwrap()]);
    assert_eq!(server.post(&[("Authorization", &format!("Bearer {other}"))], &initialize()).status, 200);
    // not that of the environment, which is what the other tests use
    assert_eq!(server.post(&[], &initialize()).status, 401);
}

#[test]
fn who_dawdles_is_dropped() {
    let server = Server::new(&["--no-interpreter"]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let began = Instant::now();
    // an answer or none, but an end
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    assert_eq!(server.post(&[], &initialize()).status, 200);
}

#[test]
fn an_interrupted_server_ends() {
    let mut server = Server::new(&[]);
    let handle = server.call("python_open", json!({}))["structuredContent"]["session"].clone();
    let spin = modern("python_run", json!({ "session": handle, "code": "while True: pass" }));
    let _stream = server.send("POST", "/mcp", &MODERN("python_run"), &spin.to_string());
    std::thread::sleep(Duration::from_millis(500));
    let pid = i32::try_from(server.child.id()).unwrap();
    // SAFETY: a signal to a process that this test started and has not waited for
    assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
    let began = Instant::now();
    loop {
        if let Some(status) = server.child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(0));
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_served_without_a_good_token() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |flags: &[&str], variable: Option<&str>| {
        let mut command = sport([&["mcp", "--no-interpreter", "--http", "0"], flags].concat());
        command.env("SPORT_CONFIG", folder.path().join("config")).env_remove("SPORT_MCP_TOKEN");
        if let Some(variable) = variable {
            command.env("SPORT_MCP_TOKEN", variable);
        }
        run(&mut command)
    };
    let (code, _, stderr) = serve(&[], None);
    assert_eq!(code, 2);
    assert_one_line_error(&stderr, "--token-file");
    let (code, _, stderr) = serve(&[], Some("short"));
    assert_eq!(code, 3);
    assert_one_line_error(&stderr, "least is 22");
    assert!(!stderr.contains("short"), "a token is shown: {stderr}");
    let open = write(folder.path(), "token", TOKEN);
    mode(&open, 0o644);
    let (code, _, stderr) = serve(&["--token-file", open.to_str().unwrap()], None);
    assert_eq!(code, 3);
    assert_one_line_error(&stderr, "chmod 600");
    let (code, _, stderr) = serve(&["--token-file", "/no/such/file"], None);
    assert_eq!(code, 3);
    assert_one_line_error(&stderr, "/no/such/file");
    // and there is no flag for it
    assert_eq!(serve(&["--token", TOKEN], None).0, 2);
    // an origin without a port would be all ports
    assert_eq!(serve(&["--allow-origin", "https://app.example"], Some(TOKEN)).0, 2);
}

fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
