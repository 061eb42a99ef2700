//! The decision about a request, without any network.
//!
//! * URLs that are read, and what they become
//! * URLs that are refused: odd schemes, users, odd IPv4 and IPv6 spellings, dots, hyphens, other scripts,
//!   ports, control characters, backslashes, fragments, bad percent signs, length
//! * rules: what covers what; scheme, port, methods, wildcards; the message names the rule that is missing
//! * rules that are refused
//! * addresses: which kind, and what opens it; every address of an answer counts
//! * rules as text and as tables in TOML-like data, there and back; unknown keys
//! * secrets: values and names that are refused; no value in any text
//! * thirty thousand damaged URLs: never a panic, and what is read has one spelling only

use std::net::IpAddr;

use serde_json::json;
use sport_sandbox::{Egress, Host, HostRule, Method, Opening, Refusal, Secret, Secrets, Url, kind_of};

use crate::net::rules;

#[test]
fn urls_are_read() {
    for (text, host, port, target) in [
        ("https://api.example.com", "api.example.com", 443, "/"),
        ("HTTPS://API.Example.COM/a/b?c=d&e=%2F", "api.example.com", 443, "/a/b?c=d&e=%2F"),
        ("https://api.example.com?q", "api.example.com", 443, "/?q"),
        ("http://localhost:8080/", "localhost", 8080, "/"),
        ("http://127.0.0.1/x", "127.0.0.1", 80, "/x"),
        ("https://[2606:4700::1111]:8443/x", "[2606:4700::1111]", 8443, "/x"),
        ("https://[::FFFF:127.0.0.1]/", "[::ffff:127.0.0.1]", 443, "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://1.example.com/../..//x;y=@:!$'()*+,", "1.example.com", 443, "/../..//x;y=@:!$'()*+,"),
    ] {
        let url = Url::parse(text).unwrap_or_else(|reason| panic!("{text}: {reason}"));
        assert_eq!(
            (url.host.to_string().as_str(), url.port, url.target.as_str()),
            (host, port, target),
            "{text}"
        );
    }
    assert_eq!(Url::parse("https://a.example:443/").unwrap().authority(), "a.example");
    assert_eq!(Url::parse("http://a.example:443/").unwrap().authority(), "a.example:443");
}

#[test]
fn odd_urls_are_refused() {
    let long = format!("https://a.example/{}", "x".repeat(9000));
    let label = format!("https://{}.example/", "x".repeat(64));
    let name = format!("https://{}example/", "abcdefgh.".repeat(30));
    for text in [
        // no URL, other schemes
        "",
        "/",
        "a.example",
        "//a.example/",
        "https:a.example",
        "https:/a.example",
        "https://",
        "https:///x",
        "ftp://a.example/",
        "file:///etc/passwd",
        "javascript://a.example/",
        "http s://a.example/",
        // users, and hosts that only look like one
        "https://user@a.example/",
        "https://user:pass@a.example/",
        "https://@a.example/",
        "https://a.example:443@evil.example/",
        "https://a.example\\@evil.example/",
        "https://a.example%40evil.example/",
        // spellings of 127.0.0.1
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://0X7F.0.0.1/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.0.0.01/",
        "http://127.0.0.1./",
        "http://127.0.0.0x1/",
        "http://1.2.3.4.5/",
        "http://256.0.0.1/",
        "http://127.0.0.1%00.example/",
        "http://①②⑦.0.0.1/",
        "http://0x/",
        "http://a.0x7f/",
        // IPv6
        "http://[::1/",
        "http://::1/",
        "http://[::1]x/",
        "http://[::1%25eth0]/",
        "http://[::1%eth0]/",
        "http://[]/",
        "http://[127.0.0.1]/",
        "http://[v1.a]/",
        "http://[::g]/",
        "http://[::1]:/",
        // names
        "https://a.example./",
        "https://.a.example/",
        "https://a..example/",
        "https://-a.example/",
        "https://a-.example/",
        "https://a_b.example/",
        "https://bücher.example/",
        "https://a.exa mple/",
        "https://*.example/",
        "https://a.example,b.example/",
        &label,
        &name,
        // ports
        "https://a.example:/",
        "https://a.example:0/",
        "https://a.example:65536/",
        "https://a.example:+443/",
        "https://a.example:0443/",
        "https://a.example:443:443/",
        "https://a.example:4 3/",
        "https://a.example:https/",
        // the rest
        "https://a.example/\r\nhost: b.example",
        "https://a.example/\t",
        "https://a.example/\u{0}",
        "https://a.example/ x",
        "https://a.example\n/",
        " https://a.example/",
        "https://a.example/é",
        "https://a.example/\\x",
        "https://a.example/#x",
        "https://a.example#x",
        "https://a.example/%",
        "https://a.example/%2",
        "https://a.example/%zz",
        "https://a.example/<x>",
        "https://a.example/\"",
        "https://a.example/{x}",
        &long,
    ] {
        let egress = Egress::new(rules(&["a.example", "evil.example", "http://127.0.0.1"]));
        let refused = egress.decide("GET", text).unwrap_err();
        assert!(matches!(refused, Refusal::Invalid(_)), "{text:?}: {refused}");
    }
}

