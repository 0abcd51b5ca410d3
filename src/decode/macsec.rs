//! Security tag of IEEE 802.1AE, and what follows it where that is not encrypted.

use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol};
use crate::field::Field;

static PROTOCOL: Protocol = Protocol {
    name: "macsec",
    title: "MACsec",
    fields: &[Field::hex("macsec.etype", "EtherType of what it carries", |l, put| uint(l.u16(ethertype_at(l)), put))],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ethertype(0x88e5)] };

/// It has a channel identifier.
const CHANNEL: u8 = 0x20;
/// What it carries is encrypted, or otherwise changed.
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
