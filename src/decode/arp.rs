//! Address Resolution Protocol (RFC 826).

use super::get::uint;
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol};
use crate::field::{Field, Kind, Value};

static PROTOCOL: Protocol = Protocol {
    name: "arp",
    title: "ARP",
    fields: &[
        Field::new("arp.hw.type", Kind::Uint, "Kind of hardware address", |l, put| uint(l.u16(0), put)),
        Field::new("arp.hw.size", Kind::Uint, "Length of a hardware address, in bytes", |l, put| uint(l.u8(4), put)),
        Field::hex("arp.proto.type", "Kind of protocol address: an EtherType", |l, put| uint(l.u16(2), put)),
        Field::new("arp.proto.size", Kind::Uint, "Length of a protocol address, in bytes", |l, put| uint(l.u8(5), put)),
        Field::new("arp.opcode", Kind::Uint, "1 request, 2 reply", |l, put| uint(l.u16(6), put)),
        Field::new("arp.src.hw_mac", Kind::Mac, "Sender's hardware address", |l, put| mac(l, 8, put)),
        Field::new("arp.src.proto_ipv4", Kind::Ipv4, "Sender's protocol address", |l, put| ipv4(l, |hw| 8 + hw, put)),
        Field::new("arp.dst.hw_mac", Kind::Mac, "Target's hardware address", |l, put| mac(l, 8 + 6 + 4, put)),
        Field::new("arp.dst.proto_ipv4", Kind::Ipv4, "Target's protocol address", |l, put| {
            ipv4(l, |hw| 8 + hw + 4 + hw, put)
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header =
    Header { protocol: &PROTOCOL, parse, by: &[Number::ethertype(0x0806), Number::gre(0x0806)] };

fn is_ipv4(layer: &Layer<'_>) -> bool {
    layer.u16(2) == Some(0x0800) && layer.u8(5) == Some(4)
}

fn mac<'x>(layer: &Layer<'_>, at: usize, put: &mut dyn FnMut(Value<'x>)) {
    // Hardware types 1, Ethernet, and 6, IEEE 802 networks.
    if let (Some(1 | 6), Some(6), Some(4)) = (layer.u16(0), layer.u8(4), layer.u8(5)) {
        layer.mac(at, put);
    }
}

fn ipv4<'x>(layer: &Layer<'_>, at: fn(usize) -> usize, put: &mut dyn FnMut(Value<'x>)) {
    if let Some(hw) = layer.u8(4)
        && is_ipv4(layer)
    {
        layer.ipv4(at(hw.into()), put);
    }
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[_, _, _, _, hw, proto, _, _]) = rest.bytes.first_chunk() else {
        return decoded.refuse(&PROTOCOL, rest, 8);
    };
    let need = 8 + 2 * (usize::from(hw) + usize::from(proto));
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    // It carries nothing: what follows is padding.
    let rest = rest.limited(need as u32, "arp.hw.size");
    let rest = decoded.layer(&PROTOCOL, rest, need);
    decoded.carries(rest)
}
