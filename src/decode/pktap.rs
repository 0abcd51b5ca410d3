//! Apple's header that tells interface and process, before a frame of any link type (LINKTYPE_PKTAP).

use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol};
use crate::field::{Field, Kind, Value};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "pktap",
    title: "PKTAP",
    fields: &[
        Field::new("pktap.hdrlen", Kind::Uint, "Length of the header, in bytes", |l, put| uint(u32(l, 0), put)),
        Field::new("pktap.rectype", Kind::Uint, "Record type; 1 has a packet", |l, put| uint(u32(l, 4), put)),
        Field::new("pktap.dlt", Kind::Uint, "Link type of what it carries", |l, put| uint(u32(l, 8), put)),
        Field::new("pktap.ifname", Kind::Text, "Name of the interface", |l, put| text(l, 12, 24, put)),
        Field::hex("pktap.flags", "Flags", |l, put| uint(u32(l, 36), put)),
        Field::new("pktap.pfamily", Kind::Uint, "Protocol family", |l, put| uint(u32(l, 40), put)),
        Field::new("pktap.llhdrlen", Kind::Uint, "Length of the link-layer header", |l, put| uint(u32(l, 44), put)),
        Field::new("pktap.lltrlrlen", Kind::Uint, "Length of the link-layer trailer", |l, put| uint(u32(l, 48), put)),
        Field::new("pktap.pid", Kind::Uint, "Process", |l, put| uint(u32(l, 52), put)),
    ],
    ethertype_at: None,
};
/// LINKTYPE_PKTAP, and LINKTYPE_USER2, which macOS wrote before it had a number.
pub(super) const HEADER: Header =
    Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(258)), Number::link(USER2)] };

/// Named `user_dlt` in the chain of names.
pub(super) const USER2: LinkType = LinkType(149);

const MIN_LEN: usize = 108;
/// Record type of a packet.
const PACKET: u32 = 1;

/// The numbers are those of the capturing machine, which is a little-endian one.
fn u32(layer: &Layer<'_>, at: usize) -> Option<u32> {
    layer.u32(at).map(u32::swap_bytes)
}

/// Text up to a NUL, in a place of `len` bytes.
fn text<'x>(layer: &'x Layer<'_>, at: usize, len: usize, put: &mut dyn FnMut(Value<'x>)) {
    if let Some(place) = layer.from(at).get(..len) {
        put(Value::Text(place.split(|&byte| byte == 0).next().unwrap_or(place)));
    }
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[l0, l1, l2, l3, r0, r1, r2, r3, d0, d1, d2, d3, ..]) = rest.bytes.first_chunk::<MIN_LEN>() else {
        return decoded.refuse(&PROTOCOL, rest, MIN_LEN);
    };
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if len < MIN_LEN {
        return decoded.forbid(&PROTOCOL, rest, 4, "pktap.hdrlen", len as u32);
    }
    if rest.bytes.len() < len {
        return decoded.refuse(&PROTOCOL, rest, len);
    }
    let rest = decoded.layer(&PROTOCOL, rest, len);
    let link = u32::from_le_bytes([d0, d1, d2, d3]);
    match u16::try_from(link) {
        Ok(link) if u32::from_le_bytes([r0, r1, r2, r3]) == PACKET => {
            headers::of_link(decoded, LinkType(link.into()), rest)
        }
        _ => decoded.unknown("pktap.dlt", link, rest),
    }
}
