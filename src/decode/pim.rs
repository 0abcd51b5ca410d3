//! Protocol independent multicast (RFC 7761), and the packet that a register message carries.

use super::get::bits;
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, raw};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "pim",
    title: "PIM",
    fields: &[
        Field::new("pim.version", Kind::Uint, "Version", |l, put| bits(l.u8(0), 4, 0xf, put)),
        Field::new("pim.type", Kind::Uint, "Type", |l, put| bits(l.u8(0), 0, 0xf, put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ip(103)] };

const LEN: usize = 4;
/// Version 2, type 1: a multicast packet on its way to the rendezvous point, after four bytes of flags.
const REGISTER: u8 = 0x21;
const REGISTER_LEN: usize = 8;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&first) = rest.bytes.first() else { return decoded.refuse(&PROTOCOL, rest, LEN) };
    let need = if first == REGISTER { REGISTER_LEN } else { LEN };
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    match rest.bytes.first() {
        Some(0x40..=0x6f) | None if first == REGISTER && rest.len > 0 => decoded.header(raw::parse, rest),
        _ => decoded.carries(rest),
    }
}
