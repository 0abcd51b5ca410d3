//! The list of headers, and which one a link type, an EtherType or an IP protocol number announces.

use super::rest::{Parse, Rest};
use super::{Decoded, Protocol};
use super::{ah, arp, ethernet, extension, fragment, icmp, icmpv6, ipv4, ipv6, llc, null, raw, sll, tcp, udp, vlan};
use crate::frame::LinkType;

/// Every header that we decode. A new one is a line here; its place matters only for speed: among those announced by
/// the same kind of number, the commonest come first.
const HEADERS: [&Header; 22] = [
    &ethernet::HEADER,
    &ipv4::HEADER,
    &ipv6::HEADER,
    &tcp::HEADER,
    &udp::HEADER,
    &vlan::HEADER,
    &vlan::HEADER_AD,
    &sll::HEADER,
    &sll::HEADER_V2,
    &null::HEADER,
    &raw::HEADER,
    &llc::HEADER,
    &arp::HEADER,
    &icmp::HEADER,
    &icmpv6::HEADER,
    &fragment::HEADER,
    &extension::HOP_BY_HOP,
    &extension::ROUTING,
    &extension::DESTINATION,
    &extension::MOBILITY,
    &extension::SHIM6,
    &ah::HEADER,
];

static PROTOCOLS: [&Protocol; HEADERS.len()] = {
    let mut protocols = [HEADERS[0].protocol; HEADERS.len()];
    let mut i = 0;
    while i < HEADERS.len() {
        protocols[i] = HEADERS[i].protocol;
        i += 1;
    }
    protocols
};
static LINKS: [(u16, Parse); count(Space::Link)] = table(Space::Link);
static ETHERTYPES: [(u16, Parse); count(Space::Ethertype)] = table(Space::Ethertype);
static IP_PROTOCOLS: [(u16, Parse); count(Space::Ip)] = table(Space::Ip);

/// Every header format that [`decode`](super::decode) knows.
pub fn protocols() -> &'static [&'static Protocol] {
    &PROTOCOLS
}

/// A header format, its reader, and the numbers that announce it.
pub(super) struct Header {
    pub protocol: &'static Protocol,
    pub parse: Parse,
    pub by: &'static [Number],
}

/// A number that announces a header.
#[derive(Clone, Copy)]
pub(super) struct Number {
    space: Space,
    value: u16,
}

#[derive(Clone, Copy)]
enum Space {
    Link,
    Ethertype,
    Ip,
}

impl Number {
    /// A link type.
    pub const fn link(link: LinkType) -> Self {
        Self { space: Space::Link, value: link.0 }
    }

    /// An EtherType.
    pub const fn ethertype(value: u16) -> Self {
        Self { space: Space::Ethertype, value }
    }

    /// An IP protocol number.
    pub const fn ip(value: u8) -> Self {
        Self { space: Space::Ip, value: value as u16 }
    }
}

/// How many numbers of `space` announce a header.
const fn count(space: Space) -> usize {
    let mut count = 0;
    let mut i = 0;
    while i < HEADERS.len() {
        let mut j = 0;
        while j < HEADERS[i].by.len() {
            count += (HEADERS[i].by[j].space as u8 == space as u8) as usize;
            j += 1;
        }
        i += 1;
    }
    count
}

/// They and their readers, in the order of the list.
const fn table<const N: usize>(space: Space) -> [(u16, Parse); N] {
    let mut table = [(0, HEADERS[0].parse); N];
    let mut n = 0;
    let mut i = 0;
    while i < HEADERS.len() {
        let mut j = 0;
        while j < HEADERS[i].by.len() {
            let number = HEADERS[i].by[j];
            if number.space as u8 == space as u8 {
                table[n] = (number.value, HEADERS[i].parse);
                n += 1;
            }
            j += 1;
        }
        i += 1;
    }
    table
}

/// The header that a link type announces.
pub(super) fn of_link<'a>(decoded: &mut Decoded<'a>, link: LinkType, rest: Rest<'a>) {
    next(decoded, &LINKS, link.0, "link type", rest)
}

/// The header that an EtherType, given in `field`, announces.
pub(super) fn of_ethertype<'a>(decoded: &mut Decoded<'a>, value: u16, field: &'static str, rest: Rest<'a>) {
    next(decoded, &ETHERTYPES, value, field, rest)
}

/// The header that an IP protocol number, given in `field`, announces.
pub(super) fn of_ip<'a>(decoded: &mut Decoded<'a>, value: u8, field: &'static str, rest: Rest<'a>) {
    next(decoded, &IP_PROTOCOLS, value.into(), field, rest)
}

fn next<'a>(decoded: &mut Decoded<'a>, table: &[(u16, Parse)], value: u16, field: &'static str, rest: Rest<'a>) {
    match table.iter().find(|entry| entry.0 == value) {
        Some(&(_, parse)) => decoded.header(parse, rest),
        None => decoded.unknown(field, value.into(), rest),
    }
}
