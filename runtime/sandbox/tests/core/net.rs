//! What the tests about the network share: a small HTTP server, and a guest that makes requests and reports
//! what came back.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use sport_sandbox::{
    Budget, Egress, Failure, Grants, HostRule, Limits, PluginState, Resolver, Secret, Secrets, Tool,
};

use crate::support::{Bench, Guest};

/// A connection, in the clear or not.
pub trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

type Answering = dyn Fn(&str, &mut dyn Connection) + Send + Sync;
type Wrapping = dyn Fn(TcpStream) -> Box<dyn Connection> + Send + Sync;

/// A server on the loopback address. Answers each connection once and closes it.
pub struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// A server that does `answer` with each request.
    pub fn new(answer: impl Fn(&str, &mut dyn Connection) + Send + Sync + 'static) -> Self {
        Self::wrapped(|stream| Box::new(stream), answer)
    }

    /// A server that always says the same.
    pub fn saying(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::new(move |_, out| write(out, answer.as_bytes()))
    }

    /// The same behind a layer over the socket.
    pub fn wrapped(
        wrap: impl Fn(TcpStream) -> Box<dyn Connection> + Send + Sync + 'static,
        answer: impl Fn(&str, &mut dyn Connection) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (wrap, answer): (Arc<Wrapping>, Arc<Answering>) = (Arc::new(wrap), Arc::new(answer));
        let thread = std::thread::spawn({
            let (requests, over) = (Arc::clone(&requests), Arc::clone(&over));
            move || {
                let mut connections = Vec::new();
                for stream in listener.incoming() {
                    if over.load(Ordering::SeqCst) {
                        break;
                    }
                    let (requests, wrap, answer) =
                        (Arc::clone(&requests), Arc::clone(&wrap), Arc::clone(&answer));
                    connections.push(std::thread::spawn(move || {
                        let stream = stream.unwrap();
                        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                        stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
                        let mut connection = wrap(stream);
                        let Some(request) = read_request(&mut *connection) else { return };
                        requests.lock().unwrap().push(request.clone());
                        answer(&request, &mut *connection);
                    }));
                }
                for connection in connections {
                    let _ = connection.join();
                }
            }
        });
        Self { port, requests, over, thread: Some(thread) }
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A URL of this server by its address.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Grants for just that.
    pub fn grants(&self) -> Grants {
        granting(&[&self.url("")])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().unwrap().join();
    }
}

