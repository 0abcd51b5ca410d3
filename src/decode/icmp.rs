//! Internet Control Message Protocol (RFC 792).

use super::get::uint;
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, ipv4};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "icmp",
    title: "ICMP",
    fields: &[
        Field::new("icmp.type", Kind::Uint, "Type", |l, put| uint(l.u8(0), put)),
        Field::new("icmp.code", Kind::Uint, "Code", |l, put| uint(l.u8(1), put)),
        Field::hex("icmp.checksum", "Checksum", |l, put| uint(l.u16(2), put)),
        Field::new("icmp.ident", Kind::Uint, "Identifier of a query", |l, put| uint(query(l).and(l.u16(4)), put)),
        Field::new("icmp.seq", Kind::Uint, "Sequence number of a query", |l, put| {
            uint(query(l).filter(|&kind| kind < EXTENDED_ECHO).and(l.u16(6)), put)
        }),
        Field::new("icmp.mtu", Kind::Uint, "MTU of the next hop, in bytes", |l, put| {
            uint(of_type(l, DESTINATION_UNREACHABLE).filter(|_| l.u8(1) == Some(4)).and(l.u16(6)), put)
        }),
        Field::new("icmp.pointer", Kind::Uint, "Where in the quoted packet the problem is, in bytes", |l, put| {
            uint(of_type(l, PARAMETER_PROBLEM).and(l.u8(4)), put)
        }),
        Field::new("icmp.redir_gw", Kind::Ipv4, "Gateway to use", |l, put| {
            if of_type(l, REDIRECT).is_some() {
                l.ipv4(4, put);
            }
        }),
        Field::new("icmp.originate_timestamp", Kind::Uint, "When it was sent, in ms since midnight UT", |l, put| {
            uint(l.u32(8), put)
        }),
        Field::new("icmp.receive_timestamp", Kind::Uint, "When it was received, in ms since midnight UT", |l, put| {
            uint(l.u32(12), put)
        }),
        Field::new(
            "icmp.transmit_timestamp",
            Kind::Uint,
            "When it was sent back, in ms since midnight UT",
            |l, put| uint(l.u32(16), put),
        ),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ip(1)] };

const DESTINATION_UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const REDIRECT: u8 = 5;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;
const TIMESTAMP: u8 = 13;
const TIMESTAMP_REPLY: u8 = 14;
/// RFC 8335, with a sequence number of one byte.
const EXTENDED_ECHO: u8 = 42;
const EXTENDED_ECHO_REPLY: u8 = 43;

fn of_type(layer: &Layer<'_>, wanted: u8) -> Option<u8> {
    layer.u8(0).filter(|&kind| kind == wanted)
}

/// The type, where it is of those with an identifier and a sequence number: echo, timestamp, information, address
/// mask and extended echo, and their replies.
fn query(layer: &Layer<'_>) -> Option<u8> {
    layer.u8(0).filter(|kind| matches!(*kind, 0 | 8 | 13..=18 | EXTENDED_ECHO | EXTENDED_ECHO_REPLY))
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&kind) = rest.bytes.first() else { return decoded.refuse(&PROTOCOL, rest, 8) };
    let need = if matches!(kind, TIMESTAMP | TIMESTAMP_REPLY) { 20 } else { 8 };
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    decoded.carries(rest);
    match kind {
        DESTINATION_UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM
            if !rest.bytes.is_empty() =>
        {
            decoded.quote(ipv4::parse, rest)
        }
        _ => {}
    }
}
