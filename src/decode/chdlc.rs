//! Cisco's framing on serial lines (HDLC with an EtherType).

use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol};
use crate::field::Field;
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "chdlc",
    title: "Cisco HDLC",
    fields: &[
        Field::hex("chdlc.address", "Address: 0x0f unicast, 0x8f multicast", |l, put| uint(l.u8(0), put)),
        Field::hex("chdlc.control", "Control", |l, put| uint(l.u8(1), put)),
        Field::hex("chdlc.protocol", "Protocol of what it carries", |l, put| uint(l.u16(2), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(104))] };

const LEN: usize = 4;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[_, _, p0, p1]) = rest.bytes.first_chunk() else { return decoded.refuse(&PROTOCOL, rest, LEN) };
    let rest = decoded.layer(&PROTOCOL, rest, LEN);
    headers::of_chdlc(decoded, u16::from_be_bytes([p0, p1]), "chdlc.protocol", rest)
}
