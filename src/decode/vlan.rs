//! VLAN tags: IEEE 802.1Q, and IEEE 802.1ad service tags.

use etherparse::SingleVlanHeaderSlice;

use super::ethernet::{LengthOrType, is_length, is_type};
use super::get::{bit, bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "vlan",
    title: "802.1Q",
    fields: &[
        Field::new("vlan.priority", Kind::Uint, "Priority code point", |l, put| bits(l.u16(0), 13, 7, put)),
        Field::new("vlan.dei", Kind::Bool, "Drop eligible", |l, put| bit(l.u16(0), 0x1000, put)),
        Field::new("vlan.id", Kind::Uint, "VLAN identifier", |l, put| bits(l.u16(0), 0, 0xfff, put)),
        Field::hex("vlan.etype", "EtherType of what it carries", |l, put| {
            uint(l.u16(2).filter(|&value| is_type(value)), put)
        }),
        Field::new(
            "vlan.len",
            Kind::Uint,
            "Length of what it carries, in bytes, where there is no EtherType",
            |l, put| uint(l.u16(2).filter(|&value| is_length(value)), put),
        ),
    ],
    ethertype_at: Some(2),
};
static PROTOCOL_AD: Protocol = Protocol {
    name: "ieee8021ad",
    title: "802.1ad",
    fields: &[
        Field::new("ieee8021ad.priority", Kind::Uint, "Priority code point", |l, put| bits(l.u16(0), 13, 7, put)),
        Field::new("ieee8021ad.dei", Kind::Bool, "Drop eligible", |l, put| bit(l.u16(0), 0x1000, put)),
        Field::new("ieee8021ad.id", Kind::Uint, "VLAN identifier", |l, put| bits(l.u16(0), 0, 0xfff, put)),
        Field::hex("ieee8021ah.etype", "EtherType of what it carries", |l, put| {
            uint(l.u16(2).filter(|&value| is_type(value)), put)
        }),
    ],
    ethertype_at: Some(2),
};

/// Customer tags; 0x9100 is what stacked tags had before 802.1ad.
pub(super) const HEADER: Header = Header {
    protocol: &PROTOCOL,
    parse: |decoded, rest| parse(decoded, rest, &PROTOCOL),
    by: &[Number::ethertype(0x8100), Number::ethertype(0x9100)],
};
/// Service tags.
pub(super) const HEADER_AD: Header = Header {
    protocol: &PROTOCOL_AD,
    parse: |decoded, rest| parse(decoded, rest, &PROTOCOL_AD),
    by: &[Number::ethertype(0x88a8)],
};

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>, protocol: &'static Protocol) {
    match SingleVlanHeaderSlice::from_slice(rest.bytes) {
        Ok(header) => {
            let rest = decoded.layer(protocol, rest, header.slice().len());
            const FIELDS: LengthOrType = LengthOrType { etype: "vlan.etype", len: "vlan.len", invalid: "vlan.etype" };
            FIELDS.next(decoded, header.ether_type().0, rest)
        }
        Err(error) => decoded.refuse(protocol, rest, error.required_len),
    }
}
