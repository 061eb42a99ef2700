//! Requests of a guest, against a real server on this machine.
//!
//! * a request as the server sees it, a response as the guest sees it; every framing; HEAD, 204, interim ones
//! * nothing granted; another host, scheme, port, method; odd spellings: none of them sends anything
//! * a name that leads to loopback, with and without `private`; a name that rebinds: looked up once, and
//!   connected to what was checked
//! * a redirect is handed over and not followed; its target is checked when the guest asks for it
//! * headers that end a line, that are the host's, that are too many or too big; bodies where none belongs
//! * an endless body and `max-body`; a body over the cap; endless headers; too many headers
//! * two lengths, length and chunks, chunks that lie, HTTP/1.0 chunks, no HTTP at all, an early close
//! * `sent`: false for denied, unknown and unreachable hosts, true once the request was on its way
//! * environment variables for proxies mean nothing (NOT POSSIBLE to set here: other tests run beside)

use std::net::TcpListener;

use sport_sandbox::{Budget, Egress, Grants, HostRule, Limits, Method};

use crate::net::{Ask, Body, Header, Names, Seen, Server, ask, ask_on, get, granting, with_body, write};
use crate::support::Bench;

#[test]
fn a_request_and_its_response() {
    let bench = Bench::new();
    let server = Server::new(|_, out| {
        write(
            out,
            b"HTTP/1.1 201 Made It\r\nX-One: a\r\nx-one:  b \r\nContent-Length: 5\r\n\r\nhello and more",
        );
    });
    let post = Ask {
        method: "POST",
        headers: vec![("X-Mine", Header::Plain("yes, \"mine\"")), ("accept", Header::Plain("text/plain"))],
        body: Body::Text("{\"a\":1}"),
        ..get(server.url("/a/b?c=%20d"))
    };
    let seen = ask(&bench, &server.grants(), &[post]);
    let Seen::Response { status, truncated, length, headers, body } = &seen[0] else { panic!("{seen:?}") };
    assert_eq!((*status, *truncated, *length, body.as_str()), (201, false, 5, "hello"));
    let pairs: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("x-one", "a"), ("x-one", "b"), ("content-length", "5")]);
    let expected = format!(
        "POST /a/b?c=%20d HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\naccept-encoding: identity\r\n\
         content-length: 7\r\nuser-agent: sport/{}\r\nX-Mine: yes, \"mine\"\r\naccept: text/plain\r\n\r\n{{\"a\":1}}",
        server.port,
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(server.requests(), [expected]);
}

#[test]
fn every_framing() {
    let bench = Bench::new();
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end"),
        ("HTTP/1.0 200 OK\r\n\r\nold", "old"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n06;x=\"y\"\r\n world\r\n0\r\n\r\n",
            "hello world",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-trailer: dropped\r\n\r\n",
            "a",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "ok",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\nnothing of this", ""),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n", ""),
        ("HTTP/1.1 404\r\ncontent-length: 2\r\n\r\nno", "no"),
    ] {
        // In one piece, and a byte at a time.
        let whole = Server::saying(answer);
        assert_eq!(ask(&bench, &whole.grants(), &[get(whole.url("/"))])[0].body(), expected, "{answer}");
        let text = answer.to_owned();
        let slow = Server::new(move |_, out| text.as_bytes().chunks(1).for_each(|byte| write(out, byte)));
        assert_eq!(ask(&bench, &slow.grants(), &[get(slow.url("/"))])[0].body(), expected, "{answer}");
    }
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
    let head = Ask { method: "HEAD", ..get(server.url("/")) };
    let seen = ask(&bench, &server.grants(), &[head]);
    assert_eq!((seen[0].body(), seen[0].header("content-length")), ("", "1000"));
}

