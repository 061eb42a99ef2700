//! Requests that take too long, and what is left of them.
//!
//! * a body of one byte at a time, headers of one byte at a time, a server that says nothing: `deadline` at the
//!   request's own time
//! * a request's time cannot be made longer than the host's
//! * the call's wall time ends a request; so does a cancel, at once
//! * a resolver that never answers: `deadline`; too many of them: `dns`, and the places come back
//! * `describe` and deterministic verifiers may not fetch
//! * interpreters cannot be granted it
//! * no thread and no file descriptor is left

use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use sport_sandbox::{
    Budget, Candidate, Content, Egress, EndingKind, Execution, FailureKind, Grants, Limits, Resolver,
    StepView,
};

use crate::net::{Ask, FETCH, Server, ask, ask_on, asking, get, granting, load, rules, with_body, write};
use crate::support::Bench;

/// Sends these bytes one at a time for ever.
fn dripping(start: &'static str, byte: u8) -> Server {
    Server::new(move |_, out| {
        write(out, start.as_bytes());
        while out.write_all(&[byte]).and_then(|()| out.flush()).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    })
}

#[test]
fn drips_end_at_the_deadline() {
    let bench = Bench::new();
    for server in [
        dripping("HTTP/1.1 200 OK\r\n\r\n", b'x'),
        dripping("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", b'x'),
        dripping("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n", b'x'),
        dripping("HTTP/1.1 200 OK\r\nx: ", b'y'),
        dripping("", b'H'),
    ] {
        let started = Instant::now();
        let slow = Ask { timeout_ms: Some(200), ..get(server.url("/")) };
        let seen = ask(&bench, &server.grants(), &[slow]);
        assert_eq!(seen[0].error(), ("deadline", true));
        assert!(seen[0].message().contains("200 ms"), "{seen:?}");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
}

#[test]
fn the_budget_ends_a_request() {
    let bench = Bench::new();
    let server = dripping("HTTP/1.1 200 OK\r\n\r\n", b'x');
    let long = || [Ask { timeout_ms: Some(u32::MAX), ..get(server.url("/")) }];
    let budget = Budget::new(Limits { wall: Duration::from_millis(300), ..Limits::tool() });
    let failure = ask_on(&bench, &server.grants(), &long(), &budget).unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Deadline, "wall-deadline"));

    let budget = Budget::new(Limits::tool());
    let started = Instant::now();
    let failure = std::thread::scope(|scope| {
        let call = scope.spawn(|| ask_on(&bench, &server.grants(), &long(), &budget).unwrap_err());
        std::thread::sleep(Duration::from_millis(300));
        budget.cancel();
        call.join().unwrap()
    });
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Cancelled, "cancelled"));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // And the sandbox goes on.
    let honest = Server::saying(&with_body("fine"));
    assert_eq!(ask(&bench, &honest.grants(), &[get(honest.url("/"))])[0].body(), "fine");
}

/// A resolver that answers when it is let go.
#[derive(Default)]
struct Stuck(Mutex<bool>, Condvar);

impl Stuck {
    fn let_go(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

impl Resolver for Stuck {
    fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut free = self.0.lock().unwrap();
        while !*free {
            free = self.1.wait(free).unwrap();
        }
        Err(std::io::Error::other("nobody knows"))
    }
}

#[test]
fn a_resolver_that_hangs() {
    let bench = Bench::new();
    let stuck = Arc::new(Stuck::default());
    let egress = Egress::new(rules(&["a.example"])).with_resolver(Arc::clone(&stuck) as Arc<dyn Resolver>);
    let grants = Grants::none().with_egress(egress);
    let quick = || Ask { timeout_ms: Some(30), ..get("https://a.example/") };
    let seen = ask(&bench, &grants, &(0..9).map(|_| quick()).collect::<Vec<_>>());
    for answer in &seen[..8] {
        assert_eq!(answer.error(), ("deadline", false));
    }
    assert_eq!(seen[8].error(), ("dns", false));
    assert!(seen[8].message().contains("too many lookups"), "{seen:?}");
    stuck.let_go();
    let started = Instant::now();
    loop {
        let seen = ask(&bench, &grants, &[get("https://a.example/")]);
        assert_eq!(seen[0].error(), ("dns", false));
        if seen[0].message().contains("nobody knows") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "the places come back");
    }
}

