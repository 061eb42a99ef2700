//! Secrets: they go where they are bound to, and come back to nobody.
//!
//! * the server gets prefix and value; the guest sees neither, however the server repeats it: in headers, raw,
//!   percent-encoded, base64 with the prefix at any place, hex, JSON, HTML, across chunks, across the cut
//! * a host that the secret is not bound to: `denied`, nothing sent; the same for another port and scheme
//! * an unknown name is `missing`; the bare grant knows none; too many handles are `denied`
//! * a prefix that ends a line
//! * an answer that is compressed although plain was asked for
//! * text that is nearly a secret stays

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use sport_sandbox::{Grants, Limits};

use crate::net::{Ask, Header, LOOKUP, Seen, Server, ask, get, load, secret, with_body, write};
use crate::support::{Bench, Guest};

/// Has what encodings change.
const VALUE: &str = "sk-Live/9+a \"b\\c'<&>=42";

fn with_secret<'a>(url: impl Into<String>) -> Ask<'a> {
    Ask { headers: vec![("Authorization", Header::Secret("Bearer ", "token"))], ..get(url) }
}

fn grants(server: &Server) -> Grants {
    server.grants().with_secrets(secret("token", VALUE, &[&server.url("")]))
}

fn authorization(request: &str) -> String {
    let line = request.lines().find(|line| line.starts_with("Authorization: ")).unwrap();
    line["Authorization: ".len()..].to_owned()
}

#[test]
fn the_guest_never_sees_it() {
    let bench = Bench::new();
    let server = Server::new(|request, out| {
        let full = authorization(request);
        let value = full.strip_prefix("Bearer ").unwrap();
        let percent = |text: &str, plus: bool| -> String {
            text.bytes()
                .map(|byte| match byte {
                    b' ' if plus => "+".to_owned(),
                    byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                        char::from(byte).to_string()
                    }
                    byte => format!("%{byte:02X}"),
                })
                .collect()
        };
        let html =
            value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let signs = |write: &dyn Fn(u8) -> String| -> String {
            let each = |byte: u8| {
                if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { write(byte) }
            };
            value.bytes().map(each).collect()
        };
        let lines = [
            signs(&|byte| format!("\\u{byte:04X}")),
            signs(&|byte| format!("\\x{byte:02x}")),
            signs(&|byte| format!("&#{byte};")),
            signs(&|byte| format!("&#x{byte:X};")),
            signs(&|byte| if byte == b'/' { "\\/".to_owned() } else { format!("&#X00{byte:02x};") }),
            full.clone(),
            percent(&full, false),
            percent(value, true),
            percent(value, false).to_ascii_lowercase().replace("sk-live", "sk-Live"),
            STANDARD.encode(&full),
            STANDARD.encode(value),
            STANDARD.encode(format!("user:{value}")),
            STANDARD.encode(format!("a:{value}:b")),
            URL_SAFE_NO_PAD.encode(format!("ab{value}")),
            value.bytes().map(|byte| format!("{byte:02x}")).collect(),
            serde_json::to_string(&json!({ "got": full })).unwrap(),
            serde_json::to_string(value).unwrap().replace('/', "\\/"),
            html,
        ];
        let body = lines.join("\n");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nx-echo: {full}\r\nx-link: https://a.example/?k={}\r\ncontent-length: {}\r\n\r\n{body}",
            percent(value, false),
            body.len()
        );
        write(out, answer.as_bytes());
    });
    let seen = ask(&bench, &grants(&server), &[with_secret(server.url("/"))]);
    assert_eq!(authorization(&server.requests()[0]), format!("Bearer {VALUE}"));
    assert_eq!(seen[0].header("x-echo"), "Bearer [secret token]");
    assert_eq!(seen[0].header("x-link"), "https://a.example/?k=[secret token]");
    let lines: Vec<&str> = seen[0].body().lines().collect();
    assert_eq!(lines.len(), 18);
    assert_eq!(lines[..5], ["[secret token]"; 5]);
    let lines = &lines[5..];
    assert_eq!((lines[0], lines[1]), ("Bearer [secret token]", "Bearer%20[secret token]"));
    for line in lines {
        assert!(line.contains("[secret token]"), "{line}");
        assert!(!line.contains("Live") && !line.contains("9%2"), "{line}");
    }
    // Base64 keeps what belongs to the prefix, and no more than that.
    let rest = lines[4].split("[secret token]").next().unwrap();
    assert!(STANDARD.encode("Bearer ").starts_with(&rest[..rest.len() - 1]), "{}", lines[4]);
}

