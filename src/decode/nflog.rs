//! Packets logged by Linux netfilter (LINKTYPE_NFLOG): a header, and attributes of which one is the packet.

use super::get::uint;
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, ipv4, ipv6};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "nflog",
    title: "Netfilter log",
    fields: &[
        Field::new("nflog.family", Kind::Uint, "Address family: 2 IPv4, 10 IPv6", |l, put| uint(l.u8(0), put)),
        Field::new("nflog.version", Kind::Uint, "Version: 0", |l, put| uint(l.u8(1), put)),
        Field::new("nflog.res_id", Kind::Uint, "Group that it was logged to", |l, put| uint(l.u16(2), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(239))] };

/// Length of the header before the attributes.
const MIN_LEN: usize = 4;
/// The attribute that holds the packet.
const PAYLOAD: u16 = 9;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&family) = rest.bytes.first().filter(|_| rest.bytes.len() >= MIN_LEN) else {
        return decoded.refuse(&PROTOCOL, rest, MIN_LEN);
    };
    let Some((at, len)) = payload(rest.bytes, u16::from_le_bytes).or_else(|| payload(rest.bytes, u16::from_be_bytes))
    else {
        return decoded.refuse(&PROTOCOL, rest, rest.bytes.len() + 1);
    };
    let rest = decoded.layer(&PROTOCOL, rest.limited((at + len) as u32, "nflog.tlv_length"), at);
    match family {
        2 => decoded.header(ipv4::parse, rest),
        10 => decoded.header(ipv6::parse, rest),
        other => decoded.unknown("nflog.family", other.into(), rest),
    }
}

/// Where the packet begins, and its length. The numbers are in the byte order of the capturing machine.
fn payload(bytes: &[u8], number: fn([u8; 2]) -> u16) -> Option<(usize, usize)> {
    let mut at = MIN_LEN;
    loop {
        let &[l0, l1, t0, t1] = bytes.get(at..)?.first_chunk()?;
        // The length includes the attribute's own header; attributes begin at multiples of 4.
        let len = usize::from(number([l0, l1])).checked_sub(4)?;
        if number([t0, t1]) & 0x7fff == PAYLOAD {
            return Some((at + 4, len));
        }
        at += 4 + len.next_multiple_of(4);
    }
}