#[test]
fn describe_may_not_fetch() {
    let bench = Bench::new();
    let mut guest = asking(&[]);
    let url = guest.text("https://a.example/");
    let zeros = |count| "(i32.const 0) ".repeat(count);
    guest.on_describe = format!("(call $fetch {url} {url} {} (i32.const 512))", zeros(9));
    let path = bench.file("asks", &guest.build());
    let error = bench.sandbox.tool(&path, &granting(&["a.example"])).unwrap_err();
    assert_eq!(error.code(), "bad-description");
    assert!(error.to_string().contains("describe called an import"), "{error}");
}

#[test]
fn deterministic_verifiers_may_not_fetch() {
    let bench = Bench::new();
    let step = StepView {
        query: "q".to_owned(),
        files: vec![],
        captions: vec![],
        tools: vec![],
        history: vec![],
        candidates: vec![Candidate {
            thought: String::new(),
            code: "1".to_owned(),
            observation: vec![Content::Text { text: "1".to_owned() }],
            execution: Execution {
                ending: EndingKind::Answered,
                error: None,
                tools: vec![],
                dependences: vec![],
                wall_ms: 1,
            },
            answer: None,
            copies: 1,
        }],
        depth: 0,
        max_depth: 1,
    };
    for (traits, expected) in [(1, "forbidden-import"), (0, "bad-guest-value")] {
        let mut guest = crate::support::Guest::new();
        guest.top = FETCH.to_owned();
        guest.traits = traits;
        let (method, url) = (guest.text("GET"), guest.text("https://a.example/"));
        // No judgements at all, which is a bad value: reached only if `fetch` came back.
        guest.judge = Some(format!(
            "(call $fetch {method} {url} {} (i32.const 512))
             (i32.store8 (i32.const 1024) (i32.const 0))
             (i32.store (i32.const 1028) (i32.const 768)) (i32.store (i32.const 1032) (i32.const 0))
             (i32.const 1024)",
            "(i32.const 0) ".repeat(9)
        ));
        let path = bench.file("judge", &guest.build());
        let verifier = bench.sandbox.verifier(&path, &Grants::new(["fetch"]).unwrap()).unwrap();
        let budget = Budget::new(Limits::verifier());
        let failure = verifier.judge(&step, &json!({}), &bench.store, &budget).unwrap_err();
        assert_eq!(failure.code, expected, "{failure}");
    }
}

#[test]
fn interpreters_cannot_have_it() {
    let bench = Bench::new();
    for interface in ["fetch", "secrets"] {
        let contract = r#"{\"packages\":{\"sport:base\":\"0.1.0\",\"sport:host\":\"0.1.0\",\"sport:interpreter\":\"0.1.0\"}}"#;
        let text = format!(
            r#"(component
                (import "sport:host/{interface}@0.1.0" (instance))
                (instance $interpreter)
                (export "sport:interpreter/interpreter@0.1.0" (instance $interpreter))
                (@custom "sport:contract" "{contract}"))"#
        );
        let path = bench.file("python", &wat::parse_str(text).unwrap());
        let error = bench.sandbox.interpreter(&path, &granting(&["a.example"])).unwrap_err();
        assert_eq!(error.code(), "not-granted", "{error}");
    }
}

/// Open files, and threads of lookups and calls, of this process.
fn left_over() -> (usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).unwrap().flatten().collect::<Vec<_>>();
    let threads = count("/proc/self/task")
        .iter()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name.starts_with("sport-lookup"))
        .count();
    let sockets = count("/proc/self/fd")
        .iter()
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count();
    (sockets, threads)
}

#[test]
fn nothing_is_left() {
    let bench = Bench::new();
    let server = Server::saying(&with_body("x"));
    let slow = dripping("HTTP/1.1 200 OK\r\n\r\n", b'x');
    let base = [server.url(""), slow.url(""), "http://does-not-exist.invalid".to_owned()];
    let grants = granting(&base.each_ref().map(String::as_str));
    let tool = load(
        &bench,
        asking(&[
            get(server.url("/")),
            Ask { timeout_ms: Some(50), ..get(slow.url("/")) },
            get("http://does-not-exist.invalid/"),
        ]),
        &grants,
    );
    for _ in 0..100 {
        bench.call(&tool, json!({}), Limits::tool()).unwrap();
    }
    drop((server, slow));
    // Other tests run beside this one and hold some; a hundred calls would have left a hundred.
    let started = Instant::now();
    while left_over().0 > 60 || left_over().1 > 20 {
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", left_over());
        std::thread::sleep(Duration::from_millis(50));
    }
}
