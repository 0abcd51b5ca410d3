//! Fragment header of IPv6 (RFC 8200 4.5).

use etherparse::Ipv6FragmentHeaderSlice;

use super::get::{bit, bits, uint};
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Fragment, Protocol, ipv6};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "ipv6.fraghdr",
    title: "IPv6 fragment header",
    fields: &[
        Field::new(
            "ipv6.fraghdr.nxt",
            Kind::Uint,
            "Next header: protocol number of what the datagram carries",
            |l, put| uint(l.u8(0), put),
        ),
        Field::new("ipv6.fraghdr.offset", Kind::Uint, "Fragment offset in units of 8 bytes", |l, put| {
            bits(l.u16(2), 3, 0x1fff, put)
        }),
        Field::new("ipv6.fraghdr.more", Kind::Bool, "More fragments", |l, put| bit(l.u16(2), 1, put)),
        Field::hex("ipv6.fraghdr.ident", "Identification", |l, put| uint(l.u32(4), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ip(44)] };

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let header = match Ipv6FragmentHeaderSlice::from_slice(rest.bytes) {
        Ok(header) => header,
        Err(error) => return decoded.refuse(&PROTOCOL, rest, error.required_len),
    };
    let rest = decoded.layer(&PROTOCOL, rest, header.slice().len());
    // A fragment that is the whole datagram is no fragment (RFC 6946).
    let fragment = rest.claiming(ipv6::claimed_end(decoded).saturating_sub(rest.offset));
    if !header.is_fragmenting_payload() || fragment.is_cut_first(header.fragment_offset().value()) {
        return ipv6::next(decoded, header.next_header().0, "ipv6.fraghdr.nxt", rest);
    }
    decoded.fragment = Some(Fragment {
        id: header.identification(),
        protocol: header.next_header().0,
        offset: u32::from(header.fragment_offset().value()) * 8,
        more: header.more_fragments(),
    });
    decoded.carries(fragment)
}
