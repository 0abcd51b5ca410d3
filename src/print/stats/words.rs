//! Words for numbers that a table is about.

use crate::check::lint::phrase;

/// What a number of a field stands for, where most have to look that up.
pub(super) fn word(field: &str, number: &str) -> Option<&'static str> {
    let known = |words: &[(u16, &'static str)]| {
        let number: u16 = number.parse().ok()?;
        words.iter().find(|(known, _)| *known == number).map(|(_, word)| *word)
    };
    match field {
        "http.response.code" => phrase(number.parse().ok()?),
        "dns.flags.rcode" => known(RCODES),
        "dns.qry.type" => known(TYPES),
        "websocket.opcode" => known(OPCODES),
        _ => None,
    }
}

/// IANA's "DNS RCODEs".
const RCODES: &[(u16, &str)] = &[
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (7, "YXRRSET"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
];

/// The usual ones of IANA's "Resource Record (RR) TYPEs".
const TYPES: &[(u16, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (43, "DS"),
    (46, "RRSIG"),
    (48, "DNSKEY"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
];

/// RFC 6455 11.8.
const OPCODES: &[(u16, &str)] =
    &[(0, "continuation"), (1, "text"), (2, "binary"), (8, "close"), (9, "ping"), (10, "pong")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_registries() {
        for (field, number, expected) in [
            ("http.response.code", "404", Some("Not Found")),
            ("dns.qry.type", "28", Some("AAAA")),
            ("dns.flags.rcode", "3", Some("NXDOMAIN")),
            ("websocket.opcode", "8", Some("close")),
            ("dns.qry.type", "x", None),
            ("ip.ttl", "1", None),
        ] {
            assert_eq!(word(field, number), expected, "{field} {number}");
        }
    }
}
