//! Internet Protocol version 6 (RFC 8200).

use etherparse::Ipv6HeaderSlice;
use etherparse::err::ipv6::{HeaderError, HeaderSliceError};

use super::get::{bits, uint};
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "ipv6",
    title: "IPv6",
    fields: &[
        Field::new("ip.version", Kind::Uint, "Version of IP", |l, put| bits(l.u8(0), 4, 0xf, put)),
        Field::new("ipv6.version", Kind::Uint, "Version: 6", |l, put| bits(l.u8(0), 4, 0xf, put)),
        Field::hex("ipv6.tclass", "Traffic class", |l, put| bits(l.u16(0), 4, 0xff, put)),
        Field::new("ipv6.tclass.dscp", Kind::Uint, "Differentiated services codepoint", |l, put| {
            bits(l.u16(0), 6, 0x3f, put)
        }),
        Field::new("ipv6.tclass.ecn", Kind::Uint, "Explicit congestion notification", |l, put| {
            bits(l.u16(0), 4, 3, put)
        }),
        Field::hex("ipv6.flow", "Flow label", |l, put| bits(l.u32(0), 0, 0xf_ffff, put)),
        Field::new("ipv6.plen", Kind::Uint, "Payload length in bytes, extension headers included", |l, put| {
            uint(l.u16(4), put)
        }),
        Field::new("ipv6.nxt", Kind::Uint, "Next header: protocol number of what it carries", |l, put| {
            uint(l.u8(6), put)
        }),
        Field::new("ipv6.hlim", Kind::Uint, "Hop limit", |l, put| uint(l.u8(7), put)),
        Field::new("ipv6.src", Kind::Ipv6, "Source address", |l, put| l.ipv6(8, put)),
        Field::new("ipv6.dst", Kind::Ipv6, "Destination address", |l, put| l.ipv6(24, put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header {
    protocol: &PROTOCOL,
    parse,
    by: &[
        Number::ethertype(0x86dd),
        Number::ip(41),
        Number::link(LinkType::IPV6),
        Number::gre(0x86dd),
        Number::ppp(0x0057),
        Number::chdlc(0x86dd),
    ],
};

/// Length of the header.
const LEN: usize = 40;
/// Next header number of hop-by-hop options.
const HOP_BY_HOP: u8 = 0;
/// Next header number that says that nothing follows (RFC 8200 4.7).
const NO_NEXT_HEADER: u8 = 59;

pub(super) fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let header = match Ipv6HeaderSlice::from_slice(rest.bytes) {
        Ok(header) => header,
        Err(HeaderSliceError::Len(error)) => return decoded.refuse(&PROTOCOL, rest, error.required_len),
        Err(HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number })) => {
            // Of another version nothing else is believed.
            return decoded.forbid(&PROTOCOL, rest, 1, "ipv6.version", version_number.into());
        }
    };
    let nxt = header.next_header().0;
    let rest = match header.payload_length() {
        0 => unlimited(rest, nxt),
        len => rest.within(LEN as u32 + u32::from(len), "ipv6.plen"),
    };
    decoded.addresses = Some((header.source_addr().into(), header.destination_addr().into()));
    let rest = decoded.layer(&PROTOCOL, rest, LEN);
    next(decoded, nxt, "ipv6.nxt", rest)
}

/// Where the innermost packet ends by its payload length: bytes from the start of the frame.
pub(super) fn claimed_end(decoded: &Decoded<'_>) -> u32 {
    let header = decoded.layers.iter().rev().find(|layer| layer.protocol.name == PROTOCOL.name);
    header.map_or(0, |layer| layer.offset.saturating_add(LEN as u32 + u32::from(layer.u16(4).unwrap_or(0))))
}

/// What follows an IPv6 header or an extension header.
pub(super) fn next<'a>(decoded: &mut Decoded<'a>, nxt: u8, field: &'static str, rest: Rest<'a>) {
    if nxt == NO_NEXT_HEADER { decoded.carries(rest) } else { headers::of_ip(decoded, nxt, field, rest) }
}

/// The packet where its payload length is 0: the length is in an option (RFC 2675), or nothing follows, or the
/// network card was to cut it into pieces (segmentation offload), and it goes to the end of the frame.
#[cold]
fn unlimited(rest: Rest<'_>, nxt: u8) -> Rest<'_> {
    match nxt {
        NO_NEXT_HEADER => rest.limited(LEN as u32, "ipv6.plen"),
        HOP_BY_HOP => match rest.bytes.get(LEN..).and_then(jumbo) {
            Some(len) => rest.within((LEN as u32).saturating_add(len), "ipv6.opt.jumbo"),
            None => rest,
        },
        _ => rest,
    }
}

/// Length in the jumbo payload option of a hop-by-hop header, where it has one (RFC 2675 2).
fn jumbo(header: &[u8]) -> Option<u32> {
    const PAD1: u8 = 0;
    const JUMBO: u8 = 0xc2;
    let len = 8 + usize::from(*header.get(1)?) * 8;
    let mut options = header.get(2..len.min(header.len()))?;
    loop {
        options = match *options {
            [PAD1, ref tail @ ..] => tail,
            [JUMBO, 4, a, b, c, d, ..] => return Some(u32::from_be_bytes([a, b, c, d])),
            [_, len, ref tail @ ..] => tail.get(len.into()..)?,
            _ => return None,
        }
    }
}
