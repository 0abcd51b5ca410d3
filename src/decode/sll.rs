//! Linux "cooked" capture, versions 1 and 2 (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2).

use super::ethernet::is_type;
use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, llc};
use crate::field::{Field, Kind, Value};
use crate::frame::LinkType;

const PKTTYPE: &str = "Sent to us (0), by us (4), broadcast (1), multicast (2) or between others (3)";
const HATYPE: &str = "Kind of device: an ARPHRD_ number of Linux";
const HALEN: &str = "Length of the link-layer address, in bytes";
const ETH: &str = "Link-layer address of the sender";
const IPV4: &str = "Link-layer address of the sender, where it is an IPv4 address (tunnels)";
const OTHER: &str = "Link-layer address of the sender, of another length than 4 or 6";
const ETYPE: &str = "EtherType of what it carries";
const ETYPE_GRE: &str = "Protocol type of what it carries, on a GRE tunnel";
const LTYPE: &str = "What it carries, where it has no EtherType: an ETH_P_ number of Linux";
const IFINDEX: &str = "Index of the interface";

/// A GRE tunnel over IPv4.
const ARPHRD_IPGRE: u16 = 778;

/// Length of the header of version 1.
const LEN: usize = 16;
/// Length of the header of version 2.
const LEN_V2: usize = 20;

static PROTOCOL: Protocol = Protocol {
    name: "sll",
    title: "Linux cooked v1",
    fields: &[
        Field::new("sll.pkttype", Kind::Uint, PKTTYPE, |l, put| uint(l.u16(0), put)),
        Field::new("sll.hatype", Kind::Uint, HATYPE, |l, put| uint(l.u16(2), put)),
        Field::new("sll.halen", Kind::Uint, HALEN, |l, put| uint(l.u16(4), put)),
        Field::new("sll.src.eth", Kind::Mac, ETH, |l, put| {
            if l.u16(4) == Some(6) {
                l.mac(6, put)
            }
        }),
        Field::new("sll.src.ipv4", Kind::Ipv4, IPV4, |l, put| {
            if l.u16(4) == Some(4) {
                l.ipv4(6, put)
            }
        }),
        Field::new("sll.src.other", Kind::Bytes, OTHER, |l, put| other(l, l.u16(4), 6, put)),
        Field::hex("sll.gretype", ETYPE_GRE, |l, put| uint(l.u16(14).filter(|_| l.u16(2) == Some(ARPHRD_IPGRE)), put)),
        Field::hex("sll.etype", ETYPE, |l, put| {
            uint(l.u16(14).filter(|&value| is_type(value) && l.u16(2) != Some(ARPHRD_IPGRE)), put)
        }),
        Field::hex("sll.ltype", LTYPE, |l, put| {
            uint(l.u16(14).filter(|&value| !is_type(value) && l.u16(2) != Some(ARPHRD_IPGRE)), put)
        }),
    ],
    ethertype_at: Some(14),
};
static PROTOCOL_V2: Protocol = Protocol {
    name: "sll",
    title: "Linux cooked v2",
    fields: &[
        Field::hex("sll.etype", ETYPE, |l, put| uint(l.u16(0).filter(|&value| is_type(value)), put)),
        Field::hex("sll.ltype", LTYPE, |l, put| uint(l.u16(0).filter(|&value| !is_type(value)), put)),
        Field::new("sll.ifindex", Kind::Uint, IFINDEX, |l, put| uint(l.u32(4), put)),
        Field::new("sll.hatype", Kind::Uint, HATYPE, |l, put| uint(l.u16(8), put)),
        Field::new("sll.pkttype", Kind::Uint, PKTTYPE, |l, put| uint(l.u8(10), put)),
        Field::new("sll.halen", Kind::Uint, HALEN, |l, put| uint(l.u8(11), put)),
        Field::new("sll.src.eth", Kind::Mac, ETH, |l, put| {
            if l.u8(11) == Some(6) {
                l.mac(12, put)
            }
        }),
        Field::new("sll.src.ipv4", Kind::Ipv4, IPV4, |l, put| {
            if l.u8(11) == Some(4) {
                l.ipv4(12, put)
            }
        }),
        Field::new("sll.src.other", Kind::Bytes, OTHER, |l, put| other(l, l.u8(11), 12, put)),
    ],
    ethertype_at: Some(0),
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType::LINUX_SLL)] };
pub(super) const HEADER_V2: Header =
    Header { protocol: &PROTOCOL_V2, parse: parse_v2, by: &[Number::link(LinkType::LINUX_SLL2)] };

/// An address of a length that has no type of its own; eight bytes at `at` hold as much of it as fits.
fn other<'x>(layer: &'x Layer<'_>, len: Option<impl Into<u64>>, at: usize, put: &mut dyn FnMut(Value<'x>)) {
    if !matches!(len.map(Into::into), None | Some(0 | 4 | 6)) {
        layer.from(at).get(..8).map(Value::Bytes).map(put);
    }
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[_, _, h0, h1, .., p0, p1]) = rest.bytes.first_chunk::<LEN>() else {
        return decoded.refuse(&PROTOCOL, rest, LEN);
    };
    let rest = decoded.layer(&PROTOCOL, rest, LEN);
    next(decoded, u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]), rest)
}

fn parse_v2<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[p0, p1, _, _, _, _, _, _, h0, h1, ..]) = rest.bytes.first_chunk::<LEN_V2>() else {
        return decoded.refuse(&PROTOCOL_V2, rest, LEN_V2);
    };
    let rest = decoded.layer(&PROTOCOL_V2, rest, LEN_V2);
    next(decoded, u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]), rest)
}

fn next<'a>(decoded: &mut Decoded<'a>, hatype: u16, protocol: u16, rest: Rest<'a>) {
    /// Netlink messages, whose `protocol` is a netlink family.
    const ARPHRD_NETLINK: u16 = 824;
    /// A frame of IEEE 802.3 with an LLC header.
    const ETH_P_802_2: u16 = 4;
    match protocol {
        _ if hatype == ARPHRD_NETLINK => decoded.unknown("sll.hatype", hatype.into(), rest),
        protocol if hatype == ARPHRD_IPGRE => headers::of_gre(decoded, protocol, rest),
        ETH_P_802_2 => decoded.header(llc::HEADER.parse, rest),
        protocol if is_type(protocol) => headers::of_ethertype(decoded, protocol, "sll.etype", rest),
        protocol => decoded.unknown("sll.ltype", protocol.into(), rest),
    }
}
