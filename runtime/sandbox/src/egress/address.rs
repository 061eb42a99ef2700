//! What kind of place an address is. Only public addresses are reached without a word from the operator.
//!
//! The table follows the special-purpose registries of IANA, and adds what clouds use for metadata. An IPv6
//! address that carries an IPv4 one (mapped, compatible, translated, 6to4) is judged by what it carries, and
//! is never public: whoever means the IPv4 address can write it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What has to be granted before an address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opening {
    /// Nothing beyond the host: a public address.
    Host,
    /// A rule with `private = true`, or a rule with the address itself.
    Private,
    /// A rule with the address itself.
    Literal,
    /// Nothing opens it.
    Never,
}

/// A kind of address, with its name for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressKind {
    /// What opens it.
    pub opening: Opening,
    /// Its name, for example `loopback`.
    pub name: &'static str,
}

const fn kind(opening: Opening, name: &'static str) -> AddressKind {
    AddressKind { opening, name }
}

const PUBLIC: AddressKind = kind(Opening::Host, "public");
const RESERVED: AddressKind = kind(Opening::Never, "reserved");
const METADATA: AddressKind = kind(Opening::Literal, "cloud metadata");

/// The kind of an address.
pub fn kind_of(address: IpAddr) -> AddressKind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> AddressKind {
    match address.octets() {
        // AWS, GCP, Azure and most others; ECS tasks; Alibaba; Oracle; Azure's WireServer on a public address.
        [169, 254, 169, 254]
        | [169, 254, 170, 2]
        | [100, 100, 100, 200]
        | [192, 0, 0, 192]
        | [168, 63, 129, 16] => METADATA,
        [0, ..] => kind(Opening::Never, "unspecified"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => kind(Opening::Private, "private"),
        [100, 64..=127, ..] => kind(Opening::Private, "carrier-grade NAT"),
        [127, ..] => kind(Opening::Private, "loopback"),
        [169, 254, ..] => kind(Opening::Literal, "link-local"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => kind(Opening::Never, "documentation"),
        // IETF protocol assignments, and the withdrawn 6to4 relays.
        [192, 0, 0, _] | [192, 88, 99, _] => RESERVED,
        [198, 18..=19, ..] => kind(Opening::Private, "benchmarking"),
        [224..=239, ..] => kind(Opening::Never, "multicast"),
        [255, 255, 255, 255] => kind(Opening::Never, "broadcast"),
        [240..=255, ..] => RESERVED,
        _ => PUBLIC,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> AddressKind {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let low = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0] if g == 0 && h == 0 => kind(Opening::Never, "unspecified"),
        [0, 0, 0, 0, 0, 0] if g == 0 && h == 1 => kind(Opening::Private, "loopback"),
        [0, 0, 0, 0, 0, 0xffff] => carrying(low(g, h), "IPv4-mapped"),
        [0, 0, 0, 0, 0, 0] => carrying(low(g, h), "IPv4-compatible"),
        [0, 0, 0, 0, 0xffff, 0] => carrying(low(g, h), "IPv4-translated"),
        [0x64, 0xff9b, 0, 0, 0, 0] => carrying(low(g, h), "NAT64"),
        // Where the IPv4 address stands in it is the local network's choice.
        [0x64, 0xff9b, 1, ..] => kind(Opening::Literal, "local NAT64"),
        [0xfd00, 0xec2, 0, 0, 0, 0] if g == 0 && h == 0x254 => METADATA,
        // Of a cloud's pod identity, and of two other clouds.
        [0xfd00, 0xec2, 0, 0, 0, 0] if g == 0 && h == 0x23 => METADATA,
        [0xfd00, 0x42, 0, 0, 0, 0] if g == 0 && h == 0x42 => METADATA,
        [0xfd00, 0xc1, 0, 0, 0, 0] if g == 0xa9fe && h == 0xa9fe => METADATA,
        [0xfd20, 0xce, 0, 0, 0, 0] if g == 0 && h == 0x254 => METADATA,
        [0x2001, 0, ..] => kind(Opening::Literal, "Teredo"),
        [0x2001, 2, 0, ..] => kind(Opening::Private, "benchmarking"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => kind(Opening::Never, "documentation"),
        // IETF protocol assignments, ORCHID among them.
        [0x2001, 0..=0x1ff, ..] => RESERVED,
        [0x2002, high, least, ..] => carrying(low(high, least), "6to4"),
        [0xfc00..=0xfdff, ..] => kind(Opening::Private, "unique-local"),
        [0xfe80..=0xfebf, ..] => kind(Opening::Literal, "link-local"),
        [0xfec0..=0xfeff, ..] => kind(Opening::Private, "site-local"),
        [0xff00..=0xffff, ..] => kind(Opening::Never, "multicast"),
        [0x2000..=0x3fff, ..] => PUBLIC,
        // Nothing else has been given out as global unicast.
        _ => RESERVED,
    }
}

/// An address that carries another one is as closed as that, and at least as closed as a private one.
fn carrying(inner: Ipv4Addr, name: &'static str) -> AddressKind {
    kind(kind_of_v4(inner).opening.max(Opening::Private), name)
}
