//! Frames captured on Juniper's routers (LINKTYPE_JUNIPER_ETHER and others).

use super::get::{bits, uint};
use super::headers::{Header, Number};
use super::rest::{Parse, Rest};
use super::{Decoded, Protocol, chdlc, ethernet, frame_relay, ppp, raw};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "juniper",
    title: "Juniper",
    fields: &[
        Field::new("juniper.direction", Kind::Uint, "0 out, 1 in", |l, put| bits(l.u8(3), 0, 1, put)),
        Field::new("juniper.l2hdr", Kind::Uint, "1 where there is no link-layer header", |l, put| {
            bits(l.u8(3), 1, 1, put)
        }),
        Field::new("juniper.ext_total_len", Kind::Uint, "Length of the extensions, in bytes", |l, put| {
            uint(l.u8(3).filter(|flags| flags & EXTENDED != 0).and_then(|_| l.u16(4)), put)
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header {
    protocol: &PROTOCOL,
    parse: |decoded, rest| parse(decoded, rest, ethernet::HEADER.parse),
    by: &[Number::link(LinkType(178))],
};
pub(super) const HEADER_PPP: Header = Header {
    protocol: &PROTOCOL,
    parse: |decoded, rest| parse(decoded, rest, ppp::HEADER.parse),
    by: &[Number::link(LinkType(179))],
};
pub(super) const HEADER_FRAME_RELAY: Header = Header {
    protocol: &PROTOCOL,
    parse: |decoded, rest| parse(decoded, rest, frame_relay::parse),
    by: &[Number::link(LinkType(180))],
};
pub(super) const HEADER_CHDLC: Header = Header {
    protocol: &PROTOCOL,
    parse: |decoded, rest| parse(decoded, rest, chdlc::HEADER.parse),
    by: &[Number::link(LinkType(181))],
};

const MAGIC: [u8; 3] = *b"MGC";
const EXTENDED: u8 = 0x80;
const NO_LINK_LAYER: u8 = 0x02;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>, link: Parse) {
    let Some(&[a, b, c, flags]) = rest.bytes.first_chunk() else { return decoded.refuse(&PROTOCOL, rest, 4) };
    if [a, b, c] != MAGIC {
        return decoded.forbid(&PROTOCOL, rest, 4, "juniper.magic-number", u32::from_be_bytes([0, a, b, c]));
    }
    let extension = match rest.bytes.get(4..6) {
        Some(&[l0, l1]) if flags & EXTENDED != 0 => 2 + usize::from(u16::from_be_bytes([l0, l1])),
        _ if flags & EXTENDED != 0 => 2,
        _ => 0,
    };
    let need = 4 + extension + if flags & NO_LINK_LAYER != 0 { 4 } else { 0 };
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    if flags & NO_LINK_LAYER == 0 {
        return decoded.header(link, rest);
    }
    // An address family stands at the end of the header; the version of IP tells the same.
    decoded.header(raw::parse, rest)
}
