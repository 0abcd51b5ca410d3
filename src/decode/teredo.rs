//! IPv6 in UDP through address translators (Teredo, RFC 4380 5.1.1).

use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, ipv6};

static PROTOCOL: Protocol = Protocol { name: "teredo", title: "Teredo", fields: &[], ethertype_at: None };
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::udp(3544)] };

/// Indications may precede the packet: of authentication, then of origin.
fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    if rest.bytes.len() < 4 && rest.bytes.first() == Some(&0) {
        return decoded.refuse(&PROTOCOL, rest, 4);
    }
    let authentication = match *rest.bytes {
        [0, 1, id, key, ..] => 13 + usize::from(id) + usize::from(key),
        _ => 0,
    };
    let origin = match rest.bytes.get(authentication..) {
        Some([0, ..]) => 8,
        _ => 0,
    };
    let need = authentication + origin;
    match rest.bytes.get(need) {
        Some(first) if first >> 4 == 6 => {}
        None if rest.len as usize > need => return decoded.refuse(&PROTOCOL, rest, need + 1),
        _ => return decoded.carries(rest),
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    decoded.header(ipv6::parse, rest)
}
