//! Generic Routing Encapsulation (RFC 2784, RFC 2890; with source routes RFC 1701; version 1, of PPTP, RFC 2637 4.1).

use super::get::{bit, bits, uint};
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "gre",
    title: "GRE",
    fields: &[
        Field::hex("gre.flags_and_version", "Flags and version", |l, put| uint(l.u16(0), put)),
        Field::new("gre.flags.checksum", Kind::Bool, "It has a checksum", |l, put| bit(l.u16(0), CHECKSUM, put)),
        Field::new("gre.flags.routing", Kind::Bool, "It has source routes", |l, put| bit(l.u16(0), ROUTING, put)),
        Field::new("gre.flags.key", Kind::Bool, "It has a key", |l, put| bit(l.u16(0), KEY, put)),
        Field::new("gre.flags.sequence_number", Kind::Bool, "It has a sequence number", |l, put| {
            bit(l.u16(0), SEQUENCE, put)
        }),
        Field::new("gre.flags.version", Kind::Uint, "Version: 0, or 1 for PPTP", |l, put| bits(l.u16(0), 0, 7, put)),
        Field::hex("gre.proto", "Protocol of what it carries", |l, put| uint(l.u16(2), put)),
        Field::hex("gre.checksum", "Checksum", |l, put| uint(optional(l, 4, CHECKSUM | ROUTING, CHECKSUM), put)),
        Field::new("gre.offset", Kind::Uint, "Where the active source route is, in bytes", |l, put| {
            uint(optional(l, 6, CHECKSUM | ROUTING, CHECKSUM | ROUTING), put)
        }),
        Field::hex("gre.key", "Key", |l, put| {
            uint(at(l, KEY).filter(|_| version(l) != Some(1)).and_then(|at| l.u32(at)), put)
        }),
        Field::new(
            "gre.key.payload_length",
            Kind::Uint,
            "Length of what it carries, in bytes (version 1)",
            |l, put| uint(at(l, KEY).filter(|_| version(l) == Some(1)).and_then(|at| l.u16(at)), put),
        ),
        Field::new("gre.key.call_id", Kind::Uint, "Call of the receiver (version 1)", |l, put| {
            uint(at(l, KEY).filter(|_| version(l) == Some(1)).and_then(|at| l.u16(at + 2)), put)
        }),
        Field::new("gre.sequence_number", Kind::Uint, "Sequence number", |l, put| {
            uint(at(l, SEQUENCE).and_then(|at| l.u32(at)), put)
        }),
        Field::new("gre.ack_number", Kind::Uint, "Acknowledgment number (version 1)", |l, put| {
            uint(at(l, ACK).and_then(|at| l.u32(at)), put)
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ip(47), Number::udp(4754)] };

const CHECKSUM: u64 = 0x8000;
const ROUTING: u64 = 0x4000;
const KEY: u64 = 0x2000;
const SEQUENCE: u64 = 0x1000;
const ACK: u64 = 0x0080;
/// Of what follows the first four bytes, in its order: which flags announce it. Each has four bytes.
const PARTS: [u64; 4] = [CHECKSUM | ROUTING, KEY, SEQUENCE, ACK];
/// Redirection of the Web Cache Communication Protocol: IPv4, in its second version after four bytes more.
const WCCP: u16 = 0x883e;

/// Whether it has a sequence number, by which ERSPAN tells its types apart.
pub(super) fn has_sequence(layer: &Layer<'_>) -> bool {
    at(layer, SEQUENCE).is_some()
}

fn version(layer: &Layer<'_>) -> Option<u16> {
    layer.u16(0).map(|flags| flags & 7)
}

/// Where the part that `wanted` announces stands, if it is there.
fn at(layer: &Layer<'_>, wanted: u64) -> Option<usize> {
    let flags = u64::from(layer.u16(0)?);
    let before = PARTS.iter().take_while(|&&part| part & wanted == 0).filter(|&&part| flags & part != 0).count();
    (flags & wanted != 0).then_some(4 + 4 * before)
}

/// The number of two bytes at `at` of the part announced by `part`, where one of `flags` is set.
fn optional(layer: &Layer<'_>, at: usize, part: u64, flags: u64) -> Option<u16> {
    let set = u64::from(layer.u16(0)?);
    (set & part != 0 && set & flags != 0).then(|| layer.u16(at))?
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[f0, f1, p0, p1]) = rest.bytes.first_chunk() else { return decoded.refuse(&PROTOCOL, rest, 4) };
    let (flags, protocol) = (u64::from(u16::from_be_bytes([f0, f1])), u16::from_be_bytes([p0, p1]));
    let mut need = 4 + 4 * PARTS.iter().filter(|&&part| flags & part != 0).count();
    if flags & ROUTING != 0 {
        need = source_routes(rest.bytes, need);
    }
    if protocol == WCCP && rest.bytes.get(need).is_none_or(|first| first >> 4 != 4) {
        need += 4;
    }
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    // An acknowledgment of version 1 carries nothing.
    if rest.len == 0 { decoded.carries(rest) } else { headers::of_gre(decoded, protocol, rest) }
}

/// Where the source routes from `at` end: after one of family 0 and length 0. Each has four bytes before its own.
fn source_routes(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at..).and_then(|entry| entry.first_chunk()) {
            Some(&[0, 0, _, 0]) | None => return at + 4,
            Some(&[_, _, _, len]) => at += 4 + usize::from(len),
        }
    }
}
