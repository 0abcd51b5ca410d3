//! IPsec through address translators (RFC 3948): ESP, IKE or a keep-alive.

use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, named};

static PROTOCOL: Protocol = Protocol { name: "udpencap", title: "IPsec in UDP", fields: &[], ethertype_at: None };
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::udp(4500)] };

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    match *rest.bytes {
        // Where ESP has its index, which is never 0, IKE has four zeros.
        [0, 0, 0, 0, ..] => {
            let rest = decoded.layer(&PROTOCOL, rest, 4);
            decoded.header(named::ISAKMP.parse, rest)
        }
        _ if rest.len >= 4 => {
            let rest = decoded.layer(&PROTOCOL, rest, 0);
            decoded.header(named::ESP.parse, rest)
        }
        _ => {
            let rest = decoded.layer(&PROTOCOL, rest, 0);
            decoded.carries(rest)
        }
    }
}
