//! Cable modems: the MAC header of DOCSIS (CM-SP-MULPIv3.0 6.2) before Ethernet.

use super::get::{bit, bits};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, ethernet};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "docsis",
    title: "DOCSIS",
    fields: &[
        Field::new("docsis.fctype", Kind::Uint, "0 packet, 1 ATM, 2 isolation packet, 3 MAC", |l, put| {
            bits(l.u8(0), 6, 3, put)
        }),
        Field::new("docsis.fcparm", Kind::Uint, "Parameter of the type", |l, put| bits(l.u8(0), 1, 0x1f, put)),
        Field::new("docsis.exthdr", Kind::Bool, "There is an extended header", |l, put| bit(l.u8(0), 1, put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(143))] };

/// Frame control, MAC parameter, length, header check sequence.
const LEN: usize = 6;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[control, extended, ..]) = rest.bytes.first_chunk::<LEN>() else {
        return decoded.refuse(&PROTOCOL, rest, LEN);
    };
    let need = LEN + if control & 1 != 0 { usize::from(extended) } else { 0 };
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    // Packets of both types are Ethernet frames.
    if matches!(control >> 6, 0 | 2) && rest.len > 0 {
        decoded.header(ethernet::HEADER.parse, rest)
    } else {
        decoded.carries(rest)
    }
}
