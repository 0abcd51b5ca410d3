//! Network service header (RFC 8300).

use super::get::{bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, ethernet, ipv4, ipv6, mpls};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "nsh",
    title: "NSH",
    fields: &[
        Field::new("nsh.version", Kind::Uint, "Version: 0", |l, put| bits(l.u16(0), 14, 3, put)),
        Field::new("nsh.ttl", Kind::Uint, "Time to live", |l, put| bits(l.u16(0), 6, 0x3f, put)),
        Field::new("nsh.length", Kind::Uint, "Length of the header, in units of 4 bytes", |l, put| {
            bits(l.u16(0), 0, 0x3f, put)
        }),
        Field::new("nsh.mdtype", Kind::Uint, "Kind of its metadata", |l, put| bits(l.u8(2), 0, 0xf, put)),
        Field::new(
            "nsh.nextproto",
            Kind::Uint,
            "What it carries: 1 IPv4, 2 IPv6, 3 Ethernet, 4 NSH, 5 MPLS",
            |l, put| uint(l.u8(3), put),
        ),
        Field::new("nsh.spi", Kind::Uint, "Service path", |l, put| uint(l.u32(4).map(|word| word >> 8), put)),
        Field::new("nsh.si", Kind::Uint, "Place on the service path", |l, put| uint(l.u8(7), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header =
    Header { protocol: &PROTOCOL, parse, by: &[Number::ethertype(0x894f), Number::gre(0x894f)] };

/// Length of the header without metadata.
const MIN_LEN: usize = 8;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[_, len, _, next]) = rest.bytes.first_chunk() else { return decoded.refuse(&PROTOCOL, rest, MIN_LEN) };
    let need = usize::from(len & 0x3f) * 4;
    if need < MIN_LEN {
        return decoded.forbid(&PROTOCOL, rest, MIN_LEN, "nsh.length", u32::from(len & 0x3f));
    }
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    match next {
        1 => decoded.header(ipv4::parse, rest),
        2 => decoded.header(ipv6::parse, rest),
        3 => decoded.header(ethernet::HEADER.parse, rest),
        4 => decoded.header(parse, rest),
        5 => decoded.header(mpls::HEADER.parse, rest),
        other => decoded.unknown("nsh.nextproto", other.into(), rest),
    }
}
