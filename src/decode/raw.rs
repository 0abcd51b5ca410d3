//! Link types without a header of their own: IP at once (LINKTYPE_RAW).

use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, StopReason, ipv4, ipv6};
use crate::frame::LinkType;

/// It has no header and so makes no layer.
pub(super) static PROTOCOL: Protocol = Protocol { name: "raw", title: "Raw IP", fields: &[], ethertype_at: None };
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &NUMBERS };

/// LINKTYPE_RAW, and the values that its DLT_ has had on BSD systems and OpenBSD, which are found in files too.
const LINKS: [LinkType; 3] = [LinkType::RAW, LinkType(12), LinkType(14)];
const NUMBERS: [Number; 3] = [Number::link(LINKS[0]), Number::link(LINKS[1]), Number::link(LINKS[2])];

/// Whether the link type is one of these.
pub(super) fn is_raw(link: LinkType) -> bool {
    LINKS.contains(&link)
}

/// IP of either version.
pub(super) fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    match rest.bytes.first().map(|first| first >> 4) {
        Some(4) => decoded.header(ipv4::parse, rest),
        Some(6) => decoded.header(ipv6::parse, rest),
        Some(version) => decoded.unknown("ip.version", version.into(), rest),
        None if rest.len == 0 => decoded.stop_before(StopReason::Length { field: rest.limit, need: 1, have: 0 }, rest),
        None => decoded.stop_before(StopReason::Cut { need: 1, have: 0 }, rest),
    }
}
