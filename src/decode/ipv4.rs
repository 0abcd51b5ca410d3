//! Internet Protocol version 4 (RFC 791).

use etherparse::Ipv4HeaderSlice;
use etherparse::err::ipv4::{HeaderError, HeaderSliceError};

use super::get::{bit, bits, uint};
use super::headers::{self, Header, Number};
use super::options;
use super::rest::Rest;
use super::{Decoded, Fragment, Layer, Protocol, StopReason, ipv6};
use crate::field::{Field, Kind, Value};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "ip",
    title: "IPv4",
    fields: &[
        Field::new("ip.version", Kind::Uint, "Version of IP", |l, put| bits(l.u8(0), 4, 0xf, put)),
        Field::new("ip.hdr_len", Kind::Uint, "Header length in bytes", |l, put| {
            uint(l.u8(0).map(|byte| (byte & 0xf) * 4), put)
        }),
        Field::hex("ip.dsfield", "Differentiated services field", |l, put| uint(l.u8(1), put)),
        Field::new("ip.dsfield.dscp", Kind::Uint, "Differentiated services codepoint", |l, put| {
            bits(l.u8(1), 2, 0x3f, put)
        }),
        Field::new("ip.dsfield.ecn", Kind::Uint, "Explicit congestion notification", |l, put| bits(l.u8(1), 0, 3, put)),
        Field::new("ip.len", Kind::Uint, "Total length in bytes, header included", |l, put| {
            uint(l.u16(2).map(|len| if len == 0 { l.header.len() as u32 + l.payload_len } else { len.into() }), put)
        }),
        Field::hex("ip.id", "Identification", |l, put| uint(l.u16(4), put)),
        Field::hex("ip.flags", "Flags", |l, put| bits(l.u8(6), 5, 7, put)),
        Field::new("ip.flags.rb", Kind::Bool, "Reserved bit", |l, put| bit(l.u8(6), 0x80, put)),
        Field::new("ip.flags.df", Kind::Bool, "Don't fragment", |l, put| bit(l.u8(6), 0x40, put)),
        Field::new("ip.flags.mf", Kind::Bool, "More fragments", |l, put| bit(l.u8(6), 0x20, put)),
        Field::new("ip.frag_offset", Kind::Uint, "Fragment offset in units of 8 bytes", |l, put| {
            bits(l.u16(6), 0, 0x1fff, put)
        }),
        Field::new("ip.ttl", Kind::Uint, "Time to live", |l, put| uint(l.u8(8), put)),
        Field::new("ip.proto", Kind::Uint, "Protocol number of what it carries", |l, put| uint(l.u8(9), put)),
        Field::hex("ip.checksum", "Header checksum", |l, put| uint(l.u16(10), put)),
        Field::new("ip.src", Kind::Ipv4, "Source address", |l, put| l.ipv4(12, put)),
        Field::new("ip.dst", Kind::Ipv4, "Destination address", |l, put| l.ipv4(16, put)),
        Field::list("ip.opt.type", Kind::Uint, "Types of the options", |l, put| {
            options::kinds(l.from(MIN_LEN)).for_each(|kind| put(Value::Uint(kind.into())));
        }),
        Field::list("ip.opt.len", Kind::Uint, "Lengths of the options that have one, in bytes", |l, put| {
            options::lengths(l.from(MIN_LEN)).for_each(|len| put(Value::Uint(len.into())));
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header {
    protocol: &PROTOCOL,
    parse,
    by: &[
        Number::ethertype(0x0800),
        Number::ip(4),
        Number::link(LinkType::IPV4),
        Number::gre(0x0800),
        // Redirected by the Web Cache Communication Protocol.
        Number::gre(0x883e),
        Number::ppp(0x0021),
        Number::chdlc(0x0800),
    ],
};

/// Length of the header without options.
const MIN_LEN: usize = 20;
/// The byte with version and header length: where these are wrong, nothing else is believed.
const FIRST: usize = 1;

pub(super) fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let header = match Ipv4HeaderSlice::from_slice(rest.bytes) {
        Ok(header) => header,
        Err(error) => return refuse(decoded, rest, error),
    };
    let len = header.slice().len();
    let datagram = limited(rest, header.total_len());
    if (datagram.len as usize) < len {
        // What follows the length is not believed.
        let bytes = header.slice().get(..4).unwrap_or_default();
        let layer = Layer { protocol: &PROTOCOL, offset: rest.offset, header: bytes, payload_len: 0 };
        let reason = StopReason::Length { field: "ip.len", need: len as u32, have: datagram.len };
        return decoded.end_at(layer, 0, reason);
    }
    decoded.addresses = Some((header.source_addr().into(), header.destination_addr().into()));
    let rest = decoded.layer(&PROTOCOL, datagram, len);
    let fragment = rest.claiming(u32::from(header.total_len()).saturating_sub(len as u32));
    if header.is_fragmenting_payload() && !fragment.is_cut_first(header.fragments_offset().value()) {
        decoded.fragment = Some(Fragment {
            id: header.identification().into(),
            protocol: header.protocol().0,
            offset: u32::from(header.fragments_offset().value()) * 8,
            more: header.more_fragments(),
        });
        return decoded.carries(fragment);
    }
    headers::of_ip(decoded, header.protocol().0, "ip.proto", rest)
}

/// The datagram. A total length of 0 means that the network card was to cut it into pieces (segmentation offload):
/// it then goes to the end of the frame.
fn limited(rest: Rest<'_>, total_len: u16) -> Rest<'_> {
    if total_len == 0 { rest } else { rest.within(total_len.into(), "ip.len") }
}

#[cold]
fn refuse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>, error: HeaderSliceError) {
    match error {
        HeaderSliceError::Len(error) => {
            let total_len = rest.bytes.get(2..4).map_or(0, |len| u16::from_be_bytes([len[0], len[1]]));
            decoded.refuse(&PROTOCOL, limited(rest, total_len), error.required_len)
        }
        // Some links name one EtherType or family for both versions.
        HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number: 6 }) => ipv6::parse(decoded, rest),
        HeaderSliceError::Content(HeaderError::UnexpectedVersion { version_number }) => {
            decoded.forbid(&PROTOCOL, rest, FIRST, "ip.version", version_number.into())
        }
        HeaderSliceError::Content(HeaderError::HeaderLengthSmallerThanHeader { ihl }) => {
            decoded.forbid(&PROTOCOL, rest, FIRST, "ip.hdr_len", u32::from(ihl) * 4)
        }
    }
}
