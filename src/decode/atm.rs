//! ATM: what SunATM captures (LINKTYPE_SUNATM), and classical IP (RFC 2225) as old Linux captures it.

use super::get::{bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, ethernet, llc, raw};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "atm",
    title: "ATM",
    fields: &[
        Field::new("atm.vpi", Kind::Uint, "Virtual path", |l, put| uint(l.u8(1), put)),
        Field::new("atm.vci", Kind::Uint, "Virtual channel", |l, put| bits(l.u16(2), 0, 0xffff, put)),
    ],
    ethertype_at: None,
};
static CLIP: Protocol = Protocol { name: "clip", title: "Classical IP", fields: &[], ethertype_at: None };
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(123))] };
/// It has no header.
pub(super) const HEADER_CLIP: Header = Header { protocol: &CLIP, parse: clip, by: &[Number::link(LinkType(106))] };

const LEN: usize = 4;
/// Kinds of traffic, the low four bits of the first byte.
const LANE: u8 = 1;
const LLC: u8 = 2;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[flags, ..]) = rest.bytes.first_chunk::<LEN>() else { return decoded.refuse(&PROTOCOL, rest, LEN) };
    let rest = decoded.layer(&PROTOCOL, rest, LEN);
    match flags & 0xf {
        // LAN emulation: the number of the client, then its frame.
        LANE => decoded.header(ethernet::HEADER.parse, rest.skip(2)),
        LLC => decoded.header(llc::HEADER.parse, rest),
        other => decoded.unknown("atm.type", other.into(), rest),
    }
}

fn clip<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let rest = decoded.layer(&CLIP, rest, 0);
    decoded.header(raw::parse, rest)
}