#[test]
fn rules_cover_what_they_say() {
    for (rule, url, covered) in [
        ("api.example.com", "https://api.example.com/x", true),
        ("API.example.com", "https://api.EXAMPLE.com/x", true),
        ("api.example.com", "http://api.example.com/x", false),
        ("api.example.com", "https://api.example.com:8443/x", false),
        ("api.example.com", "http://api.example.com:443/x", false),
        ("api.example.com", "https://example.com/x", false),
        ("api.example.com", "https://x.api.example.com/x", false),
        ("api.example.com", "https://api.example.com.evil.example/x", false),
        ("api.example.com:8443", "https://api.example.com:8443/x", true),
        ("http://localhost:8080", "http://localhost:8080/", true),
        ("*.example.com", "https://api.example.com/", true),
        ("*.example.com", "https://a.b.example.com/", true),
        ("*.example.com", "https://example.com/", false),
        ("*.example.com", "https://evilexample.com/", false),
        ("*.example.com", "https://93.184.216.34/", false),
        ("http://127.0.0.1", "http://127.0.0.1/", true),
        ("http://127.0.0.1", "http://[::ffff:127.0.0.1]/", false),
        ("http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080/", true),
    ] {
        let decided = Egress::new(rules(&[rule])).decide("GET", url);
        assert_eq!(decided.is_ok(), covered, "{rule} {url}: {decided:?}");
        assert!(covered || matches!(decided, Err(Refusal::Denied(_))), "{rule} {url}");
    }
    let egress = Egress::new(vec![HostRule::parse("a.example").unwrap().with_methods(&[Method::Get])]);
    assert!(egress.decide("GET", "https://a.example/").is_ok());
    let message = egress.decide("DELETE", "https://a.example/").unwrap_err().to_string();
    assert_eq!(message, "DELETE to a.example is not granted, only a.example (GET)");
    for method in ["get", "CONNECT", "TRACE", "OPTIONS", "", "GET /x HTTP/1.1\r\nhost: b", "G\u{0}T"] {
        assert!(matches!(egress.decide(method, "https://a.example/"), Err(Refusal::Invalid(_))), "{method}");
    }
}

#[test]
fn messages_name_the_missing_rule() {
    let message =
        |rules_: &[&str], url| Egress::new(rules(rules_)).decide("GET", url).unwrap_err().to_string();
    let wanted = |rule: &str| format!("would have to grant the egress rule \"{rule}\"");
    assert!(message(&[], "https://a.example/").contains(&wanted("a.example")));
    assert!(message(&["b.example"], "http://a.example:81/").contains(&wanted("http://a.example:81")));
    let other = message(&["a.example"], "https://a.example:8443/");
    assert!(other.contains("only a.example;") && other.contains(&wanted("a.example:8443")), "{other}");
}

#[test]
fn bad_rules_are_refused() {
    for rule in [
        "",
        "*",
        "*.",
        "*.com",
        "a.*.com",
        "**.example.com",
        "*example.com",
        "*.127.0.0.1",
        "a.example/x",
        "a.example/",
        "user@a.example",
        "ftp://a.example",
        "a.example:0",
        "a.example.",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "[::]",
        "[ff02::1]",
        "[::ffff:0.0.0.0]",
        "2130706433",
        "http://",
        "a.example?x",
    ] {
        let error = HostRule::parse(rule).unwrap_err();
        assert_eq!(error.code(), "invalid", "{rule}");
        assert!(error.to_string().starts_with(&format!("egress rule {rule:?}: ")), "{error}");
    }
}