#[test]
fn what_is_not_granted_is_not_sent() {
    let bench = Bench::new();
    let server = Server::saying(&with_body("reached"));
    let port = server.port;
    let only_get = HostRule::parse(&server.url("")).unwrap().with_methods(&[Method::Get]);
    let grants = Grants::none().with_egress(Egress::new(vec![only_get]));
    let refused = |url: &str, code| {
        let seen = ask(&bench, &grants, &[get(url)]);
        assert_eq!(seen[0].error(), (code, false), "{url}: {}", seen[0].message());
    };
    for url in [
        format!("http://localhost:{port}/"),
        format!("http://example.com:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::1]:{port}/"),
        "http://127.0.0.1/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        refused(&url, "denied");
    }
    for url in [
        format!("http://user@127.0.0.1:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://127.0.0.1.:{port}/"),
        format!("http://127.0.0.1:{port}/\r\nx: y"),
        format!("http://127.0.0.1:{port}#@example.com/"),
        "http://127.0.0.1:0/".to_owned(),
    ] {
        refused(&url, "invalid");
    }
    let other = |method| Ask { method, ..get(server.url("/")) };
    assert_eq!(ask(&bench, &grants, &[other("DELETE")])[0].error(), ("denied", false));
    assert_eq!(ask(&bench, &grants, &[other("GET http://example.com")])[0].error(), ("invalid", false));
    // The bare name reaches nothing.
    let bare = Grants::new(["fetch"]).unwrap();
    let seen = ask(&bench, &bare, &[get(server.url("/"))]);
    assert_eq!(seen[0].error(), ("denied", false));
    assert!(seen[0].message().contains("the operator would have to grant the egress rule"), "{seen:?}");
    assert!(server.requests().is_empty());
    assert_eq!(ask(&bench, &grants, &[get(server.url("/"))])[0].body(), "reached");
}

fn named(port: u16, private: bool, names: std::sync::Arc<Names>) -> Grants {
    let rule = HostRule::parse(&format!("http://api.example.com:{port}")).unwrap();
    let rule = if private { rule.allowing_private() } else { rule };
    Grants::none().with_egress(Egress::new(vec![rule]).with_resolver(names))
}

