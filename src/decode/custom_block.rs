//! A custom block of pcapng, of which an organization knows what it holds.

use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol { name: "data", title: "Custom block", fields: &[], ethertype_at: None };
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType::CUSTOM_BLOCK)] };

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    // Wireshark does not name data of no bytes.
    let rest = if rest.bytes.is_empty() { rest } else { decoded.layer(&PROTOCOL, rest, 0) };
    decoded.unknown("pcapng block type", 0x0bad, rest)
}
