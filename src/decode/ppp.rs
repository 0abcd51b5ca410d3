//! Point-to-point protocol (RFC 1661), also in HDLC-like framing (RFC 1662).

use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, StopReason, chdlc};
use crate::field::Field;
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "ppp",
    title: "PPP",
    fields: &[
        Field::hex("ppp.address", "Address: 0xff, all stations", |l, put| {
            uint(l.u8(0).filter(|_| is_framed(l.header)), put)
        }),
        Field::hex("ppp.control", "Control: 0x03, unnumbered information", |l, put| {
            uint(l.u8(1).filter(|_| is_framed(l.header)), put)
        }),
        Field::hex("ppp.protocol", "Protocol of what it carries", |l, put| uint(protocol(l), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header =
    Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(9)), Number::gre(0x880b)] };
/// On a serial line, where Cisco's framing is met too.
pub(super) const HEADER_SERIAL: Header =
    Header { protocol: &PROTOCOL, parse: serial, by: &[Number::link(LinkType(50))] };
/// After a byte that tells the direction, which is no part of the frame.
pub(super) const HEADER_DIRECTION: Header = Header {
    protocol: &PROTOCOL,
    parse: |decoded, rest| match rest.bytes {
        [] => decoded.stop_before(StopReason::Cut { need: 1, have: 0 }, rest),
        _ => serial(decoded, rest.skip(1)),
    },
    by: &[Number::link(LinkType(204))],
};

/// Whether address and control fields come first.
fn is_framed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff])
}

/// The protocol field: what is left of the header, one byte where it is compressed (RFC 1661 6.5).
fn protocol(layer: &Layer<'_>) -> Option<u16> {
    match *layer.from(if is_framed(layer.header) { 2 } else { 0 }) {
        [a, b] => Some(u16::from_be_bytes([a, b])),
        [a] if a & 1 != 0 => Some(a.into()),
        _ => None,
    }
}

fn serial<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    match rest.bytes {
        [0x0f | 0x8f, ..] => {
            let rest = decoded.layer(&PROTOCOL, rest, 0);
            decoded.header(chdlc::HEADER.parse, rest)
        }
        _ => parse(decoded, rest),
    }
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let at = if is_framed(rest.bytes) { 2 } else { 0 };
    let compressed = rest.bytes.get(at).is_some_and(|first| first & 1 != 0);
    let need = if compressed { at + 1 } else { at + 2 };
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    let protocol = decoded.layers.last().and_then(protocol).unwrap_or_default();
    headers::of_ppp(decoded, protocol, rest)
}
