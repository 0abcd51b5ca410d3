//! User Datagram Protocol (RFC 768).

use etherparse::UdpHeaderSlice;

use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, Transport};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "udp",
    title: "UDP",
    fields: &[
        Field::new("udp.srcport", Kind::Uint, "Source port", |l, put| uint(l.u16(0), put)),
        Field::new("udp.dstport", Kind::Uint, "Destination port", |l, put| uint(l.u16(2), put)),
        Field::new("udp.length", Kind::Uint, "Length in bytes, header included", |l, put| uint(l.u16(4), put)),
        Field::hex("udp.checksum", "Checksum; 0 where the sender computed none", |l, put| uint(l.u16(6), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ip(17)] };

/// Port of DNS: what goes from or to it is DNS, though the other end has the port of a tunnel.
const DNS: u16 = 53;

/// Length of the header.
const LEN: usize = 8;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let header = match UdpHeaderSlice::from_slice(rest.bytes) {
        Ok(header) => header,
        Err(error) => return decoded.refuse(&PROTOCOL, rest, error.required_len),
    };
    let rest = match header.length() {
        // A jumbogram: longer than the field can say (RFC 2675 4).
        0 if rest.len > u16::MAX.into() => rest,
        len if usize::from(len) < LEN => return decoded.forbid(&PROTOCOL, rest, LEN, "udp.length", len.into()),
        len => rest.limited(len.into(), "udp.length"),
    };
    decoded.transport = Transport::Udp { src: header.source_port(), dst: header.destination_port() };
    let rest = decoded.layer(&PROTOCOL, rest, LEN);
    match headers::of_udp(header.source_port(), header.destination_port()) {
        Some(parse) if rest.len > 0 && header.source_port() != DNS && header.destination_port() != DNS => {
            let (transport, layers) = (decoded.transport, decoded.layers.len());
            decoded.transport = Transport::None;
            decoded.header(parse, rest);
            // Something else uses the port.
            if decoded.layers.len() == layers {
                decoded.transport = transport;
            }
        }
        _ => decoded.carries(rest),
    }
}
