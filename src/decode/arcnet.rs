//! ARCnet, as BSD systems and Linux capture it: IP and ARP by RFC 1201 and RFC 1051.

use super::get::uint;
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, arp, ipv4, ipv6};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "arcnet",
    title: "ARCnet",
    fields: &[
        Field::hex("arcnet.src", "Source address", |l, put| uint(l.u8(0), put)),
        Field::hex("arcnet.dst", "Destination address; 0 is broadcast", |l, put| uint(l.u8(1), put)),
        Field::hex("arcnet.protID", "Protocol of what it carries", |l, put| uint(l.u8(2), put)),
        Field::new("arcnet.split_flag", Kind::Uint, "Fragment of a packet; 0 where it is whole", |l, put| {
            uint(l.u8(3), put)
        }),
        Field::new("arcnet.sequence", Kind::Uint, "Sequence number of the packet", |l, put| uint(l.u16(4), put)),
    ],
    ethertype_at: None,
};
/// Linux puts two bytes of the packet's place in the adapter before the protocol.
static PROTOCOL_LINUX: Protocol = Protocol {
    name: "arcnet",
    title: "ARCnet",
    fields: &[
        Field::hex("arcnet.src", "Source address", |l, put| uint(l.u8(0), put)),
        Field::hex("arcnet.dst", "Destination address; 0 is broadcast", |l, put| uint(l.u8(1), put)),
        Field::hex("arcnet.protID", "Protocol of what it carries", |l, put| uint(l.u8(4), put)),
        Field::new("arcnet.split_flag", Kind::Uint, "Fragment of a packet; 0 where it is whole", |l, put| {
            uint(l.u8(5), put)
        }),
        Field::new("arcnet.sequence", Kind::Uint, "Sequence number of the packet", |l, put| uint(l.u16(6), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header {
    protocol: &PROTOCOL,
    parse: |decoded, rest| parse(decoded, rest, &PROTOCOL, 2),
    by: &[Number::link(LinkType(7))],
};
pub(super) const HEADER_LINUX: Header = Header {
    protocol: &PROTOCOL_LINUX,
    parse: |decoded, rest| parse(decoded, rest, &PROTOCOL_LINUX, 4),
    by: &[Number::link(LinkType(129))],
};

/// Protocols of RFC 1051, whose header ends with them.
const IP_1051: u8 = 240;
const ARP_1051: u8 = 241;
/// Protocols of RFC 1201 and RFC 2497.
const IP: u8 = 212;
const ARP: u8 = 213;
const IPV6: u8 = 196;
/// A header longer by four bytes, of which the flag is the first (RFC 1201 3).
const EXCEPTION: u8 = 0xff;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>, protocol: &'static Protocol, at: usize) {
    let Some(&id) = rest.bytes.get(at) else { return decoded.refuse(protocol, rest, at + 1) };
    let need = match (id, rest.bytes.get(at + 1)) {
        (IP_1051 | ARP_1051, _) => at + 1,
        (_, Some(&EXCEPTION)) => at + 8,
        _ => at + 4,
    };
    if rest.bytes.len() < need {
        return decoded.refuse(protocol, rest, need);
    }
    let split = rest.bytes.get(at + 1).is_some_and(|&flag| need == at + 4 && flag != 0);
    let rest = decoded.layer(protocol, rest, need);
    match id {
        // Part of a packet, whose parts are not put together here.
        _ if split => decoded.carries(rest),
        IP_1051 | IP => decoded.header(ipv4::parse, rest),
        ARP_1051 | ARP => decoded.header(arp::HEADER.parse, rest),
        IPV6 => decoded.header(ipv6::parse, rest),
        other => decoded.unknown("arcnet.protID", other.into(), rest),
    }
}
