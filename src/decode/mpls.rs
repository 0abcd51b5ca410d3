//! Multiprotocol label switching (RFC 3032), and the control word of Ethernet pseudowires (RFC 4448 4.6).

use super::get::{bits, uint};
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, StopReason, ethernet, ipv4, ipv6};
use crate::field::{Field, Kind, Value};

static PROTOCOL: Protocol = Protocol {
    name: "mpls",
    title: "MPLS",
    fields: &[
        Field::list("mpls.label", Kind::Uint, "Labels, the outermost first", |l, put| each(l, 12, 0xf_ffff, put)),
        Field::list("mpls.exp", Kind::Uint, "Traffic classes", |l, put| each(l, 9, 7, put)),
        Field::list("mpls.bottom", Kind::Uint, "Whether it is the last label", |l, put| each(l, 8, 1, put)),
        Field::list("mpls.ttl", Kind::Uint, "Times to live", |l, put| each(l, 0, 0xff, put)),
    ],
    ethertype_at: None,
};
static HEURISTIC: Protocol = Protocol { name: "pwethheuristic", title: "Pseudowire", fields: &[], ethertype_at: None };
static CONTROL_WORD: Protocol = Protocol {
    name: "pwethcw",
    title: "Pseudowire control word",
    fields: &[Field::new("pweth.cw.sequence_number", Kind::Uint, "Sequence number; 0 where none is kept", |l, put| {
        uint(l.u16(2), put)
    })],
    ethertype_at: None,
};
static NO_CONTROL_WORD: Protocol =
    Protocol { name: "pwethnocw", title: "Pseudowire without control word", fields: &[], ethertype_at: None };
static CHANNEL: Protocol = Protocol {
    name: "pwach",
    title: "Pseudowire associated channel",
    fields: &[Field::hex("pwach.channel_type", "What it carries: 0x21 IPv4, 0x57 IPv6", |l, put| uint(l.u16(2), put))],
    ethertype_at: None,
};

/// The stack of labels is one layer.
pub(super) const HEADER: Header = Header {
    protocol: &PROTOCOL,
    parse,
    by: &[
        Number::ethertype(0x8847),
        Number::ethertype(0x8848),
        Number::gre(0x8847),
        Number::gre(0x8848),
        Number::ppp(0x0281),
        Number::ppp(0x0283),
        Number::chdlc(0x8847),
        Number::chdlc(0x8848),
        Number::ip(137),
        Number::udp(6635),
    ],
};

/// What follows it, and is found by no number.
pub(super) const HEADER_PSEUDOWIRE: Header = Header { protocol: &HEURISTIC, parse: pseudowire, by: &[] };
pub(super) const HEADER_CONTROL_WORD: Header = Header { protocol: &CONTROL_WORD, parse: with_control_word, by: &[] };
pub(super) const HEADER_NO_CONTROL_WORD: Header =
    Header { protocol: &NO_CONTROL_WORD, parse: without_control_word, by: &[] };
pub(super) const HEADER_CHANNEL: Header = Header { protocol: &CHANNEL, parse: associated_channel, by: &[] };

/// The label of what is for the routers themselves (RFC 5586 4).
const ASSOCIATED_CHANNEL: u32 = 13;
/// Length of a label, with what stands beside it.
const LEN: usize = 4;

fn each<'x>(layer: &Layer<'_>, shift: u32, mask: u64, put: &mut dyn FnMut(Value<'x>)) {
    for label in layer.header.as_chunks().0 {
        bits(Some(u32::from_be_bytes(*label)), shift, mask, put);
    }
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let labels = rest.bytes.as_chunks::<LEN>().0;
    let Some(last) = labels.iter().position(|&[_, _, bottom, _]| bottom & 1 != 0) else {
        return decoded.refuse(&PROTOCOL, rest, (labels.len() + 1) * LEN);
    };
    let label = labels.get(last).map_or(0, |&label| u32::from_be_bytes(label) >> 12);
    let rest = decoded.layer(&PROTOCOL, rest, (last + 1) * LEN);
    if label == ASSOCIATED_CHANNEL {
        return decoded.header(associated_channel, rest);
    }
    // No label says what follows the last one; the first four bits do (RFC 4928 3, RFC 4385 3).
    match rest.bytes.first().map(|first| first >> 4) {
        Some(4) => decoded.header(ipv4::parse, rest),
        Some(6) => decoded.header(ipv6::parse, rest),
        Some(0) => decoded.header(pseudowire, rest),
        Some(1) => decoded.header(associated_channel, rest),
        Some(nibble) => decoded.unknown("mpls.payload_nibble", nibble.into(), rest),
        None if rest.len > 0 => decoded.stop_before(StopReason::Cut { need: 1, have: 0 }, rest),
        None => decoded.carries(rest),
    }
}

/// Ethernet with a control word, or without where the first byte of an address looks like one.
fn pseudowire<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let rest = decoded.layer(&HEURISTIC, rest, 0);
    if (rest.len as usize) < ETHERNET {
        return decoded.carries(rest);
    }
    let plain = plausibility(rest.bytes) > rest.bytes.get(LEN..).map_or(0, plausibility);
    decoded.header(if plain { without_control_word } else { with_control_word }, rest)
}

/// Length of an Ethernet header.
const ETHERNET: usize = 14;

/// How much it looks like Ethernet: it has a known EtherType there, a length, or neither.
fn plausibility(bytes: &[u8]) -> u8 {
    match bytes.get(ETHERNET - 2..).and_then(|bytes| bytes.first_chunk()).map(|kind| u16::from_be_bytes(*kind)) {
        Some(kind) if headers::is_ethertype(kind) => 2,
        Some(kind) if ethernet::is_length(kind) => 1,
        _ => 0,
    }
}

fn with_control_word<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    if rest.bytes.len() < LEN {
        return decoded.refuse(&CONTROL_WORD, rest, LEN);
    }
    let rest = decoded.layer(&CONTROL_WORD, rest, LEN);
    decoded.header(ethernet::HEADER.parse, rest)
}

fn without_control_word<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let rest = decoded.layer(&NO_CONTROL_WORD, rest, 0);
    decoded.header(ethernet::HEADER.parse, rest)
}

fn associated_channel<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[_, _, t0, t1]) = rest.bytes.first_chunk() else { return decoded.refuse(&CHANNEL, rest, LEN) };
    let rest = decoded.layer(&CHANNEL, rest, LEN);
    match u16::from_be_bytes([t0, t1]) {
        0x21 => decoded.header(ipv4::parse, rest),
        0x57 => decoded.header(ipv6::parse, rest),
        other => decoded.unknown("pwach.channel_type", other.into(), rest),
    }
}
