//! Encapsulated remote switched port analyzer: Ethernet frames that a switch mirrors
//! (draft-foschiano-erspan: types I, II and III).

use super::get::{bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, ethernet, gre};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "erspan",
    title: "ERSPAN",
    fields: &[
        Field::new("erspan.version", Kind::Uint, "Version: 1 for type II, 2 for type III", |l, put| {
            bits(l.u16(0), 12, 0xf, put)
        }),
        Field::new("erspan.vlan", Kind::Uint, "VLAN of the mirrored frame", |l, put| bits(l.u16(0), 0, 0xfff, put)),
        Field::new("erspan.cos", Kind::Uint, "Class of service of the mirrored frame", |l, put| {
            bits(l.u16(2), 13, 7, put)
        }),
        Field::new("erspan.encap", Kind::Uint, "How its VLAN tag was treated (type II)", |l, put| {
            bits(l.u16(2).filter(|_| version(l) == Some(1)), 11, 3, put)
        }),
        Field::new("erspan.bso", Kind::Uint, "Bad, short or oversized (type III)", |l, put| {
            bits(l.u16(2).filter(|_| version(l) == Some(2)), 11, 3, put)
        }),
        Field::new("erspan.truncated", Kind::Uint, "Whether the mirrored frame was truncated", |l, put| {
            bits(l.u16(2), 10, 1, put)
        }),
        Field::new("erspan.spanid", Kind::Uint, "Session", |l, put| bits(l.u16(2), 0, 0x3ff, put)),
        Field::new("erspan.index", Kind::Uint, "Port of the mirroring switch (type II)", |l, put| {
            bits(l.u32(4).filter(|_| version(l) == Some(1)), 0, 0xf_ffff, put)
        }),
        Field::new("erspan.timestamp", Kind::Uint, "When it was mirrored (type III)", |l, put| {
            uint(l.u32(4).filter(|_| version(l) == Some(2)), put)
        }),
        Field::new("erspan.sgt", Kind::Uint, "Security group tag (type III)", |l, put| {
            uint(l.u16(8).filter(|_| version(l) == Some(2)), put)
        }),
        Field::new("erspan.ft", Kind::Uint, "Frame type: 0 Ethernet (type III)", |l, put| {
            bits(l.u16(10).filter(|_| version(l) == Some(2)), 10, 0x1f, put)
        }),
        Field::new("erspan.hw", Kind::Uint, "Hardware (type III)", |l, put| {
            bits(l.u16(10).filter(|_| version(l) == Some(2)), 4, 0x3f, put)
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header =
    Header { protocol: &PROTOCOL, parse, by: &[Number::gre(0x88be), Number::gre(0x22eb)] };

fn version(layer: &Layer<'_>) -> Option<u16> {
    layer.u16(0).map(|word| word >> 12)
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    // Type I has no header of its own, and no sequence number in that of GRE.
    if decoded.layers.last().is_some_and(|gre| gre.header.get(2..4) == Some(&[0x88, 0xbe]) && !gre::has_sequence(gre)) {
        let rest = decoded.layer(&PROTOCOL, rest, 0);
        return decoded.header(ethernet::HEADER.parse, rest);
    }
    let version = rest.bytes.first().map(|first| first >> 4);
    let need = match version {
        None | Some(1) => 8,
        // The last bit says that a subheader of eight bytes follows.
        Some(2) => 12 + 8 * rest.bytes.get(11).map_or(0, |last| usize::from(last & 1)),
        Some(other) => return decoded.forbid(&PROTOCOL, rest, 8, "erspan.version", other.into()),
    };
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    let frame_type = decoded.layers.last().filter(|_| version == Some(2)).and_then(|layer| layer.u16(10));
    match frame_type.map_or(0, |word| word >> 10 & 0x1f) {
        0 => decoded.header(ethernet::HEADER.parse, rest),
        other => decoded.unknown("erspan.ft", other.into(), rest),
    }
}
