//! Layer two tunneling protocol, version 2, in UDP (RFC 2661 3.1).

use super::get::{bit, bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, ppp};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "l2tp",
    title: "L2TP",
    fields: &[
        Field::new("l2tp.type", Kind::Bool, "A control message", |l, put| bit(l.u16(0), CONTROL.into(), put)),
        Field::new("l2tp.version", Kind::Uint, "Version: 2", |l, put| bits(l.u16(0), 0, 0xf, put)),
        Field::new("l2tp.length", Kind::Uint, "Length in bytes, header included", |l, put| {
            uint(l.u16(0).filter(|flags| flags & LENGTH != 0).and_then(|_| l.u16(2)), put)
        }),
        Field::new("l2tp.tunnel", Kind::Uint, "Tunnel of the receiver", |l, put| uint(l.u16(tunnel_at(l)), put)),
        Field::new("l2tp.session", Kind::Uint, "Session of the receiver", |l, put| uint(l.u16(tunnel_at(l) + 2), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::udp(1701)] };

const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;

fn tunnel_at(layer: &Layer<'_>) -> usize {
    if layer.u16(0).is_some_and(|flags| flags & LENGTH != 0) { 4 } else { 2 }
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[f0, f1]) = rest.bytes.first_chunk() else { return decoded.refuse(&PROTOCOL, rest, 6) };
    let flags = u16::from_be_bytes([f0, f1]);
    if flags & 0xf != 2 {
        return decoded.carries(rest);
    }
    let part = |flag, len| if flags & flag != 0 { len } else { 0 };
    let mut need = 6 + part(LENGTH, 2) + part(SEQUENCE, 4);
    if flags & OFFSET != 0 {
        let offset = rest.bytes.get(need..).and_then(|bytes| bytes.first_chunk());
        need += 2 + offset.map_or(0, |offset| usize::from(u16::from_be_bytes(*offset)));
    }
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    if flags & CONTROL != 0 || rest.len == 0 { decoded.carries(rest) } else { decoded.header(ppp::HEADER.parse, rest) }
}
