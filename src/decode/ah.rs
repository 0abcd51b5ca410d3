//! Authentication header of IPsec (RFC 4302).

use etherparse::IpAuthHeaderSlice;
use etherparse::err::ip_auth::{HeaderError, HeaderSliceError};

use super::get::uint;
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, ipv6};
use crate::field::{Field, Kind};

static PROTOCOL: Protocol = Protocol {
    name: "ah",
    title: "Authentication header",
    fields: &[
        Field::new("ah.next_header", Kind::Uint, "Protocol number of what it carries", |l, put| uint(l.u8(0), put)),
        Field::new(
            "ah.length",
            Kind::Uint,
            "Length of the header in units of 4 bytes, the first 8 bytes not counted",
            |l, put| uint(l.u8(1), put),
        ),
        Field::hex("ah.spi", "Security parameters index", |l, put| uint(l.u32(4), put)),
        Field::new("ah.sequence", Kind::Uint, "Sequence number", |l, put| uint(l.u32(8), put)),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ip(51)] };

/// Length of the header without the integrity check value.
const MIN_LEN: usize = 12;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    match IpAuthHeaderSlice::from_slice(rest.bytes) {
        Ok(header) => {
            let rest = decoded.layer(&PROTOCOL, rest, header.slice().len());
            ipv6::next(decoded, header.next_header().0, "ah.next_header", rest)
        }
        Err(HeaderSliceError::Len(error)) => decoded.refuse(&PROTOCOL, rest, error.required_len),
        Err(HeaderSliceError::Content(HeaderError::ZeroPayloadLen)) => {
            decoded.forbid(&PROTOCOL, rest, MIN_LEN, "ah.length", 0)
        }
    }
}
