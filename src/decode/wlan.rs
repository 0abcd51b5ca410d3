//! IEEE 802.11: the MAC header, and what data frames carry.

use super::get::{bit, bits};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, llc};
use crate::field::{Field, Kind, Value};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "wlan",
    title: "802.11",
    fields: &[
        Field::new("wlan.fc.type", Kind::Uint, "0 management, 1 control, 2 data", |l, put| bits(l.u8(0), 2, 3, put)),
        Field::new("wlan.fc.subtype", Kind::Uint, "Subtype", |l, put| bits(l.u8(0), 4, 0xf, put)),
        Field::new("wlan.fc.tods", Kind::Bool, "To the distribution system", |l, put| flag(l, TO_DS, put)),
        Field::new("wlan.fc.fromds", Kind::Bool, "From the distribution system", |l, put| flag(l, FROM_DS, put)),
        Field::new("wlan.fc.frag", Kind::Bool, "More fragments", |l, put| flag(l, MORE_FRAGMENTS, put)),
        Field::new("wlan.fc.retry", Kind::Bool, "Sent again", |l, put| flag(l, 0x08, put)),
        Field::new("wlan.fc.protected", Kind::Bool, "Encrypted", |l, put| flag(l, PROTECTED, put)),
        Field::new("wlan.ra", Kind::Mac, "Receiver", |l, put| address(l, 4, put)),
        Field::new("wlan.da", Kind::Mac, "Destination", |l, put| {
            addressed(l, |to, _| if to { 16 } else { 4 }, put);
        }),
        Field::new("wlan.ta", Kind::Mac, "Transmitter", |l, put| address(l, 10, put)),
        Field::new("wlan.sa", Kind::Mac, "Source", |l, put| {
            addressed(
                l,
                |to, from| match (to, from) {
                    (true, true) => 24,
                    (false, true) => 16,
                    _ => 10,
                },
                put,
            );
        }),
        Field::new("wlan.frag", Kind::Uint, "Fragment number", |l, put| bits(sequence(l), 0, 0xf, put)),
        Field::new("wlan.seq", Kind::Uint, "Sequence number", |l, put| bits(sequence(l), 4, 0xfff, put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(105))] };

const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

const MANAGEMENT: u8 = 0;
const CONTROL: u8 = 1;
const DATA: u8 = 2;

/// Bits of a data frame's subtype.
const NO_DATA: u8 = 4;
const QOS: u8 = 8;

fn flag<'x>(layer: &Layer<'_>, mask: u8, put: &mut dyn FnMut(Value<'x>)) {
    bit(layer.u8(1), mask.into(), put);
}

fn kind(layer: &Layer<'_>) -> Option<u8> {
    layer.u8(0).map(|first| first >> 2 & 3)
}

/// The address at `at`, where the header has one there.
fn address<'x>(layer: &Layer<'_>, at: usize, put: &mut dyn FnMut(Value<'x>)) {
    if kind(layer) != Some(3) {
        layer.mac(at, put);
    }
}

/// The address whose place depends on whether the frame is to and from the distribution system.
fn addressed<'x>(layer: &Layer<'_>, at: fn(bool, bool) -> usize, put: &mut dyn FnMut(Value<'x>)) {
    if let (Some(MANAGEMENT | DATA), Some(flags)) = (kind(layer), layer.u8(1)) {
        layer.mac(at(flags & TO_DS != 0, flags & FROM_DS != 0), put);
    }
}

/// Sequence control, whose low byte comes first.
fn sequence(layer: &Layer<'_>) -> Option<u16> {
    matches!(kind(layer)?, MANAGEMENT | DATA).then(|| layer.u16(22).map(u16::swap_bytes))?
}

/// Length of the header.
fn header_len(kind: u8, subtype: u8, flags: u8) -> usize {
    let four_addresses = flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS;
    let order = if flags & ORDER != 0 { 4 } else { 0 };
    match kind {
        MANAGEMENT => 24 + order,
        // CTS, ACK; wrappers have more, which is not looked at.
        CONTROL if matches!(subtype, 12 | 13) => 10,
        CONTROL => 16,
        DATA => {
            let qos = if subtype & QOS != 0 { 2 + order } else { 0 };
            24 + if four_addresses { 6 } else { 0 } + qos
        }
        _ => 2,
    }
}

pub(super) fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[first, flags]) = rest.bytes.first_chunk() else { return decoded.refuse(&PROTOCOL, rest, 10) };
    let (kind, subtype) = (first >> 2 & 3, first >> 4);
    let need = header_len(kind, subtype, flags);
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let aggregated = kind == DATA
        && subtype & QOS != 0
        && rest.bytes.get(need - qos_to_end(flags)).is_some_and(|qos| qos & 0x80 != 0);
    let rest = decoded.layer(&PROTOCOL, rest, need);
    let fragment =
        flags & MORE_FRAGMENTS != 0 || decoded.layers.last().and_then(sequence).is_some_and(|seq| seq & 0xf != 0);
    let named = kind != DATA || subtype & NO_DATA != 0 || flags & PROTECTED != 0 || fragment || aggregated;
    if named || rest.len == 0 { decoded.carries(rest) } else { decoded.header(llc::HEADER.parse, rest) }
}

/// From the quality of service field to the end of the header.
fn qos_to_end(flags: u8) -> usize {
    if flags & ORDER != 0 { 6 } else { 2 }
}
