//! Frame Relay (ITU-T Q.922), with multiprotocol encapsulation (RFC 2427) or Cisco's.

use super::get::{bit, uint};
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, StopReason, ethernet, ipv4, ipv6};
use crate::field::{Field, Kind, Value};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "fr",
    title: "Frame Relay",
    fields: &[
        Field::new("fr.dlci", Kind::Uint, "Data link connection identifier", |l, put| {
            uint(address_len(l.header).map(|len| dlci(l.from(0).get(..len).unwrap_or_default())), put)
        }),
        Field::new("fr.cr", Kind::Bool, "Command or response", |l, put| bit(l.u8(0), 0x02, put)),
        Field::new("fr.fecn", Kind::Bool, "Congestion ahead", |l, put| bit(l.u8(1), 0x08, put)),
        Field::new("fr.becn", Kind::Bool, "Congestion behind", |l, put| bit(l.u8(1), 0x04, put)),
        Field::new("fr.de", Kind::Bool, "Discard eligible", |l, put| bit(l.u8(1), 0x02, put)),
        Field::hex("fr.control", "Control: 3, unnumbered information", |l, put| {
            uint(control_at(l).and_then(|at| l.u8(at)), put)
        }),
        Field::list(
            "fr.nlpid",
            Kind::Uint,
            "Network layer protocol of what it carries (ISO/IEC TR 9577), after 0 where there is padding",
            |l, put| {
                let first = control_at(l).map_or(usize::MAX, |at| at + 1);
                let bytes = l.header.get(first..).unwrap_or_default();
                let padded = usize::from(bytes.first() == Some(&0));
                bytes.iter().take(1 + padded).for_each(|&byte| put(Value::Uint(byte.into())));
            },
        ),
        Field::hex("fr.snap.oui", "Organization code (SNAP)", |l, put| uint(snap(l).map(|snap| snap.0), put)),
        Field::hex("fr.snap.pid", "Protocol of what it carries, by the organization's own list (SNAP)", |l, put| {
            uint(snap(l).filter(|snap| snap.0 != 0).map(|snap| snap.1), put)
        }),
        Field::hex("fr.snaptype", "EtherType of what it carries (SNAP)", |l, put| {
            uint(snap(l).filter(|snap| snap.0 == 0).map(|snap| snap.1), put)
        }),
        Field::hex("fr.chdlctype", "Protocol of what it carries, in Cisco's encapsulation", |l, put| {
            uint(address_len(l.header).filter(|_| control_at(l).is_none()).and_then(|at| l.u16(at)), put)
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(107))] };

/// Control field of an unnumbered information frame.
const UNNUMBERED: u8 = 3;
/// Network layer protocols.
const SNAP: u8 = 0x80;
const IPV4: u8 = 0xcc;
const IPV6: u8 = 0x8e;
/// Organization of bridged frames (RFC 2427 4.2).
const BRIDGED: u32 = 0x00_80c2;

/// Length of the address: two to four bytes, of which the last has its lowest bit set.
fn address_len(bytes: &[u8]) -> Option<usize> {
    let last = bytes.iter().take(4).position(|byte| byte & 1 != 0)?;
    (last > 0).then_some(last + 1)
}

fn dlci(address: &[u8]) -> u32 {
    let [first, second, tail @ ..] = address else { return 0 };
    let upper = u32::from(first >> 2) << 4 | u32::from(second >> 4);
    let (middle, last) = match *tail {
        [] => return upper,
        [last] => (upper, last),
        [third, last, ..] => (upper << 7 | u32::from(third >> 1), last),
    };
    // With its second bit set the last byte has control bits.
    if last & 2 != 0 { middle } else { middle << 6 | u32::from(last >> 2) }
}

/// Where the control field is, in frames that have one.
fn control_at(layer: &Layer<'_>) -> Option<usize> {
    address_len(layer.header).filter(|&at| layer.u8(at) == Some(UNNUMBERED))
}

/// The byte after the control field; a byte of padding may be between.
fn nlpid_at(layer: &Layer<'_>) -> Option<usize> {
    let at = control_at(layer)? + 1;
    Some(at + usize::from(layer.u8(at)? == 0))
}

/// Organization and protocol.
fn snap(layer: &Layer<'_>) -> Option<(u32, u16)> {
    let at = nlpid_at(layer).filter(|&at| layer.u8(at) == Some(SNAP))?;
    Some((layer.u32(at)? & 0xff_ffff, layer.u16(at + 4)?))
}

pub(super) fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(address) = address_len(rest.bytes) else {
        return match rest.bytes.get(..4) {
            Some(&[_, second, ..]) => decoded.forbid(&PROTOCOL, rest, 2, "fr.second_addr_octet", second.into()),
            _ => decoded.refuse(&PROTOCOL, rest, (rest.bytes.len() + 1).max(2)),
        };
    };
    let need = match *rest.bytes.get(address..).unwrap_or_default() {
        [UNNUMBERED, 0, SNAP, ..] => address + 8,
        [UNNUMBERED, 0, ..] => address + 3,
        [UNNUMBERED, SNAP, ..] => address + 7,
        _ => address + 2,
    };
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    let Some(layer) = decoded.layers.last().copied() else { return };
    match nlpid_at(&layer).and_then(|at| layer.u8(at)) {
        None => headers::of_chdlc(decoded, layer.u16(address).unwrap_or_default(), "fr.chdlctype", rest),
        Some(IPV4) => decoded.header(ipv4::parse, rest),
        Some(IPV6) => decoded.header(ipv6::parse, rest),
        Some(SNAP) => match snap(&layer) {
            Some((0, value)) => headers::of_ethertype(decoded, value, "fr.snaptype", rest),
            // Ethernet, with its check sequence and without.
            Some((BRIDGED, 1 | 7)) => decoded.header(ethernet::HEADER.parse, rest),
            Some((oui, _)) => decoded.unknown("fr.snap.oui", oui, rest),
            None => decoded.stop_before(StopReason::Value { field: "fr.nlpid", value: SNAP.into() }, rest),
        },
        Some(other) => decoded.unknown("fr.nlpid", other.into(), rest),
    }
}
