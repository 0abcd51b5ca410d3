//! Extension headers of IPv6 that give their length in units of 8 bytes (RFC 8200 4, RFC 6275 6.1, RFC 5533 5).

use etherparse::Ipv6RawExtHeaderSlice;

use super::get::uint;
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, ipv6};
use crate::field::{Field, Kind};

const NXT: &str = "Next header: protocol number of what it carries";
const LEN: &str = "Length of the header in units of 8 bytes, the first 8 not counted";

static HOP_BY_HOP_OPTIONS: Protocol = Protocol {
    name: "ipv6.hopopts",
    title: "IPv6 hop-by-hop options",
    fields: &[
        Field::new("ipv6.hopopts.nxt", Kind::Uint, NXT, |l, put| uint(l.u8(0), put)),
        Field::new("ipv6.hopopts.len", Kind::Uint, LEN, |l, put| uint(l.u8(1), put)),
    ],
    ethertype_at: None,
};
static ROUTING_HEADER: Protocol = Protocol {
    name: "ipv6.routing",
    title: "IPv6 routing header",
    fields: &[
        Field::new("ipv6.routing.nxt", Kind::Uint, NXT, |l, put| uint(l.u8(0), put)),
        Field::new("ipv6.routing.len", Kind::Uint, LEN, |l, put| uint(l.u8(1), put)),
        Field::new("ipv6.routing.type", Kind::Uint, "Routing type", |l, put| uint(l.u8(2), put)),
        Field::new("ipv6.routing.segleft", Kind::Uint, "Segments left", |l, put| uint(l.u8(3), put)),
    ],
    ethertype_at: None,
};
static DESTINATION_OPTIONS: Protocol = Protocol {
    name: "ipv6.dstopts",
    title: "IPv6 destination options",
    fields: &[
        Field::new("ipv6.dstopts.nxt", Kind::Uint, NXT, |l, put| uint(l.u8(0), put)),
        Field::new("ipv6.dstopts.len", Kind::Uint, LEN, |l, put| uint(l.u8(1), put)),
    ],
    ethertype_at: None,
};
static MOBILITY_HEADER: Protocol = Protocol {
    name: "mipv6",
    title: "IPv6 mobility header",
    fields: &[
        Field::new("mip6.proto", Kind::Uint, NXT, |l, put| uint(l.u8(0), put)),
        Field::new("mip6.hlen", Kind::Uint, LEN, |l, put| uint(l.u8(1), put)),
        Field::new("mip6.mhtype", Kind::Uint, "Mobility header type", |l, put| uint(l.u8(2), put)),
    ],
    ethertype_at: None,
};
static SHIM6_HEADER: Protocol = Protocol {
    name: "shim6",
    title: "Shim6",
    fields: &[
        Field::new("shim6.nxt", Kind::Uint, NXT, |l, put| uint(l.u8(0), put)),
        Field::new("shim6.len", Kind::Uint, LEN, |l, put| uint(l.u8(1), put)),
    ],
    ethertype_at: None,
};

pub(super) const HOP_BY_HOP: Header = Header {
    protocol: &HOP_BY_HOP_OPTIONS,
    parse: |decoded, rest| parse(decoded, rest, &HOP_BY_HOP_OPTIONS, "ipv6.hopopts.nxt"),
    by: &[Number::ip(0)],
};
pub(super) const ROUTING: Header = Header {
    protocol: &ROUTING_HEADER,
    parse: |decoded, rest| parse(decoded, rest, &ROUTING_HEADER, "ipv6.routing.nxt"),
    by: &[Number::ip(43)],
};
pub(super) const DESTINATION: Header = Header {
    protocol: &DESTINATION_OPTIONS,
    parse: |decoded, rest| parse(decoded, rest, &DESTINATION_OPTIONS, "ipv6.dstopts.nxt"),
    by: &[Number::ip(60)],
};
pub(super) const MOBILITY: Header = Header {
    protocol: &MOBILITY_HEADER,
    parse: |decoded, rest| parse(decoded, rest, &MOBILITY_HEADER, "mip6.proto"),
    // 62 is what it had in the drafts.
    by: &[Number::ip(135), Number::ip(62)],
};
pub(super) const SHIM6: Header = Header {
    protocol: &SHIM6_HEADER,
    parse: |decoded, rest| parse(decoded, rest, &SHIM6_HEADER, "shim6.nxt"),
    by: &[Number::ip(140)],
};

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>, protocol: &'static Protocol, nxt_field: &'static str) {
    match Ipv6RawExtHeaderSlice::from_slice(rest.bytes) {
        Ok(header) => {
            let rest = decoded.layer(protocol, rest, header.slice().len());
            ipv6::next(decoded, header.next_header().0, nxt_field, rest)
        }
        Err(error) => decoded.refuse(protocol, rest, error.required_len),
    }
}
