//! Provider backbone bridges (IEEE 802.1ah): the instance tag, with the customer's addresses.

use super::ethernet::is_type;
use super::get::{bit, bits, uint};
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "ieee8021ah",
    title: "802.1ah",
    fields: &[
        Field::new("ieee8021ah.priority", Kind::Uint, "Priority", |l, put| bits(l.u32(0), 29, 7, put)),
        Field::new("ieee8021ah.drop", Kind::Bool, "Drop eligible", |l, put| bit(l.u32(0), 0x1000_0000, put)),
        Field::new("ieee8021ah.nca", Kind::Bool, "No customer addresses", |l, put| bit(l.u32(0), 0x0800_0000, put)),
        Field::new("ieee8021ah.isid", Kind::Uint, "Backbone service instance", |l, put| {
            bits(l.u32(0), 0, 0xff_ffff, put)
        }),
        Field::new("ieee8021ah.cdst", Kind::Mac, "Customer's destination address", |l, put| l.mac(4, put)),
        Field::new("ieee8021ah.csrc", Kind::Mac, "Customer's source address", |l, put| l.mac(10, put)),
        Field::hex("ieee8021ah.etype", "EtherType of what it carries", |l, put| {
            uint(l.u16(16).filter(|&value| is_type(value)), put)
        }),
    ],
    ethertype_at: Some(16),
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ethertype(0x88e7)] };

const LEN: usize = 18;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[.., e0, e1]) = rest.bytes.first_chunk::<LEN>() else { return decoded.refuse(&PROTOCOL, rest, LEN) };
    let rest = decoded.layer(&PROTOCOL, rest, LEN);
    headers::of_ethertype(decoded, u16::from_be_bytes([e0, e1]), "ieee8021ah.etype", rest)
}