#[test]
fn addresses_have_kinds() {
    for (address, opening) in [
        ("93.184.216.34", Opening::Host),
        ("1.1.1.1", Opening::Host),
        ("100.128.0.1", Opening::Host),
        ("172.32.0.1", Opening::Host),
        ("2606:4700::1111", Opening::Host),
        ("127.0.0.1", Opening::Private),
        ("127.255.255.254", Opening::Private),
        ("10.0.0.1", Opening::Private),
        ("172.16.0.1", Opening::Private),
        ("172.31.255.255", Opening::Private),
        ("192.168.1.1", Opening::Private),
        ("100.64.0.1", Opening::Private),
        ("198.18.0.1", Opening::Private),
        ("198.19.255.255", Opening::Private),
        ("::1", Opening::Private),
        ("fc00::1", Opening::Private),
        ("fdff::1", Opening::Private),
        ("fec0::1", Opening::Private),
        ("169.254.169.254", Opening::Literal),
        ("169.254.1.1", Opening::Literal),
        ("100.100.100.200", Opening::Literal),
        ("168.63.129.16", Opening::Literal),
        ("fd00:ec2::254", Opening::Literal),
        ("fe80::1", Opening::Literal),
        ("febf::1", Opening::Literal),
        ("0.0.0.0", Opening::Never),
        ("0.1.2.3", Opening::Never),
        ("192.0.0.8", Opening::Never),
        ("192.0.2.1", Opening::Never),
        ("198.51.100.1", Opening::Never),
        ("203.0.113.1", Opening::Never),
        ("224.0.0.1", Opening::Never),
        ("239.255.255.255", Opening::Never),
        ("240.0.0.1", Opening::Never),
        ("255.255.255.255", Opening::Never),
        ("::", Opening::Never),
        ("ff02::1", Opening::Never),
        ("2001:db8::1", Opening::Never),
        ("3fff::1", Opening::Never),
        ("100::1", Opening::Never),
        ("4000::1", Opening::Never),
        // What carries an IPv4 address is never public, and at least as closed as that.
        ("::ffff:93.184.216.34", Opening::Private),
        ("::ffff:127.0.0.1", Opening::Private),
        ("::ffff:169.254.169.254", Opening::Literal),
        ("::ffff:0.0.0.0", Opening::Never),
        ("::127.0.0.1", Opening::Private),
        ("::ffff:0:127.0.0.1", Opening::Private),
        ("64:ff9b::7f00:1", Opening::Private),
        ("64:ff9b::a9fe:a9fe", Opening::Literal),
        ("64:ff9b:1::7f00:1", Opening::Literal),
        ("2002:7f00:1::", Opening::Private),
        ("2002:a9fe:a9fe::1", Opening::Literal),
        ("2001::1", Opening::Literal),
    ] {
        assert_eq!(kind_of(address.parse().unwrap()).opening, opening, "{address}");
    }
}

#[test]
fn every_address_counts() {
    let addresses =
        |texts: &[&str]| -> Vec<IpAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    let named = Egress::new(rules(&["a.example:8443"])).decide("GET", "https://a.example:8443/").unwrap();
    let admitted = named.admit(&addresses(&["93.184.216.34", "2606:4700::1111"])).unwrap();
    assert_eq!(admitted[1].to_string(), "[2606:4700::1111]:8443");
    for bad in
        ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "::1", "0.0.0.0", "64:ff9b::7f00:1"]
    {
        let refused = named.admit(&addresses(&["93.184.216.34", bad])).unwrap_err();
        assert!(matches!(refused, Refusal::Denied(_)), "{bad}");
        assert!(!refused.to_string().contains(bad), "the guest does not learn the address: {refused}");
    }
    let private = HostRule::parse("a.example").unwrap().allowing_private();
    let private = Egress::new(vec![private]).decide("GET", "https://a.example/").unwrap();
    assert!(private.admit(&addresses(&["127.0.0.1", "10.0.0.1", "fc00::1", "::ffff:10.0.0.1"])).is_ok());
    for bad in ["169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254"] {
        assert!(private.admit(&addresses(&[bad])).is_err(), "{bad}");
    }
    for literal in
        ["http://127.0.0.1", "http://169.254.169.254", "http://[::ffff:127.0.0.1]", "http://[fe80::1]"]
    {
        let destination = Egress::new(rules(&[literal])).decide("GET", &format!("{literal}/")).unwrap();
        let Host::Address(own) = destination.url.host else { panic!("{literal} is an address") };
        assert!(destination.admit(&[own]).is_ok(), "{literal}");
        assert!(destination.admit(&addresses(&["10.0.0.1"])).is_err(), "{literal}");
    }
}

