//! Ethernet: a frame of version II or IEEE 802.3 (IEEE 802.3 clause 3).

use etherparse::Ethernet2HeaderSlice;

use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, StopReason, llc};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "eth",
    title: "Ethernet",
    fields: &[
        Field::new("eth.dst", Kind::Mac, "Destination address", |l, put| l.mac(0, put)),
        Field::new("eth.src", Kind::Mac, "Source address", |l, put| l.mac(6, put)),
        Field::hex("eth.type", "EtherType of what it carries", |l, put| {
            uint(l.u16(12).filter(|&value| is_type(value)), put)
        }),
        Field::new(
            "eth.len",
            Kind::Uint,
            "Length of what it carries, in bytes, where there is no EtherType",
            |l, put| uint(l.u16(12).filter(|&value| is_length(value)), put),
        ),
        Field::hex("eth.invalid_lentype", "Neither an EtherType nor a length", |l, put| {
            uint(l.u16(12).filter(|&value| !is_type(value) && !is_length(value)), put)
        }),
    ],
    ethertype_at: Some(12),
};
/// In tunnels it has the EtherType of transparent bridging (RFC 1701) or an IP protocol number.
pub(super) const HEADER: Header = Header {
    protocol: &PROTOCOL,
    parse,
    by: &[
        Number::link(LinkType::ETHERNET),
        Number::ethertype(0x6558),
        Number::gre(0x6558),
        Number::gre(0x6400),
        Number::chdlc(0x6558),
        Number::ip(143),
    ],
};

/// Whether the number is an EtherType; Wireshark takes 0 as one.
pub(super) const fn is_type(value: u16) -> bool {
    value >= 0x0600 || value == 0
}

/// Whether the number, where an EtherType is expected, is a length (IEEE 802.3 3.2.6).
pub(super) const fn is_length(value: u16) -> bool {
    0 < value && value <= 1500
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    match Ethernet2HeaderSlice::from_slice(rest.bytes) {
        Ok(header) => {
            let rest = decoded.layer(&PROTOCOL, rest, header.slice().len());
            const FIELDS: LengthOrType =
                LengthOrType { etype: "eth.type", len: "eth.len", invalid: "eth.invalid_lentype" };
            FIELDS.next(decoded, header.ether_type().0, rest)
        }
        Err(error) => decoded.refuse(&PROTOCOL, rest, error.required_len),
    }
}

/// Names of a field of two bytes that is an EtherType or a length.
pub(super) struct LengthOrType {
    pub etype: &'static str,
    pub len: &'static str,
    pub invalid: &'static str,
}

impl LengthOrType {
    /// What follows where the field has this value.
    pub fn next<'a>(&self, decoded: &mut Decoded<'a>, value: u16, rest: Rest<'a>) {
        if is_type(value) {
            headers::of_ethertype(decoded, value, self.etype, rest)
        } else if is_length(value) {
            llc::next(decoded, rest.limited(value.into(), self.len))
        } else {
            decoded.stop_before(StopReason::Value { field: self.invalid, value: value.into() }, rest)
        }
    }
}
