//! IP over IEEE 1394 as macOS captures it (LINKTYPE_APPLE_IP_OVER_IEEE1394).

use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol};
use crate::field::{Field, Kind, Value};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "ap1394",
    title: "IP over IEEE 1394",
    fields: &[
        Field::new("ap1394.dst", Kind::Bytes, "Destination address", |l, put| {
            l.from(0).get(..8).map(Value::Bytes).map(put);
        }),
        Field::new("ap1394.src", Kind::Bytes, "Source address", |l, put| {
            l.from(8).get(..8).map(Value::Bytes).map(put);
        }),
        Field::hex("ap1394.type", "EtherType of what it carries", |l, put| uint(l.u16(16), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(138))] };

const LEN: usize = 18;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[.., t0, t1]) = rest.bytes.first_chunk::<LEN>() else { return decoded.refuse(&PROTOCOL, rest, LEN) };
    let rest = decoded.layer(&PROTOCOL, rest, LEN);
    headers::of_ethertype(decoded, u16::from_be_bytes([t0, t1]), "ap1394.type", rest)
}
