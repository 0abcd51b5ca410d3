//! Numbers and their names in IANA's registry of DNS parameters.

use std::borrow::Cow;

/// Types that have no layout in `rdata.rs`, or that only questions have.
const OTHER_TYPES: &[(u16, &str)] = &[
    (10, "NULL"),
    (11, "WKS"),
    (19, "X25"),
    (20, "ISDN"),
    (22, "NSAP"),
    (24, "SIG"),
    (25, "KEY"),
    (26, "PX"),
    (29, "LOC"),
    (30, "NXT"),
    (37, "CERT"),
    (42, "APL"),
    (45, "IPSECKEY"),
    (49, "DHCID"),
    (51, "NSEC3PARAM"),
    (55, "HIP"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (62, "CSYNC"),
    (63, "ZONEMD"),
    (108, "EUI48"),
    (109, "EUI64"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (253, "MAILB"),
    (255, "ANY"),
    (32768, "TA"),
    (32769, "DLV"),
];

/// A type by its name, or `TYPE` and its number (RFC 3597 5).
pub fn kind(kind: u16) -> Cow<'static, str> {
    let named = OTHER_TYPES.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name);
    match super::rdata::layout(kind).map(|layout| layout.name).or(named) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(format!("TYPE{kind}")),
    }
}

/// A class by its name, or `CLASS` and its number.
pub fn class(class: u16) -> Cow<'static, str> {
    Cow::Borrowed(match class {
        1 => "IN",
        3 => "CH",
        4 => "HS",
        254 => "NONE",
        255 => "ANY",
        _ => return Cow::Owned(format!("CLASS{class}")),
    })
}

/// A kind of query by its name.
pub fn opcode(opcode: u8) -> Cow<'static, str> {
    let names = ["QUERY", "IQUERY", "STATUS", "", "NOTIFY", "UPDATE", "DSO"];
    named(&names, opcode.into(), "OPCODE")
}

/// A response code by its name.
pub fn rcode(rcode: u16) -> Cow<'static, str> {
    let names = [
        "NOERROR",
        "FORMERR",
        "SERVFAIL",
        "NXDOMAIN",
        "NOTIMP",
        "REFUSED",
        "YXDOMAIN",
        "YXRRSET",
        "NXRRSET",
        "NOTAUTH",
        "NOTZONE",
        "DSOTYPENI",
        "",
        "",
        "",
        "",
        "BADVERS",
        "BADKEY",
        "BADTIME",
        "BADMODE",
        "BADNAME",
        "BADALG",
        "BADTRUNC",
        "BADCOOKIE",
    ];
    named(&names, rcode, "RCODE")
}

fn named(names: &[&'static str], number: u16, other: &str) -> Cow<'static, str> {
    match names.get(usize::from(number)).filter(|name| !name.is_empty()) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(format!("{other}{number}")),
    }
}
