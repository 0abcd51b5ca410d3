//! BSD loopback (LINKTYPE_NULL, LINKTYPE_LOOP): four bytes of address family.

use super::ethernet::is_length;
use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, ipv4, ipv6};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "null",
    title: "BSD loopback",
    fields: &[
        Field::new("null.family", Kind::Uint, "Address family of the capturing system", |l, put| {
            uint(family(l).filter(|&family| !is_ethertype(family)), put)
        }),
        Field::hex("null.type", "EtherType of what it carries, where it has one for a family", |l, put| {
            uint(family(l).filter(|&family| is_ethertype(family)), put)
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header =
    Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType::NULL), Number::link(LinkType::LOOP)] };

/// The family: the file does not tell which machine wrote it, and in which byte order. No family needs more than two
/// bytes; an EtherType in its place has two others before it or after it.
fn family(layer: &Layer<'_>) -> Option<u32> {
    let family = layer.u32(0)?.swap_bytes();
    Some(match family {
        0..0x1_0000 if family & 0xff == 0 && family < 0x600 => family >> 8,
        0..0x1_0000 => family,
        0x1_0000..0x06_0000 => family >> 16,
        _ => match family.swap_bytes() {
            family @ 0..=1500 => family,
            ethertype => ethertype & 0xffff,
        },
    })
}

fn is_ethertype(family: u32) -> bool {
    u16::try_from(family).is_ok_and(|family| family != 0 && !is_length(family))
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    if rest.bytes.len() < 4 {
        return decoded.refuse(&PROTOCOL, rest, 4);
    }
    let rest = decoded.layer(&PROTOCOL, rest, 4);
    match decoded.layers.last().and_then(family) {
        Some(2) => decoded.header(ipv4::parse, rest),
        // AF_INET6 of NetBSD and OpenBSD, FreeBSD, macOS; of Linux and Windows, where libpcap's readers met them.
        Some(24 | 28 | 30 | 10 | 23) => decoded.header(ipv6::parse, rest),
        Some(family) if is_ethertype(family) => headers::of_ethertype(decoded, family as u16, "null.type", rest),
        family => decoded.unknown("null.family", family.unwrap_or_default(), rest),
    }
}