#[test]
fn it_is_found_across_chunks_and_cuts() {
    let bench = Bench::new();
    let server = Server::new(|request, out| {
        let full = authorization(request);
        write(out, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        for byte in full.bytes() {
            write(out, &[b"1\r\n", &[byte][..], b"\r\n"].concat());
        }
        write(out, b"0\r\n\r\n");
    });
    assert_eq!(
        ask(&bench, &grants(&server), &[with_secret(server.url("/"))])[0].body(),
        "Bearer [secret token]"
    );
    for max_body in 0..40 {
        let cut = Ask { max_body: Some(max_body), ..with_secret(server.url("/")) };
        let seen = ask(&bench, &grants(&server), &[cut]);
        let Seen::Response { ref body, truncated, .. } = seen[0] else { panic!("{seen:?}") };
        assert!("Bearer [secret token]".starts_with(body.as_str()), "{max_body}: {body}");
        assert_eq!(truncated, (max_body as usize) < "Bearer ".len() + VALUE.len(), "{max_body}");
    }
}

#[test]
fn it_goes_nowhere_else() {
    let bench = Bench::new();
    let (bound, other) = (Server::saying(&with_body("bound")), Server::saying(&with_body("other")));
    let egress = crate::net::granting(&[&bound.url(""), &other.url("")]);
    let grants = egress.with_secrets(secret("token", VALUE, &[&bound.url("")]));
    let seen = ask(
        &bench,
        &grants,
        &[with_secret(bound.url("/")), with_secret(other.url("/")), get(other.url("/"))],
    );
    assert_eq!((seen[0].body(), seen[1].error(), seen[2].body()), ("bound", ("denied", false), "other"));
    assert!(seen[1].message().contains("secret token is bound to"), "{seen:?}");
    assert_eq!(other.requests().len(), 1);
    assert!(!format!("{:?} {:?}", other.requests(), seen).contains("Live"));
    // Bound to the right name, but over TLS only.
    let grants = bound.grants().with_secrets(secret("token", VALUE, &["127.0.0.1"]));
    assert_eq!(ask(&bench, &grants, &[with_secret(bound.url("/"))])[0].error(), ("denied", false));
    // A binding is no egress rule.
    let grants = Grants::new(["fetch"]).unwrap().with_secrets(secret("token", VALUE, &[&bound.url("")]));
    assert_eq!(ask(&bench, &grants, &[with_secret(bound.url("/"))])[0].error(), ("denied", false));
    assert_eq!(bound.requests().len(), 1);
}

#[test]
fn lookups() {
    let bench = Bench::new();
    let looking = |name: &str, times: u32| {
        let mut guest = Guest::new();
        guest.top = format!("{LOOKUP} (global $left (mut i32) (i32.const {times}))");
        let name = guest.text(name);
        let (yes, denied, missing) = (guest.text("1"), guest.text("\"denied\""), guest.text("\"missing\""));
        guest.call = format!(
            "(loop $again
                (call $lookup {name} (i32.const 512))
                (global.set $left (i32.sub (global.get $left) (i32.const 1)))
                (br_if $again (i32.and (i32.ne (global.get $left) (i32.const 0)) (i32.eqz (i32.load8_u (i32.const 512))))))
             (if (result i32) (i32.load8_u (i32.const 512))
                (then (if (result i32) (i32.load8_u (i32.const 516))
                    (then (call $json {missing})) (else (call $json {denied}))))
                (else (call $json {yes})))"
        );
        guest
    };
    let known = Grants::none().with_secrets(secret("token", VALUE, &["a.example"]));
    let answer = |grants: &Grants, name: &str, times| {
        let tool = load(&bench, looking(name, times), grants);
        bench.call(&tool, json!({}), Limits::tool()).unwrap().structured.unwrap()
    };
    assert_eq!(answer(&known, "token", 1), json!(1));
    assert_eq!(answer(&known, "TOKEN", 1), json!("missing"));
    assert_eq!(answer(&known, "token", 100), json!("denied"));
    assert_eq!(answer(&Grants::new(["secrets"]).unwrap(), "token", 1), json!("missing"));
    assert_eq!(answer(&Grants::new(["fetch"]).unwrap(), "token", 1), json!("missing"));
}

#[test]
fn prefixes_and_codings() {
    let bench = Bench::new();
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc");
    let bad = Ask { headers: vec![("x", Header::Secret("a\r\nx: ", "token"))], ..get(server.url("/")) };
    let seen = ask(&bench, &grants(&server), &[bad, with_secret(server.url("/"))]);
    assert_eq!((seen[0].error(), seen[1].error()), (("invalid", false), ("protocol", true)));
    assert!(seen[1].message().contains("compressed"), "{seen:?}");
    // Without secrets it is the guest's affair.
    assert_eq!(ask(&bench, &server.grants(), &[get(server.url("/"))])[0].body(), "abc");

    // An answer in pieces, or in an alphabet, in which a secret would not be recognised.
    for header in ["Range", "if-range", "Accept_Charset"] {
        let bad = Ask { headers: vec![(header, Header::Plain("bytes=0-6"))], ..get(server.url("/")) };
        assert_eq!(ask(&bench, &grants(&server), &[bad])[0].error(), ("invalid", false), "{header}");
    }
    for head in ["206 Partial Content\r\n", "200 OK\r\ncontent-type: text/plain; charset=UTF-16\r\n"] {
        let odd = Server::saying(&format!("HTTP/1.1 {head}content-length: 3\r\n\r\nabc"));
        assert_eq!(ask(&bench, &grants(&odd), &[with_secret(odd.url("/"))])[0].error(), ("protocol", true));
        assert_eq!(ask(&bench, &odd.grants(), &[get(odd.url("/"))])[0].body(), "abc");
    }
    let wide: Vec<u8> = VALUE.bytes().flat_map(|byte| [0, byte]).collect();
    let wide = Server::new(move |_, out| {
        write(out, format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", wide.len()).as_bytes());
        write(out, &wide);
    });
    assert_eq!(ask(&bench, &grants(&wide), &[with_secret(wide.url("/"))])[0].body(), "\0[secret token]");

    let near = Server::saying(&with_body("sk-Live/9+a \"b\\c'<&>=4 and sk-Live/9+b"));
    assert_eq!(
        ask(&bench, &grants(&near), &[with_secret(near.url("/"))])[0].body(),
        "sk-Live/9+a \"b\\c'<&>=4 and sk-Live/9+b"
    );
}