/// Head and body of a request.
fn read_request(connection: &mut dyn Connection) -> Option<String> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        match connection.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// Writes; a client that has gone is no error.
pub fn write(out: &mut dyn Connection, bytes: &[u8]) {
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// A response with a length.
pub fn with_body(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

pub fn rules(rules: &[&str]) -> Vec<HostRule> {
    rules.iter().map(|rule| HostRule::parse(rule).unwrap()).collect()
}

pub fn granting(hosts: &[&str]) -> Grants {
    Grants::none().with_egress(Egress::new(rules(hosts)))
}

pub fn secret(name: &str, value: &str, hosts: &[&str]) -> Secrets {
    Secrets::none().with(name, Secret::new(value).unwrap(), rules(hosts)).unwrap()
}

/// Names that lead where the test says; each lookup takes the next answer, the last stays.
pub struct Names(Mutex<Vec<Vec<IpAddr>>>);

impl Names {
    pub fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

impl Resolver for Names {
    fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        let answer = answers[0].clone();
        if answers.len() > 1 {
            answers.remove(0);
        }
        Ok(answer)
    }
}

pub enum Header<'a> {
    Plain(&'a str),
    /// Prefix and name.
    Secret(&'a str, &'a str),
}

pub enum Body<'a> {
    None,
    Text(&'a str),
    /// So many zero bytes.
    Zeros(u32),
}

/// A request as a guest makes it.
pub struct Ask<'a> {
    pub method: &'a str,
    pub url: String,
    pub headers: Vec<(&'a str, Header<'a>)>,
    pub body: Body<'a>,
    pub timeout_ms: Option<u32>,
    pub max_body: Option<u32>,
}

pub fn get<'a>(url: impl Into<String>) -> Ask<'a> {
    Ask {
        method: "GET",
        url: url.into(),
        headers: vec![],
        body: Body::None,
        timeout_ms: None,
        max_body: None,
    }
}

/// What a guest saw of an answer.
#[derive(Debug, PartialEq)]
pub enum Seen {
    Response { status: u16, truncated: bool, length: u32, headers: Vec<(String, String)>, body: String },
    Error { code: &'static str, sent: bool, message: String },
}

impl Seen {
    #[track_caller]
    pub fn body(&self) -> &str {
        match self {
            Self::Response { body, .. } => body,
            Self::Error { .. } => panic!("{self:?}"),
        }
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let Self::Response { headers, .. } = self else { panic!("{self:?}") };
        &headers.iter().find(|(own, _)| own == name).unwrap().1
    }

    /// Code and `sent`.
    #[track_caller]
    pub fn error(&self) -> (&'static str, bool) {
        match self {
            Self::Error { code, sent, .. } => (code, *sent),
            Self::Response { .. } => panic!("{self:?}"),
        }
    }

    #[track_caller]
    pub fn message(&self) -> &str {
        match self {
            Self::Error { message, .. } => message,
            Self::Response { .. } => panic!("{self:?}"),
        }
    }
}

pub const FETCH: &str = r#"(import "sport:host/fetch@0.1.0" "fetch" (func $fetch
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;
pub const LOOKUP: &str = r#"(import "sport:host/secrets@0.1.0" "lookup" (func $lookup (param i32 i32 i32)))"#;

/// Writes a result of `fetch` as hex fields with dots between.
const REPORT: &str = r#"
    (global $out (mut i32) (i32.const 0)) (global $n (mut i32) (i32.const 0))
    (func $put (param $c i32)
      (i32.store8 (i32.add (global.get $out) (global.get $n)) (local.get $c))
      (global.set $n (i32.add (global.get $n) (i32.const 1))))
    (func $digit (param $d i32)
      (call $put (i32.add (local.get $d)
        (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $d) (i32.const 9))))))
    (func $hex (param $at i32) (param $len i32)
      (block $done (loop $more
        (br_if $done (i32.eqz (local.get $len)))
        (call $digit (i32.shr_u (i32.load8_u (local.get $at)) (i32.const 4)))
        (call $digit (i32.and (i32.load8_u (local.get $at)) (i32.const 15)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (br $more)))
      (call $put (i32.const 46)))
    (func $report (local $at i32) (local $left i32)
      (call $hex (i32.const 512) (i32.const 1))
      (if (i32.load8_u (i32.const 512))
        (then
          (call $hex (i32.const 516) (i32.const 1))
          (call $hex (i32.const 528) (i32.const 1))
          (call $hex (i32.load (i32.const 520)) (i32.load (i32.const 524))))
        (else
          (call $hex (i32.const 516) (i32.const 2))
          (call $hex (i32.const 536) (i32.const 1))
          (call $hex (i32.const 532) (i32.const 4))
          (call $hex (i32.load (i32.const 528)) (select (i32.load (i32.const 532)) (i32.const 9000)
            (i32.lt_u (i32.load (i32.const 532)) (i32.const 9000))))
          (local.set $at (i32.load (i32.const 520)))
          (local.set $left (i32.load (i32.const 524)))
          (block $done (loop $more
            (br_if $done (i32.eqz (local.get $left)))
            (call $hex (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)))
            (call $hex (i32.load offset=8 (local.get $at)) (i32.load offset=12 (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br $more)))))
      (call $put (i32.const 124)))"#;

/// A guest that asks for these, one after the other.
pub fn asking(asks: &[Ask<'_>]) -> Guest {
    let mut guest = Guest::new();
    guest.top = format!("{FETCH} {LOOKUP} {REPORT}");
    let room =
        "(global.set $out (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 900000)))";
    let mut call = room.to_owned();
    for ask in asks {
        call += &one(&mut guest, ask);
    }
    guest.call = format!("{call} (call $quoted (global.get $out) (global.get $n))");
    guest
}

fn one(guest: &mut Guest, ask: &Ask<'_>) -> String {
    let mut code = String::new();
    let put = |guest: &mut Guest, at: usize, text: &str| {
        let text = guest.text(text);
        let (address, length) = text.split_once(") (").unwrap();
        format!("(i32.store (i32.const {at}) {address})) (i32.store (i32.const {}) ({length})", at + 4)
    };
    for (index, (name, value)) in ask.headers.iter().enumerate() {
        let at = 1200 + index * 24;
        code += &put(guest, at, name);
        match value {
            Header::Plain(text) => {
                code += &format!("(i32.store8 (i32.const {}) (i32.const 0))", at + 8);
                code += &put(guest, at + 12, text);
            }
            Header::Secret(prefix, name) => {
                code += &format!("(i32.store8 (i32.const {}) (i32.const 1))", at + 8);
                code += &put(guest, at + 12, prefix);
                let name = guest.text(name);
                code += &format!(
                    "(call $lookup {name} (i32.const 700))
                     (if (i32.load8_u (i32.const 700)) (then unreachable))
                     (i32.store (i32.const {}) (i32.load (i32.const 704)))",
                    at + 20
                );
            }
        }
    }
    let option = |number: Option<u32>| {
        format!("(i32.const {}) (i32.const {})", u8::from(number.is_some()), number.unwrap_or(0))
    };
    let body = match ask.body {
        Body::None => "(i32.const 0) (i32.const 0) (i32.const 0)".to_owned(),
        Body::Text(text) => format!("(i32.const 1) {}", guest.text(text)),
        Body::Zeros(count) => format!(
            "(i32.const 1) (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const {count})) (i32.const {count})"
        ),
    };
    let (method, url) = (guest.text(ask.method), guest.text(&ask.url));
    code += &format!(
        "(call $fetch {method} {url} (i32.const 1200) (i32.const {}) {body} {} {} (i32.const 512)) (call $report)",
        ask.headers.len(),
        option(ask.timeout_ms),
        option(ask.max_body)
    );
    code
}

/// Loads a guest with these grants.
#[track_caller]
pub fn load(bench: &Bench, guest: Guest, grants: &Grants) -> Arc<Tool> {
    let path = bench.file("asks", &guest.build());
    bench.sandbox.tool(&path, grants).unwrap()
}

/// Runs a guest that asks for these; its call must come back.
#[track_caller]
pub fn ask(bench: &Bench, grants: &Grants, asks: &[Ask<'_>]) -> Vec<Seen> {
    ask_on(bench, grants, asks, &Budget::new(Limits::tool())).unwrap()
}

/// The same on a budget.
#[track_caller]
pub fn ask_on(
    bench: &Bench,
    grants: &Grants,
    asks: &[Ask<'_>],
    budget: &Budget,
) -> Result<Vec<Seen>, Failure> {
    let tool = load(bench, asking(asks), grants);
    let outcome = tool.call("probe", &json!({}), &bench.store, &mut PluginState::new(), budget)?;
    let text = outcome.structured.unwrap();
    let reports = text.as_str().unwrap().split('|').filter(|report| !report.is_empty());
    Ok(reports.map(read_report).collect())
}

const CODES: [&str; 9] =
    ["invalid", "denied", "dns", "connect", "tls", "deadline", "too-large", "protocol", "other"];

fn read_report(report: &str) -> Seen {
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    let mut fields: Vec<Vec<u8>> = report.split('.').map(bytes).collect();
    fields.pop();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if fields[0] == [1] {
        let (code, sent) = (CODES[usize::from(fields[1][0])], fields[2] == [1]);
        return Seen::Error { code, sent, message: text(&fields[3]) };
    }
    Seen::Response {
        status: u16::from_le_bytes([fields[1][0], fields[1][1]]),
        truncated: fields[2] == [1],
        length: u32::from_le_bytes(fields[3].as_slice().try_into().unwrap()),
        body: text(&fields[4]),
        headers: fields[5..].chunks(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
    }
}
