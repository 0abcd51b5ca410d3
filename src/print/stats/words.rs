//! Words for numbers that a table is about.

use std::borrow::Cow;

use crate::app::dns;
use crate::app::websocket::header::Opcode;
use crate::check::lint::phrase;

/// What a number of a field stands for, where most have to look that up.
pub(super) fn word(field: &str, number: &str) -> Option<&'static str> {
    match field {
        "http.response.code" => phrase(number.parse().ok()?),
        "dns.flags.rcode" => registered(dns::rcode_name(number.parse().ok()?)),
        "dns.qry.type" => registered(dns::kind_name(number.parse().ok()?)),
        "websocket.opcode" => {
            let opcode = Opcode(number.parse().ok()?);
            (!opcode.is_reserved()).then(|| opcode.name())
        }
        _ => None,
    }
}

/// A name that is not made of the number.
fn registered(name: Cow<'static, str>) -> Option<&'static str> {
    if let Cow::Borrowed(name) = name { Some(name) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_registries() {
        for (field, number, expected) in [
            ("http.response.code", "404", Some("Not Found")),
            ("dns.qry.type", "28", Some("AAAA")),
            ("dns.flags.rcode", "3", Some("NXDOMAIN")),
            ("dns.qry.type", "65279", None),
            ("websocket.opcode", "8", Some("close")),
            ("websocket.opcode", "3", None),
            ("dns.qry.type", "x", None),
            ("ip.ttl", "1", None),
        ] {
            assert_eq!(word(field, number), expected, "{field} {number}");
        }
    }
}
