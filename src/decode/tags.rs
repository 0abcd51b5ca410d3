//! Tags of an EtherType each that stand between Ethernet and what it carries, and thin tunnels of Ethernet.

use super::get::{bits, uint};
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, ethernet, raw};
use crate::field::{Field, Kind};

static CMD: Protocol = Protocol {
    name: "cmd",
    title: "Cisco metadata",
    fields: &[
        Field::new("cmd.version", Kind::Uint, "Version", |l, put| uint(l.u8(0), put)),
        Field::new("cmd.length", Kind::Uint, "Length", |l, put| uint(l.u8(1), put)),
        Field::hex("cmd.options", "Options", |l, put| uint(l.u16(2), put)),
        Field::new("cmd.sgt", Kind::Uint, "Security group tag", |l, put| uint(l.u16(4), put)),
    ],
    ethertype_at: Some(6),
};
/// In GRE the EtherType comes first.
static CMD_GRE: Protocol = Protocol {
    name: "cmd",
    title: "Cisco metadata",
    fields: &[
        Field::new("cmd.version", Kind::Uint, "Version", |l, put| uint(l.u8(2), put)),
        Field::new("cmd.length", Kind::Uint, "Length", |l, put| uint(l.u8(3), put)),
        Field::hex("cmd.options", "Options", |l, put| uint(l.u16(4), put)),
        Field::new("cmd.sgt", Kind::Uint, "Security group tag", |l, put| uint(l.u16(6), put)),
    ],
    ethertype_at: None,
};
static ETAG: Protocol = Protocol {
    name: "etag",
    title: "802.1BR",
    fields: &[
        Field::new("etag.pcp", Kind::Uint, "Priority", |l, put| bits(l.u16(0), 13, 7, put)),
        Field::hex("etag.iecid_base", "Ingress port", |l, put| bits(l.u16(0), 0, 0xfff, put)),
        Field::hex("etag.ecid_base", "Port", |l, put| bits(l.u16(2), 0, 0xfff, put)),
        Field::hex("etag.etype", "EtherType of what it carries", |l, put| uint(l.u16(6), put)),
    ],
    ethertype_at: Some(6),
};
static ETHERIP: Protocol = Protocol {
    name: "etherip",
    title: "EtherIP",
    fields: &[Field::new("etherip.ver", Kind::Uint, "Version: 3", |l, put| bits(l.u16(0), 12, 0xf, put))],
    ethertype_at: None,
};
static LISP: Protocol = Protocol { name: "lisp-data", title: "LISP", fields: &[], ethertype_at: None };

pub(super) const HEADER_CMD: Header = Header { protocol: &CMD, parse: cmd, by: &[Number::ethertype(0x8909)] };
pub(super) const HEADER_CMD_GRE: Header = Header { protocol: &CMD_GRE, parse: cmd_gre, by: &[Number::gre(0x8909)] };
pub(super) const HEADER_ETAG: Header = Header { protocol: &ETAG, parse: etag, by: &[Number::ethertype(0x893f)] };
/// RFC 3378.
pub(super) const HEADER_ETHERIP: Header = Header { protocol: &ETHERIP, parse: etherip, by: &[Number::ip(97)] };
/// Locator/ID separation protocol, its data (RFC 9300 5).
pub(super) const HEADER_LISP: Header = Header { protocol: &LISP, parse: lisp, by: &[Number::udp(4341)] };

fn cmd<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[.., t0, t1]) = rest.bytes.first_chunk::<8>() else { return decoded.refuse(&CMD, rest, 8) };
    let rest = decoded.layer(&CMD, rest, 8);
    headers::of_ethertype(decoded, u16::from_be_bytes([t0, t1]), "cmd.type", rest)
}

fn cmd_gre<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[t0, t1, ..]) = rest.bytes.first_chunk::<8>() else { return decoded.refuse(&CMD_GRE, rest, 8) };
    let rest = decoded.layer(&CMD_GRE, rest, 8);
    headers::of_ethertype(decoded, u16::from_be_bytes([t0, t1]), "cmd.type", rest)
}

fn etag<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[.., t0, t1]) = rest.bytes.first_chunk::<8>() else { return decoded.refuse(&ETAG, rest, 8) };
    let rest = decoded.layer(&ETAG, rest, 8);
    headers::of_ethertype(decoded, u16::from_be_bytes([t0, t1]), "etag.etype", rest)
}

fn etherip<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    if rest.bytes.len() < 2 {
        return decoded.refuse(&ETHERIP, rest, 2);
    }
    let rest = decoded.layer(&ETHERIP, rest, 2);
    decoded.header(ethernet::HEADER.parse, rest)
}

fn lisp<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    if rest.bytes.len() < 8 {
        return decoded.refuse(&LISP, rest, 8);
    }
    let rest = decoded.layer(&LISP, rest, 8);
    decoded.header(raw::parse, rest)
}
