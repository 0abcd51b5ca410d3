//! Internet Control Message Protocol version 6 (RFC 4443), with neighbor discovery (RFC 4861).

use super::get::{bit, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, ipv6};
use crate::field::{Field, Kind, Value};

static PROTOCOL: Protocol = Protocol {
    name: "icmpv6",
    title: "ICMPv6",
    fields: &[
        Field::new("icmpv6.type", Kind::Uint, "Type", |l, put| uint(l.u8(0), put)),
        Field::new("icmpv6.code", Kind::Uint, "Code", |l, put| uint(l.u8(1), put)),
        Field::hex("icmpv6.checksum", "Checksum", |l, put| uint(l.u16(2), put)),
        Field::new("icmpv6.mtu", Kind::Uint, "MTU of the next hop, in bytes", |l, put| {
            uint(of_type(l, PACKET_TOO_BIG).and(l.u32(4)), put)
        }),
        Field::new("icmpv6.pointer", Kind::Uint, "Where in the quoted packet the problem is, in bytes", |l, put| {
            uint(of_type(l, PARAMETER_PROBLEM).and(l.u32(4)), put)
        }),
        Field::hex("icmpv6.echo.identifier", "Identifier of an echo", |l, put| {
            uint(echo(l).or(extended_echo(l)).and(l.u16(4)), put)
        }),
        Field::new("icmpv6.echo.sequence_number", Kind::Uint, "Sequence number of an echo", |l, put| {
            uint(echo(l).and(l.u16(6)), put)
        }),
        Field::new("icmpv6.nd.ra.cur_hop_limit", Kind::Uint, "Hop limit to use", |l, put| {
            uint(of_type(l, ROUTER_ADVERTISEMENT).and(l.u8(4)), put)
        }),
        Field::new("icmpv6.nd.ra.router_lifetime", Kind::Uint, "Lifetime as a default router, in seconds", |l, put| {
            uint(of_type(l, ROUTER_ADVERTISEMENT).and(l.u16(6)), put)
        }),
        Field::new("icmpv6.nd.ns.target_address", Kind::Ipv6, "Address that is asked for", |l, put| {
            address(l, NEIGHBOR_SOLICITATION, 8, put)
        }),
        Field::new("icmpv6.nd.na.flag.r", Kind::Bool, "The sender is a router", |l, put| {
            bit(of_type(l, NEIGHBOR_ADVERTISEMENT).and(l.u8(4)), 0x80, put)
        }),
        Field::new("icmpv6.nd.na.flag.s", Kind::Bool, "It answers a solicitation", |l, put| {
            bit(of_type(l, NEIGHBOR_ADVERTISEMENT).and(l.u8(4)), 0x40, put)
        }),
        Field::new("icmpv6.nd.na.flag.o", Kind::Bool, "It overrides what is cached", |l, put| {
            bit(of_type(l, NEIGHBOR_ADVERTISEMENT).and(l.u8(4)), 0x20, put)
        }),
        Field::new("icmpv6.nd.na.target_address", Kind::Ipv6, "Address that is advertised", |l, put| {
            address(l, NEIGHBOR_ADVERTISEMENT, 8, put)
        }),
        Field::new("icmpv6.nd.rd.target_address", Kind::Ipv6, "Better first hop", |l, put| {
            address(l, REDIRECT, 8, put)
        }),
        Field::new("icmpv6.rd.na.destination_address", Kind::Ipv6, "Destination that is redirected", |l, put| {
            address(l, REDIRECT, 24, put)
        }),
        Field::new("icmpv6.mld.multicast_address", Kind::Ipv6, "Group that is asked for, joined or left", |l, put| {
            if matches!(l.u8(0), Some(130..=132)) {
                l.ipv6(8, put);
            }
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ip(58)] };

const PACKET_TOO_BIG: u8 = 2;
const PARAMETER_PROBLEM: u8 = 4;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;

fn of_type(layer: &Layer<'_>, wanted: u8) -> Option<u8> {
    layer.u8(0).filter(|&kind| kind == wanted)
}

fn echo(layer: &Layer<'_>) -> Option<u8> {
    layer.u8(0).filter(|kind| matches!(kind, 128 | 129))
}

/// RFC 8335, with a sequence number of one byte.
fn extended_echo(layer: &Layer<'_>) -> Option<u8> {
    layer.u8(0).filter(|kind| matches!(kind, 160 | 161))
}

fn address<'x>(layer: &Layer<'_>, wanted: u8, at: usize, put: &mut dyn FnMut(Value<'x>)) {
    if of_type(layer, wanted).is_some() {
        layer.ipv6(at, put);
    }
}

/// Length of the header: the first four bytes, and what the type puts before its options or its packet.
const fn header_len(kind: u8) -> usize {
    match kind {
        // Errors; echo; router solicitation; multicast listener report, version 2.
        1..=4 | 128 | 129 | 133 | 143 | 160 | 161 => 8,
        ROUTER_ADVERTISEMENT => 16,
        // Multicast listener discovery, version 1 (a query of version 2 begins in the same way).
        130..=132 | NEIGHBOR_SOLICITATION | NEIGHBOR_ADVERTISEMENT => 24,
        REDIRECT => 40,
        _ => 4,
    }
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&kind) = rest.bytes.first() else { return decoded.refuse(&PROTOCOL, rest, 4) };
    let need = header_len(kind);
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    decoded.carries(rest);
    // Errors quote the packet that caused them.
    if matches!(kind, 1..=4) && !rest.bytes.is_empty() {
        decoded.quote(ipv6::parse, rest)
    }
}
