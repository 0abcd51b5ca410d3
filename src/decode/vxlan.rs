//! Virtual extensible LAN (RFC 7348), with its group policy and generic protocol extensions.

use super::get::{bit, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, ethernet, ipv4, ipv6, mpls, nsh};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "vxlan",
    title: "VXLAN",
    fields: &[
        Field::hex("vxlan.flags", "Flags", |l, put| uint(l.u16(0), put)),
        Field::new("vxlan.flag_g", Kind::Bool, "It has a group policy", |l, put| bit(l.u16(0), 0x8000, put)),
        Field::new("vxlan.flag_i", Kind::Bool, "The network identifier counts", |l, put| bit(l.u16(0), 0x0800, put)),
        Field::new("vxlan.flag_d", Kind::Bool, "Do not learn", |l, put| bit(l.u16(0), 0x0040, put)),
        Field::new("vxlan.flag_a", Kind::Bool, "The policy was applied", |l, put| bit(l.u16(0), 0x0008, put)),
        Field::new("vxlan.gbp", Kind::Uint, "Group policy", |l, put| uint(l.u16(2), put)),
        Field::new("vxlan.vni", Kind::Uint, "Network identifier", |l, put| uint(l.u32(4).map(|vni| vni >> 8), put)),
    ],
    ethertype_at: None,
};
static PROTOCOL_GPE: Protocol = Protocol {
    name: "vxlan",
    title: "VXLAN-GPE",
    fields: &[
        Field::hex("vxlan.flags", "Flags", |l, put| uint(l.u8(0), put)),
        Field::new(
            "vxlan.next_proto",
            Kind::Uint,
            "What it carries: 1 IPv4, 2 IPv6, 3 Ethernet, 4 NSH, 5 MPLS",
            |l, put| uint(l.u8(3), put),
        ),
        Field::new("vxlan.vni", Kind::Uint, "Network identifier", |l, put| uint(l.u32(4).map(|vni| vni >> 8), put)),
    ],
    ethertype_at: None,
};
/// Whatever it is, it carries Ethernet.
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::udp(4789)] };
/// With a field for what it carries.
pub(super) const HEADER_GPE: Header = Header { protocol: &PROTOCOL_GPE, parse: parse_gpe, by: &[Number::udp(4790)] };

/// Length of either header.
const LEN: usize = 8;

/// Whether it is that with the generic protocol extension.
pub(super) fn is_generic(layer: &Layer<'_>) -> bool {
    std::ptr::eq(layer.protocol, &raw const PROTOCOL_GPE)
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    if rest.bytes.len() < LEN {
        return decoded.refuse(&PROTOCOL, rest, LEN);
    }
    let rest = decoded.layer(&PROTOCOL, rest, LEN);
    decoded.header(ethernet::HEADER.parse, rest)
}

fn parse_gpe<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[_, _, _, next, _, _, _, _]) = rest.bytes.first_chunk() else {
        return decoded.refuse(&PROTOCOL_GPE, rest, LEN);
    };
    let rest = decoded.layer(&PROTOCOL_GPE, rest, LEN);
    match next {
        1 => decoded.header(ipv4::parse, rest),
        2 => decoded.header(ipv6::parse, rest),
        3 => decoded.header(ethernet::HEADER.parse, rest),
        4 => decoded.header(nsh::HEADER.parse, rest),
        5 => decoded.header(mpls::HEADER.parse, rest),
        other => decoded.unknown("vxlan.next_proto", other.into(), rest),
    }
}
