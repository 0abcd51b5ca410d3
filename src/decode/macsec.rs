//! Security tag of IEEE 802.1AE, and what follows it where that is not encrypted.

use super::get::{bit, bits, uint};
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "macsec",
    title: "MACsec",
    fields: &[
        Field::hex("macsec.TCI", "Tag control information", |l, put| bits(l.u8(0), 2, 0x3f, put)),
        Field::new("macsec.TCI.SC", Kind::Bool, "It has a channel identifier", |l, put| {
            bit(l.u8(0), CHANNEL.into(), put)
        }),
        Field::new("macsec.TCI.E", Kind::Bool, "Encrypted", |l, put| bit(l.u8(0), ENCRYPTED.into(), put)),
        Field::hex("macsec.AN", "Association", |l, put| bits(l.u8(0), 0, 3, put)),
        Field::new("macsec.SL", Kind::Uint, "Length of what is secured, in bytes, where that is short", |l, put| {
            uint(l.u8(1), put)
        }),
        Field::new("macsec.PN", Kind::Uint, "Packet number", |l, put| uint(l.u32(2), put)),
        Field::hex("macsec.etype", "EtherType of what it carries", |l, put| uint(l.u16(ethertype_at(l)), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ethertype(0x88e5)] };

const CHANNEL: u8 = 0x20;
const ENCRYPTED: u8 = 0x08;
const CHANGED: u8 = 0x04;
/// Length of the integrity check value at the end.
const ICV: u32 = 16;

/// Where the EtherType stands, if there is one.
fn ethertype_at(layer: &Layer<'_>) -> usize {
    layer.u8(0).map_or(0, tag_len)
}

fn tag_len(tci: u8) -> usize {
    if tci & CHANNEL != 0 { 14 } else { 6 }
}

/// Whether an EtherType follows the tag.
pub(super) fn is_readable(layer: &Layer<'_>) -> bool {
    layer.header.len() > ethertype_at(layer)
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let tci = rest.bytes.first().copied().unwrap_or_default();
    let secret = tci & (ENCRYPTED | CHANGED) != 0;
    let need = tag_len(tci) + if secret { 0 } else { 2 };
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    let rest = rest.limited(rest.len.saturating_sub(ICV), rest.limit);
    match decoded.layers.last().filter(|_| !secret).and_then(|layer| layer.u16(ethertype_at(layer))) {
        Some(value) => headers::of_ethertype(decoded, value, "macsec.etype", rest),
        None => decoded.carries(rest),
    }
}
