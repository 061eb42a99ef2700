//! A method, a URL, addresses and rules, a line each (every line from the fourth on is a rule, as text or as JSON).
//!
//! The decision is compared with one that is made here in the plainest way, from the texts:
//!
//! * a URL that is admitted has scheme, host and port of a rule, with a star only for what stands before a dot;
//! * no address is admitted that is not public, unless a rule says `private` (then loopback, private and the like, never
//!   link-local, multicast or unspecified ones), or the URL has that very address;
//! * a rule reads back as it is written, and so does a URL made of its parts.

#![no_main]

use std::net::{IpAddr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use sport_fuzz::assert_fit_to_show;
use sport_sandbox::{Egress, Host, HostRule, Url};

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let (Some(method), Some(url), Some(addresses)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    let rules: Vec<HostRule> = lines.take(16).filter_map(rule).collect();
    let addresses: Vec<IpAddr> = addresses.split(' ').filter_map(|address| address.parse().ok()).collect();
    let egress = Egress::new(rules.clone());
    let destination = match egress.decide(method, url) {
        Ok(destination) => destination,
        Err(refusal) => {
            // It quotes the URL's host and the rules.
            return assert_fit_to_show(&refusal.to_string(), 8 * text.len() + 1024);
        }
    };
    assert_eq!(destination.method.name(), method);
    let parts = &destination.url;
    let rebuilt = format!("{}://{}{}", parts.scheme.name(), parts.authority(), parts.target);
    assert_eq!(Url::parse(&rebuilt).as_ref(), Ok(parts), "a URL of its parts is another one");

    let (scheme, host, port) = naive(url);
    assert_eq!(
        (parts.scheme.name(), parts.host.to_string(), parts.port),
        (scheme.as_str(), canonical(&host), port)
    );
    let covering: Vec<&HostRule> =
        rules.iter().filter(|rule| matches(rule, method, &scheme, &canonical(&host), port)).collect();
    assert!(!covering.is_empty(), "{url} is covered by none of {rules:?}");

    let private = covering.iter().any(|rule| rule.allows_private());
    for address in &addresses {
        let admitted = destination.admit(&[*address]);
        let literal = parts.host == Host::Address(*address);
        if let Ok(places) = &admitted {
            assert_eq!(places.len(), 1);
            assert_eq!((places[0].ip(), places[0].port()), (*address, port));
            let fits = literal || is_public(*address) || (private && is_private(*address));
            assert!(fits, "{address} was admitted for {url} under {rules:?}");
            assert!(!is_never(*address), "{address} is never reached");
        }
    }
    // One bad address refuses all.
    let all = addresses.iter().all(|address| destination.admit(&[*address]).is_ok());
    assert_eq!(destination.admit(&addresses).is_ok(), all);
});

fn rule(line: &str) -> Option<HostRule> {
    let rule = match line.strip_prefix('{') {
        Some(_) => serde_json::from_str::<HostRule>(line).ok()?,
        None => HostRule::parse(line).ok()?,
    };
    let written = serde_json::to_string(&rule).expect("a rule can be written");
    let read: HostRule = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(read, rule, "{written}");
    Some(rule)
}

/// Scheme, host and port of a URL, taken apart at the first mark of each.
fn naive(url: &str) -> (String, String, u16) {
    let (scheme, rest) = url.split_once("://").expect("an admitted URL has a scheme");
    let scheme = scheme.to_lowercase();
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-.:[]".contains(c))).unwrap_or(rest.len());
    let authority = &rest[..end];
    assert!(rest[end..].is_empty() || rest[end..].starts_with(['/', '?']), "{url}: what follows the host");
    let usual = if scheme == "https" { 443 } else { 80 };
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            (scheme, host.to_lowercase(), port.parse().expect("an admitted port is a number"))
        }
        _ => (scheme, authority.to_lowercase(), usual),
    }
}

/// An IPv6 address has many spellings.
fn canonical(host: &str) -> String {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok()) {
        Some(address) => format!("[{address}]"),
        None => host.to_owned(),
    }
}

fn matches(rule: &HostRule, method: &str, scheme: &str, host: &str, port: u16) -> bool {
    let rule = serde_json::to_value(rule).expect("a rule can be written");
    let pattern = rule["host"].as_str().expect("a rule has a host");
    let host_fits = match pattern.strip_prefix('*') {
        Some(parent) => host.len() > parent.len() && host.ends_with(parent) && parent.starts_with('.'),
        None => pattern == host,
    };
    let methods = rule.get("methods").and_then(|methods| methods.as_array());
    host_fits
        && rule["scheme"] == scheme
        && rule["port"] == port
        && methods.is_none_or(|methods| methods.iter().any(|allowed| allowed == method))
}

/// Global unicast by the standard library's own words and a few prefixes; narrower than the truth would be an error of this
/// check, wider one that it cannot see.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_multicast())
                && !(v4.is_documentation() || v4.is_unspecified())
                && !(a == 0
                    || a >= 240
                    || (a == 100 && (64..128).contains(&b))
                    || (a == 198 && (18..20).contains(&b)))
                && v4.octets()[..3] != [192, 0, 0]
        }
        IpAddr::V6(v6) => {
            // Global unicast is 2000::/3, without 6to4, Teredo and documentation.
            let [a, b, ..] = v6.segments();
            (0x2000..0x4000).contains(&a) && a != 0x2002 && !(a == 0x2001 && (b == 0 || b == 0xdb8))
        }
    }
}

/// What `private` may open.
fn is_private(address: IpAddr) -> bool {
    let reachable = |v4: std::net::Ipv4Addr| !(is_never(IpAddr::V4(v4)) || v4.is_link_local());
    match address {
        IpAddr::V4(v4) => reachable(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            let carried = v6.to_ipv4().filter(|_| !v6.is_loopback());
            match carried {
                Some(v4) => reachable(v4),
                None => !(is_never(address) || v6.is_unicast_link_local()) && (a, b, c) != (0x64, 0xff9b, 1),
            }
        }
    }
}

fn is_never(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.octets()[0] == 0 || v4.is_multicast() || v4.is_broadcast() || v4.is_documentation()
        }
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast(),
    }
}
