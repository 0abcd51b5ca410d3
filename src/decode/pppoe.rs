//! PPP over Ethernet (RFC 2516).

use super::get::{bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Get, Protocol, ppp};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static FIELDS: [Field<Get>; 5] = [
    Field::new("pppoe.version", Kind::Uint, "Version: 1", |l, put| bits(l.u8(0), 4, 0xf, put)),
    Field::new("pppoe.type", Kind::Uint, "Type: 1", |l, put| bits(l.u8(0), 0, 0xf, put)),
    Field::hex("pppoe.code", "Code", |l, put| uint(l.u8(1), put)),
    Field::hex("pppoe.session_id", "Session", |l, put| uint(l.u16(2), put)),
    Field::new("pppoe.payload_length", Kind::Uint, "Length of what it carries, in bytes", |l, put| uint(l.u16(4), put)),
];
static DISCOVERY: Protocol = Protocol { name: "pppoed", title: "PPPoE discovery", fields: &FIELDS, ethertype_at: None };
static SESSION: Protocol = Protocol { name: "pppoes", title: "PPPoE session", fields: &FIELDS, ethertype_at: None };

pub(super) const HEADER_DISCOVERY: Header = Header {
    protocol: &DISCOVERY,
    parse: |decoded, rest| parse(decoded, rest, &DISCOVERY, Decoded::carries),
    by: &[Number::ethertype(0x8863)],
};
pub(super) const HEADER_SESSION: Header = Header {
    protocol: &SESSION,
    parse: |decoded, rest| parse(decoded, rest, &SESSION, |decoded, rest| decoded.header(ppp::HEADER.parse, rest)),
    by: &[Number::ethertype(0x8864), Number::link(LinkType(51))],
};

const LEN: usize = 6;

fn parse<'a>(
    decoded: &mut Decoded<'a>,
    rest: Rest<'a>,
    protocol: &'static Protocol,
    next: fn(&mut Decoded<'a>, Rest<'a>),
) {
    let Some(&[_, _, _, _, l0, l1]) = rest.bytes.first_chunk() else { return decoded.refuse(protocol, rest, LEN) };
    let rest = rest.limited(LEN as u32 + u32::from(u16::from_be_bytes([l0, l1])), "pppoe.payload_length");
    let rest = decoded.layer(protocol, rest, LEN);
    next(decoded, rest)
}