#[test]
fn names_that_lead_inside() {
    let bench = Bench::new();
    let server = Server::saying(&with_body("inside"));
    let local = format!("http://localhost:{}", server.port);
    let seen = ask(&bench, &granting(&[&local]), &[get(local.as_str())]);
    assert_eq!(seen[0].error(), ("denied", false));
    assert!(
        seen[0].message().contains("loopback") && seen[0].message().contains("private = true"),
        "{seen:?}"
    );
    let private = HostRule::parse(&local).unwrap().allowing_private();
    let grants = Grants::none().with_egress(Egress::new(vec![private]));
    assert_eq!(ask(&bench, &grants, &[get(local.as_str())])[0].body(), "inside");

    let url = format!("http://api.example.com:{}/", server.port);
    for bad in [
        &["127.0.0.1"][..],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["::ffff:127.0.0.1"],
        &["93.184.216.34", "::1"],
    ] {
        let grants = named(server.port, false, Names::new(&[bad]));
        assert_eq!(ask(&bench, &grants, &[get(&*url)])[0].error(), ("denied", false), "{bad:?}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_name_that_rebinds() {
    let bench = Bench::new();
    let server = Server::saying(&with_body("here"));
    let url = format!("http://api.example.com:{}/", server.port);
    // Good at first, then this machine: the second request is refused.
    let names = Names::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let grants = named(server.port, true, names);
    let seen = ask(&bench, &grants, &[get(&*url), get(&*url)]);
    assert_eq!(seen[0].body(), "here");
    assert_eq!(seen[1].error(), ("denied", false));
    // One request is one lookup: the answer that was checked is the one that is used, whatever comes next.
    let names = Names::new(&[&["127.0.0.1"], &["192.0.2.1"], &["127.0.0.1"]]);
    let grants = named(server.port, true, names);
    let seen = ask(&bench, &grants, &[get(&*url), get(&*url), get(&*url)]);
    assert_eq!((seen[0].body(), seen[1].error(), seen[2].body()), ("here", ("denied", false), "here"));
    // And the server is asked for the name, not for the address.
    assert!(server.requests()[0].contains(&format!("host: api.example.com:{}\r\n", server.port)));
}

#[test]
fn redirects_are_not_followed() {
    let bench = Bench::new();
    let inner = Server::saying(&with_body("inner"));
    let target = inner.url("/secret");
    let location = target.clone();
    let outer = Server::new(move |_, out| {
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        write(out, answer.as_bytes());
    });
    let seen = ask(&bench, &outer.grants(), &[get(outer.url("/")), get(&*target)]);
    assert!(matches!(seen[0], Seen::Response { status: 302, .. }));
    assert_eq!(seen[0].header("location"), target);
    assert_eq!(seen[1].error(), ("denied", false));
    assert!(inner.requests().is_empty());
}

#[test]
fn headers_are_checked() {
    let bench = Bench::new();
    let server = Server::saying(&with_body("ok"));
    let with = |name, value| Ask { headers: vec![(name, Header::Plain(value))], ..get(server.url("/")) };
    for (name, value) in [
        ("x", "a\r\nhost: evil.example"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\u{0}b"),
        ("x", "bücher"),
        ("x", "\u{7f}"),
        ("x\r\nhost", "a"),
        ("x: y\r\nz", "a"),
        ("x y", "a"),
        ("x:", "a"),
        ("", "a"),
        ("ü", "a"),
        ("Host", "evil.example"),
        ("HOST", "evil.example"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "keep-alive"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABk"),
        ("te", "trailers"),
        ("trailer", "x"),
        ("expect", "100-continue"),
        ("accept-encoding", "gzip"),
        ("Proxy-Authorization", "Basic eA=="),
        ("proxy-connection", "close"),
        ("X-HTTP-Method-Override", "DELETE"),
    ] {
        let seen = ask(&bench, &server.grants(), &[with(name, value)]);
        assert_eq!(seen[0].error(), ("invalid", false), "{name:?}: {value:?}");
    }
    let many = Ask { headers: (0..65).map(|_| ("x", Header::Plain("y"))).collect(), ..get(server.url("/")) };
    assert_eq!(ask(&bench, &server.grants(), &[many])[0].error(), ("too-large", false));
    let long = "y".repeat(17 << 10);
    assert_eq!(ask(&bench, &server.grants(), &[with("x", &long)])[0].error(), ("too-large", false));
    let body = Ask { body: Body::Text("x"), ..get(server.url("/")) };
    assert_eq!(ask(&bench, &server.grants(), &[body])[0].error(), ("invalid", false));
    let big = Ask { method: "PUT", body: Body::Zeros((4 << 20) + 1), ..get(server.url("/")) };
    assert_eq!(ask(&bench, &server.grants(), &[big])[0].error(), ("too-large", false));
    assert!(server.requests().is_empty());
    let big = Ask { method: "PUT", body: Body::Zeros(4 << 20), ..get(server.url("/")) };
    assert_eq!(ask(&bench, &server.grants(), &[big])[0].body(), "ok");
}

#[test]
fn responses_are_bounded() {
    let bench = Bench::new();
    let endless = Server::new(|_, out| {
        write(out, b"HTTP/1.1 200 OK\r\n\r\n");
        while out.write_all(&[b'x'; 65536]).is_ok() {}
    });
    let cut = |max_body| {
        let seen = ask(&bench, &endless.grants(), &[Ask { max_body, ..get(endless.url("/")) }]);
        let Seen::Response { truncated, length, .. } = seen[0] else { panic!("{seen:?}") };
        assert!(truncated);
        length
    };
    assert_eq!(
        (cut(Some(0)), cut(Some(1000)), cut(None), cut(Some(u32::MAX))),
        (0, 1000, 16 << 20, 16 << 20)
    );

    // Exactly the most is not cut; chunks and lengths are cut too.
    for (answer, truncated) in [
        (with_body("12345"), false),
        (with_body("123456"), true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n1234567".to_owned(), true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n".to_owned(), false),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffff\r\n1234567".to_owned(), true),
    ] {
        let server = Server::saying(&answer);
        let seen = ask(&bench, &server.grants(), &[Ask { max_body: Some(5), ..get(server.url("/")) }]);
        let Seen::Response { truncated: cut, ref body, .. } = seen[0] else { panic!("{answer}: {seen:?}") };
        assert_eq!((cut, body.as_str()), (truncated, "12345"), "{answer}");
    }

    let headers = Server::new(|_, out| {
        write(out, b"HTTP/1.1 200 OK\r\n");
        while out.write_all(&[b"x: ".as_slice(), &[b'y'; 1000], b"\r\n"].concat()).is_ok() {}
    });
    assert_eq!(ask(&bench, &headers.grants(), &[get(headers.url("/"))])[0].error(), ("too-large", true));
    let line = Server::new(|_, out| while out.write_all(&[b'H'; 1000]).is_ok() {});
    assert_eq!(ask(&bench, &line.grants(), &[get(line.url("/"))])[0].error(), ("too-large", true));
    let many = Server::saying(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(200)));
    assert_eq!(ask(&bench, &many.grants(), &[get(many.url("/"))])[0].error(), ("too-large", true));
    let interim = Server::new(|_, out| while out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {});
    assert_eq!(ask(&bench, &interim.grants(), &[get(interim.url("/"))])[0].error(), ("too-large", true));
}

#[test]
fn ambiguous_responses_are_refused() {
    let bench = Bench::new();
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 0x2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nab",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n100000002\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : a\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\nx: a\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearl",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        "HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "",
    ] {
        let server = Server::saying(answer);
        let seen = ask(&bench, &server.grants(), &[get(server.url("/"))]);
        assert_eq!(seen[0].error(), ("protocol", true), "{answer:?}: {seen:?}");
    }
}

#[test]
fn sent_is_true_only_when_it_is() {
    let bench = Bench::new();
    let unknown = granting(&["http://does-not-exist.invalid"]);
    assert_eq!(ask(&bench, &unknown, &[get("http://does-not-exist.invalid/")])[0].error(), ("dns", false));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let seen = ask(&bench, &granting(&[&url]), &[get(&*url)]);
    assert_eq!(seen[0].error(), ("connect", false));
    assert!(seen[0].message().contains("refused"), "{seen:?}");
    // Nobody accepts, but the system took the bytes.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", deaf.local_addr().unwrap());
    let quick = Ask { timeout_ms: Some(100), ..get(&*url) };
    assert_eq!(ask(&bench, &granting(&[&url]), &[quick])[0].error(), ("deadline", true));
    // A reset in the middle of the answer.
    let server = Server::new(|_, out| write(out, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc"));
    assert_eq!(ask(&bench, &server.grants(), &[get(server.url("/"))])[0].error(), ("protocol", true));
}

#[test]
fn requests_are_counted() {
    let bench = Bench::new();
    let server = Server::saying(&with_body(&"x".repeat(100_000)));
    let budget = Budget::new(Limits { fetches: 2, ..Limits::tool() });
    let three = || [get(server.url("/")), get(server.url("/")), get(server.url("/"))];
    let seen = ask_on(&bench, &server.grants(), &three(), &budget).unwrap();
    assert_eq!(seen[2].error(), ("denied", false));
    assert!(seen[2].message().contains("requests used up: the limit is 2"), "{seen:?}");
    let budget = Budget::new(Limits { fetched_bytes: 150_000, ..Limits::tool() });
    let seen = ask_on(&bench, &server.grants(), &three()[..2], &budget).unwrap();
    assert_eq!(seen[1].error(), ("too-large", true));
    assert_eq!(server.requests().len(), 4);
}
