//! IP as Solaris captures it between its network stack and its zones (LINKTYPE_IPNET).

use super::get::uint;
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, ipv4, ipv6};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "ipnet",
    title: "Solaris IPNET",
    fields: &[
        Field::new("ipnet.version", Kind::Uint, "Version of the header", |l, put| uint(l.u8(0), put)),
        Field::new("ipnet.family", Kind::Uint, "Address family of Solaris", |l, put| uint(l.u8(1), put)),
        Field::new("ipnet.htype", Kind::Uint, "0 inbound, 1 outbound, 3 loopback", |l, put| uint(l.u16(2), put)),
        Field::new("ipnet.pktlen", Kind::Uint, "Length of the packet, in bytes", |l, put| uint(l.u32(4), put)),
        Field::new("ipnet.ifindex", Kind::Uint, "Index of the interface", |l, put| uint(l.u32(8), put)),
        Field::new("ipnet.grifindex", Kind::Uint, "Index of the group's interface", |l, put| uint(l.u32(12), put)),
        Field::new("ipnet.zsrc", Kind::Uint, "Zone of the source", |l, put| uint(l.u32(16), put)),
        Field::new("ipnet.zdst", Kind::Uint, "Zone of the destination", |l, put| uint(l.u32(20), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(226))] };

const LEN: usize = 24;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 26;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[_, family, _, _, l0, l1, l2, l3, ..]) = rest.bytes.first_chunk::<LEN>() else {
        return decoded.refuse(&PROTOCOL, rest, LEN);
    };
    let len = u32::from_be_bytes([l0, l1, l2, l3]);
    let rest = decoded.layer(&PROTOCOL, rest, LEN).within(len, "ipnet.pktlen");
    match family {
        AF_INET => decoded.header(ipv4::parse, rest),
        AF_INET6 => decoded.header(ipv6::parse, rest),
        other => decoded.unknown("ipnet.family", other.into(), rest),
    }
}
