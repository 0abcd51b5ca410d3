//! GPRS tunnelling protocol, version 1, its user plane (3GPP TS 29.281).

use super::get::{bit, bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, raw};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "gtp",
    title: "GTP-U",
    fields: &[
        Field::hex("gtp.flags", "Version and flags", |l, put| uint(l.u8(0), put)),
        Field::new("gtp.flags.version", Kind::Uint, "Version: 1", |l, put| bits(l.u8(0), 5, 7, put)),
        Field::new("gtp.flags.payload", Kind::Uint, "Protocol type: 1 GTP", |l, put| bits(l.u8(0), 4, 1, put)),
        Field::new("gtp.flags.e", Kind::Bool, "It has extension headers", |l, put| bit(l.u8(0), EXTENSION.into(), put)),
        Field::new("gtp.flags.s", Kind::Bool, "It has a sequence number", |l, put| bit(l.u8(0), SEQUENCE.into(), put)),
        Field::new("gtp.flags.pn", Kind::Bool, "It has an N-PDU number", |l, put| bit(l.u8(0), N_PDU.into(), put)),
        Field::hex("gtp.message", "Message type: 0xff carries a packet", |l, put| uint(l.u8(1), put)),
        Field::new("gtp.length", Kind::Uint, "Length of what follows the first 8 bytes", |l, put| uint(l.u16(2), put)),
        Field::hex("gtp.teid", "Tunnel endpoint of the receiver", |l, put| uint(l.u32(4), put)),
        Field::new("gtp.seq_number", Kind::Uint, "Sequence number", |l, put| {
            uint(flag(l, SEQUENCE).and(l.u16(8)), put)
        }),
        Field::hex("gtp.npdu_number", "N-PDU number", |l, put| uint(flag(l, N_PDU).and(l.u8(10)), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::udp(2152)] };

/// Length of the header without its optional fields.
const MIN_LEN: usize = 8;
const EXTENSION: u8 = 4;
const SEQUENCE: u8 = 2;
const N_PDU: u8 = 1;
/// The message that carries a packet.
const G_PDU: u8 = 255;

fn flag(layer: &Layer<'_>, mask: u8) -> Option<u8> {
    layer.u8(0).filter(|flags| flags & mask != 0)
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[flags, message, l0, l1, _, _, _, _]) = rest.bytes.first_chunk() else {
        return decoded.refuse(&PROTOCOL, rest, MIN_LEN);
    };
    if flags >> 5 != 1 {
        return decoded.carries(rest);
    }
    let rest = rest.limited(MIN_LEN as u32 + u32::from(u16::from_be_bytes([l0, l1])), "gtp.length");
    let need = header_len(flags, rest.bytes);
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    if message == G_PDU && rest.len > 0 { decoded.header(raw::parse, rest) } else { decoded.carries(rest) }
}

/// With any of the optional fields, four bytes hold them all, the last being the type of the first extension header.
/// Those give their length in units of four bytes, and end with the type of the next one, 0 for none.
fn header_len(flags: u8, bytes: &[u8]) -> usize {
    if flags & (EXTENSION | SEQUENCE | N_PDU) == 0 {
        return MIN_LEN;
    }
    let mut end = MIN_LEN + 4;
    while flags & EXTENSION != 0 && bytes.get(end - 1).is_some_and(|&next| next != 0) {
        // A length of 0 is none; it then takes the least, so that this ends.
        end += 4 * bytes.get(end).map_or(1, |&len| usize::from(len.max(1)));
    }
    end
}
