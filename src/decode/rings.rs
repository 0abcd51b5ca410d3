//! Rings and buses with MAC addresses and LLC: token ring (IEEE 802.5), FDDI (ISO 9314-2).

use super::get::{bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, llc};
use crate::field::{Field, Kind, Value};
use crate::frame::LinkType;

static TOKEN_RING: Protocol = Protocol {
    name: "tr",
    title: "Token ring",
    fields: &[
        Field::hex("tr.ac", "Access control", |l, put| uint(l.u8(0), put)),
        Field::hex("tr.fc", "Frame control", |l, put| uint(l.u8(1), put)),
        Field::new("tr.dst", Kind::Mac, "Destination address", |l, put| l.mac(2, put)),
        Field::list("tr.src", Kind::Mac, "Source address as sent, and without the bit of source routing", |l, put| {
            l.mac(8, put);
            if let (Some(_), Some([first, b, c, d, e, f])) = (routed(l), l.array(8)) {
                put(Value::Mac([first & !SOURCE_ROUTED, b, c, d, e, f]));
            }
        }),
        Field::new("tr.rif_bytes", Kind::Uint, "Length of the routing information, in bytes", |l, put| {
            uint(routed(l).and_then(|_| l.u8(14)).map(|first| first & 0x1f), put)
        }),
    ],
    ethertype_at: None,
};
static FDDI: Protocol = Protocol {
    name: "fddi",
    title: "FDDI",
    fields: &[
        Field::hex("fddi.fc", "Frame control", |l, put| uint(l.u8(0), put)),
        Field::hex("fddi.fc.clf", "Class, length and format of the frame control", |l, put| {
            bits(l.u8(0), 4, 0xf, put);
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER_TOKEN_RING: Header =
    Header { protocol: &TOKEN_RING, parse: token_ring, by: &[Number::link(LinkType(6))] };
pub(super) const HEADER_FDDI: Header = Header { protocol: &FDDI, parse: fddi, by: &[Number::link(LinkType(10))] };

const TOKEN_RING_LEN: usize = 14;
const FDDI_LEN: usize = 13;
/// Bit of the first byte of a source address: routing information follows.
const SOURCE_ROUTED: u8 = 0x80;
/// Frame control of LLC frames: the upper two bits in token ring, the upper four in FDDI.
const LLC_FRAME: u8 = 0x40;
const FDDI_LLC: u8 = 0x50;

fn routed(layer: &Layer<'_>) -> Option<u8> {
    layer.u8(8).filter(|first| first & SOURCE_ROUTED != 0)
}

fn token_ring<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[_, control, .., source, _, _, _, _, _]) = rest.bytes.first_chunk::<TOKEN_RING_LEN>() else {
        return decoded.refuse(&TOKEN_RING, rest, TOKEN_RING_LEN);
    };
    let routing = match rest.bytes.get(TOKEN_RING_LEN) {
        _ if source & SOURCE_ROUTED == 0 => 0,
        Some(first) => usize::from(first & 0x1f),
        None => 1,
    };
    if rest.bytes.len() < TOKEN_RING_LEN + routing {
        return decoded.refuse(&TOKEN_RING, rest, TOKEN_RING_LEN + routing);
    }
    let rest = decoded.layer(&TOKEN_RING, rest, TOKEN_RING_LEN + routing);
    if control & 0xc0 == LLC_FRAME { decoded.header(llc::HEADER.parse, rest) } else { decoded.carries(rest) }
}

fn fddi<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[control, ..]) = rest.bytes.first_chunk::<FDDI_LEN>() else {
        return decoded.refuse(&FDDI, rest, FDDI_LEN);
    };
    let rest = decoded.layer(&FDDI, rest, FDDI_LEN);
    if control & 0xf0 == FDDI_LLC { decoded.header(llc::HEADER.parse, rest) } else { decoded.carries(rest) }
}
