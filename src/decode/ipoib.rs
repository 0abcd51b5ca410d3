//! IP over InfiniBand (RFC 4391), with the address that Linux and libpcap put before it.

use super::get::{bits, uint};
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "ipoib",
    title: "IP over InfiniBand",
    fields: &[
        Field::hex("ipoib.daddr.qpn", "Queue pair of the destination", |l, put| {
            // Multicast has none.
            bits(l.u32(20).filter(|pair| pair & 0xff_ffff != 0xff_ffff), 0, 0xff_ffff, put)
        }),
        Field::new("ipoib.dgid", Kind::Ipv6, "Port of the destination", |l, put| l.ipv6(24, put)),
        Field::hex("ipoib.type", "EtherType of what it carries", |l, put| uint(l.u16(40), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(242))] };

/// A global route header or what stands in its place, the EtherType, two reserved bytes.
const LEN: usize = 44;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[.., t0, t1, _, _]) = rest.bytes.first_chunk::<LEN>() else {
        return decoded.refuse(&PROTOCOL, rest, LEN);
    };
    let rest = decoded.layer(&PROTOCOL, rest, LEN);
    headers::of_ethertype(decoded, u16::from_be_bytes([t0, t1]), "ipoib.type", rest)
}