#[test]
fn rules_are_data() {
    let egress: Egress = serde_json::from_value(json!([
        "api.example.com",
        "http://localhost:8080",
        { "host": "*.example.org", "methods": ["GET", "HEAD"] },
        { "host": "db.corp.example", "scheme": "http", "private": true },
        { "host": "a.example", "port": 8443 },
    ]))
    .unwrap();
    let shown: Vec<String> = egress.rules().iter().map(HostRule::to_string).collect();
    assert_eq!(
        shown,
        [
            "api.example.com",
            "http://localhost:8080",
            "*.example.org (GET, HEAD)",
            "http://db.corp.example",
            "a.example:8443"
        ]
    );
    let written = serde_json::to_value(&egress).unwrap();
    assert_eq!(
        written[2],
        json!({ "host": "*.example.org", "scheme": "https", "port": 443, "methods": ["GET", "HEAD"], "private": false })
    );
    assert_eq!(serde_json::from_value::<Egress>(written).unwrap().rules(), egress.rules());
    assert!(egress.rules()[3].allows_private() && !egress.rules()[1].allows_private());
    for (rule, reason) in [
        (json!("a.example/x"), "it has no path"),
        (json!({ "host": "a.example", "prot": 1 }), "unknown field `prot`"),
        (json!({ "port": 1 }), "missing field `host`"),
        (json!({ "host": "a.example:1", "port": 1 }), "given twice"),
        (json!({ "host": "http://a.example", "scheme": "http" }), "given twice"),
        (json!({ "host": "a.example", "port": 0 }), "1 to 65535"),
        (json!({ "host": "a.example", "methods": [] }), "leave it out for all"),
        (json!({ "host": "a.example", "methods": ["get"] }), "unknown variant `get`"),
        (json!({ "host": "a.example", "scheme": "ftp" }), "unknown variant `ftp`"),
        (json!(7), "a host such as"),
    ] {
        let error = serde_json::from_value::<HostRule>(rule.clone()).unwrap_err().to_string();
        assert!(error.contains(reason), "{rule}: {error}");
    }
}

#[test]
fn secrets_are_checked_and_silent() {
    for value in
        ["", "short", "with\r\nline", "tab\there-it-is", "trailing space ", "schlüssel-lang", "\u{0}abcdefgh"]
    {
        assert_eq!(Secret::new(value).unwrap_err().code(), "invalid", "{value:?}");
    }
    assert!(Secret::new("x".repeat(5000)).is_err());
    let secret = Secret::new("hunter2-hunter2\n").unwrap();
    let secrets = Secrets::none().with("token", secret.clone(), rules(&["a.example"])).unwrap();
    assert!(!format!("{secret:?} {secrets:?}").contains("hunter2"));
    assert_eq!(secrets.names().collect::<Vec<_>>(), ["token"]);
    for name in ["", "a b", "a/b", &"x".repeat(65), "token"] {
        let error = secrets.clone().with(name, secret.clone(), rules(&["a.example"])).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert!(secrets.with("other", secret, vec![]).is_err());
}

#[test]
fn damaged_urls_have_one_spelling() {
    let seeds = [
        "https://api.example.com:8443/a/b?c=%20d&e",
        "http://127.0.0.1:80/",
        "http://[::ffff:127.0.0.1]:8080/x",
        "https://user@0x7f.1#\\xn--a.",
    ];
    let bits: Vec<char> = "/:@[]?#%.0x1f-_\\ \r\n\u{0}\u{e9}*aZ~".chars().collect();
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut read = 0;
    for round in 0..30_000 {
        let mut text: Vec<char> = seeds[round % seeds.len()].chars().collect();
        for _ in 0..=next(3) {
            let at = next(text.len());
            match next(3) {
                0 => text[at] = bits[next(bits.len())],
                1 => text.insert(at, bits[next(bits.len())]),
                _ => drop(text.remove(at)),
            }
        }
        let text: String = text.into_iter().collect();
        let _ = HostRule::parse(&text);
        let Ok(url) = Url::parse(&text) else { continue };
        read += 1;
        let again = format!("{}://{}{}", url.scheme.name(), url.authority(), url.target);
        assert_eq!(Url::parse(&again).unwrap(), url, "{text:?}");
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(plain(&url.authority()) && plain(&url.target) && url.target.starts_with('/'), "{text:?}");
        assert!(!url.authority().contains(['@', '/', '?', '#', '\\', '%']) && url.port > 0, "{text:?}");
    }
    assert!(read > 3_000, "only {read} were read");
}
